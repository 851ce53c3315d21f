#include "media/probe.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "media/describe.h"
#include "media/heif.h"
#include "media/true_length.h"

namespace telecine::media {
namespace {

constexpr int kRatePackets = 300;
constexpr std::size_t kRateBytes = 16 << 20;
constexpr int kRateIndexEntries = 100'000;
constexpr std::size_t kMaxChapters = 1000;

Millis to_ms(std::int64_t value, AVRational base) {
  if (value == AV_NOPTS_VALUE) return 0;
  return av_rescale_q_rnd(value, base, kMilliseconds,
                          static_cast<AVRounding>(AV_ROUND_NEAR_INF | AV_ROUND_PASS_MINMAX));
}

bool is_mov(const AVFormatContext& format) {
  return std::strstr(format.iformat->name, "mov") != nullptr;
}

// Timestamps of pictures in order: from the index where the container has one in memory, else
// from the first packets.
std::vector<std::int64_t> sample_times(Input& input, AVStream& stream) {
  std::vector<std::int64_t> times;
  const int entries = avformat_index_get_entries_count(&stream);
  if (is_mov(input.format()) && entries > 1) {
    for (int i = 0; i < std::min(entries, kRateIndexEntries); ++i) {
      times.push_back(avformat_index_get_entry(&stream, i)->timestamp);
    }
    return times;
  }
  for (const auto& packet : input.look_ahead(stream.index, kRatePackets, kRateBytes)) {
    if (packet->stream_index != stream.index) continue;
    const std::int64_t at = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
    if (at != AV_NOPTS_VALUE) times.push_back(at);
  }
  std::ranges::sort(times);
  // The last ones may have neighbours beyond what was read (reordering).
  if (times.size() > 40) times.resize(times.size() - 16);
  return times;
}

// Containers round (Matroska to 1 ms), so a step may be off by a tick or two; a real change of
// rate is off by much more. A step in a hundred may be a dropped frame.
bool has_constant_rate(Input& input, AVStream& stream) {
  std::vector<std::int64_t> times = sample_times(input, stream);
  if (times.size() < 3) {
    const AVRational a = stream.avg_frame_rate;
    const AVRational r = stream.r_frame_rate;
    if (a.num <= 0 || a.den <= 0 || r.num <= 0 || r.den <= 0) return true;
    return std::fabs(av_q2d(a) - av_q2d(r)) <= 0.02 * av_q2d(a);
  }
  std::vector<std::int64_t> steps;
  for (std::size_t i = 1; i < times.size(); ++i) steps.push_back(times[i] - times[i - 1]);
  std::vector<std::int64_t> sorted = steps;
  std::ranges::nth_element(sorted, sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2));
  const std::int64_t usual = sorted[sorted.size() / 2];
  const std::int64_t tolerance = std::max<std::int64_t>(2, usual / 20);
  const auto odd = std::ranges::count_if(
      steps, [&](std::int64_t step) { return std::llabs(step - usual) > tolerance; });
  return odd <= static_cast<std::ptrdiff_t>(steps.size() / 100 + 1);
}

void add_hdr(VideoFacts& facts, const AVStream& stream) {
  HdrFacts hdr;
  bool any = facts.color_transfer == "smpte2084" || facts.color_transfer == "arib-std-b67";
  std::size_t size = 0;
  if (const auto* data =
          av_stream_get_side_data(&stream, AV_PKT_DATA_MASTERING_DISPLAY_METADATA, &size)) {
    add_mastering(hdr, data);
    any = true;
  }
  if (const auto* data = av_stream_get_side_data(&stream, AV_PKT_DATA_CONTENT_LIGHT_LEVEL, &size)) {
    add_light_level(hdr, data);
    any = true;
  }
  if (av_stream_get_side_data(&stream, AV_PKT_DATA_DOVI_CONF, &size) != nullptr) {
    hdr.dolby_vision = true;
    any = true;
  }
  if (any) facts.hdr = hdr;
}

// Phones write the luminances only into the video stream itself: the first picture has them.
void add_hdr_of_first_picture(Input& input, VideoFacts& facts, const AVStream& stream) {
  auto decoder = open_decoder(stream, 1);
  if (!decoder) return;
  FramePtr frame = make_frame();
  int tried = 0;
  for (const auto& packet : input.look_ahead(stream.index, 8, kRateBytes)) {
    if (packet->stream_index != stream.index || ++tried > 8) continue;
    if (avcodec_send_packet(decoder->get(), packet.get()) < 0) continue;
    if (avcodec_receive_frame(decoder->get(), frame.get()) < 0) continue;
    if (const auto* data =
            av_frame_get_side_data(frame.get(), AV_FRAME_DATA_MASTERING_DISPLAY_METADATA)) {
      add_mastering(*facts.hdr, data->data);
    }
    if (const auto* data = av_frame_get_side_data(frame.get(), AV_FRAME_DATA_CONTENT_LIGHT_LEVEL)) {
      add_light_level(*facts.hdr, data->data);
    }
    return;
  }
}

Ratio frame_rate_of(const AVStream& stream) {
  AVRational rate = stream.avg_frame_rate;
  if (rate.num <= 0 || rate.den <= 0) rate = stream.r_frame_rate;
  if (rate.num <= 0 || rate.den <= 0) return {};
  return {rate.num, rate.den};
}

Millis duration_of(const AVStream& stream, const AVFormatContext& format) {
  if (stream.duration != AV_NOPTS_VALUE && stream.duration > 0) {
    return to_ms(stream.duration, stream.time_base);
  }
  return to_ms(length_of(format), kMicroseconds);
}

VideoFacts video_facts(Input& input, AVStream& stream) {
  VideoFacts facts = describe_video(*stream.codecpar);
  facts.index = stream.index;
  const AVRational sar = av_guess_sample_aspect_ratio(&input.format(), &stream, nullptr);
  if (sar.num > 0 && sar.den > 0) facts.sar = {sar.num, sar.den};
  const Orientation orientation = orientation_of(stream);
  facts.rotation = orientation.rotation;
  facts.mirrored = orientation.mirrored;
  apply_display_size(facts);
  facts.frame_rate = frame_rate_of(stream);
  facts.frames = stream.nb_frames;
  facts.duration = duration_of(stream, input.format());
  facts.start = to_ms(stream.start_time, stream.time_base);
  facts.language = language_of(stream.metadata);
  facts.attached_picture = (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
  facts.is_default = (stream.disposition & AV_DISPOSITION_DEFAULT) != 0;
  if (facts.attached_picture) return facts;
  facts.constant_frame_rate = has_constant_rate(input, stream);
  add_hdr(facts, stream);
  if (facts.hdr && facts.hdr->max_luminance == 0) add_hdr_of_first_picture(input, facts, stream);
  return facts;
}

AudioFacts audio_facts(const Input& input, const AVStream& stream) {
  AudioFacts facts = describe_audio(*stream.codecpar);
  facts.index = stream.index;
  facts.duration = duration_of(stream, input.format());
  facts.start = to_ms(stream.start_time, stream.time_base);
  facts.language = language_of(stream.metadata);
  facts.title = title_of(stream.metadata);
  facts.is_default = (stream.disposition & AV_DISPOSITION_DEFAULT) != 0;
  return facts;
}

SubtitleFacts subtitle_facts(const AVStream& stream) {
  SubtitleFacts facts;
  facts.index = stream.index;
  facts.codec = avcodec_get_name(stream.codecpar->codec_id);
  facts.language = language_of(stream.metadata);
  facts.title = title_of(stream.metadata);
  const auto* descriptor = avcodec_descriptor_get(stream.codecpar->codec_id);
  facts.is_text = descriptor != nullptr && (descriptor->props & AV_CODEC_PROP_TEXT_SUB) != 0;
  facts.is_default = (stream.disposition & AV_DISPOSITION_DEFAULT) != 0;
  return facts;
}

void add_chapters(MediaFacts& facts, const AVFormatContext& format) {
  const std::size_t count = std::min<std::size_t>(format.nb_chapters, kMaxChapters);
  for (std::size_t i = 0; i < count; ++i) {
    const AVChapter& chapter = *format.chapters[i];
    facts.chapters.push_back({to_ms(chapter.start, chapter.time_base),
                              to_ms(chapter.end, chapter.time_base), title_of(chapter.metadata)});
  }
}

}  // namespace

MediaFacts probe(Input& input, Millis known) {
  mend_length(input, known);
  MediaFacts facts;
  const AVFormatContext& format = input.format();
  facts.container = format.iformat->name;
  facts.size = input.size();
  facts.duration = to_ms(length_of(format), kMicroseconds);
  if (format.start_time != AV_NOPTS_VALUE) facts.start = to_ms(format.start_time, kMicroseconds);
  facts.bitrate = format.bit_rate;
  for (unsigned i = 0; i < format.nb_streams; ++i) {
    AVStream& stream = *format.streams[i];
    switch (stream.codecpar->codec_type) {
      case AVMEDIA_TYPE_VIDEO:
        facts.video.push_back(video_facts(input, stream));
        break;
      case AVMEDIA_TYPE_AUDIO:
        facts.audio.push_back(audio_facts(input, stream));
        break;
      case AVMEDIA_TYPE_SUBTITLE:
        facts.subtitles.push_back(subtitle_facts(stream));
        break;
      default:
        ++facts.other_streams;
        break;
    }
  }
  add_chapters(facts, format);
  return facts;
}

Result<MediaFacts> probe(int fd) {
  if (is_heif(fd)) return probe_heif(fd);
  auto input = Input::open(fd);
  if (!input) return std::unexpected(input.error());
  MediaFacts facts = probe(*input);
  if (facts.video.empty() && facts.audio.empty()) {
    return fail(ErrorCode::kNotMedia, "the file holds no audio or video stream");
  }
  return facts;
}

}  // namespace telecine::media
