#include "media/joined_file.h"

#include <algorithm>

#include "media/clock.h"
#include "media/encode.h"
#include "media/span.h"

namespace telecine::media {
namespace {

/// Where the first of the used streams begins.
Ticks start_of(const PieceStreams& streams) {
  Ticks start = kForever;
  for (const AVStream* stream : {streams.video, streams.audio}) {
    if (stream == nullptr) continue;
    const std::int64_t first = stream->start_time == AV_NOPTS_VALUE ? 0 : stream->start_time;
    start = std::min(start, to_ticks(first, stream->time_base));
  }
  return start;
}

/// How long a packet's picture or sound lasts that does not say so.
std::int64_t usual_length(const AVStream& stream, AVRational base) {
  const AVRational rate = stream.avg_frame_rate;
  if (rate.num <= 0 || rate.den <= 0) return 1;
  return std::max<std::int64_t>(1, av_rescale_q(1, av_inv_q(rate), base));
}

/// A packet behind parameter sets.
PacketPtr with_sets(const AVPacket& packet, const Bytes& sets) {
  PacketPtr made = make_packet();
  const auto more = static_cast<int>(sets.size());
  if (av_new_packet(made.get(), more + packet.size) < 0 ||
      av_packet_copy_props(made.get(), &packet) < 0) {
    throw std::bad_alloc();
  }
  std::ranges::copy(sets, made->data);
  std::copy_n(packet.data, packet.size, made->data + more);
  return made;
}

Result<FramePtr> second_of_silence() {
  FramePtr frame = make_frame();
  frame->format = AV_SAMPLE_FMT_S16;
  frame->sample_rate = JoinedFile::kRate;
  frame->nb_samples = JoinedFile::kRate;
  av_channel_layout_default(&frame->ch_layout, 2);
  if (av_frame_get_buffer(frame.get(), 0) < 0) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
  av_samples_set_silence(frame->extended_data, 0, frame->nb_samples, 2, AV_SAMPLE_FMT_S16);
  return frame;
}

}  // namespace

Result<std::unique_ptr<JoinedFile>> JoinedFile::create(OutputFiles& files) {
  auto muxer = FileMuxer::create(files, kJoinedName, kJoinedContainer, Layout::kBehind);
  if (!muxer) return std::unexpected(muxer.error());
  return std::unique_ptr<JoinedFile>(new JoinedFile(std::move(*muxer)));
}

Result<JoinedFile::Track> JoinedFile::add_track(const AVStream& stream) {
  const auto number = muxer_->add_track(
      {*stream.codecpar, stream.time_base, stream.avg_frame_rate, &stream, nullptr});
  if (!number) return std::unexpected(number.error());
  return Track{*number, stream.time_base};
}

Status JoinedFile::start(const AVStream* video, const AVStream* audio) {
  for (auto [stream, track] : {std::pair(video, &video_), std::pair(audio, &audio_)}) {
    if (stream == nullptr) continue;
    auto added = add_track(*stream);
    if (!added) return std::unexpected(added.error());
    *track = *added;
  }
  if (video != nullptr) {
    const AVCodecParameters& codec = *video->codecpar;
    setup_.assign(codec.extradata, codec.extradata + codec.extradata_size);
  }
  return muxer_->start();
}

/// The parameter sets of a piece whose pictures were encoded by others than the track's, as its
/// packets hold units: encoders choose some of them by the rate of the pictures.
Bytes JoinedFile::own_sets(const AVStream& stream) const {
  const AVCodecParameters& codec = *stream.codecpar;
  const BytesView setup(codec.extradata, static_cast<std::size_t>(codec.extradata_size));
  constexpr int kLengthBytes = 4;
  if (std::ranges::equal(setup, setup_) || codec.codec_id != AV_CODEC_ID_H264 ||
      length_size(codec) != kLengthBytes) {
    return {};
  }
  const auto sets = parameter_sets(codec);
  if (!sets) return {};
  Bytes out;
  for (const BytesView unit : nal_units(*sets)) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      out.push_back(static_cast<std::uint8_t>(unit.size() >> shift));
    }
    out.insert(out.end(), unit.begin(), unit.end());
  }
  return out;
}

