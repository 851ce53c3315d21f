#include "media/bitmap_painter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "media/allow.h"
#include "media/hdr_colour.h"
#include "media/picture_plane.h"

namespace telecine::media {
namespace {

constexpr int kBits = 16;  // of a patch's samples
constexpr int kOpaque = (1 << kBits) - 1;
// What one moment may hold.
constexpr std::int64_t kMostPixels = 1LL << 23;  // of a rectangle: a screen of UHD
constexpr unsigned kMostRects = 16;
// Files say so much where they do not know how long a text stays.
constexpr Ticks kLongest = 3600LL * kTicksPerSecond;

Error no_memory() {
  return {ErrorCode::kResourceLimit, "out of memory", {}};
}

struct FreeSubtitle {
  void operator()(AVSubtitle* subtitle) const {
    avsubtitle_free(subtitle);
    delete subtitle;
  }
};
using SubtitlePtr = std::unique_ptr<AVSubtitle, FreeSubtitle>;

/// How a screen lies on the pictures that are painted.
struct Lie {
  double scale_x = 1;
  double scale_y = 1;
  double left = 0;
  double top = 0;
};

/// A film that was cut to its pictures keeps the screen of its disc, which then is higher. Of
/// standard definition it is stretched over whatever it is shown with.
bool is_higher(Dimensions screen, const SubtitleGround& ground) {
  constexpr int kHighestSd = 576;
  constexpr double kAlike = 0.98;
  return screen.height > kHighestSd && screen.width >= ground.stored.width &&
         screen.width * static_cast<double>(ground.shown.height) <
             kAlike * screen.height * ground.shown.width;
}

Lie lie_of(Dimensions screen, const SubtitleGround& ground) {
  Lie lie{static_cast<double>(ground.shown.width) / screen.width,
          static_cast<double>(ground.shown.height) / screen.height};
  if (is_higher(screen, ground)) {
    lie.scale_y = lie.scale_x;
    lie.top = (ground.shown.height - screen.height * lie.scale_y) / 2;
  }
  const double fit = std::min(static_cast<double>(ground.size.width) / ground.shown.width,
                              static_cast<double>(ground.size.height) / ground.shown.height);
  lie.scale_x *= fit;
  lie.scale_y *= fit;
  lie.left = (ground.size.width - ground.shown.width * fit) / 2;
  lie.top = lie.top * fit + (ground.size.height - ground.shown.height * fit) / 2;
  return lie;
}

/// A piece of what is seen: YUVA444P16 of samples times opacity, in the picture's own bits shifted
/// to the top, and opacity.
struct Patch {
  int x = 0;
  int y = 0;
  FramePtr planes;
};

/// The four samples of each colour of a palette.
using Palette = std::array<std::array<std::uint16_t, 4>, 256>;

Palette palette_of(const AVSubtitleRect& rect, const AVFrame& frame) {
  const int depth = depth_of(frame);
  Palette palette{};
  const int count = std::clamp(rect.nb_colors, 0, 256);
  for (int i = 0; i < count; ++i) {
    std::uint32_t argb = 0;
    std::memcpy(&argb, rect.data[1] + static_cast<std::ptrdiff_t>(4) * i, sizeof argb);
    const double opacity = (argb >> 24) / 255.0;
    const auto samples = samples_of(
        frame, {(argb >> 16 & 0xff) / 255.0, (argb >> 8 & 0xff) / 255.0, (argb & 0xff) / 255.0},
        depth);
    auto& colour = palette[static_cast<std::size_t>(i)];
    for (std::size_t plane = 0; plane < 3; ++plane) {
      colour[plane] = static_cast<std::uint16_t>((samples[plane] << (kBits - depth)) * opacity);
    }
    colour[3] = static_cast<std::uint16_t>(std::lround(kOpaque * opacity));
  }
  return palette;
}

Result<FramePtr> planes_of(const AVSubtitleRect& rect, const AVFrame& frame) {
  FramePtr planes = make_frame();
  planes->format = AV_PIX_FMT_YUVA444P16;
  planes->width = rect.w;
  planes->height = rect.h;
  planes->color_range = AVCOL_RANGE_MPEG;
  planes->colorspace = AVCOL_SPC_BT709;
  if (av_frame_get_buffer(planes.get(), 0) < 0) return std::unexpected(no_memory());
  const Palette palette = palette_of(rect, frame);
  for (int y = 0; y < rect.h; ++y) {
    const std::uint8_t* row = rect.data[0] + static_cast<std::ptrdiff_t>(y) * rect.linesize[0];
    for (std::size_t plane = 0; plane < 4; ++plane) {
      auto* out = reinterpret_cast<std::uint16_t*>(
          planes->data[plane] + static_cast<std::ptrdiff_t>(y) * planes->linesize[plane]);
      for (int x = 0; x < rect.w; ++x) out[x] = palette[row[x]][plane];
    }
  }
  return planes;
}

/// A patch's mean where one sample of a plane is.
struct Mean {
  std::int64_t sample = 0;
  std::int64_t opacity = 0;
};

Mean mean_at(const Patch& patch, std::size_t plane, int x, int y, int step) {
  const AVFrame& planes = *patch.planes;
  Mean mean;
  for (int dy = 0; dy < step; ++dy) {
    const int row = y * step + dy - patch.y;
    if (row < 0 || row >= planes.height) continue;
    for (int dx = 0; dx < step; ++dx) {
      const int column = x * step + dx - patch.x;
      if (column < 0 || column >= planes.width) continue;
      const auto sample = [&](std::size_t of) {
        const auto* line = reinterpret_cast<const std::uint16_t*>(
            planes.data[of] + static_cast<std::ptrdiff_t>(row) * planes.linesize[of]);
        return line[column];
      };
      mean.sample += sample(plane);
      mean.opacity += sample(3);
    }
  }
  mean.sample /= step * step;
  mean.opacity /= step * step;
  return mean;
}

template <typename Sample>
void blend_patch(AVFrame& frame, const Patch& patch, int depth) {
  const int shift = kBits - depth;
  const std::int64_t most = (1 << depth) - 1;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto plane = plane_of<Sample>(frame, i);
    const int left = std::max(0, patch.x / plane.step);
    const int top = std::max(0, patch.y / plane.step);
    const int right = std::min(plane.width, (patch.x + patch.planes->width - 1) / plane.step + 1);
    const int bottom =
        std::min(plane.height, (patch.y + patch.planes->height - 1) / plane.step + 1);
    for (int y = top; y < bottom; ++y) {
      for (int x = left; x < right; ++x) {
        const Mean mean = mean_at(patch, i, x, y, plane.step);
        if (mean.opacity == 0) continue;
        Sample& sample = plane.at(x, y);
        const std::int64_t under =
            (static_cast<std::int64_t>(sample) << shift) * (kOpaque - mean.opacity) / kOpaque;
        const std::int64_t over = (under + mean.sample + (1 << shift) / 2) >> shift;
        sample = static_cast<Sample>(std::min(over, most));
      }
    }
  }
}

/// Whether all that is seen begins anew with a packet, so that none before it is needed.
bool begins_anew(AVCodecID codec, std::string_view packet) {
  // A Blu-ray's presentation composition says so (epoch start, acquisition point).
  constexpr char kComposition = 0x16;
  constexpr std::size_t kStateAt = 10;
  constexpr unsigned kStates = 0xc0;
  switch (codec) {
    case AV_CODEC_ID_DVD_SUBTITLE:
      return true;
    case AV_CODEC_ID_HDMV_PGS_SUBTITLE:
      return packet.size() > kStateAt && packet[0] == kComposition &&
             (static_cast<unsigned char>(packet[kStateAt]) & kStates) != 0;
    default:
      return false;
  }
}

class BitmapPainter : public SubtitlePainter {
 public:
  BitmapPainter(std::shared_ptr<const Script> script, const SubtitleGround& ground,
                CodecContextPtr decoder)
      : script_(std::move(script)), ground_(ground), decoder_(std::move(decoder)) {}

