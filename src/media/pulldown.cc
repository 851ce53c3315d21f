#include "media/pulldown.h"

extern "C" {
#include <libavutil/imgutils.h>
}

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "media/combing.h"
#include "media/decode.h"

namespace telecine::media {
namespace {

// Of each field only so many lines are compared: every second one.
constexpr int kLineStep = 4;

/// Pictures of video for 60 fields a second, or 60 * 1000 / 1001.
bool is_of_sixty_fields(const AVFrame& frame) {
  // Nothing larger was ever interlaced, and many pictures are held.
  constexpr int kMostWidth = 2048;
  constexpr int kMostHeight = 1152;
  return frame.width <= kMostWidth && frame.height <= kMostHeight &&
         frame.pkt_duration > kTicksPerSecond / 31 && frame.pkt_duration < kTicksPerSecond / 29;
}

bool are_comparable(const AVFrame& one, const AVFrame& other) {
  return one.format == other.format && one.width == other.width && one.height == other.height;
}

/// Sum over so many pixels, a fixed number so that compilers make vectors of it.
constexpr int kRun = 16;
template <class Sample>
int difference_in_run(const Sample* one, const Sample* other) {
  int sum = 0;
  for (int i = 0; i < kRun; ++i) sum += std::abs(one[i] - other[i]);
  return sum;
}

template <class Sample>
double difference(const AVFrame& one, const AVFrame& other, int first_line) {
  std::int64_t sum = 0;
  std::int64_t runs = 0;
  for (int y = first_line; y < one.height; y += kLineStep) {
    const auto* a = reinterpret_cast<const Sample*>(one.data[0] + y * one.linesize[0]);
    const auto* b = reinterpret_cast<const Sample*>(other.data[0] + y * other.linesize[0]);
    for (int x = 0; x + kRun <= one.width; x += kRun, ++runs) {
      sum += difference_in_run(a + x, b + x);
    }
  }
  return runs > 0 ? static_cast<double>(sum) / static_cast<double>(runs * kRun) : 0;
}

FieldChange change_between(const AVFrame& before, const AVFrame& frame) {
  const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  const int depth = format->comp[0].depth;
  const double percent = 100.0 / ((1 << depth) - 1);
  const auto measure = depth > 8 ? difference<std::uint16_t> : difference<std::uint8_t>;
  const double top = measure(before, frame, 0) * percent;
  const double bottom = measure(before, frame, 1) * percent;
  // Where a group of pictures begins, its coding changes everything a little.
  constexpr double kPulse = 5;
  const bool begins_group =
      frame.pict_type == AV_PICTURE_TYPE_I && before.pict_type != AV_PICTURE_TYPE_I;
  return {!begins_group || std::max(top, bottom) > kPulse, top, bottom};
}

/// The field of the lines from `first_line` on of one picture into another.
void copy_field(AVFrame& to, const AVFrame& from, int first_line) {
  const auto format = static_cast<AVPixelFormat>(from.format);
  const int planes = av_pix_fmt_count_planes(format);
  for (int plane = 0; plane < planes; ++plane) {
    const bool is_chroma = plane == 1 || plane == 2;
    const int shift = is_chroma ? av_pix_fmt_desc_get(format)->log2_chroma_h : 0;
    const int height = AV_CEIL_RSHIFT(from.height, shift);
    av_image_copy_plane(to.data[plane] + first_line * to.linesize[plane], 2 * to.linesize[plane],
                        from.data[plane] + first_line * from.linesize[plane],
                        2 * from.linesize[plane], av_image_get_linesize(format, from.width, plane),
                        (height + 1 - first_line) / 2);
  }
}

/// The picture of film whose first field is the later picture's and whose second one the earlier's.
Result<FramePtr> weave(const AVFrame& earlier, const AVFrame& later, bool top_first) {
  FramePtr made = make_frame();
  made->format = later.format;
  made->width = later.width;
  made->height = later.height;
  if (av_frame_get_buffer(made.get(), 0) < 0 || av_frame_copy_props(made.get(), &later) < 0) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
  copy_field(*made, later, top_first ? 0 : 1);
  copy_field(*made, earlier, top_first ? 1 : 0);
  return made;
}

/// Of five pictures of video four are left; `quarters` of one are between the time of one of them
/// and its even place in the cycle. What is combed all the same, as where titles roll over film, is
/// still to be deinterlaced.
void set_as_film(AVFrame& frame, int quarters) {
  frame.pts += quarters * frame.pkt_duration / 4;
  frame.pkt_duration = frame.pkt_duration * 5 / 4;
  frame.interlaced_frame = is_combed(frame) ? 1 : 0;
}

/// In the pictures that come next.
bool shows_cadence(Input& input, int stream) {
  constexpr std::size_t kPictures = 40;
  constexpr int kPackets = 2'000;
  FramePtr last;
  std::vector<FieldChange> changes;
  auto decoder = VideoDecoder::open(input.stream(stream), 1, 0, [&](FramePtr frame) {
    const bool goes_on = last && are_comparable(*last, *frame);
    changes.push_back(goes_on ? change_between(*last, *frame) : FieldChange{});
    last = is_of_sixty_fields(*frame) && has_plain_luma(*frame) ? std::move(frame) : nullptr;
    return Status();
  });
  for (int packets = 0; decoder && packets < kPackets && changes.size() < kPictures; ++packets) {
    const PacketPtr packet = input.read();
    if (!packet) break;
    if (packet->stream_index == stream && !decoder->decode(*packet)) break;
  }
  for (std::size_t at = 0; at + kCadenceAhead <= changes.size(); ++at) {
    if (find_cadence(std::span(changes).subspan(at), 0)) return true;
  }
  return false;
}

/// Film whose stream says how it is shown as video has pictures of two and of three fields in turn:
/// a half field later the latter are in the middle between the others.
/// Some containers have them there already.
void even_out(AVFrame& frame, const AVFrame* before) {
  if (frame.repeat_pict != 1) return;
  const Ticks half_field = frame.pkt_duration / 6;
  const Ticks even = 5 * half_field;
  if (before != nullptr && std::abs(frame.pts - before->pts - even) < half_field / 2) return;
  frame.pts += half_field;
  frame.pkt_duration -= half_field;
}

}  // namespace

Result<std::vector<FramePtr>> Pulldown::push(FramePtr frame, bool is_video) {
  const AVFrame* last = ahead_.empty() ? before_.frame.get() : ahead_.back().frame.get();
  const bool goes_on = last != nullptr && are_comparable(*last, *frame) &&
                       frame->pts - last->pts < 2 * frame->pkt_duration;
  if (!is_video || !is_of_sixty_fields(*frame) || !has_plain_luma(*frame)) {
    auto out = finish();
    if (!out) return out;
    FramePtr stored = share(*frame);
    even_out(*frame, before_.frame.get());
    before_ = {std::move(stored), {}};
    hand_out(std::move(frame), *out);
    return out;
  }
  std::vector<FramePtr> out;
  if (!goes_on) {
    auto held = finish();
    if (!held) return held;
    out = std::move(*held);
    before_ = {};
  }
  const FieldChange change = goes_on ? change_between(*last, *frame) : FieldChange{};
  ahead_.push_back({std::move(frame), change});
  while (ahead_.size() >= kCadenceAhead) {
    if (auto ok = give(false, out); !ok) return std::unexpected(ok.error());
  }
  return out;
}

Result<std::vector<FramePtr>> Pulldown::finish() {
  std::vector<FramePtr> out;
  while (!ahead_.empty()) {
    if (auto ok = give(ahead_.size() == 1, out); !ok) return std::unexpected(ok.error());
  }
  cadence_.reset();
  return out;
}

/// Times that were moved still increase, whatever the source's do.
void Pulldown::hand_out(FramePtr frame, std::vector<FramePtr>& out) {
  if (last_) frame->pts = std::max(frame->pts, *last_ + 1);
  last_ = frame->pts;
  out.push_back(std::move(frame));
}

/// Whether the next picture is in a cadence.
void Pulldown::follow() {
  std::vector<FieldChange> changes{before_.change};
  for (const Picture& picture : ahead_) changes.push_back(picture.change);
  if (!cadence_ || !goes_on(*cadence_, changes, number_)) cadence_ = find_cadence(changes, number_);
}

Status Pulldown::give(bool is_last, std::vector<FramePtr>& out) {
  follow();
  Picture next = std::move(ahead_.front());
  ahead_.pop_front();
  FramePtr frame = share(*next.frame);
  const auto place = cadence_ ? std::optional(cadence_->place_of(number_)) : std::nullopt;
  // Nothing came before the first picture of all that it could share one of film with.
  const bool is_first = !before_.frame;
  if (place == PulldownPlace::kAA) {
    set_as_film(*frame, 0);
  } else if (place == PulldownPlace::kBB) {
    set_as_film(*frame, 1);
  } else if (place == PulldownPlace::kBC && !is_first && !is_last) {
    frame.reset();
  } else if (place == PulldownPlace::kCD && !is_first) {
    auto woven = weave(*before_.frame, *next.frame, cadence_->top_first);
    if (!woven) return std::unexpected(woven.error());
    frame = std::move(*woven);
    set_as_film(*frame, -2);
  } else if (place == PulldownPlace::kDD) {
    set_as_film(*frame, -1);
  }
  if (frame) hand_out(std::move(frame), out);
  before_ = std::move(next);
  ++number_;
  return {};
}

bool is_telecined(const Input& input, int stream) {
  constexpr int kPlaces = 3;
  auto again = Input::open(input.fd());
  if (!again) return false;
  const AVFormatContext& format = again->format();
  const std::int64_t length = length_of(format);
  const std::int64_t start = format.start_time == AV_NOPTS_VALUE ? 0 : format.start_time;
  if (shows_cadence(*again, stream)) return true;
  for (int place = 1; place < kPlaces && length > 0; ++place) {
    const std::int64_t at = start + length * place / kPlaces;
    const AVRational base = again->stream(stream).time_base;
    if (!again->seek(stream, av_rescale_q(at, kMicroseconds, base))) return false;
    if (shows_cadence(*again, stream)) return true;
  }
  return false;
}

}  // namespace telecine::media
