#include "media/true_length.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "media/clock_leaps.h"

namespace telecine::media {
namespace {

// Less is read as fast as looked into.
constexpr std::int64_t kReadAtOnce = 8LL << 20;
// A place that a leap was narrowed down to is read, and as much before it: there is a packet of
// each stream.
constexpr std::int64_t kNarrow = 1LL << 20;
constexpr int kPlaces = 32;
// A step takes that much more than others as long: no change of the rate of bits.
constexpr double kUneven = 4;
constexpr Ticks kLeast = 10LL * kTicksPerSecond;
// Places that may be looked at; a file that needs more keeps the length that libav says.
constexpr int kMostLooks = 1000;

bool is_clocked(const AVStream& stream) {
  const AVMediaType type = stream.codecpar->codec_type;
  return type == AVMEDIA_TYPE_VIDEO || type == AVMEDIA_TYPE_AUDIO;
}

/// What was read of a passage of the file, and of a little before it.
struct Passage {
  Ticks from = INT64_MAX;
  Ticks to = INT64_MIN;  ///< corrected by all that leapt
  Ticks before = 0;      ///< what leaps before the passage are corrected by
  Ticks jump = 0;        ///< and those in it
};

/// What the clock shows at a place of the file.
struct Sight {
  std::int64_t position = 0;
  Ticks clock = 0;
};

/// Finds where the clock of one of a file's programs leaps, without reading all of it: places at
/// even distances are looked at, and where the clock goes otherwise than elsewhere, more between.
class ClockSurvey {
 public:
  explicit ClockSurvey(Input input) : input_(std::move(input)) {
    AVFormatContext& format = input_.format();
    // Each program has a clock of its own; streams without one have theirs together.
    const AVProgram* program = nullptr;
    for (unsigned i = 0; i < format.nb_streams; ++i) {
      const AVStream& stream = *format.streams[i];
      const AVProgram* of = av_find_program_from_stream(&format, nullptr, stream.index);
      const bool is_first = std::ranges::find(followed_, true) == followed_.end();
      if (is_clocked(stream) && is_first) program = of;
      followed_.push_back(is_clocked(stream) && of == program);
      is_alone_ &= followed_.back() || !is_clocked(stream);
    }
  }

  /// Nothing if libav's is right, or another could not be found out.
  std::optional<Ticks> length() {
    const std::int64_t last = input_.size() <= kReadAtOnce ? 0 : input_.size() - kNarrow;
    const Passage head = read(0, kNarrow);
    const Passage tail = read(last, input_.size());
    if (head.from == INT64_MAX || tail.to == INT64_MIN) return std::nullopt;
    const Ticks jump = last > 0 ? jumps_along(look_along(last)) : 0;
    if (looks_ > kMostLooks || (jump + tail.jump == 0 && is_alone_)) return std::nullopt;
    return tail.to - tail.before + jump - head.from;
  }

 private:
  bool follows(const AVPacket& packet) const {
    const auto index = static_cast<std::size_t>(packet.stream_index);
    return index < followed_.size() && followed_[index];
  }

  Passage read(std::int64_t from, std::int64_t to) {
    Passage passage;
    if (!input_.go_to(std::max<std::int64_t>(0, from - kNarrow))) return passage;
    ClockLeaps clocks(input_.format());
    std::int64_t position = 0;
    while (const PacketPtr packet = input_.read()) {
      if (!follows(*packet)) continue;
      position = std::max(position, packet->pos);
      if (position >= to) break;
      clocks.follow(*packet);
      if (position < from) passage.before = clocks.jump();
      const std::int64_t time = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
      if (time == AV_NOPTS_VALUE) continue;
      const AVRational base = input_.stream(packet->stream_index).time_base;
      const std::int64_t length = std::max<std::int64_t>(0, packet->duration);
      passage.from = std::min(passage.from, to_ticks(time, base));
      passage.to = std::max(passage.to, to_ticks(time + length, base));
    }
    passage.jump = clocks.jump() - passage.before;
    return passage;
  }

  std::optional<Sight> look(std::int64_t position) {
    if (++looks_ > kMostLooks || !input_.go_to(position)) return std::nullopt;
    while (const PacketPtr packet = input_.read()) {
      if (packet->pos > position + kNarrow) return std::nullopt;
      if (!follows(*packet) || packet->dts == AV_NOPTS_VALUE) continue;
      const AVRational base = input_.stream(packet->stream_index).time_base;
      return Sight{position, to_ticks(packet->dts, base)};
    }
    return std::nullopt;
  }

  std::vector<Sight> look_along(std::int64_t last) {
    std::vector<Sight> seen;
    for (int place = 0; place <= kPlaces; ++place) {
      if (const auto sight = look(av_rescale(last, place, kPlaces))) seen.push_back(*sight);
    }
    return seen;
  }

  Ticks jumps_along(const std::vector<Sight>& seen) {
    if (seen.size() < 2) return 0;
    std::vector<double> rates;
    for (std::size_t i = 1; i < seen.size(); ++i) rates.push_back(rate(seen[i - 1], seen[i]));
    std::ranges::sort(rates);
    usual_ = std::max(0.0, rates[rates.size() / 2]);
    Ticks jump = 0;
    for (std::size_t i = 1; i < seen.size(); ++i) jump += jumps_between(seen[i - 1], seen[i]);
    return jump;
  }

  static double rate(const Sight& from, const Sight& to) {
    return static_cast<double>(to.clock - from.clock) /
           static_cast<double>(to.position - from.position);
  }

  Ticks jumps_between(const Sight& from, const Sight& to) {
    const std::int64_t bytes = to.position - from.position;
    const Ticks step = to.clock - from.clock;
    const double most = kLeast + kUneven * usual_ * static_cast<double>(bytes);
    // A look finds the first packet there is: another stream's may be a little earlier.
    const bool is_steady = step > -kTicksPerSecond / 2 && static_cast<double>(step) <= most;
    if (is_steady || looks_ > kMostLooks) return 0;
    if (bytes <= kNarrow) return read(from.position, to.position).jump;
    const auto between = look(from.position + bytes / 2);
    if (!between) return 0;
    return jumps_between(from, *between) + jumps_between(*between, to);
  }

  Input input_;
  std::vector<bool> followed_;  // by stream
  bool is_alone_ = true;        // no other program has pictures or sound
  double usual_ = 0;            // ticks a byte
  int looks_ = 0;
};

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
    if (known != av_rescale_q(length_of(format), kMicroseconds, kMilliseconds))
      set_length(format, ms_to_ticks(known));
    return;
  }
  auto other = Input::open(input.fd());
  if (!other) return;
  const auto length = ClockSurvey(std::move(*other)).length();
  if (length && *length > 0) set_length(format, *length);
}

}  // namespace telecine::media
