#include "media/branch.h"

#include <algorithm>
#include <cmath>
#include <new>

namespace telecine::media {
namespace {

// Enough to ride out a slow frame; each is a reference, but keeps a decoded picture alive.
constexpr std::size_t kQueuedFrames = 8;
// Timestamps rounded by a container must not fall a slot short.
constexpr double kSlotSlack = 0.1;

PictureFormat scaled_format(const VideoSettings& settings) {
  const VideoCodecEntry& entry = entry_of(settings.options.codec);
  if (entry.filters != nullptr) return {entry.scaled, AVCOL_RANGE_JPEG};
  return {entry.format, AVCOL_RANGE_MPEG, settings.colour.space};
}

}  // namespace

void Fate::fail(Error error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
  failed_ = true;
}

std::optional<Error> Fate::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

void Distributor::send(std::vector<PacketPtr> packets) {
  for (auto& packet : packets) {
    for (const Consumer& consumer : consumers_) {
      if (consumer.fate->failed()) continue;
      auto ok = consumer.muxer->write(consumer.track, share(*packet));
      if (!ok) consumer.fate->fail(ok.error());
    }
  }
}

void Distributor::end() {
  for (const Consumer& consumer : consumers_) {
    if (consumer.fate->failed()) continue;
    if (auto ok = consumer.muxer->end_track(consumer.track); !ok) consumer.fate->fail(ok.error());
  }
}

void Distributor::fail(const Error& error) {
  for (const Consumer& consumer : consumers_) consumer.fate->fail(error);
}

bool Distributor::wanted() const {
  return std::ranges::any_of(consumers_, [](const Consumer& c) { return !c.fate->failed(); });
}

bool RateGate::passes(Ticks at) {
  if (rate_ <= 0) return true;
  if (!first_) first_ = at;
  const double place = ticks_to_seconds(at - *first_) * rate_ + kSlotSlack;
  const auto slot = static_cast<std::int64_t>(std::floor(place));
  if (slot <= last_slot_) return false;
  last_slot_ = slot;
  return true;
}

VideoBranch::VideoBranch(const VideoSettings& settings, double rate_limit, double sharpness,
                         Span span, VideoEncoder encoder)
    : settings_(settings),
      encoder_(std::move(encoder)),
      scaler_(settings.size, scaled_format(settings), sharpness),
      cut_(span),
      gate_(rate_limit),
      offset_(span.start),
      frames_(kQueuedFrames) {
  if (const char* filters = entry_of(settings.options.codec).filters) {
    filters_.emplace(filters, [this](const AVFrame& frame, Ticks at) {
      FramePtr own = share(frame);
      own->pts = at;
      return encode(std::move(own));
    });
  }
}

Result<std::unique_ptr<VideoBranch>> VideoBranch::create(const VideoSettings& settings,
                                                         double rate_limit, double sharpness,
                                                         Span span) {
  auto encoder = VideoEncoder::open(settings);
  if (!encoder) return std::unexpected(encoder.error());
  return std::unique_ptr<VideoBranch>(
      new VideoBranch(settings, rate_limit, sharpness, span, std::move(*encoder)));
}

void VideoBranch::add_child(VideoBranch& child) {
  // What comes from here is cut already, and a child's clock starts where its pictures do.
  child.cut_ = PictureCut(Span{});
  child.is_child_ = true;
  children_.push_back(&child);
}

VideoBranch::~VideoBranch() {
  abort();
  join();
}

void VideoBranch::start() {
  thread_ = std::thread([this] { work(); });
}

void VideoBranch::abort() {
  aborted_ = true;
  frames_.abort();
}

void VideoBranch::join() {
  if (thread_.joinable()) thread_.join();
}

Status VideoBranch::take(FramePtr frame) {
  const Ticks end = frame->pts + std::max<Ticks>(0, frame->pkt_duration);
  for (auto& each : cut_.take(std::move(frame))) {
    if (auto ok = make(std::move(each)); !ok) return ok;
  }
  progress_ = is_child_ ? end + offset_ : end;
  return {};
}

Status VideoBranch::make(FramePtr frame) {
  const bool passes = gate_.passes(frame->pts);
  const bool encodes = passes && out_.wanted();
  if (encodes || (passes && !children_.empty())) {
    auto scaled = scaler_.scale(*frame);
    if (!scaled) return std::unexpected(scaled.error());
    for (VideoBranch* child : children_) child->push(share(**scaled));
    if (encodes && filters_) return filters_->push(**scaled, (*scaled)->pts);
    if (encodes) return encode(std::move(*scaled));
  }
  return {};
}

Status VideoBranch::encode(FramePtr frame) {
  auto packets = encoder_.encode(std::move(frame));
  if (!packets) return std::unexpected(packets.error());
  out_.send(std::move(*packets));
  return {};
}

// After the last picture. One that was thinned out, or that belongs to the next span, is what ends
// the last one here.
void VideoBranch::finish() {
  for (auto& each : cut_.finish()) {
    if (auto ok = make(std::move(each)); !ok) return out_.fail(ok.error());
  }
  shown_until_ = std::max(shown_until_, cut_.reached());
  if (!out_.wanted()) return;
  if (filters_) {
    if (auto ok = filters_->finish(); !ok) return out_.fail(ok.error());
  }
  encoder_.extend_to(shown_until_);
  if (auto rest = encoder_.finish()) {
    out_.send(std::move(*rest));
    out_.end();
  } else {
    out_.fail(rest.error());
  }
}

void VideoBranch::work() {
  std::optional<Error> trouble;
  try {
    while (auto frame = frames_.pop()) {
      // Children can do with any picture, so a branch that failed goes on feeding them.
      if (trouble) {
        for (const auto& each : cut_.take(std::move(*frame))) {
          for (VideoBranch* child : children_) child->push(share(*each));
        }
        continue;
      }
      if (auto ok = take(std::move(*frame)); !ok) {
        trouble = ok.error();
        out_.fail(*trouble);
      }
    }
    if (!aborted_ && !trouble) finish();
  } catch (const std::bad_alloc&) {
    out_.fail({ErrorCode::kResourceLimit, "out of memory", {}});
    frames_.abort();
  }
  for (VideoBranch* child : children_) {
    child->shown_until_ = shown_until_;
    child->close();
  }
}

}  // namespace telecine::media
