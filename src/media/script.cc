#include "media/script.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/text.h"
#include "media/texts.h"
#include "task/languages.h"

namespace telecine::media {
namespace {

constexpr std::int64_t kMostBytes = 16 << 20;
constexpr std::size_t kMostLines = 100'000;
constexpr std::size_t kMostText = 16 << 20;
constexpr std::size_t kMostBitmaps = 128 << 20;  // bytes; a film of Blu-ray has 20 to 50 MiB

Error script_error(const std::string& why) {
  return {ErrorCode::kUnsupported, "the subtitles to be drawn: " + why, "subtitles"};
}

bool is_ass(AVCodecID codec) {
  return codec == AV_CODEC_ID_ASS || codec == AV_CODEC_ID_SSA;
}

bool has_bitmaps(AVCodecID codec) {
  return codec == AV_CODEC_ID_HDMV_PGS_SUBTITLE || codec == AV_CODEC_ID_DVD_SUBTITLE ||
         codec == AV_CODEC_ID_DVB_SUBTITLE;
}

Script read_bitmaps(Input& input, const AVStream& stream, Ticks zero) {
  const AVCodecParameters& codec = *stream.codecpar;
  Script script;
  script.bitmaps = codec.codec_id;
  script.screen = {codec.width, codec.height};
  script.head.assign(reinterpret_cast<const char*>(codec.extradata),
                     static_cast<std::size_t>(codec.extradata_size));
  std::size_t bytes = 0;
  while (const PacketPtr packet = input.read()) {
    const bool is_full = script.lines.size() >= kMostLines || bytes >= kMostBitmaps;
    if (packet->stream_index != stream.index || is_full) continue;
    Script::Line line;
    if (!script.lines.empty()) line.start = script.lines.back().start;
    if (packet->pts != AV_NOPTS_VALUE) line.start = to_ticks(packet->pts, stream.time_base) - zero;
    line.length = to_ticks(std::max<std::int64_t>(0, packet->duration), stream.time_base);
    line.text.assign(reinterpret_cast<const char*>(packet->data),
                     static_cast<std::size_t>(packet->size));
    bytes += line.text.size();
    script.lines.push_back(std::move(line));
  }
  return script;
}

/// Turns packets of one stream into lines.
class ScriptWriter {
 public:
  ScriptWriter(CodecContextPtr decoder, const AVStream& stream)
      : decoder_(std::move(decoder)), base_(stream.time_base) {
    if (!is_ass(stream.codecpar->codec_id) || decoder_->subtitle_header_size <= 0) return;
    script_.head.assign(reinterpret_cast<const char*>(decoder_->subtitle_header),
                        static_cast<std::size_t>(decoder_->subtitle_header_size));
  }

  /// `shift` is added to its times.
  void take(AVPacket& packet, Ticks shift) {
    const bool is_full = script_.lines.size() >= kMostLines || text_ >= kMostText;
    if (packet.pts == AV_NOPTS_VALUE || is_full) return;
    AVSubtitle subtitle{};
    int got = 0;
    avcodec_decode_subtitle2(decoder_.get(), &subtitle, &got, &packet);
    Script::Line line;
    line.start = to_ticks(packet.pts, base_) + shift;
    line.length = packet.duration > 0 ? to_ticks(packet.duration, base_) : kUsualLength;
    for (unsigned i = 0; got != 0 && i < subtitle.num_rects; ++i) {
      if (subtitle.rects[i]->ass == nullptr) continue;
      line.text = subtitle.rects[i]->ass;
      text_ += line.text.size();
      script_.lines.push_back(line);
    }
    avsubtitle_free(&subtitle);
  }

  Script written() { return std::move(script_); }

