#include "media/texts.h"

#include <algorithm>
#include <utility>

namespace telecine::media {
namespace {

constexpr std::size_t kLongestText = 64 << 10;  // bytes, of one moment
// Of a text that would never go.
constexpr Ticks kLongestLength = 600LL * kTicksPerSecond;

/// What MKV holds as it is.
bool is_carried(Container container, AVCodecID codec) {
  if (container != Container::kMkv) return false;
  switch (codec) {
    case AV_CODEC_ID_SUBRIP:
    case AV_CODEC_ID_ASS:
    case AV_CODEC_ID_WEBVTT:
    case AV_CODEC_ID_HDMV_PGS_SUBTITLE:
    case AV_CODEC_ID_DVD_SUBTITLE:
    case AV_CODEC_ID_DVB_SUBTITLE:
      return true;
    default:
      return false;
  }
}

std::string described(const SubtitleFacts& facts) {
  std::string out = "subtitle track " + std::to_string(facts.index) + " (" + facts.codec;
  if (!facts.language.empty()) out += ", " + facts.language;
  return out + ")";
}

/// An empty line would end the cue, and an arrow would begin another.
std::string cue_text(std::string text) {
  std::erase(text, '\r');
  for (auto at = text.find("\n\n"); at != std::string::npos; at = text.find("\n\n", at)) {
    text.erase(at, 1);
  }
  for (auto at = text.find("-->"); at != std::string::npos; at = text.find("-->", at)) {
    text.replace(at, 3, "--&gt;");
  }
  while (text.ends_with('\n')) text.pop_back();
  while (text.starts_with('\n')) text.erase(0, 1);
  return text;
}

Result<CodecContextPtr> open_encoder(AVCodecID id, const AVCodecContext& decoder) {
  const AVCodec* codec = avcodec_find_encoder(id);
  CodecContextPtr context(codec == nullptr ? nullptr : avcodec_alloc_context3(codec));
  if (!context) return fail(ErrorCode::kInternal, "no encoder for subtitles");
  context->time_base = kTicks;
  if (decoder.subtitle_header_size > 0) {
    const auto size = static_cast<std::size_t>(decoder.subtitle_header_size);
    context->subtitle_header = static_cast<std::uint8_t*>(av_mallocz(size + 1));
    if (context->subtitle_header == nullptr) return fail(ErrorCode::kResourceLimit, "no memory");
    std::copy_n(decoder.subtitle_header, size, context->subtitle_header);
    context->subtitle_header_size = decoder.subtitle_header_size;
  }
  if (const int code = avcodec_open2(context.get(), codec, nullptr); code < 0) {
    return std::unexpected(av_error(code, "subtitles cannot be encoded", ErrorCode::kInternal));
  }
  return context;
}

PacketPtr packet_of(std::string_view data) {
  PacketPtr packet = make_packet();
  if (av_new_packet(packet.get(), static_cast<int>(data.size())) < 0) return nullptr;
  std::ranges::copy(data, packet->data);
  return packet;
}

}  // namespace

std::vector<const SubtitleFacts*> Texts::chosen_for(const OutputSpec& spec,
                                                    std::vector<std::string>& notes) const {
  std::vector<TrackTraits> traits;
  for (const auto& facts : source_.subtitles) traits.push_back({facts.language, facts.is_default});
  const auto places = chosen(spec.subtitles, traits, "subtitle");
  if (!places) {
    notes.push_back(places.error().message);
    return {};
  }
  std::vector<const SubtitleFacts*> out;
  for (const std::size_t place : *places) out.push_back(&source_.subtitles[place]);
  return out;
}

AVCodecContext* Texts::decoder_of(int stream) {
  const auto found = std::ranges::find(decoders_, stream, &decltype(decoders_)::value_type::first);
  if (found != decoders_.end()) return found->second.get();
  auto decoder = open_decoder(input_.stream(stream), 1);
  return decoders_.emplace_back(stream, decoder ? std::move(*decoder) : nullptr).second.get();
}

Status Texts::add_track(Track track, AVCodecID codec, Muxer* muxer, Fate* fate) {
  const AVStream& stream = input_.stream(track.facts->index);
  if (codec != AV_CODEC_ID_NONE) {
    AVCodecContext* decoder = decoder_of(stream.index);
    if (decoder == nullptr) return fail(ErrorCode::kUnsupported, "it cannot be decoded");
    auto encoder = open_encoder(codec, *decoder);
    if (!encoder) return std::unexpected(encoder.error());
    track.encoder = std::move(*encoder);
  }
  if (muxer != nullptr) {
    CodecParametersPtr codecpar(avcodec_parameters_alloc());
    if (!codecpar) return fail(ErrorCode::kResourceLimit, "no memory");
    const int code = track.encoder
                         ? avcodec_parameters_from_context(codecpar.get(), track.encoder.get())
                         : avcodec_parameters_copy(codecpar.get(), stream.codecpar);
    if (code < 0) return fail(ErrorCode::kResourceLimit, "no memory");
    auto number = muxer->add_track({*codecpar, kTicks, {0, 1}, nullptr, &stream});
    if (!number) return std::unexpected(number.error());
    track.consumer = {muxer, *number, fate};
  }
  input_.stream(stream.index).discard = AVDISCARD_DEFAULT;
  tracks_.push_back(std::make_unique<Track>(std::move(track)));
  return {};
}

void Texts::add_to_file(const OutputSpec& spec, Muxer& muxer, Fate& fate, const Span& span,
                        std::vector<std::string>& notes) {
  for (const SubtitleFacts* facts : chosen_for(spec, notes)) {
    const AVCodecID source = input_.stream(facts->index).codecpar->codec_id;
    const bool as_it_is = is_carried(spec.container, source);
    if (!facts->is_text && !as_it_is) {
      notes.push_back(described(*facts) + " is left out: " + std::string(name_of(spec.container)) +
                      " holds no pictures of text");
      continue;
    }
    AVCodecID codec = AV_CODEC_ID_NONE;
    if (!as_it_is) {
      codec = spec.container == Container::kMkv ? AV_CODEC_ID_SUBRIP : AV_CODEC_ID_MOV_TEXT;
    }
    auto ok = add_track({&spec, facts, span, nullptr, {}, {}}, codec, &muxer, &fate);
    if (!ok) notes.push_back(described(*facts) + " is left out: " + ok.error().message);
  }
}

void Texts::add_written(const OutputSpec& spec, const Span& span, std::vector<std::string>& notes) {
  for (const SubtitleFacts* facts : chosen_for(spec, notes)) {
    if (!facts->is_text) {
      notes.push_back(described(*facts) + " is left out: it is pictures of text");
      continue;
    }
    auto ok =
        add_track({&spec, facts, span, nullptr, {}, {}}, AV_CODEC_ID_WEBVTT, nullptr, nullptr);
    if (!ok) notes.push_back(described(*facts) + " is left out: " + ok.error().message);
  }
}

bool Texts::uses(int stream) const {
  return std::ranges::any_of(tracks_,
                             [&](const auto& track) { return track->facts->index == stream; });
}

void Texts::take(const AVPacket& packet, Ticks zero) {
  if (!uses(packet.stream_index) || packet.pts == AV_NOPTS_VALUE) return;
  const AVRational base = input_.stream(packet.stream_index).time_base;
  const Ticks at = to_ticks(packet.pts, base) - zero;
  Ticks length = to_ticks(std::max<std::int64_t>(0, packet.duration), base);
  AVSubtitle subtitle{};
  int got = 0;
  if (AVCodecContext* decoder = decoder_of(packet.stream_index)) {
    const PacketPtr own = share(packet);
    avcodec_decode_subtitle2(decoder, &subtitle, &got, own.get());
  }
  for (const auto& track : tracks_) {
    if (track->facts->index != packet.stream_index) continue;
    if (!track->encoder) carry(*track, packet, at, length);
    if (track->encoder && got != 0) say(*track, subtitle, at, length);
  }
  avsubtitle_free(&subtitle);
}

void Texts::carry(Track& track, const AVPacket& packet, Ticks at, Ticks length) {
  // What is shown as the span begins is shown from there on, if it says for how long.
  const Ticks start = std::max(at, track.span.start);
  const Ticks end = std::min(at + length, track.span.end);
  if (at >= track.span.end || (at < track.span.start && end <= start)) return;
  PacketPtr own = share(packet);
  own->pts = own->dts = start - track.span.start;
  own->duration = std::max<Ticks>(0, end - start);
  send(track, std::move(own));
}

void Texts::say(Track& track, const AVSubtitle& subtitle, Ticks at, Ticks length) {
  if (subtitle.num_rects == 0) return;
  std::string text(kLongestText, '\0');
  const int size =
      avcodec_encode_subtitle(track.encoder.get(), reinterpret_cast<std::uint8_t*>(text.data()),
                              static_cast<int>(text.size()), &subtitle);
  if (size <= 0) return;
  text.resize(static_cast<std::size_t>(size));
  const Ticks usual = length > 0 ? length : kUsualLength;
  const Ticks start = std::max(at, track.span.start);
  const Ticks end = std::min(at + std::min(usual, kLongestLength), track.span.end);
  if (end <= start) return;
  if (track.consumer.muxer == nullptr) {
    track.cues.push_back({start - track.span.start, end - track.span.start, std::move(text)});
    return;
  }
  PacketPtr packet = packet_of(text);
  if (!packet) return;
  packet->pts = packet->dts = start - track.span.start;
  packet->duration = end - start;
  send(track, std::move(packet));
}

void Texts::send(Track& track, PacketPtr packet) {
  if (track.consumer.fate->failed()) return;
  auto ok = track.consumer.muxer->write(track.consumer.track, std::move(packet));
  if (!ok) track.consumer.fate->fail(ok.error());
}

void Texts::finish() {
  for (const auto& track : tracks_) {
    std::ranges::stable_sort(track->cues, {}, &Cue::start);
    if (track->consumer.muxer == nullptr || track->consumer.fate->failed()) continue;
    auto ok = track->consumer.muxer->end_track(track->consumer.track);
    if (!ok) track->consumer.fate->fail(ok.error());
  }
}

std::vector<TextMade> Texts::written(const OutputSpec& spec, const std::string& head) const {
  std::vector<TextMade> out;
  for (const auto& track : tracks_) {
    if (track->spec != &spec || track->consumer.muxer != nullptr) continue;
    std::string text = "WEBVTT\n" + head + "\n";
    for (const Cue& cue : track->cues) {
      const std::string words = cue_text(cue.text);
      if (words.empty()) continue;
      text += webvtt_time(ticks_to_ms(cue.start)) + " --> " + webvtt_time(ticks_to_ms(cue.end)) +
              "\n" + words + "\n\n";
    }
    out.push_back({std::move(text), track->facts});
  }
  return out;
}

}  // namespace telecine::media
