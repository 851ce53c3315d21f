#include "task/carrier.h"

#include <algorithm>
#include <array>
#include <utility>

namespace telecine {
namespace {

using enum VideoCodec;

constexpr std::array kH264Only{kH264};
constexpr std::array kH264OrH265{kH264, kH265};
constexpr std::array kIsoVideo{kH264, kH265, kAv1, kVp9};
constexpr std::array kOpenVideo{kVp9, kAv1};
constexpr std::array kGifOnly{kGif};
constexpr std::array kWebpOnly{kWebp};
constexpr std::array kAacOnly{AudioCodec::kAac};
constexpr std::array kMp3Only{AudioCodec::kMp3};
constexpr std::array kAacOrMp3{AudioCodec::kAac, AudioCodec::kMp3};
constexpr std::array kOpusOnly{AudioCodec::kOpus};
constexpr std::array kOpusOrFlac{AudioCodec::kOpus, AudioCodec::kFlac};
constexpr std::array kFlacOnly{AudioCodec::kFlac};
constexpr std::array kIsoAudio{AudioCodec::kAac, AudioCodec::kOpus, AudioCodec::kFlac};
constexpr std::array kAnyAudio{AudioCodec::kAac, AudioCodec::kMp3, AudioCodec::kOpus,
                               AudioCodec::kFlac};

constexpr auto kContainers = std::to_array<std::pair<Container, Carrier>>({
    {Container::kMp4, {"mp4", kIsoVideo, kAnyAudio}},
    // H.265 under the number 12, which is no part of Adobe's specification but what those who send
    // it in FLV have long used.
    {Container::kFlv, {"flv", kH264OrH265, kAacOrMp3, false}},
    {Container::kM4a, {"m4a", {}, kAacOnly}},
    {Container::kMp3, {"mp3", {}, kMp3Only, false}},
    {Container::kWebm, {"webm", kOpenVideo, kOpusOnly}},
    {Container::kMkv, {"mkv", kIsoVideo, kAnyAudio}},
    {Container::kTs, {"ts", kH264OrH265, kAacOrMp3}},
    {Container::kOgg, {"ogg", {}, kOpusOrFlac, false}},
    {Container::kFlac, {"flac", {}, kFlacOnly, false}},
    {Container::kGif, {"gif", kGifOnly, {}, false}},
    {Container::kWebp, {"webp", kWebpOnly, {}, false}},
});

// Apple's authoring specification wants H.265 in fragmented MP4.
constexpr auto kSegments = std::to_array<std::pair<SegmentFormat, Carrier>>({
    {SegmentFormat::kFmp4, {"fmp4 segments", kIsoVideo, kIsoAudio}},
    {SegmentFormat::kTs, {"ts segments", kH264Only, kAacOrMp3}},
});

template <typename Table, typename Key>
const Carrier& row_of(const Table& table, Key key) {
  return std::ranges::find(table, key, &Table::value_type::first)->second;
}

template <typename Codec>
bool holds(std::span<const Codec> codecs, Codec codec) {
  return std::ranges::find(codecs, codec) != codecs.end();
}

template <typename Codec>
std::string either(std::span<const Codec> codecs) {
  std::string out;
  for (const Codec codec : codecs) {
    if (!out.empty()) out += " or ";
    out += name_of(codec);
  }
  return out;
}

template <typename Codec>
std::string refusal(const Carrier& carrier, std::span<const Codec> codecs, Codec codec) {
  const std::string verb = carrier.name.ends_with('s') ? " hold " : " holds ";
  return std::string(carrier.name) + verb + either(codecs) + ", not " + std::string(name_of(codec));
}

}  // namespace

const Carrier& carrier_of(const OutputSpec& spec) {
  return spec.type == OutputType::kHls ? row_of(kSegments, spec.segments)
                                       : row_of(kContainers, spec.container);
}

std::optional<Misfit> misfit(const Rendition& rendition, const Carrier& carrier) {
  if (rendition.video && carrier.video.empty()) {
    return Misfit{
        "video", std::string(carrier.name) + " holds sound only: leave video out or make it false"};
  }
  // What a stream that is copied turns out to be is known with the source.
  if (rendition.video && rendition.video->codec != VideoCodec::kCopy &&
      !holds(carrier.video, rendition.video->codec)) {
    return Misfit{"video.codec", refusal(carrier, carrier.video, rendition.video->codec)};
  }
  if (!rendition.audio) return std::nullopt;
  const AudioOptions& audio = *rendition.audio;
  if (carrier.audio.empty()) {
    return Misfit{"audio", std::string(carrier.name) +
                               " holds pictures only: leave audio out or make it false"};
  }
  if (audio.tracks.may_be_several() && !carrier.many_sounds) {
    return Misfit{"audio.tracks", std::string(carrier.name) + " holds one sound only"};
  }
  if (audio.codec == AudioCodec::kCopy) return std::nullopt;
  if (!holds(carrier.audio, audio.codec)) {
    return Misfit{"audio.codec", refusal(carrier, carrier.audio, audio.codec)};
  }
  // FLV's tag header has two bits for the rate of MP3: 44100 Hz and its half and quarter.
  const bool odd_rate = audio.sample_rate != 0 && audio.sample_rate != 44'100 &&
                        audio.sample_rate != 22'050 && audio.sample_rate != 11'025;
  if (carrier.name == "flv" && audio.codec == AudioCodec::kMp3 && odd_rate) {
    return Misfit{"audio.sample_rate", "mp3 in flv has 44100, 22050 or 11025 Hz"};
  }
  return std::nullopt;
}

}  // namespace telecine
