#include "media/mux.h"

#include <algorithm>
#include <cstring>

#include "media/hevc_in_flv.h"

namespace telecine::media {
namespace {

Error mux_error(int code) {
  // All that was handed over is of this program's making but its times.
  if (code == AVERROR(EINVAL) || code == AVERROR(ERANGE)) {
    return av_error(code, "the container cannot hold the source's times", ErrorCode::kUnsupported);
  }
  return av_error(code, "the output could not be written", ErrorCode::kInternal);
}

Status keep_hevc_in_flv(AVFormatContext& format, AVCodecParameters& codec) {
  auto record = hevc_record(codec);
  if (!record) return std::unexpected(record.error());
  av_freep(static_cast<void*>(&codec.extradata));
  codec.extradata_size = 0;
  auto* copy =
      static_cast<std::uint8_t*>(av_mallocz(record->size() + AV_INPUT_BUFFER_PADDING_SIZE));
  if (copy == nullptr) return fail(ErrorCode::kResourceLimit, "out of memory");
  std::ranges::copy(*record, copy);
  codec.extradata = copy;
  codec.extradata_size = static_cast<int>(record->size());
  codec.codec_id = AV_CODEC_ID_H264;
  codec.codec_tag = kFlvHevcNumber;
  format.strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
  return {};
}

void take_name(AVStream& stream, const AVStream& source) {
  stream.disposition = source.disposition;
  for (const char* key : {"language", "title"}) {
    const auto* entry = av_dict_get(source.metadata, key, nullptr, 0);
    if (entry != nullptr) av_dict_set(&stream.metadata, key, entry->value, 0);
  }
}

// Rotation, HDR metadata and the like. The bit rate the source was made for is not the muxer's.
Status take_over(AVStream& stream, const AVStream& source) {
  for (int i = 0; i < source.nb_side_data; ++i) {
    const AVPacketSideData& data = source.side_data[i];
    if (data.type == AV_PKT_DATA_CPB_PROPERTIES) continue;
    std::uint8_t* copy = av_stream_new_side_data(&stream, data.type, data.size);
    if (copy == nullptr) return fail(ErrorCode::kResourceLimit, "out of memory");
    std::copy_n(data.data, data.size, copy);
  }
  stream.avg_frame_rate = source.avg_frame_rate;
  // The container's word counts, and muxers refuse two that differ.
  if (source.sample_aspect_ratio.num > 0) {
    stream.sample_aspect_ratio = source.sample_aspect_ratio;
    stream.codecpar->sample_aspect_ratio = source.sample_aspect_ratio;
  }
  return {};
}

Status add_side_data(AVStream& stream, AVPacketSideDataType type, const auto& value) {
  std::uint8_t* copy = av_stream_new_side_data(&stream, type, sizeof value);
  if (copy == nullptr) return fail(ErrorCode::kResourceLimit, "out of memory");
  std::memcpy(copy, &value, sizeof value);
  return {};
}

Status add_light(AVStream& stream, const HdrLight& light) {
  Status ok;
  if (light.display) {
    ok = add_side_data(stream, AV_PKT_DATA_MASTERING_DISPLAY_METADATA, *light.display);
  }
  if (ok && light.content) {
    ok = add_side_data(stream, AV_PKT_DATA_CONTENT_LIGHT_LEVEL, *light.content);
  }
  return ok;
}

// A piece begins with a keyframe, as far as there are pictures. The header waits for the first
// packets, so that it can carry the edit lists.
void set_fragments(Dictionary& options, const AVFormatContext& format) {
  constexpr std::int64_t kPiece = 2'000'000;  // us
  options.set("movflags", "+frag_keyframe+global_sidx+delay_moov+default_base_moof+write_colr");
  options.set("use_editlist", 1);
  bool has_pictures = false;
  for (unsigned i = 0; i < format.nb_streams; ++i) {
    has_pictures |= format.streams[i]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
  }
  options.set(has_pictures ? "min_frag_duration" : "frag_duration", kPiece);
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
  if (is_h265 && std::string_view(format->oformat->name) == "flv") {
    if (auto ok = keep_hevc_in_flv(*format, *stream->codecpar); !ok) {
      return std::unexpected(ok.error());
    }
    renumbers = true;
    const bool has_lengths = track.codec.extradata_size > 0 && track.codec.extradata[0] == 1;
    if (!has_lengths) lengths_track = stream->index;
  }
  // A part of the standard by now, but not yet when libavformat 59 was made.
  if (track.codec.codec_id == AV_CODEC_ID_FLAC) {
    format->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
  }
  stream->time_base = track.time_base;
  if (track.source != nullptr) {
    copies = true;
    if (auto ok = take_over(*stream, *track.source); !ok) return std::unexpected(ok.error());
  } else if (track.frame_rate.num > 0) {
    stream->avg_frame_rate = track.frame_rate;
    stream->sample_aspect_ratio = {1, 1};
  }
  if (track.light != nullptr) {
    if (auto ok = add_light(*stream, *track.light); !ok) return std::unexpected(ok.error());
  }
  const AVStream* named = track.source != nullptr ? track.source : track.named;
  if (named != nullptr) take_name(*stream, *named);
  time_bases.push_back(track.time_base);
  last_dts.push_back(INT64_MIN);
  return stream->index;
}

Status MuxContext::write(int track, PacketPtr packet, bool interleave) {
  if (track == lengths_track) {
    auto changed = with_lengths(std::move(packet));
    if (!changed) return std::unexpected(changed.error());
    packet = std::move(*changed);
  }
  packet->stream_index = track;
  av_packet_rescale_ts(packet.get(), time_bases[static_cast<std::size_t>(track)],
                       format->streams[track]->time_base);
  // Two times of the source may be one in a coarser base, which muxers refuse.
  std::int64_t& last = last_dts[static_cast<std::size_t>(track)];
  if (packet->dts != AV_NOPTS_VALUE) {
    if (packet->dts <= last) packet->dts = last + 1;
    packet->pts = std::max(packet->pts, packet->dts);
    last = packet->dts;
  }
  const int code = interleave ? av_interleaved_write_frame(format.get(), packet.get())
                              : av_write_frame(format.get(), packet.get());
  if (code < 0) return std::unexpected(refusal(code));
  return {};
}

Error MuxContext::refusal(int code) const {
  if (!copies) return mux_error(code);
  return av_error(code, "the copied stream does not fit the container", ErrorCode::kUnsupported);
}

FileMuxer::FileMuxer(Fd fd) : fd_(std::move(fd)), io_(fd_.get()) {}

FileMuxer::~FileMuxer() {
  context_.format.reset();
}

Result<std::unique_ptr<FileMuxer>> FileMuxer::create(OutputFiles& files, const std::string& name,
                                                     Container container, Layout layout) {
  auto fd = files.create(name);
  if (!fd) return std::unexpected(fd.error());
  std::unique_ptr<FileMuxer> muxer(new FileMuxer(std::move(*fd)));
  muxer->layout_ = layout;
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

void FileMuxer::set_chapters(const std::vector<ChapterFacts>& chapters) {
  AVFormatContext& format = *context_.format;
  const std::string_view muxer = format.oformat->name;
  if (muxer != "mp4" && muxer != "matroska") return;
  for (const ChapterFacts& chapter : chapters) {
    auto* made = static_cast<AVChapter*>(av_mallocz(sizeof(AVChapter)));
    if (made == nullptr) return;
    made->id = format.nb_chapters;
    made->time_base = kMilliseconds;
    made->start = chapter.start;
    made->end = chapter.end;
    av_dict_set(&made->metadata, "title", chapter.title.c_str(), 0);
    int count = static_cast<int>(format.nb_chapters);
    av_dynarray_add(static_cast<void*>(&format.chapters), &count, made);
    format.nb_chapters = static_cast<unsigned>(count);
    if (count == 0) return;  // out of memory: libav has let go of all
  }
}

Status FileMuxer::start() {
  Dictionary options;
  // Each muxer takes what is its own. All put what players want first in front: the index of
  // MP4 and M4A, the keyframes of FLV.
  if (layout_ == Layout::kFragmented) {
    set_fragments(options, *context_.format);
  } else {
    options.set("movflags", layout_ == Layout::kBehind ? "+write_colr" : "+faststart+write_colr");
  }
  options.set("flvflags", "+add_keyframe_index");
  options.set("loop", 0);  // moving pictures: for ever
  if (const int code = avformat_write_header(context_.format.get(), options.address()); code < 0) {
    return std::unexpected(context_.refusal(code));
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
  if (auto ok = io_.flush(); !ok) return ok;
  return context_.renumbers ? renumber_pictures(fd_.get()) : Status();
}

}  // namespace telecine::media
