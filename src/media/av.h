#pragma once

// The one place that includes libav's headers and owns its objects.

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavformat/avformat.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/buffer.h>
#include <libavutil/channel_layout.h>
#include <libavutil/dict.h>
#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
}

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace telecine::media {

/// Frees a libav object that has a `void free(T**)`.
template <auto kFree>
struct FreeByAddress {
  template <typename T>
  void operator()(T* object) const {
    kFree(&object);
  }
};
/// Frees a libav object that has a `void free(T*)`.
template <auto kFree>
struct FreeByValue {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

using FramePtr = std::unique_ptr<AVFrame, FreeByAddress<av_frame_free>>;
using PacketPtr = std::unique_ptr<AVPacket, FreeByAddress<av_packet_free>>;
using CodecContextPtr = std::unique_ptr<AVCodecContext, FreeByAddress<avcodec_free_context>>;
using CodecParametersPtr =
    std::unique_ptr<AVCodecParameters, FreeByAddress<avcodec_parameters_free>>;
using InputFormatPtr = std::unique_ptr<AVFormatContext, FreeByAddress<avformat_close_input>>;
/// Does not touch `pb`: whoever made the AVIOContext owns it.
using OutputFormatPtr = std::unique_ptr<AVFormatContext, FreeByValue<avformat_free_context>>;
using FilterGraphPtr = std::unique_ptr<AVFilterGraph, FreeByAddress<avfilter_graph_free>>;
using SwsPtr = std::unique_ptr<SwsContext, FreeByValue<sws_freeContext>>;
using SwrPtr = std::unique_ptr<SwrContext, FreeByAddress<swr_free>>;
using AudioFifoPtr = std::unique_ptr<AVAudioFifo, FreeByValue<av_audio_fifo_free>>;
using BufferPtr = std::unique_ptr<AVBufferRef, FreeByAddress<av_buffer_unref>>;
/// Buffers still in use keep the pool alive.
using BufferPoolPtr = std::unique_ptr<AVBufferPool, FreeByAddress<av_buffer_pool_uninit>>;

/// Allocation of these few bytes fails only when the process is lost anyway: std::bad_alloc.
FramePtr make_frame();
PacketPtr make_packet();
/// Another reference to the same data.
FramePtr share(const AVFrame& frame);
PacketPtr share(const AVPacket& packet);

/// Options for libav's open calls; what libav did not know is left inside afterwards.
class Dictionary {
 public:
  Dictionary() = default;
  Dictionary(const Dictionary&) = delete;
  Dictionary& operator=(const Dictionary&) = delete;
  Dictionary(Dictionary&& other) noexcept : dict_(std::exchange(other.dict_, nullptr)) {}
  Dictionary& operator=(Dictionary&& other) noexcept {
    std::swap(dict_, other.dict_);
    return *this;
  }
  ~Dictionary() { av_dict_free(&dict_); }

  void set(const char* key, const std::string& value) {
    av_dict_set(&dict_, key, value.c_str(), 0);
  }
  void set(const char* key, std::int64_t value) { av_dict_set_int(&dict_, key, value, 0); }
  AVDictionary** address() { return &dict_; }

 private:
  AVDictionary* dict_ = nullptr;
};

/// A channel layout that frees what a custom order allocated.
class ChannelLayout {
 public:
  ChannelLayout() = default;
  explicit ChannelLayout(int channels) { av_channel_layout_default(&layout_, channels); }
  explicit ChannelLayout(const AVChannelLayout& other) { av_channel_layout_copy(&layout_, &other); }
  ChannelLayout(const ChannelLayout& other) { av_channel_layout_copy(&layout_, &other.layout_); }
  ChannelLayout& operator=(const ChannelLayout& other) {
    if (this != &other) av_channel_layout_copy(&layout_, &other.layout_);
    return *this;
  }
  ~ChannelLayout() { av_channel_layout_uninit(&layout_); }

  const AVChannelLayout& get() const { return layout_; }
  int channels() const { return layout_.nb_channels; }
  bool same_as(const AVChannelLayout& other) const {
    return av_channel_layout_compare(&layout_, &other) == 0;
  }

 private:
  AVChannelLayout layout_{};
};

inline constexpr AVRational kMicroseconds{1, 1'000'000};
inline constexpr AVRational kMilliseconds{1, 1'000};

/// AVERROR as an Error: ENOSPC, EDQUOT and EFBIG are kOutOfSpace, ENOMEM kResourceLimit, the rest
/// `fallback`. The message is "what: libav's words (libav's last log line)".
Error av_error(int code, std::string_view what, ErrorCode fallback);

/// Takes libav's log away from stderr and keeps the last error line of the process, bounded and
/// printable, for av_error's messages. Any thread, any number of times.
void route_av_log();
/// The last line logged as an error since the last call, or empty.
std::string take_av_log();

}  // namespace telecine::media
