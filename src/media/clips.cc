// What a transcode copies of a part of its source.

#include "media/smart_clip.h"
#include "media/transcode.h"

namespace telecine::media {

Result<StreamCopy*> Transcode::picture_copy(const Work& work) {
  if (work.span.is_whole()) return &*video_copy_;
  const AVStream& stream = video_copy_->stream();
  if (work.spec->cut == Cut::kKeyframe) {
    clips_.push_back(std::make_unique<KeyframeClip>(stream, zero_, work.span));
  } else {
    auto clip = SmartClip::open(stream, zero_, work.span, job_.threads);
    if (!clip) return std::unexpected(clip.error());
    clips_.push_back(std::move(*clip));
  }
  return clips_.back().get();
}

StreamCopy* Transcode::sound_copy(const Work& work, Heard& heard) {
  if (work.span.is_whole()) return &*heard.copy;
  clips_.push_back(std::make_unique<SoundClip>(heard.copy->stream(), zero_, work.span,
                                               writes_edit_lists(*work.spec)));
  return clips_.back().get();
}

}  // namespace telecine::media
