#include "media/normalise.h"

extern "C" {
#include <libavutil/mem.h>
}

#include <cstdio>
#include <string>

#include "media/clock.h"

namespace telecine::media {
namespace {

// bwdif: yadif's motion check with better interpolation at the same price class. One picture a
// frame.
constexpr const char* kFlagged = "bwdif=mode=send_frame:parity=auto:deint=interlaced";
constexpr const char* kAll = "bwdif=mode=send_frame:parity=auto:deint=all";

Error filter_error(int code) {
  return av_error(code, "the picture cannot be turned upright or deinterlaced",
                  ErrorCode::kUnsupported);
}

struct FreeInOut {
  void operator()(AVFilterInOut* list) const { avfilter_inout_free(&list); }
};
using InOutPtr = std::unique_ptr<AVFilterInOut, FreeInOut>;

InOutPtr end_point(const char* name, AVFilterContext* context) {
  InOutPtr point(avfilter_inout_alloc());
  if (!point) return nullptr;
  point->name = av_strdup(name);
  point->filter_ctx = context;
  return point;
}

}  // namespace

std::string orientation_filters(const Orientation& o) {
  switch (o.rotation) {
    case 90:
      return o.mirrored ? "transpose=clock_flip" : "transpose=clock";
    case 180:
      return o.mirrored ? "vflip" : "hflip,vflip";
    case 270:
      return o.mirrored ? "transpose=cclock_flip" : "transpose=cclock";
    default:
      return o.mirrored ? "hflip" : "";
  }
}

Status Normaliser::build(const AVFrame& frame) {
  std::string filters = !interlaced_ ? "" : wanted_ == Deinterlace::kOn ? kAll : kFlagged;
  if (const std::string turn = orientation_filters(orientation_); !turn.empty()) {
    filters += (filters.empty() ? "" : ",") + turn;
  }
  graph_.reset(avfilter_graph_alloc());
  if (!graph_) return fail(ErrorCode::kResourceLimit, "out of memory");
  graph_->nb_threads = 1;

  char arguments[160];
  std::snprintf(arguments, sizeof arguments,
                "video_size=%dx%d:pix_fmt=%d:time_base=1/%d:pixel_aspect=1/1", frame.width,
                frame.height, frame.format, kTicksPerSecond);
  int code = avfilter_graph_create_filter(&source_, avfilter_get_by_name("buffer"), "in", arguments,
                                          nullptr, graph_.get());
  if (code >= 0) {
    code = avfilter_graph_create_filter(&sink_, avfilter_get_by_name("buffersink"), "out", nullptr,
                                        nullptr, graph_.get());
  }
  if (code < 0) return std::unexpected(filter_error(code));

  // Seen from the graph's text: "in" is what our source puts out.
  AVFilterInOut* outputs = end_point("in", source_).release();
  AVFilterInOut* inputs = end_point("out", sink_).release();
  code = avfilter_graph_parse_ptr(graph_.get(), filters.c_str(), &inputs, &outputs, nullptr);
  avfilter_inout_free(&inputs);
  avfilter_inout_free(&outputs);
  if (code >= 0) code = avfilter_graph_config(graph_.get(), nullptr);
  if (code < 0) return std::unexpected(filter_error(code));
  width_ = frame.width;
  height_ = frame.height;
  format_ = frame.format;
  return {};
}

Result<std::vector<FramePtr>> Normaliser::drain() {
  std::vector<FramePtr> out;
  while (true) {
    FramePtr frame = make_frame();
    const int code = av_buffersink_get_frame(sink_, frame.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return out;
    if (code < 0) return std::unexpected(filter_error(code));
    const AVRational base = av_buffersink_get_time_base(sink_);
    if (frame->pts != AV_NOPTS_VALUE) frame->pts = to_ticks(frame->pts, base);
    out.push_back(std::move(frame));
  }
}

Result<std::vector<FramePtr>> Normaliser::push(FramePtr frame) {
  std::vector<FramePtr> out;
  const bool is_interlaced = wanted_ == Deinterlace::kOn ||
                             (wanted_ == Deinterlace::kAuto && frame->interlaced_frame != 0);
  const bool starts_interlaced = is_interlaced && !interlaced_;
  interlaced_ = interlaced_ || starts_interlaced;
  if (!interlaced_ && orientation_ == Orientation{}) {
    out.push_back(std::move(frame));
    return out;
  }
  const bool changed = starts_interlaced || frame->width != width_ || frame->height != height_ ||
                       frame->format != format_;
  if (changed) {
    if (graph_) {
      auto rest = finish();
      if (!rest) return rest;
      out = std::move(*rest);
    }
    if (auto ok = build(*frame); !ok) return std::unexpected(ok.error());
  }
  const int code = av_buffersrc_add_frame(source_, frame.get());
  if (code < 0) return std::unexpected(filter_error(code));
  auto ready = drain();
  if (!ready) return ready;
  for (auto& each : *ready) out.push_back(std::move(each));
  return out;
}

Result<std::vector<FramePtr>> Normaliser::finish() {
  if (!graph_) return std::vector<FramePtr>{};
  const int code = av_buffersrc_add_frame(source_, nullptr);
  if (code < 0 && code != AVERROR_EOF) return std::unexpected(filter_error(code));
  auto rest = drain();
  graph_.reset();
  return rest;
}

}  // namespace telecine::media
