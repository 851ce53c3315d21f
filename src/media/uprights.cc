#include "media/uprights.h"

#include <algorithm>

namespace telecine::media {

Uprights::Uprights(Orientation orientation, Deinterlace first, Sink sink)
    : orientation_(orientation), sink_(std::move(sink)) {
  ways_.push_back({first, Normaliser(orientation, first), {}});
}

void Uprights::add(VideoBranch& branch) {
  const Deinterlace wanted = branch.settings().options.deinterlace;
  auto way = std::ranges::find(ways_, wanted, &Way::deinterlace);
  if (way == ways_.end()) {
    ways_.push_back({wanted, Normaliser(orientation_, wanted), {}});
    way = std::prev(ways_.end());
  }
  way->branches.push_back(&branch);
}

Status Uprights::push(const FramePtr& frame) {
  for (Way& way : ways_) {
    auto ready = way.normaliser.push(share(*frame));
    if (!ready) return std::unexpected(ready.error());
    if (auto ok = hand_out(way, std::move(*ready)); !ok) return ok;
  }
  return {};
}

Status Uprights::finish() {
  for (Way& way : ways_) {
    auto rest = way.normaliser.finish();
    if (!rest) return std::unexpected(rest.error());
    if (auto ok = hand_out(way, std::move(*rest)); !ok) return ok;
  }
  return {};
}

Status Uprights::hand_out(Way& way, std::vector<FramePtr> frames) {
  for (const FramePtr& frame : frames) {
    if (&way == &ways_.front()) {
      if (auto ok = sink_(*frame); !ok) return ok;
    }
    for (VideoBranch* branch : way.branches) branch->push(share(*frame));
  }
  return {};
}

}  // namespace telecine::media
