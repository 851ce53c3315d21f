#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "media/av.h"
#include "media/clock.h"

namespace telecine::media {

/// A line of libavfilter filters for pictures or for sound, given as its text ("scale=640:-2,
/// scdet"). Built for the first frame and anew when the form of the frames changes, which loses
/// what filters remember. One thread, and filters start none.
class FilterChain {
 public:
  /// Gets each frame that comes out; `at` is its time.
  using Sink = std::function<Status(const AVFrame& frame, Ticks at)>;

  /// `images` are what "image0" and so on mean in the text: inputs of one lasting picture each. A
  /// text that names them names "in" and "out" as well.
  FilterChain(std::string filters, Sink sink, std::vector<FramePtr> images = {})
      : filters_(std::move(filters)), sink_(std::move(sink)), images_(std::move(images)) {}

  /// A picture or sound; `at` is its time, whatever the frame itself says. kUnsupported when the
  /// filters do not take it, otherwise what `sink` returned.
  Status push(const AVFrame& frame, Ticks at);
  /// The end: hands out what filters held back.
  Status finish();

 private:
  Status build(const AVFrame& frame);
  int parse();
  int feed_images();
  Status drain();
  bool fits(const AVFrame& frame) const;

  std::string filters_;
  Sink sink_;
  std::vector<FramePtr> images_;
  std::vector<AVFilterContext*> image_sources_;  // owned by graph_
  FilterGraphPtr graph_;
  AVFilterContext* source_ = nullptr;  // owned by graph_
  AVFilterContext* output_ = nullptr;  // owned by graph_
  int format_ = -1;
  int width_ = 0;  // px; of sound: Hz
  int height_ = 0;
  ChannelLayout layout_;
};

/// One picture through filters that give one for one.
Result<FramePtr> filtered(const AVFrame& frame, const std::string& filters,
                          std::vector<FramePtr> images = {});

/// What a filter wrote beside a frame ("lavfi.scd.score"); "" when it did not.
std::string_view note(const AVFrame& frame, const char* key);
/// The same as a number; nothing when it is none or not finite.
std::optional<double> number_note(const AVFrame& frame, const char* key);

}  // namespace telecine::media
