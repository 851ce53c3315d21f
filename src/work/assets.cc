#include "work/assets.h"

#include <fcntl.h>

#include <algorithm>

#include "work/source.h"

namespace telecine {
namespace {

constexpr auto kAssets = "assets";

/// By its name: where the fetched one lies, or empty.
std::string fetched_file(const json::object& payload, const std::string& asset) {
  const auto* assets = LooseReader(payload).at(kAssets);
  return assets == nullptr ? "" : LooseReader(*assets).text(asset);
}

}  // namespace

std::optional<std::size_t> next_asset(const TaskSpec& spec, const json::object& payload) {
  const auto wanted = further_inputs(spec);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (is_remote(wanted[i]) && fetched_file(payload, wanted[i]).empty()) return i;
  }
  return std::nullopt;
}

void note_asset(json::object& payload, const TaskSpec& spec, std::size_t place,
                const std::string& file) {
  auto& assets = payload[kAssets];
  if (!assets.is_object()) assets = json::object();
  assets.get_object()[further_inputs(spec).at(place)] = file;
}

Result<Fd> open_asset(const WorkContext& context, const Run& run, const std::string& asset) {
  const auto wanted = further_inputs(run.lease.task->spec);
  if (std::ranges::find(wanted, asset) == wanted.end()) {
    return fail(ErrorCode::kInternal, "the task names no such file");
  }
  if (!is_remote(asset)) {
    auto source = open_stored(context, *run.lease.task, asset);
    if (!source) return std::unexpected(source.error());
    return std::move(source->fd);
  }
  const std::string file = fetched_file(run.lease.payload, asset);
  auto fd = open_file(context.fetched_folder() + "/" + file, O_RDONLY);
  if (file.empty() || !fd) return fail(ErrorCode::kInternal, "a fetched file is gone");
  return fd;
}

}  // namespace telecine
