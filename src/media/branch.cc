#include "media/branch.h"

#include <algorithm>
#include <cmath>
#include <new>

#include "media/tone_map.h"

namespace telecine::media {
namespace {

// Enough to ride out a slow frame; each is a reference, but keeps a decoded picture alive.
constexpr std::size_t kQueuedFrames = 8;
// Timestamps rounded by a container must not fall a slot short.
constexpr double kSlotSlack = 0.1;

bool draws(const VideoSettings& settings, const Drawings& drawings) {
  return settings.treatment.turns() || settings.treatment.pads() || drawings.any();
}

PictureFormat scaled_format(const VideoSettings& settings, const Drawings& drawings,
                            bool is_child) {
  if (is_child || settings.recolour.empty()) {
    return Finisher::takes(settings, draws(settings, drawings));
  }
  return {AV_PIX_FMT_YUV420P10, AVCOL_RANGE_MPEG, settings.source_colour.space};
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

void Distributor::send(const std::vector<PacketPtr>& packets) {
  for (const auto& packet : packets) {
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
  const double place = ticks_to_seconds(at) * rate_ + kSlotSlack;
  const auto slot = static_cast<std::int64_t>(std::floor(place));
  if (last_slot_ && slot <= *last_slot_) return false;
  last_slot_ = slot;
  return true;
}

// What comes from a parent is cut, framed, timed and coloured already, and a child's clock starts
// where its pictures do.
VideoBranch::VideoBranch(const VideoSettings& settings, double rate_limit, BranchReach reach,
                         Drawings drawings, bool is_child, VideoEncoder encoder)
    : settings_(settings),
      encoder_(std::move(encoder)),
      scaler_(settings.treatment.scaled, scaled_format(settings, drawings, is_child),
              is_child ? kCascadeSharpness : kSharpness),
      finisher_(settings, std::move(drawings), [this](FramePtr f) { return encode(std::move(f)); }),
      cut_(is_child ? Span{} : reach.span),
      gate_(rate_limit),
      window_(is_child ? Span{.start = INT64_MIN} : reach.window),
      offset_(reach.span.start),
      is_child_(is_child),
      frames_(kQueuedFrames) {
  if (is_child) return;
  if (settings.options.frame_rate > 0) grid_.emplace(settings.frame_rate);
  if (settings.recolour.empty()) return;
  recolour_.emplace(settings.recolour, [this](const AVFrame& frame, Ticks at) {
    FramePtr own = share(frame);
    own->pts = at;
    return hand_on(std::move(own));
  });
}

Result<std::unique_ptr<VideoBranch>> VideoBranch::create(const VideoSettings& settings,
                                                         double rate_limit, BranchReach reach,
                                                         Drawings drawings, VideoBranch* parent) {
  auto encoder = VideoEncoder::open(settings);
  if (!encoder) return std::unexpected(encoder.error());
  std::unique_ptr<VideoBranch> made(new VideoBranch(
      settings, rate_limit, reach, std::move(drawings), parent != nullptr, std::move(*encoder)));
  if (parent != nullptr) parent->children_.push_back(made.get());
  return made;
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

// A picture's time may have been put right by less than a container's rounding, which depends on
// the pictures before it.
bool VideoBranch::is_in_window(Ticks at, Ticks shown) const {
  const Ticks middle = at + std::clamp<Ticks>(shown / 2, 0, ms_to_ticks(2));
  return middle >= window_.start && middle < window_.end;
}

Status VideoBranch::make(FramePtr frame) {
  if (grid_) {
    auto shown = grid_->take(std::move(frame));
    return shown ? repeat(std::move(*shown)) : Status();
  }
  if (!gate_.passes(frame->pts) || !wanted()) return {};
  if (!is_in_window(frame->pts, frame->pkt_duration)) return {};
  auto scaled = scale(*frame);
  if (!scaled) return std::unexpected(scaled.error());
  return recolour(std::move(*scaled));
}

Status VideoBranch::repeat(FrameGrid::Shown shown) {
  std::erase_if(shown.places, [&](Ticks at) { return !is_in_window(at, shown.length); });
  if (shown.places.empty() || !wanted()) return {};
  auto scaled = scale(*shown.frame);
  if (!scaled) return std::unexpected(scaled.error());
  for (const Ticks at : shown.places) {
    if (aborted_ || !wanted()) break;
    FramePtr again = share(**scaled);
    again->pts = at;
    again->pkt_duration = shown.length;
    if (auto ok = recolour(std::move(again)); !ok) return ok;
  }
  return {};
}

Result<FramePtr> VideoBranch::scale(const AVFrame& frame) {
  if (is_child_ || settings_.treatment.window.is_whole()) return scaler_.scale(frame);
  auto part = part_of_picture(frame, settings_.treatment.window);
  if (!part) return part;
  return scaler_.scale(**part);
}

Status VideoBranch::recolour(FramePtr frame) {
  if (recolour_) return recolour_->push(*frame, frame->pts);
  return hand_on(std::move(frame));
}

// From here on what goes wrong is this branch's own.
Status VideoBranch::hand_on(FramePtr frame) {
  for (VideoBranch* child : children_) child->push(share(*frame));
  if (!out_.wanted()) return {};
  if (auto ok = finisher_.push(std::move(frame)); !ok) out_.fail(ok.error());
  return {};
}

// What the rate and the filters held back.
Status VideoBranch::flush() {
  if (grid_) {
    if (auto last = grid_->finish(shown_until_)) {
      if (auto ok = repeat(std::move(*last)); !ok) return ok;
    }
  }
  if (recolour_) {
    if (auto ok = recolour_->finish(); !ok) return ok;
  }
  if (!out_.wanted()) return {};
  if (auto ok = finisher_.finish(); !ok) out_.fail(ok.error());
  return {};
}

Status VideoBranch::encode(FramePtr frame) {
  auto packets = encoder_.encode(std::move(frame));
  if (!packets) return std::unexpected(packets.error());
  out_.send(*packets);
  return {};
}

// After the last picture. One that was thinned out, or that belongs to the next span, is what ends
// the last one here.
void VideoBranch::finish() {
  for (auto& each : cut_.finish()) {
    if (auto ok = make(std::move(each)); !ok) return fail(ok.error());
  }
  shown_until_ = std::max(shown_until_, cut_.reached());
  if (auto ok = flush(); !ok) return fail(ok.error());
  shown_until_ = std::min(shown_until_, window_.end);
  if (!out_.wanted()) return;
  // With one exact rate each picture has its one length.
  if (settings_.options.frame_rate <= 0) encoder_.extend_to(shown_until_);
  if (auto rest = encoder_.finish()) {
    out_.send(*rest);
    out_.end();
  } else {
    out_.fail(rest.error());
  }
}

void VideoBranch::fail(const Error& error) {
  out_.fail(error);
  for (VideoBranch* child : children_) child->fail(error);
}

void VideoBranch::work() {
  try {
    bool failed = false;
    while (auto frame = frames_.pop()) {
      // After that pictures are only taken off the queue: others wait for room in theirs.
      if (failed) continue;
      if (auto ok = take(std::move(*frame)); !ok) {
        failed = true;
        fail(ok.error());
      }
    }
    if (!aborted_ && !failed) finish();
  } catch (const std::bad_alloc&) {
    fail({ErrorCode::kResourceLimit, "out of memory", {}});
    frames_.abort();
  }
  for (VideoBranch* child : children_) {
    child->shown_until_ = shown_until_;
    child->close();
  }
}

}  // namespace telecine::media
