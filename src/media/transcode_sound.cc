// How a transcode makes what takes sound, from the decoders to the encoders.

#include <algorithm>

#include "media/loudness.h"
#include "media/transcode.h"

namespace telecine::media {

void Transcode::open_sounds(const Plan& plan) {
  for (const auto& planned : plan.audio) {
    const AudioFacts& facts = *heard_[planned.source]->source.facts;
    auto encoder = AudioEncoder::open(planned.options, facts.sample_rate, facts.channels);
    sound_errors_.push_back(encoder ? std::nullopt : std::optional(encoder.error()));
    sounds_.push_back(nullptr);
    if (!encoder) continue;
    sounds_.back() = std::make_unique<Sound>(
        Sound{std::move(*encoder), planned.source, span_of(planned.part), planned.options});
    if (!planned.options.loudness) set_level(*sounds_.back(), std::nullopt);
  }
}

void Transcode::set_level(Sound& sound, const std::optional<Loudness>& measured) {
  const AVChannelLayout& channels = sound.encoder.parameters().ch_layout;
  const std::string filters = level_filters(sound.options, channels, measured);
  if (filters.empty()) return;
  sound.level =
      std::make_unique<FilterChain>(filters, [&sound](const AVFrame& frame, Ticks at) -> Status {
        auto packets = sound.encoder.encode(frame, at);
        if (!packets) return std::unexpected(packets.error());
        std::ranges::move(*packets, std::back_inserter(sound.ready));
        return {};
      });
}

// Loudness is of the whole: the sounds that are to have one are heard once before.
Status Transcode::measure_loudness() {
  const auto is_measured = [](const auto& sound) { return sound && sound->options.loudness; };
  if (std::ranges::none_of(sounds_, is_measured)) return {};
  for (std::size_t place = 0; place < heard_.size(); ++place) {
    const auto wants = [&](const auto& sound) {
      return is_measured(sound) && sound->source == place;
    };
    if (std::ranges::none_of(sounds_, wants)) continue;
    auto again = Input::open(input_.fd());
    if (!again) return std::unexpected(again.error());
    if (auto ok = measure_sound(*again, place); !ok) return ok;
  }
  return {};
}

Status Transcode::measure_sound(Input& input, std::size_t place) {
  struct Measured {
    Sound* sound;
    std::unique_ptr<LoudnessMeter> meter;
  };
  std::vector<Measured> list;
  for (auto& sound : sounds_) {
    if (!sound || sound->source != place || !sound->options.loudness) continue;
    const auto& channels = sound->encoder.parameters().ch_layout;
    list.push_back(
        {sound.get(), std::make_unique<LoudnessMeter>(gain_filters(sound->options, channels))});
  }
  const int index = heard_[place]->source.stream->index;
  for (unsigned i = 0; i < input.format().nb_streams; ++i) {
    if (static_cast<int>(i) != index) input.stream(static_cast<int>(i)).discard = AVDISCARD_ALL;
  }
  auto decoder =
      AudioDecoder::open(input.stream(index), zero_, [&](const AVFrame& frame, Ticks at) -> Status {
        for (const Measured& each : list) {
          Ticks from = at;
          auto piece = cut_sound(frame, each.sound->span, from);
          if (!piece) return std::unexpected(piece.error());
          if (!*piece) continue;
          if (auto ok = each.meter->push(**piece, from); !ok) return ok;
        }
        return {};
      });
  if (!decoder) return {};  // whoever wants it fails when it is to be encoded
  while (PacketPtr packet = input.read()) {
    if (packet->stream_index != index) continue;
    measured_ = input.position();
    if (auto ok = decoder->decode(*packet); !ok) return ok;
  }
  if (auto ok = decoder->finish(); !ok) return ok;
  for (const Measured& each : list) {
    if (auto ok = each.meter->finish(); !ok) return ok;
    set_level(*each.sound, each.meter->found());
  }
  return {};
}

Result<std::vector<PacketPtr>> Transcode::encode_sound(Sound& sound, const AVFrame& frame,
                                                       Ticks at) {
  FramePtr piece = nullptr;
  const AVFrame* heard = &frame;
  if (!sound.span.is_whole()) {
    auto cut = cut_sound(frame, sound.span, at);
    if (!cut) return std::unexpected(cut.error());
    if (!*cut) return std::vector<PacketPtr>();
    piece = std::move(*cut);
    heard = piece.get();
  }
  if (!sound.level) return sound.encoder.encode(*heard, at);
  if (auto ok = sound.level->push(*heard, at); !ok) return std::unexpected(ok.error());
  return std::exchange(sound.ready, {});
}

Result<std::vector<PacketPtr>> Transcode::finish_encoding(Sound& sound) {
  if (sound.level) {
    if (auto ok = sound.level->finish(); !ok) return std::unexpected(ok.error());
  }
  std::vector<PacketPtr> packets = std::exchange(sound.ready, {});
  auto rest = sound.encoder.finish();
  if (!rest) return rest;
  std::ranges::move(*rest, std::back_inserter(packets));
  return packets;
}

}  // namespace telecine::media
