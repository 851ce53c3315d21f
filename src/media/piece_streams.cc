#include "media/piece_streams.h"

#include <algorithm>

#include "media/plan_pictures.h"
#include "media/probe.h"
#include "media/tone_map.h"

namespace telecine::media {
namespace {

bool same_setup(const AVCodecParameters& a, const AVCodecParameters& b) {
  return a.codec_id == b.codec_id && a.format == b.format && a.field_order == b.field_order &&
         a.extradata_size == b.extradata_size &&
         std::equal(a.extradata, a.extradata + a.extradata_size, b.extradata);
}

}  // namespace

PieceStreams streams_of(Input& input) {
  PieceStreams streams;
  const MediaFacts facts = probe(input);
  if (const VideoFacts* video = facts.main_video(); video != nullptr && video->width > 0) {
    streams.video = &input.stream(video->index);
    streams.facts = *video;
  }
  if (const AudioFacts* audio = facts.main_audio(); audio != nullptr && audio->sample_rate > 0) {
    streams.audio = &input.stream(audio->index);
  }
  return streams;
}

Result<OpenPiece> open_piece(int fd) {
  auto input = Input::open(fd);
  if (!input) return std::unexpected(input.error());
  OpenPiece piece{std::make_shared<Input>(std::move(*input)), {}};
  piece.streams = streams_of(*piece.input);
  return piece;
}

std::string name_of_piece(std::size_t piece) {
  return "inputs[" + std::to_string(piece) + "]";
}

Error in_piece(Error error, std::size_t piece) {
  const std::string name = name_of_piece(piece);
  error.message = name + ": " + error.message;
  if (error.field.empty()) error.field = name;
  return error;
}

bool same_pictures(const PieceStreams& a, const PieceStreams& b) {
  if (a.video == nullptr || b.video == nullptr) return a.video == b.video;
  return same_setup(*a.video->codecpar, *b.video->codecpar) && a.facts.width == b.facts.width &&
         a.facts.height == b.facts.height && a.facts.rotation == b.facts.rotation &&
         a.facts.mirrored == b.facts.mirrored;
}

bool same_sound(const PieceStreams& a, const PieceStreams& b) {
  if (a.audio == nullptr || b.audio == nullptr) return a.audio == b.audio;
  const AVCodecParameters& left = *a.audio->codecpar;
  const AVCodecParameters& right = *b.audio->codecpar;
  return same_setup(left, right) && left.sample_rate == right.sample_rate &&
         left.ch_layout.nb_channels == right.ch_layout.nb_channels;
}

Look look_of(const PieceStreams& piece) {
  return {source_colours(*piece.video), piece.facts.bit_depth};
}

void set_common_look(VideoOptions& video, const std::vector<Look>& looks) {
  const Look& first = looks.front();
  const auto is_deep = [](const Look& look) { return look.depth >= 10; };
  const auto is_same = [&](const Look& look) { return look.colours == first.colours; };
  video.pixel_depth = std::ranges::all_of(looks, is_deep) ? 10 : 8;
  const bool keeps = std::ranges::all_of(looks, is_same) &&
                     (video.pixel_depth == 10 || !is_hdr(first.colours.transfer));
  video.colour_space = keeps ? ColourSpace::kKeep : ColourSpace::kBt709;
}

}  // namespace telecine::media
