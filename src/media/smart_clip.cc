#include "media/smart_clip.h"

#include <algorithm>

namespace telecine::media {
namespace {

// Of compressed pictures; a larger group is encoded though it might have been copied.
constexpr std::size_t kMostHeld = 64 << 20;

BytesView bytes_of(const AVPacket& packet) {
  return {packet.data, static_cast<std::size_t>(packet.size)};
}

Status set_extradata(AVCodecParameters& codec, const Bytes& bytes) {
  av_freep(&codec.extradata);
  codec.extradata =
      static_cast<std::uint8_t*>(av_mallocz(bytes.size() + AV_INPUT_BUFFER_PADDING_SIZE));
  if (codec.extradata == nullptr) return fail(ErrorCode::kResourceLimit, "out of memory");
  std::ranges::copy(bytes, codec.extradata);
  codec.extradata_size = static_cast<int>(bytes.size());
  return {};
}

}  // namespace

SmartClip::SmartClip(const AVStream& stream, Ticks zero, Span span, int threads)
    : StreamCopy(stream, zero + span.start),
      file_zero_(zero),
      span_(span),
      threads_(threads),
      length_size_(length_size(*stream.codecpar)),
      usual_step_(usual_step_of(stream)),
      parameters_(avcodec_parameters_alloc()) {}

Result<std::unique_ptr<SmartClip>> SmartClip::open(const AVStream& stream, Ticks zero, Span span,
                                                   int threads) {
  auto encoder = CutEncoder::open(stream, threads);
  if (!encoder) return std::unexpected(encoder.error());
  auto sets = parameter_sets(*stream.codecpar);
  if (!sets) return std::unexpected(sets.error());
  sets->insert(sets->end(), encoder->parameter_sets().begin(), encoder->parameter_sets().end());
  std::unique_ptr<SmartClip> clip(new SmartClip(stream, zero, span, threads));
  if (!clip->parameters_ || avcodec_parameters_copy(clip->parameters_.get(), stream.codecpar) < 0) {
    return telecine::fail(ErrorCode::kResourceLimit, "out of memory");
  }
  if (auto ok = set_extradata(*clip->parameters_, *sets); !ok) return std::unexpected(ok.error());
  clip->spare_ = std::move(*encoder);
  return clip;
}

Ticks SmartClip::time_of(const AVPacket& packet) const {
  return to_ticks(packet.pts, stream().time_base) - file_zero_;
}

Ticks SmartClip::length_of(const AVPacket& packet) const {
  return packet.duration > 0 ? to_ticks(packet.duration, stream().time_base) : usual_step_;
}

void SmartClip::take(const AVPacket& packet) {
  if (is_done()) return;
  if (auto ok = take_picture(packet); !ok) StreamCopy::fail(ok.error());
}

Status SmartClip::take_picture(const AVPacket& packet) {
  if (packet.pts == AV_NOPTS_VALUE) {
    return telecine::fail(ErrorCode::kUnsupported,
                          "the source does not say when its pictures are shown; encode the stream");
  }
  const bool is_key = is_whole_start(packet, *stream().codecpar);
  if (group_.packets.empty() && !streams_ && !is_key) return {};
  if (is_key) {
    if (auto ok = close_group(true); !ok) return ok;
  }
  // No picture is decoded after it was to be shown: none of the span is still to come.
  const std::int64_t decoded = packet.dts != AV_NOPTS_VALUE ? packet.dts : packet.pts - delay_;
  if (to_ticks(decoded, stream().time_base) - file_zero_ >= span_.end) {
    over_ = true;
    return close_group(false);
  }
  show_progress(time_of(packet));
  if (streams_) return decoder_->decode(packet);
  group_.bytes += static_cast<std::size_t>(packet.size);
  group_.packets.push_back(share(packet));
  if (group_.bytes <= kMostHeld) return {};
  const Group held = std::move(group_);
  group_ = {};
  if (auto ok = encode(held, facts_of(held)); !ok) return ok;
  streams_ = true;
  return {};
}

SmartClip::Facts SmartClip::facts_of(const Group& group) const {
  const AVPacket& key = *group.packets.front();
  Facts facts;
  if (auto picture = with_start_codes(key, length_size_)) {
    facts.start = group_start(stream().codecpar->codec_id, bytes_of(**picture));
  }
  facts.key = facts.first = facts.last = time_of(key);
  facts.first_shown = facts.last_shown = length_of(key);
  for (const auto& packet : group.packets) {
    const Ticks at = time_of(*packet);
    if (at < facts.first) {
      facts.first = at;
      facts.first_shown = length_of(*packet);
    }
    if (at > facts.last) {
      facts.last = at;
      facts.last_shown = length_of(*packet);
    }
    if ((packet->flags & AV_PKT_FLAG_DISCARD) != 0) facts.is_hidden = true;
  }
  return facts;
}

Status SmartClip::close_group(bool is_whole) {
  if (streams_) {
    streams_ = false;
    return {};
  }
  if (group_.packets.empty()) return {};
  const Group group = std::exchange(group_, {});
  const Facts facts = facts_of(group);
  Status ok;
  if (is_whole && can_copy(facts)) {
    ok = copy(group, facts);
  } else if (!is_before(span_, facts.last, facts.last_shown) &&
             !is_behind(span_, facts.first, facts.first_shown)) {
    ok = encode(group, facts);
  }
  previous_ = {};
  for (const auto& packet : group.packets) previous_.packets.push_back(share(*packet));
  return ok;
}

bool SmartClip::can_copy(const Facts& facts) const {
  if (facts.is_hidden || facts.last >= span_.end) return false;
  if (is_behind(span_, facts.last, facts.last_shown)) return false;
  if (copies_) return true;
  if (facts.start == GroupStart::kNone) return false;
  const bool sheds_leading = facts.start == GroupStart::kOpen && facts.first < facts.key;
  return sheds_leading ? facts.key >= span_.start
                       : !is_before(span_, facts.first, facts.first_shown);
}

Status SmartClip::copy(const Group& group, const Facts& facts) {
  const bool joins = !copies_ && facts.start == GroupStart::kOpen;
  if (joins) {
    if (auto ok = encode_leading(group, facts); !ok) return ok;
  }
  if (auto ok = end_encoding(); !ok) return ok;
  for (const auto& packet : group.packets) {
    const Ticks at = time_of(*packet);
    if (joins && at < facts.key) continue;
    auto own = with_start_codes(*packet, length_size_);
    if (!own) return std::unexpected(own.error());
    if (joins && packet == group.packets.front()) {
      Bytes picture((*own)->data, (*own)->data + (*own)->size);
      make_closed(picture);
      if (av_packet_make_writable(own->get()) < 0) {
        return telecine::fail(ErrorCode::kResourceLimit, "out of memory");
      }
      std::ranges::copy(picture, (*own)->data);
    }
    seen_ = std::max(seen_, at + length_of(*packet));
    AVPacket& p = **own;
    p.pts -= zero();
    if (p.dts != AV_NOPTS_VALUE) p.dts -= zero();
    const bool is_first = joins ? at == facts.key : at == facts.first;
    const bool begins = !held_ && packets() == 0;
    if (begins) delay_ = p.dts == AV_NOPTS_VALUE ? 0 : std::max<std::int64_t>(0, p.pts - p.dts);
    // The first picture of all is shown from 0 on.
    if (is_first && at < span_.start) p.pts = 0;
    copied_any_ = true;
    emit(std::move(*own));
  }
  copies_ = true;
  return {};
}

// The pictures before the first one of an open group, which are not copied when what they refer to
// is not.
Status SmartClip::encode_leading(const Group& group, const Facts& facts) {
  const bool wants_any = std::ranges::any_of(group.packets, [&](const auto& packet) {
    const Ticks at = time_of(*packet);
    return at < facts.key && !is_before(span_, at, length_of(*packet));
  });
  if (!wants_any) return {};
  if (auto ok = begin_encoding(group, facts); !ok) return ok;
  until_ = facts.key;
  for (const auto& packet : group.packets) {
    if (time_of(*packet) > facts.key) break;
    if (auto ok = decoder_->decode(*packet); !ok) return ok;
  }
  return {};
}

Status SmartClip::encode(const Group& group, const Facts& facts) {
  if (auto ok = begin_encoding(group, facts); !ok) return ok;
  copies_ = false;
  for (const auto& packet : group.packets) {
    if (auto ok = decoder_->decode(*packet); !ok) return ok;
  }
  return {};
}

Status SmartClip::begin_encoding(const Group& group, const Facts& facts) {
  if (decoder_) return {};
  auto decoder = VideoDecoder::open(stream(), threads_, file_zero_, [this](FramePtr frame) {
    return on_picture(std::move(frame));
  });
  if (!decoder) return std::unexpected(decoder.error());
  decoder_ = std::move(*decoder);
  if (spare_) {
    encoder_ = std::move(*spare_);
    spare_.reset();
  } else {
    auto encoder = CutEncoder::open(stream(), threads_);
    if (!encoder) return std::unexpected(encoder.error());
    encoder_ = std::move(*encoder);
  }
  cut_start_ = std::max(span_.start, facts.first);
  cut_.emplace(Span{cut_start_, span_.end});
  until_ = kForever;
  const AVPacket& key = *group.packets.front();
  delay_ = key.dts == AV_NOPTS_VALUE ? 0 : std::max<std::int64_t>(0, key.pts - key.dts);
  if (facts.first >= facts.key) return {};
  for (const auto& packet : previous_.packets) {
    if (auto ok = decoder_->decode(*packet); !ok) return ok;
  }
  return {};
}

Status SmartClip::end_encoding() {
  if (!decoder_) return {};
  if (auto ok = decoder_->finish(); !ok) return ok;
  if (auto ok = encode_pictures(cut_->finish()); !ok) return ok;
  const DecodeTally tally = decoder_->tally();
  seen_ = std::max(seen_, cut_start_ + cut_->reached());
  decoder_.reset();
  auto rest = encoder_->finish();
  encoder_.reset();
  cut_.reset();
  if (!rest) return std::unexpected(rest.error());
  emit_encoded(std::move(*rest));
  if (tally.frames > 0) return {};
  return telecine::fail(ErrorCode::kDecodeFailed,
                        "no picture at the cut could be decoded (" + tally.trouble() + ")");
}

Status SmartClip::on_picture(FramePtr frame) {
  const AVCodecParameters& codec = *stream().codecpar;
  // The encoder takes pictures as the stream's parameters say they are, and looks no further.
  if (frame->width != codec.width || frame->height != codec.height ||
      frame->format != codec.format) {
    return telecine::fail(ErrorCode::kUnsupported,
                          "the pictures change their size or format on the way; encode the stream");
  }
  if (frame->pts >= until_) return {};
  return encode_pictures(cut_->take(std::move(frame)));
}

Status SmartClip::encode_pictures(std::vector<FramePtr> frames) {
  const AVRational base = stream().time_base;
  for (auto& frame : frames) {
    frame->pts = av_rescale_q(frame->pts + cut_start_ + file_zero_, kTicks, base) - zero();
    frame->pkt_duration =
        std::max<std::int64_t>(1, av_rescale_q(frame->pkt_duration, kTicks, base));
    auto packets = encoder_->encode(std::move(frame));
    if (!packets) return std::unexpected(packets.error());
    emit_encoded(std::move(*packets));
  }
  return {};
}

void SmartClip::emit_encoded(std::vector<PacketPtr> packets) {
  // None of these is shown out of its order. Decoded no earlier than the first of all, the last one
  // leaves the track as long as it is shown.
  const std::int64_t delay = first_dts_ ? std::min(delay_, first_pts_ - *first_dts_) : delay_;
  for (auto& packet : packets) {
    packet->dts = packet->pts - delay;
    packet->duration = av_rescale_q(usual_step_, kTicks, stream().time_base);
    emit(std::move(packet));
  }
}

// What was shown late after decoding in the source is so here, and the order of decoding times
// holds across the seams.
void SmartClip::emit(PacketPtr packet) {
  if (packet->dts == AV_NOPTS_VALUE) packet->dts = packet->pts - delay_;
  packet->dts = std::min(packet->dts, packet->pts);
  if (last_dts_) packet->dts = std::max(packet->dts, *last_dts_ + 1);
  packet->pts = std::max(packet->pts, packet->dts);
  last_dts_ = packet->dts;
  if (!first_dts_) first_dts_ = packet->dts;
  first_pts_ = held_ || packets() > 0 ? std::min(first_pts_, packet->pts) : packet->pts;
  packet->pos = -1;
  if (held_) {
    const std::int64_t length = held_->duration;
    send(std::move(held_), length);
  }
  held_ = std::move(packet);
}

void SmartClip::finish() {
  if (!wanted()) return;
  Status ok = close_group(true);
  if (ok) ok = end_encoding();
  if (!ok) return StreamCopy::fail(ok.error());
  if (!held_) {
    return StreamCopy::fail(
        {ErrorCode::kDecodeFailed, "the part of the stream to copy has no picture", {}});
  }
  end_all_at(std::min(seen_, span_.end));
}

// A track's length is counted from its first decoding time to the end of the last packet in
// decoding order, which is seldom the last picture: it gets what makes the whole come right.
void SmartClip::end_all_at(Ticks end) {
  const std::int64_t over = av_rescale_q(end + file_zero_, kTicks, stream().time_base) - zero();
  const std::int64_t rest = (over - first_pts_) - (held_->dts - *first_dts_);
  held_->duration = std::clamp<std::int64_t>(rest, 1, std::max<std::int64_t>(1, over - held_->pts));
  const std::int64_t length = held_->duration;
  send(std::move(held_), length);
  end_all();
}

}  // namespace telecine::media
