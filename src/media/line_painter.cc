#include "media/line_painter.h"

#include <ass/ass.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "media/font_choice.h"
#include "media/font_files.h"
#include "media/hdr_colour.h"
#include "media/picture_plane.h"

namespace telecine::media {
namespace {

struct CloseLibrary {
  void operator()(ASS_Library* library) const { ass_library_done(library); }
};
struct CloseRenderer {
  void operator()(ASS_Renderer* renderer) const { ass_renderer_done(renderer); }
};
struct CloseTrack {
  void operator()(ASS_Track* track) const { ass_free_track(track); }
};

void drop_message(int, const char*, va_list, void*) {}

/// The bitmap's mean where one sample of the plane is, 0...255.
int cover_of(const ASS_Image& image, int x, int y, int step) {
  int sum = 0;
  for (int dy = 0; dy < step; ++dy) {
    const int row = y * step + dy - image.dst_y;
    if (row < 0 || row >= image.h) continue;
    for (int dx = 0; dx < step; ++dx) {
      const int column = x * step + dx - image.dst_x;
      if (column < 0 || column >= image.w) continue;
      sum += image.bitmap[static_cast<std::ptrdiff_t>(row) * image.stride + column];
    }
  }
  return sum / (step * step);
}

template <typename Sample>
void blend(const Plane<Sample>& plane, const ASS_Image& image, int value) {
  const int opacity = 255 - static_cast<int>(image.color & 0xff);
  const int left = std::max(0, image.dst_x / plane.step);
  const int top = std::max(0, image.dst_y / plane.step);
  const int right = std::min(plane.width - 1, (image.dst_x + image.w - 1) / plane.step);
  const int bottom = std::min(plane.height - 1, (image.dst_y + image.h - 1) / plane.step);
  constexpr int kFull = 255 * 255;
  for (int y = top; y <= bottom; ++y) {
    for (int x = left; x <= right; ++x) {
      const int share = cover_of(image, x, y, plane.step) * opacity;
      if (share == 0) continue;
      Sample& sample = plane.at(x, y);
      sample = static_cast<Sample>((sample * (kFull - share) + value * share + kFull / 2) / kFull);
    }
  }
}

Channels channels_of(std::uint32_t rgba) {
  return {(rgba >> 24 & 0xff) / 255.0, (rgba >> 16 & 0xff) / 255.0, (rgba >> 8 & 0xff) / 255.0};
}

template <typename Sample>
void draw(AVFrame& frame, const ASS_Image& image, int depth) {
  const auto samples = samples_of(frame, channels_of(image.color), depth);
  for (std::size_t i = 0; i < 3; ++i) blend(plane_of<Sample>(frame, i), image, samples[i]);
}

Error no_memory() {
  return {ErrorCode::kResourceLimit, "out of memory", {}};
}

/// libass leaves a line where it was first placed while others come and go around it. Shows it
/// those that came before `now` and are still there, or are there beside such, so that the lines
/// stand as they would if all had been painted.
void settle(ASS_Renderer& renderer, ASS_Track& track, long long now) {
  constexpr std::size_t kMost = 100;
  std::vector<std::pair<long long, long long>> before;  // when each line comes and goes
  for (const ASS_Event& event : std::span(track.events, static_cast<std::size_t>(track.n_events))) {
    if (event.Start < now) before.emplace_back(event.Start, event.Start + event.Duration);
  }
  std::ranges::sort(before, std::greater());
  std::size_t count = 0;  // of the first ones, which concern it
  long long since = now;
  for (std::size_t i = 0; i < std::min(before.size(), kMost); ++i) {
    if (before[i].second <= since) continue;
    since = before[i].first;
    count = i + 1;
  }
  for (std::size_t i = count; i > 0; --i) {
    ass_render_frame(&renderer, &track, before[i - 1].first, nullptr);
  }
}

class LinePainter : public SubtitlePainter {
 public:
  static Result<std::unique_ptr<SubtitlePainter>> open(const Script& script, std::string head,
                                                       const SubtitleGround& ground);
  Result<FramePtr> paint(FramePtr frame) override;

 private:
  std::unique_ptr<ASS_Library, CloseLibrary> library_;
  std::unique_ptr<ASS_Renderer, CloseRenderer> renderer_;
  std::unique_ptr<ASS_Track, CloseTrack> track_;
  Ticks shift_ = 0;
  bool settled_ = false;
};

Result<std::unique_ptr<SubtitlePainter>> LinePainter::open(const Script& script, std::string head,
                                                           const SubtitleGround& ground) {
  const FontChoice fonts;
  if (fonts.usual().empty()) {
    return fail(ErrorCode::kUnsupported, "this machine has no font to draw subtitles with",
                "subtitles");
  }
  auto painter = std::make_unique<LinePainter>();
  painter->shift_ = ground.shift;
  painter->library_.reset(ass_library_init());
  if (!painter->library_) return std::unexpected(no_memory());
  ASS_Library* library = painter->library_.get();
  ass_set_message_cb(library, drop_message, nullptr);
  for (const FontBytes& font : font_files()) {
    if (font.emoji) continue;
    ass_add_font(library, "", font.bytes.data(), static_cast<int>(font.bytes.size()));
  }
  painter->renderer_.reset(ass_renderer_init(library));
  painter->track_.reset(ass_new_track(library));
  if (!painter->renderer_ || !painter->track_) return std::unexpected(no_memory());
  ass_set_frame_size(painter->renderer_.get(), ground.size.width, ground.size.height);
  ass_set_storage_size(painter->renderer_.get(), ground.size.width, ground.size.height);
  // No other fonts than those: the machine's cannot be opened here.
  ass_set_fonts(painter->renderer_.get(), nullptr, fonts.usual().c_str(), ASS_FONTPROVIDER_NONE,
                nullptr, 0);
  ass_process_codec_private(painter->track_.get(), head.data(), static_cast<int>(head.size()));
  for (const Script::Line& line : script.lines) {
    std::string text = fonts.with_families(line.text);
    ass_process_chunk(painter->track_.get(), text.data(), static_cast<int>(text.size()),
                      ticks_to_ms(line.start), ticks_to_ms(line.length));
  }
  return painter;
}

Result<FramePtr> LinePainter::paint(FramePtr frame) {
  const Millis now = ticks_to_ms(frame->pts + shift_);
  if (!std::exchange(settled_, true)) settle(*renderer_, *track_, now);
  int changed = 0;
  const ASS_Image* image = ass_render_frame(renderer_.get(), track_.get(), now, &changed);
  if (image == nullptr) return frame;
  if (av_frame_make_writable(frame.get()) < 0) return std::unexpected(no_memory());
  const int depth = depth_of(*frame);
  for (; image != nullptr; image = image->next) {
    if (image->w <= 0 || image->h <= 0) continue;
    if (depth > 8)
      draw<std::uint16_t>(*frame, *image, depth);
    else
      draw<std::uint8_t>(*frame, *image, depth);
  }
  return frame;
}

}  // namespace

Result<std::unique_ptr<SubtitlePainter>> open_line_painter(const Script& script, std::string head,
                                                           const SubtitleGround& ground) {
  return LinePainter::open(script, std::move(head), ground);
}

}  // namespace telecine::media
