#include "media/subtitle_painter.h"

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

/// A colour in the samples of a picture.
using Samples = std::array<int, 3>;

/// The weights of red and blue in a matrix's luma.
std::pair<double, double> weights_of(AVColorSpace matrix) {
  switch (matrix) {
    case AVCOL_SPC_BT709:
      return {0.2126, 0.0722};
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return {0.2627, 0.0593};
    default:
      return {0.299, 0.114};
  }
}

Samples samples_of(const AVFrame& frame, std::uint32_t rgba, int depth) {
  const auto [r, g, b] = drawn_in(
      frame.color_trc,
      {(rgba >> 24 & 0xff) / 255.0, (rgba >> 16 & 0xff) / 255.0, (rgba >> 8 & 0xff) / 255.0});
  const auto [red, blue] = weights_of(matrix_of(frame));
  const double luma = red * r + (1 - red - blue) * g + blue * b;
  const double unit = 1 << (depth - 8);
  const auto sample = [unit](double value) { return static_cast<int>(std::lround(value * unit)); };
  return {sample(16 + 219 * luma), sample(128 + 224 * (b - luma) / (2 - 2 * blue)),
          sample(128 + 224 * (r - luma) / (2 - 2 * red))};
}

/// One plane of a picture, and how many of its samples a luma sample is apart.
template <typename Sample>
struct Plane {
  std::uint8_t* data;
  int line;
  int width;
  int height;
  int step;  // luma samples for each of its own, in both directions

  Sample& at(int x, int y) const {
    auto* row = reinterpret_cast<Sample*>(data + static_cast<std::ptrdiff_t>(y) * line);
    return row[x];
  }
};

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

template <typename Sample>
void draw(AVFrame& frame, const ASS_Image& image, int depth) {
  const Samples samples = samples_of(frame, image.color, depth);
  for (std::size_t i = 0; i < 3; ++i) {
    const int step = i == 0 ? 1 : 2;
    blend(Plane<Sample>{frame.data[i], frame.linesize[i], (frame.width + step - 1) / step,
                        (frame.height + step - 1) / step, step},
          image, samples[i]);
  }
}

Error no_memory() {
  return {ErrorCode::kResourceLimit, "out of memory", {}};
}

/// libass leaves a line where it was first placed while others come and go around it. Shows it
/// those that came before `now` and are still there, or are there beside such, so that the lines
/// stand as they would if all had been painted.
void settle(ASS_Renderer& renderer, ASS_Track& track, long long now) {
  constexpr std::size_t kMost = 500;
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

}  // namespace

struct SubtitlePainter::Impl {
  std::unique_ptr<ASS_Library, CloseLibrary> library;
  std::unique_ptr<ASS_Renderer, CloseRenderer> renderer;
  std::unique_ptr<ASS_Track, CloseTrack> track;
  Ticks shift = 0;
  bool settled = false;
};

SubtitlePainter::SubtitlePainter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SubtitlePainter::~SubtitlePainter() = default;

Result<std::unique_ptr<SubtitlePainter>> SubtitlePainter::create(const Script& script,
                                                                 Dimensions size, Ticks shift) {
  const FontChoice fonts;
  if (fonts.usual().empty()) {
    return fail(ErrorCode::kUnsupported, "this machine has no font to draw subtitles with",
                "subtitles");
  }
  auto impl = std::make_unique<Impl>();
  impl->shift = shift;
  impl->library.reset(ass_library_init());
  if (!impl->library) return std::unexpected(no_memory());
  ass_set_message_cb(impl->library.get(), drop_message, nullptr);
  for (const FontBytes& font : font_files()) {
    if (font.emoji) continue;
    ass_add_font(impl->library.get(), "", font.bytes.data(), static_cast<int>(font.bytes.size()));
  }
  impl->renderer.reset(ass_renderer_init(impl->library.get()));
  impl->track.reset(ass_new_track(impl->library.get()));
  if (!impl->renderer || !impl->track) return std::unexpected(no_memory());
  ass_set_frame_size(impl->renderer.get(), size.width, size.height);
  ass_set_storage_size(impl->renderer.get(), size.width, size.height);
  // No other fonts than those: the machine's cannot be opened here.
  ass_set_fonts(impl->renderer.get(), nullptr, fonts.usual().c_str(), ASS_FONTPROVIDER_NONE,
                nullptr, 0);
  std::string head = script.head;
  ass_process_codec_private(impl->track.get(), head.data(), static_cast<int>(head.size()));
  for (const Script::Line& line : script.lines) {
    std::string text = fonts.with_families(line.text);
    ass_process_chunk(impl->track.get(), text.data(), static_cast<int>(text.size()),
                      ticks_to_ms(line.start), ticks_to_ms(line.length));
  }
  return std::unique_ptr<SubtitlePainter>(new SubtitlePainter(std::move(impl)));
}

Result<FramePtr> SubtitlePainter::paint(FramePtr frame) {
  const Millis now = ticks_to_ms(frame->pts + impl_->shift);
  if (!std::exchange(impl_->settled, true)) settle(*impl_->renderer, *impl_->track, now);
  int changed = 0;
  const ASS_Image* image =
      ass_render_frame(impl_->renderer.get(), impl_->track.get(), now, &changed);
  if (image == nullptr) return frame;
  if (av_frame_make_writable(frame.get()) < 0) return std::unexpected(no_memory());
  const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame->format));
  const int depth = format == nullptr ? 8 : format->comp[0].depth;
  for (; image != nullptr; image = image->next) {
    if (image->w <= 0 || image->h <= 0) continue;
    if (depth > 8)
      draw<std::uint16_t>(*frame, *image, depth);
    else
      draw<std::uint8_t>(*frame, *image, depth);
  }
  return frame;
}

}  // namespace telecine::media
