#include "media/synth.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numbers>
#include <optional>

#include "media/drawn_clip.h"

namespace telecine::media {
namespace {

constexpr double kBeepSeconds = 0.06;

// Where something bouncing between 0 and `span` is.
int bounce(double travelled, int span) {
  if (span <= 0) return 0;
  const double at = std::fmod(travelled, 2.0 * span);
  return static_cast<int>(at < span ? at : 2.0 * span - at);
}

void fill(AVFrame& frame, int plane, int x, int y, int width, int height, std::uint8_t value) {
  for (int line = y; line < y + height; ++line) {
    std::memset(frame.data[plane] + static_cast<std::ptrdiff_t>(line) * frame.linesize[plane] + x,
                value, static_cast<std::size_t>(width));
  }
}

void draw_bars(AVFrame& frame, double at) {
  const int shift = static_cast<int>(at * 60);
  for (int y = 0; y < frame.height; ++y) {
    std::uint8_t* line = frame.data[0] + static_cast<std::ptrdiff_t>(y) * frame.linesize[0];
    for (int x = 0; x < frame.width; ++x) {
      line[x] =
          static_cast<std::uint8_t>(32 + ((x + shift) % 256) * 160 / 256 + (y * 32 / frame.height));
    }
  }
  const int bars = 8;
  for (int y = 0; y < frame.height / 2; ++y) {
    std::uint8_t* u = frame.data[1] + static_cast<std::ptrdiff_t>(y) * frame.linesize[1];
    std::uint8_t* v = frame.data[2] + static_cast<std::ptrdiff_t>(y) * frame.linesize[2];
    for (int x = 0; x < frame.width / 2; ++x) {
      const int bar = ((x + shift / 2) * bars / std::max(1, frame.width / 2)) % bars;
      u[x] = static_cast<std::uint8_t>(64 + bar * 16);
      v[x] = static_cast<std::uint8_t>(192 - bar * 16);
    }
  }
}

void draw(AVFrame& frame, double at, bool flash) {
  if (flash) {
    fill(frame, 0, 0, 0, frame.width, frame.height, 235);
    fill(frame, 1, 0, 0, frame.width / 2, frame.height / 2, 128);
    fill(frame, 2, 0, 0, frame.width / 2, frame.height / 2, 128);
    return;
  }
  draw_bars(frame, at);
  const int side = std::max(4, std::min(frame.width, frame.height) / 6) & ~1;
  const int x = bounce(at * frame.width / 4, frame.width - side) & ~1;
  const int y = bounce(at * frame.height / 3, frame.height - side) & ~1;
  fill(frame, 0, x, y, side, side, 220);
  fill(frame, 1, x / 2, y / 2, side / 2, side / 2, 90);
  fill(frame, 2, x / 2, y / 2, side / 2, side / 2, 200);
}

float sample_at(std::int64_t index) {
  const double at = static_cast<double>(index) / DrawnSound::kRate;
  const bool beeps = at - std::floor(at) < kBeepSeconds;
  const double pitch = beeps ? 1000 : 220;
  const double loudness = beeps ? 0.5 : 0.02;
  return static_cast<float>(loudness * std::sin(2 * std::numbers::pi * pitch * at));
}

Result<FramePtr> picture(const SynthOptions& options) {
  FramePtr frame = make_frame();
  frame->format = AV_PIX_FMT_YUV420P;
  frame->width = options.width;
  frame->height = options.height;
  if (const int code = av_frame_get_buffer(frame.get(), 0); code < 0) {
    return std::unexpected(av_error(code, "a picture cannot be made", ErrorCode::kResourceLimit));
  }
  return frame;
}

VideoSettings settings_of(const SynthOptions& options) {
  VideoSettings settings;
  settings.options.preset = Preset::kVeryfast;
  settings.options = normalised(settings.options, OutputType::kVideo);
  settings.size = {options.width, options.height};
  settings.frame_rate = av_d2q(options.fps, 100'000);
  settings.colour = {AVCOL_PRI_BT709, AVCOL_TRC_BT709, AVCOL_SPC_BT709};
  return settings;
}

Result<FramePtr> picture_at(const SynthOptions& options, std::int64_t index) {
  auto frame = picture(options);
  if (!frame) return frame;
  const double at = static_cast<double>(index) / options.fps;
  const double before = static_cast<double>(index - 1) / options.fps;
  draw(**frame, at, std::floor(at + 1e-9) > std::floor(before + 1e-9));
  (*frame)->pts = std::llround(at * kTicksPerSecond);
  (*frame)->pkt_duration = std::llround(kTicksPerSecond / options.fps);
  return frame;
}

}  // namespace

Status synthesise(const SynthOptions& options, OutputFiles& files, const std::string& name) {
  route_av_log();
  const bool sizes_ok = options.width >= 16 && options.height >= 16 && options.width <= 8192 &&
                        options.height <= 8192 && options.width % 2 == 0 && options.height % 2 == 0;
  if (!sizes_ok) {
    return fail(ErrorCode::kInvalidParameter, "width and height must be even and 16...8192");
  }
  if (!(options.fps >= 1 && options.fps <= 240) ||
      !(options.seconds > 0 && options.seconds <= 36'000)) {
    return fail(ErrorCode::kInvalidParameter, "fps must be 1...240, seconds at most 36000");
  }
  std::optional<DrawnSound> sound;
  if (options.audio) {
    sound = {sample_at, static_cast<std::int64_t>(options.seconds * DrawnSound::kRate)};
  }
  auto clip = DrawnClip::create(files, name, settings_of(options), std::move(sound));
  if (!clip) return std::unexpected(clip.error());
  const auto count = static_cast<std::int64_t>(std::llround(options.seconds * options.fps));
  for (std::int64_t i = 0; i < count; ++i) {
    auto frame = picture_at(options, i);
    if (!frame) return std::unexpected(frame.error());
    if (auto ok = (*clip)->add(std::move(*frame)); !ok) return ok;
  }
  return (*clip)->finish();
}

}  // namespace telecine::media