const JoinedFile::Track* JoinedFile::track_of(const AVPacket& packet,
                                              const PieceStreams& streams) const {
  const auto is_of = [&](const AVStream* stream) {
    return stream != nullptr && stream->index == packet.stream_index;
  };
  if (is_of(streams.video) && video_) return &*video_;
  // A run-up to what is heard: the piece before is there now.
  const bool is_heard = (packet.flags & AV_PKT_FLAG_DISCARD) == 0;
  return is_of(streams.audio) && audio_ && is_heard ? &*audio_ : nullptr;
}

/// A piece's pictures are decoded before they are shown by what their rate makes of the encoder's
/// delay: at a slow one long before, into the piece before.
void JoinedFile::order(AVPacket& picture, Ticks from) {
  constexpr Ticks kMostDelay = kTicksPerSecond / 5;
  const std::int64_t first = av_rescale_q(from - kMostDelay, kTicks, video_->base);
  const std::int64_t least = std::max(first, last_dts_ ? *last_dts_ + 1 : first);
  picture.dts = std::min(std::max(picture.dts, least), std::max(picture.pts, least));
  last_dts_ = picture.dts;
}

Result<Ticks> JoinedFile::add(Input& input, const PieceStreams& streams, Ticks from,
                              const std::function<void(double)>& tell) {
  constexpr int kNowAndThen = 512;  // packets
  const Bytes sets = streams.video == nullptr ? Bytes() : own_sets(*streams.video);
  const Ticks zero = start_of(streams);
  Ticks end = from;
  int passed = 0;
  while (PacketPtr packet = input.read()) {
    if (tell && ++passed % kNowAndThen == 0) tell(input.position());
    const Track* track = track_of(*packet, streams);
    if (track == nullptr) continue;
    const std::int64_t shift = av_rescale_q(from - zero, kTicks, track->base);
    const AVStream& stream = input.stream(packet->stream_index);
    av_packet_rescale_ts(packet.get(), stream.time_base, track->base);
    if (packet->pts == AV_NOPTS_VALUE) packet->pts = packet->dts;
    if (packet->pts == AV_NOPTS_VALUE) continue;
    packet->pts += shift;
    packet->dts = packet->dts == AV_NOPTS_VALUE ? packet->pts : packet->dts + shift;
    // Muxers would take it from the track's rate, which is the first piece's.
    if (packet->duration <= 0) packet->duration = usual_length(stream, track->base);
    end = std::max(end, to_ticks(packet->pts + packet->duration, track->base));
    const bool is_picture = video_ && track == &*video_;
    if (is_picture) order(*packet, from);
    const bool begins = is_picture && (packet->flags & AV_PKT_FLAG_KEY) != 0;
    if (begins && !sets.empty()) packet = with_sets(*packet, sets);
    if (auto ok = muxer_->write(track->number, std::move(packet)); !ok) {
      return std::unexpected(ok.error());
    }
  }
  return end;
}

Status JoinedFile::add_silence(Ticks from, Ticks length) {
  AudioOptions options;
  options.codec = AudioCodec::kFlac;
  options.sample_rate = kRate;
  options.channels = 2;
  auto encoder = AudioEncoder::open(options, kRate, 2);
  if (!encoder) return std::unexpected(encoder.error());
  auto frame = second_of_silence();
  if (!frame) return std::unexpected(frame.error());
  const std::int64_t shift = av_rescale_q(from, kTicks, audio_->base);
  const auto send = [&](Result<std::vector<PacketPtr>> packets) -> Status {
    if (!packets) return std::unexpected(packets.error());
    for (auto& packet : *packets) {
      av_packet_rescale_ts(packet.get(), {1, kRate}, audio_->base);
      packet->pts += shift;
      packet->dts += shift;
      if (auto ok = muxer_->write(audio_->number, std::move(packet)); !ok) return ok;
    }
    return {};
  };
  for (Ticks at = 0; at < length; at += kTicksPerSecond) {
    const Ticks left = std::min<Ticks>(kTicksPerSecond, length - at);
    (*frame)->nb_samples = std::max(1, static_cast<int>(av_rescale(left, kRate, kTicksPerSecond)));
    if (auto ok = send(encoder->encode(**frame, at)); !ok) return ok;
  }
  return send(encoder->finish());
}

}  // namespace telecine::media