 private:
  CodecContextPtr decoder_;
  AVRational base_;
  Script script_;
  std::size_t text_ = 0;  // bytes in lines
};

const char* format_of(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (text.starts_with("WEBVTT")) return "webvtt";
  return text.find("[Script Info]") != std::string_view::npos ? "ass" : "srt";
}

Result<std::string> read_text(int fd) {
  const auto size = file_size(fd);
  if (!size) return std::unexpected(size.error());
  if (*size > kMostBytes) return std::unexpected(script_error("the file is larger than 16 MiB"));
  std::string text(static_cast<std::size_t>(*size), '\0');
  if (::pread(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return std::unexpected(script_error("the file cannot be read"));
  }
  if (!is_valid_utf8(text)) return std::unexpected(script_error("the file is not UTF-8"));
  return text;
}

Result<InputFormatPtr> open_text(ReadIo& io, const char* name) {
  AVFormatContext* raw = avformat_alloc_context();
  if (raw == nullptr) return fail(ErrorCode::kResourceLimit, "out of memory");
  raw->pb = io.get();
  raw->flags |= AVFMT_FLAG_CUSTOM_IO;
  Dictionary options;
  options.set("format_whitelist", std::string(name));
  options.set("protocol_whitelist", "none");
  const int code = avformat_open_input(&raw, "", av_find_input_format(name), options.address());
  InputFormatPtr format(code < 0 ? nullptr : raw);
  if (!format || format->nb_streams != 1) {
    return std::unexpected(script_error("the file is neither SubRip, WebVTT nor ASS"));
  }
  return format;
}

Result<const SubtitleFacts*> choose(const MediaFacts& facts, const BurntSubtitles& wanted) {
  const auto& all = facts.subtitles;
  const SubtitleFacts* found = nullptr;
  if (wanted.stream >= 0) {
    const auto place = static_cast<std::size_t>(wanted.stream);
    if (place >= all.size()) {
      return std::unexpected(
          script_error("the source has " + std::to_string(all.size()) + " subtitle streams"));
    }
    found = &all[place];
  } else {
    for (const SubtitleFacts& each : all) {
      if (!wanted.language.empty() && !speaks(each.language, wanted.language)) continue;
      if (found == nullptr || (each.is_default && !found->is_default)) found = &each;
    }
  }
  if (found == nullptr) {
    return std::unexpected(script_error(
        wanted.language.empty() ? "the source has none"
                                : "the source has none in the language " + wanted.language));
  }
  return found;
}

}  // namespace

// On the grid that libavcodec's converted lines count in.
std::string plain_head(const BurntSubtitles& wanted, int height) {
  constexpr int kHeight = 288;
  const double size = wanted.size.of(height) * kHeight / height;
  const Rgb c = wanted.colour;
  char text[800];
  std::snprintf(
      text, sizeof text,
      "[Script Info]\nScriptType: v4.00+\nPlayResX: 384\nPlayResY: %d\n"
      "ScaledBorderAndShadow: yes\nWrapStyle: 0\n\n[V4+ Styles]\n"
      "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, "
      "BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, "
      "BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\n"
      "Style: Default,sans,%.2f,&H00%02X%02X%02X,&H00FFFFFF,&H00000000,&H80000000,0,0,0,0,"
      "100,100,0,0,1,%.2f,0,2,12,12,12,1\n\n[Events]\n"
      "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n",
      kHeight, size, c & 0xff, c >> 8 & 0xff, c >> 16 & 0xff, size / 12);
  return text;
}

Result<Script> read_script(OutputFiles& files, const std::string& asset, Ticks origin) {
  auto fd = files.open(asset);
  if (!fd) return std::unexpected(fd.error());
  const auto text = read_text(fd->get());
  if (!text) return std::unexpected(text.error());
  ReadIo io(fd->get());
  auto format = open_text(io, format_of(*text));
  if (!format) return std::unexpected(format.error());
  const AVStream& stream = *(*format)->streams[0];
  auto decoder = open_decoder(stream, 1);
  if (!decoder) return std::unexpected(script_error(decoder.error().message));
  ScriptWriter writer(std::move(*decoder), stream);
  const PacketPtr packet = make_packet();
  while (av_read_frame(format->get(), packet.get()) >= 0) {
    writer.take(*packet, origin);
    av_packet_unref(packet.get());
  }
  Script script = writer.written();
  if (script.lines.empty()) return std::unexpected(script_error("the file holds no line"));
  return script;
}

Result<int> script_stream(const MediaFacts& facts, const BurntSubtitles& wanted) {
  const auto chosen = choose(facts, wanted);
  if (!chosen) return std::unexpected(chosen.error());
  return (*chosen)->index;
}

Result<Script> read_script(const Input& source, int index, Ticks zero) {
  auto input = Input::open(source.fd());
  if (!input) return std::unexpected(input.error());
  for (unsigned i = 0; i < input->format().nb_streams; ++i) {
    if (static_cast<int>(i) != index) input->stream(static_cast<int>(i)).discard = AVDISCARD_ALL;
  }
  const AVStream& stream = input->stream(index);
  if (has_bitmaps(stream.codecpar->codec_id)) return read_bitmaps(*input, stream, zero);
  auto decoder = open_decoder(stream, 1);
  if (!decoder) return std::unexpected(script_error(decoder.error().message));
  ScriptWriter writer(std::move(*decoder), stream);
  while (const PacketPtr packet = input->read()) {
    if (packet->stream_index == index) writer.take(*packet, -zero);
  }
  return writer.written();
}

}  // namespace telecine::media
