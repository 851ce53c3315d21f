#pragma once

#include "media/av.h"
#include "media/pipeline.h"

namespace telecine::media {

/// Whether the file is a still picture in HEIF by its own word, other than AVIF, which libav reads.
bool is_heif(int fd);

struct UnwrappedPicture {
  Fd file;           ///< of a kind that libav reads, upright
  MediaFacts facts;  ///< of the file it was in
};

/// The picture of a HEIF file, upright, RGB or RGBA of 8 bit. kDecodeFailed for a broken one,
/// kResourceLimit beyond the bounds of allow.h.
Result<FramePtr> heif_picture(int fd);

/// Likewise, in a file. That is one of `files` with this name, and no output's.
Result<UnwrappedPicture> unwrap_heif(int fd, OutputFiles& files,
                                     const std::string& name = ".unwrapped.png");

/// What such a file says of its picture, which is not decoded for it. Errors as above.
Result<MediaFacts> probe_heif(int fd);

/// Lets the facts of the file stand for those of what it was unwrapped to.
class HeifObserver : public Observer {
 public:
  HeifObserver(Observer& observer, const MediaFacts& facts) : observer_(observer), facts_(facts) {}

  Status on_source(const MediaFacts&) override { return observer_.on_source(facts_); }
  void on_progress(std::span<const double> done, double speed) override {
    observer_.on_progress(done, speed);
  }

 private:
  Observer& observer_;
  const MediaFacts& facts_;
};

/// What `run` makes of the picture of a HEIF file, as if it had been made of the file itself: a
/// result with a `source`. `run` gets what to read and who hears of it.
template <class Run>
auto run_on_heif(int fd, OutputFiles& files, Observer& observer, const Run& run)
    -> decltype(run(fd, observer)) {
  const auto picture = unwrap_heif(fd, files);
  if (!picture) return std::unexpected(picture.error());
  HeifObserver wrapped(observer, picture->facts);
  auto made = run(picture->file.get(), wrapped);
  if (made) made->source = picture->facts;
  return made;
}

}  // namespace telecine::media
