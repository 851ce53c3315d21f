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
  auto muxer = FileMuxer::create(files, kJoinedName, kJoinedContainer, Layout::kWhole);
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
  return muxer_->start();
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

Result<Ticks> JoinedFile::add(Input& input, const PieceStreams& streams, Ticks from) {
  const Ticks zero = start_of(streams);
  Ticks end = from;
  while (PacketPtr packet = input.read()) {
    const Track* track = track_of(*packet, streams);
    if (track == nullptr) continue;
    const std::int64_t shift = av_rescale_q(from - zero, kTicks, track->base);
    av_packet_rescale_ts(packet.get(), input.stream(packet->stream_index).time_base, track->base);
    if (packet->pts == AV_NOPTS_VALUE) packet->pts = packet->dts;
    if (packet->pts == AV_NOPTS_VALUE) continue;
    packet->pts += shift;
    packet->dts = packet->dts == AV_NOPTS_VALUE ? packet->pts : packet->dts + shift;
    const std::int64_t shown = std::max<std::int64_t>(0, packet->duration);
    end = std::max(end, to_ticks(packet->pts + shown, track->base));
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
