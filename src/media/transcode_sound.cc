// How a transcode makes what takes sound, from the decoders to the encoders.

#include <algorithm>
#include <cmath>

#include "media/loudness.h"
#include "media/transcode.h"

namespace telecine::media {

namespace {

bool is_level(const std::optional<Levelling>& levelling) {
  constexpr double kNear = 0.5;  // dB
  return !levelling || !levelling->limits || std::abs(levelling->change) < kNear;
}

}  // namespace

void Transcode::open_sounds(const Plan& plan) {
  for (const auto& planned : plan.audio) {
    const AudioFacts& facts = *heard_[planned.source]->source.facts;
    auto encoder = AudioEncoder::open(planned.options, facts.sample_rate, facts.channels);
    sound_errors_.push_back(encoder ? std::nullopt : std::optional(encoder.error()));
    sounds_.push_back(nullptr);
    if (!encoder) continue;
    sounds_.back() = std::make_unique<Sound>(
        Sound{std::move(*encoder), planned.source, span_of(planned.part), planned.options});
    if (!planned.options.loudness) set_level(*sounds_.back());
  }
}

void Transcode::set_level(Sound& sound) {
  const std::string filters = filters_of(sound);
  if (filters.empty()) return;
  sound.level =
      std::make_unique<FilterChain>(filters, [&sound](const AVFrame& frame, Ticks at) -> Status {
        auto packets = sound.encoder.encode(frame, at);
        if (!packets) return std::unexpected(packets.error());
        std::ranges::move(*packets, std::back_inserter(sound.ready));
        return {};
      });
}

std::string Transcode::filters_of(const Sound& sound) {
  return level_filters(sound.options, sound.encoder.parameters().ch_layout, sound.levelling);
}

// Loudness is of the whole: sounds that are to have one are heard once before, and those whose
// peaks have to be held again, as that costs some of it, until it comes near.
Status Transcode::measure_loudness() {
  for (std::size_t place = 0; place < heard_.size(); ++place) {
    std::vector<Sound*> wanted;
    for (auto& sound : sounds_) {
      if (sound && sound->source == place && sound->options.loudness) {
        wanted.push_back(sound.get());
      }
    }
    constexpr int kMostTimes = 4;
    for (int times = 0; times < kMostTimes && !wanted.empty(); ++times) {
      if (auto ok = measure_sounds(place, wanted); !ok) return ok;
      std::erase_if(wanted, [](const Sound* sound) { return is_level(sound->levelling); });
    }
  }
  for (auto& sound : sounds_) {
    if (sound && sound->options.loudness) set_level(*sound);
  }
  return {};
}

// Sets how each is to be levelled; of one that is levelled already, how much more.
Status Transcode::measure_sounds(std::size_t place, const std::vector<Sound*>& sounds) {
  auto input = Input::open(input_.fd());
  if (!input) return std::unexpected(input.error());
  std::vector<std::unique_ptr<LoudnessMeter>> meters;
  for (const Sound* sound : sounds) {
    meters.push_back(std::make_unique<LoudnessMeter>(filters_of(*sound)));
  }
  const int index = heard_[place]->source.stream->index;
  for (unsigned i = 0; i < input->format().nb_streams; ++i) {
    if (static_cast<int>(i) != index) input->stream(static_cast<int>(i)).discard = AVDISCARD_ALL;
  }
  auto decoder = AudioDecoder::open(input->stream(index), zero_,
                                    [&](const AVFrame& frame, Ticks at) -> Status {
                                      for (std::size_t i = 0; i < sounds.size(); ++i) {
                                        Ticks from = at;
                                        auto piece = cut_sound(frame, sounds[i]->span, from);
                                        if (!piece) return std::unexpected(piece.error());
                                        if (!*piece) continue;
                                        if (auto ok = meters[i]->push(**piece, from); !ok)
                                          return ok;
                                      }
                                      return {};
                                    });
  if (!decoder) return {};  // whoever wants it fails when it is to be encoded
  ClockLeaps clocks(input->format());
  while (PacketPtr packet = input->read()) {
    if (packet->stream_index != index) continue;
    clocks.follow(*packet);
    measured_ = input->position();
    if (auto ok = decoder->decode(*packet); !ok) return ok;
  }
  if (auto ok = decoder->finish(); !ok) return ok;
  for (std::size_t i = 0; i < sounds.size(); ++i) {
    if (auto ok = meters[i]->finish(); !ok) return ok;
    const auto found = meters[i]->found();
    if (!found) continue;
    const Levelling more = levelling_for(*sounds[i]->options.loudness, *found);
    auto& levelling = sounds[i]->levelling;
    if (levelling) {
      levelling->factor += more.factor;
      levelling->change = more.factor;
    } else {
      levelling = more;
    }
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