  Result<FramePtr> paint(FramePtr frame) override {
    const Ticks now = frame->pts + ground_.shift;
    if (!std::exchange(begun_, true)) skip_to(now);
    bool is_new = false;
    while (next_ < script_->lines.size() && script_->lines[next_].start <= now) {
      is_new |= decode(script_->lines[next_++]);
    }
    if (is_new) {
      if (auto ok = cut_patches(*frame); !ok) return std::unexpected(ok.error());
    }
    if (patches_.empty() || now < from_ || now >= until_) return frame;
    if (av_frame_make_writable(frame.get()) < 0) return std::unexpected(no_memory());
    const int depth = depth_of(*frame);
    for (const Patch& patch : patches_) {
      if (depth > 8)
        blend_patch<std::uint16_t>(*frame, patch, depth);
      else
        blend_patch<std::uint8_t>(*frame, patch, depth);
    }
    return frame;
  }

 private:
  void skip_to(Ticks now) {
    for (std::size_t i = 0; i < script_->lines.size() && script_->lines[i].start <= now; ++i) {
      if (begins_anew(script_->bitmaps, script_->lines[i].text)) next_ = i;
    }
  }

  /// Whether something else is seen from now on.
  bool decode(const Script::Line& line) {
    PacketPtr packet = make_packet();
    if (av_new_packet(packet.get(), static_cast<int>(line.text.size())) < 0) return false;
    std::ranges::copy(line.text, packet->data);
    packet->pts = packet->dts = line.start;
    SubtitlePtr subtitle(new AVSubtitle{});
    int got = 0;
    avcodec_decode_subtitle2(decoder_.get(), subtitle.get(), &got, packet.get());
    if (got == 0) return false;
    from_ = line.start + ms_to_ticks(subtitle->start_display_time);
    until_ = INT64_MAX;
    if (line.length > 0 && line.length < kLongest) until_ = line.start + line.length;
    const std::uint32_t end = subtitle->end_display_time;
    if (end > 0 && end != UINT32_MAX) until_ = line.start + ms_to_ticks(end);
    shown_ = std::move(subtitle);
    return true;
  }

