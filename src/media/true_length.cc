#include "media/true_length.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "media/clock_leaps.h"

namespace telecine::media {
namespace {

// Less is read as fast as looked into.
constexpr std::int64_t kReadAtOnce = 16LL << 20;
// More takes longer than a run may be silent.
constexpr std::int64_t kMostRead = 4LL << 30;
constexpr int kPlaces = 32;
// Between two places, times what the others take: more is no change of the rate of bits.
constexpr Ticks kUneven = 4;
constexpr Ticks kLeast = 10LL * kTicksPerSecond;

bool is_clocked(const AVStream& stream) {
  const AVMediaType type = stream.codecpar->codec_type;
  return type == AVMEDIA_TYPE_VIDEO || type == AVMEDIA_TYPE_AUDIO;
}

/// What the clock of the stream shows at even distances in the file, up to where libav takes its
/// end to be.
std::vector<Ticks> clock_along(Input& input, int stream) {
  AVFormatContext& format = input.format();
  for (unsigned i = 0; i < format.nb_streams; ++i) {
    if (static_cast<int>(i) != stream) format.streams[i]->discard = AVDISCARD_ALL;
  }
  std::vector<Ticks> shown;
  for (int place = 0; place < kPlaces; ++place) {
    if (!input.go_to(input.size() / kPlaces * place)) continue;
    const PacketPtr packet = input.read();
    if (!packet || packet->stream_index != stream || packet->dts == AV_NOPTS_VALUE) continue;
    shown.push_back(to_ticks(packet->dts, input.stream(stream).time_base));
  }
  if (format.start_time != AV_NOPTS_VALUE && format.duration > 0) {
    shown.push_back(to_ticks(format.start_time + format.duration, kMicroseconds));
  }
  return shown;
}

bool seems_to_leap(const std::vector<Ticks>& shown) {
  std::vector<Ticks> steps;
  for (std::size_t i = 1; i < shown.size(); ++i) steps.push_back(shown[i] - shown[i - 1]);
  if (steps.empty()) return true;
  std::ranges::sort(steps);
  const Ticks usual = steps[steps.size() / 2];
  return steps.front() < 0 || steps.back() > kLeast + kUneven * std::max<Ticks>(0, usual);
}

/// The stream whose packets are the least work to come by.
int easiest_stream(const AVFormatContext& format) {
  int picture = -1;
  for (unsigned i = 0; i < format.nb_streams; ++i) {
    if (!is_clocked(*format.streams[i])) continue;
    const bool is_sound = format.streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
    if (is_sound) return static_cast<int>(i);
    if (picture < 0) picture = static_cast<int>(i);
  }
  return picture;
}

/// From the first to the last of all streams; nothing if no clock leapt.
std::optional<Ticks> read_length(Input& input) {
  Ticks from = INT64_MAX;
  Ticks to = INT64_MIN;
  ClockLeaps clocks(input.format());
  while (const PacketPtr packet = input.read()) {
    const AVStream& stream = input.stream(packet->stream_index);
    if (!is_clocked(stream)) continue;
    clocks.follow(*packet);
    const std::int64_t time = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
    if (time == AV_NOPTS_VALUE) continue;
    const std::int64_t length = std::max<std::int64_t>(0, packet->duration);
    from = std::min(from, to_ticks(time, stream.time_base));
    to = std::max(to, to_ticks(time + length, stream.time_base));
  }
  return clocks.any() && to > from ? std::optional(to - from) : std::nullopt;
}

/// Of the file; what its streams say of theirs does not hold then.
void set_length(AVFormatContext& format, Ticks length) {
  format.duration = av_rescale_q(length, kTicks, kMicroseconds);
  format.duration_estimation_method = AVFMT_DURATION_FROM_PTS;
  format.bit_rate = av_rescale(avio_size(format.pb) * 8, AV_TIME_BASE, format.duration);
  for (unsigned i = 0; i < format.nb_streams; ++i) format.streams[i]->duration = AV_NOPTS_VALUE;
}

}  // namespace

void mend_length(Input& input, Millis known) {
  AVFormatContext& format = input.format();
  if (!ClockLeaps(format).may_leap()) return;
  if (known > 0) {
    if (known != ticks_to_ms(to_ticks(format.duration, kMicroseconds))) {
      set_length(format, ms_to_ticks(known));
    }
    return;
  }
  auto other = Input::open(input.fd());
  if (!other) return;
  const int stream = easiest_stream(other->format());
  if (stream < 0) return;
  if (input.size() > kReadAtOnce) {
    if (!seems_to_leap(clock_along(*other, stream)) || input.size() > kMostRead) return;
    if (other = Input::open(input.fd()); !other) return;
  }
  if (const auto length = read_length(*other)) set_length(format, *length);
}

}  // namespace telecine::media
