#include "media/filter_chain.h"

extern "C" {
#include <libavutil/mem.h>
}

#include <cerrno>
#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace telecine::media {
namespace {

Error filter_error(int code, const std::string& filters) {
  return av_error(code, "the filters " + filters + " do not work on this", ErrorCode::kUnsupported);
}

AVFilterInOut* end_point(const char* name, AVFilterContext* context) {
  AVFilterInOut* point = avfilter_inout_alloc();
  if (point == nullptr) return nullptr;
  point->name = av_strdup(name);
  point->filter_ctx = context;
  return point;
}

std::string picture_arguments(const AVFrame& frame) {
  char text[160];
  std::snprintf(text, sizeof text, "video_size=%dx%d:pix_fmt=%d:time_base=1/%d:pixel_aspect=1/1",
                frame.width, frame.height, frame.format, kTicksPerSecond);
  return text;
}

std::string sound_arguments(const AVFrame& frame, const AVChannelLayout& layout) {
  char name[128] = "";
  av_channel_layout_describe(&layout, name, sizeof name);
  const auto* format = av_get_sample_fmt_name(static_cast<AVSampleFormat>(frame.format));
  return "time_base=1/" + std::to_string(kTicksPerSecond) +
         ":sample_rate=" + std::to_string(frame.sample_rate) +
         ":sample_fmt=" + (format == nullptr ? "" : format) + ":channel_layout=" + name;
}

/// Of a frame that only says how many channels it has, the usual layout of so many.
ChannelLayout layout_of(const AVFrame& frame) {
  if (frame.ch_layout.order == AV_CHANNEL_ORDER_UNSPEC) {
    return ChannelLayout(frame.ch_layout.nb_channels);
  }
  return ChannelLayout(frame.ch_layout);
}

bool is_sound(const AVFrame& frame) {
  return frame.nb_samples > 0;
}

}  // namespace

bool FilterChain::fits(const AVFrame& frame) const {
  if (frame.format != format_) return false;
  if (!is_sound(frame)) return frame.width == width_ && frame.height == height_;
  return frame.sample_rate == width_ && layout_.same_as(layout_of(frame).get());
}

Status FilterChain::build(const AVFrame& frame) {
  graph_.reset(avfilter_graph_alloc());
  if (!graph_) return fail(ErrorCode::kResourceLimit, "out of memory");
  graph_->nb_threads = 1;
  const bool sound = is_sound(frame);
  if (sound) layout_ = layout_of(frame);
  const std::string arguments =
      sound ? sound_arguments(frame, layout_.get()) : picture_arguments(frame);
  int code =
      avfilter_graph_create_filter(&source_, avfilter_get_by_name(sound ? "abuffer" : "buffer"),
                                   "in", arguments.c_str(), nullptr, graph_.get());
  if (code >= 0) {
    code = avfilter_graph_create_filter(&output_,
                                        avfilter_get_by_name(sound ? "abuffersink" : "buffersink"),
                                        "out", nullptr, nullptr, graph_.get());
  }
  if (code >= 0) code = parse();
  if (code >= 0) code = avfilter_graph_config(graph_.get(), nullptr);
  if (code >= 0) code = feed_images();
  if (code < 0) {
    graph_.reset();
    return std::unexpected(filter_error(code, filters_));
  }
  format_ = frame.format;
  width_ = sound ? frame.sample_rate : frame.width;
  height_ = frame.height;
  return {};
}

int FilterChain::parse() {
  // Seen from the graph's text: "in" is what our source puts out.
  AVFilterInOut* outputs = end_point("in", source_);
  AVFilterInOut* inputs = end_point("out", output_);
  image_sources_.clear();
  for (const FramePtr& image : images_) {
    const std::string name = "image" + std::to_string(image_sources_.size());
    const std::string arguments = picture_arguments(*image);
    AVFilterContext* source = nullptr;
    const int code =
        avfilter_graph_create_filter(&source, avfilter_get_by_name("buffer"), name.c_str(),
                                     arguments.c_str(), nullptr, graph_.get());
    AVFilterInOut* point = code < 0 ? nullptr : end_point(name.c_str(), source);
    if (point == nullptr) {
      avfilter_inout_free(&inputs);
      avfilter_inout_free(&outputs);
      return code < 0 ? code : AVERROR(ENOMEM);
    }
    point->next = outputs;
    outputs = point;
    image_sources_.push_back(source);
  }
  const int code =
      avfilter_graph_parse_ptr(graph_.get(), filters_.c_str(), &inputs, &outputs, nullptr);
  avfilter_inout_free(&inputs);
  avfilter_inout_free(&outputs);
  return code;
}

int FilterChain::feed_images() {
  for (std::size_t i = 0; i < images_.size(); ++i) {
    FramePtr image = share(*images_[i]);
    image->pts = 0;
    int code = av_buffersrc_add_frame(image_sources_[i], image.get());
    if (code >= 0) code = av_buffersrc_add_frame(image_sources_[i], nullptr);
    if (code < 0) return code;
  }
  return 0;
}

Status FilterChain::push(const AVFrame& frame, Ticks at) {
  if (!graph_ || !fits(frame)) {
    if (auto ok = finish(); !ok) return ok;
    if (auto ok = build(frame); !ok) return ok;
  }
  FramePtr own = share(frame);
  own->pts = at;
  if (is_sound(frame)) av_channel_layout_copy(&own->ch_layout, &layout_.get());
  const int code = av_buffersrc_add_frame(source_, own.get());
  if (code < 0) return std::unexpected(filter_error(code, filters_));
  return drain();
}

Status FilterChain::drain() {
  while (true) {
    const FramePtr frame = make_frame();
    const int code = av_buffersink_get_frame(output_, frame.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return {};
    if (code < 0) return std::unexpected(filter_error(code, filters_));
    const Ticks at = frame->pts == AV_NOPTS_VALUE
                         ? 0
                         : to_ticks(frame->pts, av_buffersink_get_time_base(output_));
    if (auto ok = sink_(*frame, at); !ok) return ok;
  }
}

Status FilterChain::finish() {
  if (!graph_) return {};
  const int code = av_buffersrc_add_frame(source_, nullptr);
  if (code < 0 && code != AVERROR_EOF) return std::unexpected(filter_error(code, filters_));
  auto drained = drain();
  graph_.reset();
  return drained;
}

Result<FramePtr> filtered(const AVFrame& frame, const std::string& filters,
                          std::vector<FramePtr> images) {
  FramePtr made;
  FilterChain chain(
      filters,
      [&](const AVFrame& out, Ticks) {
        made = share(out);
        return Status();
      },
      std::move(images));
  if (auto ok = chain.push(frame, 0); !ok) return std::unexpected(ok.error());
  if (auto ok = chain.finish(); !ok) return std::unexpected(ok.error());
  if (!made) return fail(ErrorCode::kInternal, "the filters " + filters + " gave no picture");
  return made;
}

std::string_view note(const AVFrame& frame, const char* key) {
  const AVDictionaryEntry* entry = av_dict_get(frame.metadata, key, nullptr, 0);
  return entry == nullptr ? std::string_view() : std::string_view(entry->value);
}

std::optional<double> number_note(const AVFrame& frame, const char* key) {
  const auto value = parse_double(note(frame, key));
  if (!value || !std::isfinite(*value)) return std::nullopt;
  return value;
}

}  // namespace telecine::media