  Status cut_patches(const AVFrame& frame) {
    patches_.clear();
    Dimensions screen{decoder_->width, decoder_->height};
    if (screen.width <= 0 || screen.height <= 0) screen = script_->screen;
    if (screen.width <= 0 || screen.height <= 0) screen = ground_.stored;
    const Lie lie = lie_of(screen, ground_);
    for (unsigned i = 0; i < std::min(shown_->num_rects, kMostRects); ++i) {
      const AVSubtitleRect& rect = *shown_->rects[i];
      const bool is_one = rect.type == SUBTITLE_BITMAP && rect.data[0] != nullptr &&
                          rect.data[1] != nullptr && rect.w > 0 && rect.h > 0 &&
                          static_cast<std::int64_t>(rect.w) * rect.h <= kMostPixels;
      if (!is_one) continue;
      auto patch = cut_patch(rect, lie, frame);
      if (!patch) return std::unexpected(patch.error());
      patches_.push_back(std::move(*patch));
    }
    return {};
  }

  /// What would lie beside the pictures is moved into them, as far as it fits.
  Result<Patch> cut_patch(const AVSubtitleRect& rect, const Lie& lie, const AVFrame& frame) const {
    auto planes = planes_of(rect, frame);
    if (!planes) return std::unexpected(planes.error());
    const auto side = [](double length, int most) {
      return static_cast<int>(std::clamp<long>(std::lround(length), 1, most));
    };
    const Dimensions size{side(rect.w * lie.scale_x, ground_.size.width),
                          side(rect.h * lie.scale_y, ground_.size.height)};
    Scaler scaler(size, {AV_PIX_FMT_YUVA444P16, AVCOL_RANGE_MPEG, AVCOL_SPC_BT709}, 0);
    auto scaled = scaler.scale(**planes);
    if (!scaled) return std::unexpected(scaled.error());
    const auto place = [](double at, int length, int all) {
      return static_cast<int>(std::clamp<long>(std::lround(at), 0, all - length));
    };
    return Patch{place(lie.left + rect.x * lie.scale_x, size.width, ground_.size.width),
                 place(lie.top + rect.y * lie.scale_y, size.height, ground_.size.height),
                 std::move(*scaled)};
  }

  const std::shared_ptr<const Script> script_;
  const SubtitleGround ground_;
  const CodecContextPtr decoder_;
  std::size_t next_ = 0;  // of the script's lines
  bool begun_ = false;
  SubtitlePtr shown_;
  Ticks from_ = 0;
  Ticks until_ = 0;
  std::vector<Patch> patches_;  // of what is shown
};

}  // namespace

Result<std::unique_ptr<SubtitlePainter>> open_bitmap_painter(std::shared_ptr<const Script> script,
                                                             const SubtitleGround& ground) {
  const AVCodec* codec = allowed_decoder(script->bitmaps);
  CodecContextPtr decoder(codec == nullptr ? nullptr : avcodec_alloc_context3(codec));
  if (!decoder) return std::unexpected(no_memory());
  if (!script->head.empty()) {
    decoder->extradata =
        static_cast<std::uint8_t*>(av_mallocz(script->head.size() + AV_INPUT_BUFFER_PADDING_SIZE));
    if (decoder->extradata == nullptr) return std::unexpected(no_memory());
    std::ranges::copy(script->head, decoder->extradata);
    decoder->extradata_size = static_cast<int>(script->head.size());
  }
  decoder->pkt_timebase = kTicks;
  decoder->max_pixels = kMaxPixels;
  if (const int code = avcodec_open2(decoder.get(), codec, nullptr); code < 0) {
    return std::unexpected(
        av_error(code, "the subtitles to be drawn cannot be decoded", ErrorCode::kDecodeFailed));
  }
  return std::make_unique<BitmapPainter>(std::move(script), ground, std::move(decoder));
}

}  // namespace telecine::media
