#include "work/admission.h"

#include <algorithm>

#include "base/text.h"

namespace telecine {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

// Sizes are what a media child says.
std::int64_t picture_bytes(int width, int height, int bit_depth) {
  constexpr int kLargest = 1 << 16;
  const std::int64_t pixels =
      static_cast<std::int64_t>(std::clamp(width, 0, kLargest)) * std::clamp(height, 0, kLargest);
  // 4:2:0 is 1.5 samples a pixel.
  return pixels * 3 / 2 * (bit_depth > 8 ? 2 : 1);
}

// What an encoder holds, in pictures: lookahead, references, the queue in front of it.
std::int64_t encoder_pictures(const VideoOptions& options) {
  if (options.codec == VideoCodec::kH264) return 64;  // the lookahead is 40 at most presets
  // SVT-AV1 keeps half- and quarter-size copies of each: measured as below, 130 and 205.
  if (options.codec == VideoCodec::kAv1) return options.preset <= Preset::kFast ? 160 : 240;
  if (options.codec == VideoCodec::kVp9) return 90;
  // Four bytes a pixel instead of one and a half, in a filter or two.
  if (options.codec == VideoCodec::kGif || options.codec == VideoCodec::kWebp) return 24;
  // x265 keeps with each picture its block tree, motion and half-size copies, and works on several
  // at once. Measured at 1080p with two threads: 120 at veryfast, 225 at slower.
  return options.preset <= Preset::kFast ? 130 : 240;
}

// The sheet as it grows, as it is handed on, and as the encoder takes it.
std::int64_t sheet_bytes(const SpriteGrid& grid) {
  constexpr std::int64_t kCopies = 3;
  return kCopies * 3 * grid.columns * grid.tile.width * grid.rows * grid.tile.height;
}

// A part that is copied is encoded around its cuts, by the encoder of its own codec.
std::int64_t cut_bytes(const OutputSpec& output, const VideoFacts& source) {
  const bool is_part = output.start != 0 || output.end != 0;
  if (!is_part || output.cut != Cut::kExact) return 0;
  VideoOptions options;
  options.codec = source.codec == "h264" ? VideoCodec::kH264 : VideoCodec::kH265;
  return encoder_pictures(options) *
         picture_bytes(source.coded_width, source.coded_height, source.bit_depth);
}

}  // namespace

Needs needs_of(const MediaFacts& source, std::span<const OutputSpec> outputs, int cores) {
  constexpr std::int64_t kProcess = 48 * kMiB;
  // Reference pictures, frame threads and the queues between stages.
  constexpr std::int64_t kDecoderPictures = 28;
  Needs needs{1, kProcess};
  Dimensions shown;
  if (const VideoFacts* video = source.main_video()) {
    shown = {video->width, video->height};
    needs.memory +=
        kDecoderPictures * picture_bytes(video->coded_width, video->coded_height, video->bit_depth);
  }
  int encodes = 0;
  bool reads_subtitles = false;
  for (const OutputSpec& output : outputs) {
    if (output.type == OutputType::kSprites) needs.memory += sheet_bytes(output.sprites);
    for (const Rendition& rendition : output.renditions) {
      if (!rendition.video || shown.width == 0) continue;
      if (rendition.video->codec == VideoCodec::kCopy) {
        needs.memory += cut_bytes(output, *source.main_video());
        continue;
      }
      const Dimensions size = fit(rendition.video->size, shown);
      needs.memory +=
          encoder_pictures(*rendition.video) * picture_bytes(size.width, size.height, 8);
      ++encodes;
      const auto& drawn = rendition.video->subtitles;
      reads_subtitles = reads_subtitles || (drawn && drawn->file.empty());
    }
  }
  // Of a Blu-ray, all packets of a film.
  if (reads_subtitles) needs.memory += 64 * kMiB;
  if (encodes > 0) needs.cores = cores;
  return needs;
}

Result<Admission::Share> Admission::enter(Needs needs, const std::stop_token& stop) {
  if (needs.memory > memory_) {
    return fail(ErrorCode::kResourceLimit,
                "the work needs about " + human_bytes(needs.memory) +
                    " of memory and workers may use " + human_bytes(memory_) +
                    "; ask for fewer or smaller outputs, or raise worker.memory");
  }
  needs.cores = std::min(needs.cores, cores_);
  std::unique_lock lock(mutex_);
  const std::uint64_t ticket = next_ticket_++;
  waiting_.insert(ticket);
  const bool mine = changed_.wait(lock, stop, [&] {
    return *waiting_.begin() == ticket && used_cores_ + needs.cores <= cores_ &&
           used_memory_ + needs.memory <= memory_;
  });
  waiting_.erase(ticket);
  if (!mine) {
    changed_.notify_all();
    return fail(ErrorCode::kCancelled, "the work was stopped");
  }
  used_cores_ += needs.cores;
  used_memory_ += needs.memory;
  changed_.notify_all();
  return Share(this, needs);
}

void Admission::give_back(const Needs& needs) {
  const std::lock_guard lock(mutex_);
  used_cores_ -= needs.cores;
  used_memory_ -= needs.memory;
  changed_.notify_all();
}

}  // namespace telecine
