#include "media/mux.h"

#include <algorithm>

namespace telecine::media {
namespace {

Error mux_error(int code) {
  return av_error(code, "the output could not be written", ErrorCode::kInternal);
}

}  // namespace

Result<MuxContext> MuxContext::make(const char* muxer, AVIOContext* io) {
  AVFormatContext* raw = nullptr;
  const int code = avformat_alloc_output_context2(&raw, nullptr, muxer, nullptr);
  if (code < 0) return std::unexpected(mux_error(code));
  MuxContext context;
  context.format.reset(raw);
  raw->pb = io;
  raw->flags |= AVFMT_FLAG_CUSTOM_IO;
  return context;
}

Result<int> MuxContext::add_track(const TrackFormat& track) {
  AVStream* stream = avformat_new_stream(format.get(), nullptr);
  if (stream == nullptr || avcodec_parameters_copy(stream->codecpar, &track.codec) < 0) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
  // Apple's players want the headers of H.265 out of band, which "hvc1" promises.
  const bool is_h265 = track.codec.codec_id == AV_CODEC_ID_HEVC;
  stream->codecpar->codec_tag = is_h265 ? MKTAG('h', 'v', 'c', '1') : 0;
  stream->time_base = track.time_base;
  if (track.frame_rate.num > 0) {
    stream->avg_frame_rate = track.frame_rate;
    stream->sample_aspect_ratio = {1, 1};
  }
  time_bases.push_back(track.time_base);
  return stream->index;
}

Status MuxContext::write(int track, PacketPtr packet, bool interleave) {
  packet->stream_index = track;
  av_packet_rescale_ts(packet.get(), time_bases[static_cast<std::size_t>(track)],
                       format->streams[track]->time_base);
  const int code = interleave ? av_interleaved_write_frame(format.get(), packet.get())
                              : av_write_frame(format.get(), packet.get());
  if (code < 0) return std::unexpected(mux_error(code));
  return {};
}

FileMuxer::FileMuxer(Fd fd) : fd_(std::move(fd)), io_(fd_.get()) {}

FileMuxer::~FileMuxer() {
  context_.format.reset();
}

Result<std::unique_ptr<FileMuxer>> FileMuxer::create(OutputFiles& files, const std::string& name,
                                                     Container container) {
  auto fd = files.create(name);
  if (!fd) return std::unexpected(fd.error());
  std::unique_ptr<FileMuxer> muxer(new FileMuxer(std::move(*fd)));
  auto context = MuxContext::make(entry_of(container).muxer, muxer->io_.get());
  if (!context) return std::unexpected(context.error());
  muxer->context_ = std::move(*context);
  AVFormatContext& format = *muxer->context_.format;
  format.opaque = muxer.get();
  format.io_open = open_again;
  format.io_close2 = close_again;
  return muxer;
}

int FileMuxer::open_again(AVFormatContext* format, AVIOContext** io, const char*, int flags,
                          AVDictionary**) {
  if ((flags & AVIO_FLAG_WRITE) != 0) return AVERROR(EPERM);
  auto& self = *static_cast<FileMuxer*>(format->opaque);
  self.readers_.push_back(std::make_unique<ReadIo>(self.fd_.get()));
  *io = self.readers_.back()->get();
  return 0;
}

int FileMuxer::close_again(AVFormatContext* format, AVIOContext* io) {
  auto& self = *static_cast<FileMuxer*>(format->opaque);
  std::erase_if(self.readers_, [&](const auto& reader) { return reader->get() == io; });
  return 0;
}

Result<int> FileMuxer::add_track(const TrackFormat& format) {
  return context_.add_track(format);
}

void FileMuxer::tag(const char* key, const std::string& value) {
  av_dict_set(&context_.format->metadata, key, value.c_str(), 0);
}

Status FileMuxer::start() {
  Dictionary options;
  // Each muxer takes what is its own. All put what players want first in front: the index of
  // MP4 and M4A, the keyframes of FLV.
  options.set("movflags", "+faststart+write_colr");
  options.set("flvflags", "+add_keyframe_index");
  if (const int code = avformat_write_header(context_.format.get(), options.address()); code < 0) {
    return std::unexpected(mux_error(code));
  }
  return {};
}

Status FileMuxer::write(int track, PacketPtr packet) {
  const std::lock_guard lock(mutex_);
  return context_.write(track, std::move(packet), true);
}

Status FileMuxer::finish() {
  const std::lock_guard lock(mutex_);
  if (const int code = av_write_trailer(context_.format.get()); code < 0) {
    return std::unexpected(mux_error(code));
  }
  return io_.flush();
}

}  // namespace telecine::media
