#include "media/animatic.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <span>

#include "media/animatic_frames.h"
#include "media/drawn_clip.h"
#include "media/probe.h"

namespace telecine::media {
namespace {

constexpr double kTickSeconds = 0.03;
constexpr double kTickPitch = 1200;  // Hz
constexpr double kTickLoudness = 0.12;
/// A count of its own rather than the machine's: how x264 divides its work shows in the bytes.
constexpr int kEncoderThreads = 2;

/// The user type of an MP4 box that holds XMP (XMP specification, part 3).
constexpr std::string_view kXmpBox =
    "\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC";

std::string xmp_of(const AnimaticOptions& options) {
  const std::string_view source = options.pictures > 0 ? "composite" : "algorithmicMedia";
  std::string out =
      "<?xpacket begin=\"\xEF\xBB\xBF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>"
      "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF "
      "xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description "
      "rdf:about=\"\" xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/"
      "2008-02-29/\"><Iptc4xmpExt:DigitalSourceType>"
      "http://cv.iptc.org/newscodes/digitalsourcetype/";
  out += source;
  out +=
      "</Iptc4xmpExt:DigitalSourceType></rdf:Description></rdf:RDF></x:xmpmeta>"
      "<?xpacket end=\"r\"?>";
  return out;
}

/// Adds a box at the end of a finished MP4 file, where no offset in it changes.
Status append_xmp(int fd, const std::string& xmp) {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) {
    return std::unexpected(errno_error(errno, "the file", ErrorCode::kInternal));
  }
  const auto size = static_cast<std::uint32_t>(8 + kXmpBox.size() + xmp.size());
  std::string box;
  for (const int shift : {24, 16, 8, 0}) box += static_cast<char>(size >> shift & 0xFF);
  box += "uuid";
  box += kXmpBox;
  box += xmp;
  const auto n = ::pwrite(fd, box.data(), box.size(), facts.st_size);
  if (n != static_cast<ssize_t>(box.size())) {
    return fail(ErrorCode::kOutOfSpace, "there is no room for the output");
  }
  return {};
}

/// Silence, or a soft tick wherever something begins.
DrawnSound sound_of(const AnimaticOptions& options, std::span<const std::int64_t> starts) {
  std::vector<std::int64_t> ticks;  // in samples
  for (const std::int64_t start : starts) ticks.push_back(start * DrawnSound::kRate / options.fps);
  if (!options.ticks) ticks.clear();
  const auto sample = [ticks = std::move(ticks)](std::int64_t index) -> float {
    const auto next = std::ranges::upper_bound(ticks, index);
    if (next == ticks.begin()) return 0;
    const double since = static_cast<double>(index - *std::prev(next)) / DrawnSound::kRate;
    if (since >= kTickSeconds) return 0;
    const double fade = 1 - since / kTickSeconds;
    return static_cast<float>(kTickLoudness * fade * fade *
                              std::sin(2 * std::numbers::pi * kTickPitch * since));
  };
  return {sample, frame_count(options) * DrawnSound::kRate / options.fps};
}

VideoSettings settings_of(const AnimaticOptions& options) {
  VideoSettings settings;
  settings.options.preset = Preset::kVeryfast;
  settings.options.profile = Profile::kHigh;
  settings.options = normalised(settings.options, OutputType::kVideo);
  settings.size = {options.width, options.height};
  settings.frame_rate = {options.fps, 1};
  settings.colour = {AVCOL_PRI_BT709, AVCOL_TRC_BT709, AVCOL_SPC_BT709};
  settings.threads = kEncoderThreads;
  return settings;
}

}  // namespace

Result<MadeOutput> render_animatic(const AnimaticOptions& options, const OpenPicture& open,
                                   OutputFiles& files, const std::string& name,
                                   const std::function<void(double)>& done) {
  constexpr int kReportEvery = 12;  // frames
  route_av_log();
  auto frames = AnimaticFrames::make(options, open);
  if (!frames) return std::unexpected(frames.error());
  const std::string file = name + ".mp4";
  std::optional<DrawnSound> sound;
  if (options.sound) sound = sound_of(options, (*frames)->starts());
  auto clip = DrawnClip::create(files, file, settings_of(options), std::move(sound));
  if (!clip) return std::unexpected(clip.error());
  (*clip)->tag("title", "Telecine animatic");
  (*clip)->tag("comment", "Placeholder rendered by Telecine " + options.version +
                              "; no generative model was used; requested model: " + options.model);
  const std::int64_t count = frame_count(options);
  for (std::int64_t i = 0; i < count; ++i) {
    auto frame = (*frames)->frame(i);
    if (!frame) return std::unexpected(frame.error());
    (*frame)->pts = av_rescale(i, kTicksPerSecond, options.fps);
    (*frame)->pkt_duration = kTicksPerSecond / options.fps;
    if (auto ok = (*clip)->add(std::move(*frame)); !ok) return std::unexpected(ok.error());
    if (i % kReportEvery == 0) done(static_cast<double>(i) / static_cast<double>(count));
  }
  if (auto ok = (*clip)->finish(); !ok) return std::unexpected(ok.error());
  const int fd = (*clip)->fd();
  if (auto ok = append_xmp(fd, xmp_of(options)); !ok) return std::unexpected(ok.error());
  done(1);
  auto facts = probe(fd);
  if (!facts) return std::unexpected(facts.error());
  MadeOutput made;
  made.files = {{file, {}, "video/mp4", facts->size, {}}};
  made.facts = std::move(*facts);
  return made;
}

}  // namespace telecine::media
