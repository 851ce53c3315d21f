#pragma once

#include <memory>

#include "media/copy.h"
#include "media/cut_encoder.h"
#include "media/decode.h"
#include "media/span.h"

namespace telecine::media {

/// The pictures of a span, whose start becomes 0, with as little encoding as can be: groups of
/// pictures that lie in it are copied, bit by bit, and only what the span has of the groups at its
/// ends is decoded and encoded. Open groups are taken apart where the copy begins: the pictures
/// that refer to what was not copied are encoded, too. Groups that cannot be begun with, and groups
/// of which an edit list hides a picture, are encoded as far as they reach.
class SmartClip : public StreamCopy {
 public:
  /// kUnsupported when the stream cannot be cut so: it must be H.264 or H.265, progressive, and of
  /// a pixel format that the encoder makes.
  static Result<std::unique_ptr<SmartClip>> open(const AVStream& stream, Ticks zero, Span span,
                                                 int threads);

  void take(const AVPacket& packet) override;
  void finish() override;
  bool is_done() const override { return over_ || !wanted(); }
  bool copied_any() const override { return copied_any_; }
  const AVCodecParameters& parameters() const override { return *parameters_; }

 private:
  /// From a keyframe to before the next one.
  struct Group {
    std::vector<PacketPtr> packets;
    std::size_t bytes = 0;
  };
  /// What is known of a group once it is read.
  struct Facts {
    GroupStart start = GroupStart::kNone;
    Ticks key = 0;    // its first picture in the order of decoding
    Ticks first = 0;  // and in that of showing
    Ticks first_shown = 0;
    Ticks last = 0;
    Ticks last_shown = 0;
    bool is_hidden = false;  // any of it
  };

  SmartClip(const AVStream& stream, Ticks zero, Span span, int threads);
  Ticks time_of(const AVPacket& packet) const;
  Ticks length_of(const AVPacket& packet) const;
  Facts facts_of(const Group& group) const;
  Status take_picture(const AVPacket& packet);
  Status close_group(bool is_whole);
  bool can_copy(const Facts& facts) const;
  Status copy(const Group& group, const Facts& facts);
  Status encode_leading(const Group& group, const Facts& facts);
  Status encode(const Group& group, const Facts& facts);
  Status begin_encoding(const Group& group, const Facts& facts);
  Status end_encoding();
  Status on_picture(FramePtr frame);
  Status encode_pictures(std::vector<FramePtr> frames);
  void emit_encoded(std::vector<PacketPtr> packets);
  void emit(PacketPtr packet);
  void end_all_at(Ticks end);

  const Ticks file_zero_;
  const Span span_;
  const int threads_;
  const int length_size_;
  const Ticks usual_step_;
  CodecParametersPtr parameters_;    // of the stream with the encoder's beside its own
  std::optional<CutEncoder> spare_;  // opened for its parameter sets, and the first to be used

  Group group_;           // that is being read
  Group previous_;        // what an open group refers to
  bool streams_ = false;  // the group is too large to be held: it is encoded while it is read
  bool copies_ = false;   // the last group was copied
  bool over_ = false;

  // While pictures are encoded.
  std::optional<VideoDecoder> decoder_;
  std::optional<CutEncoder> encoder_;
  std::optional<PictureCut> cut_;
  Ticks cut_start_ = 0;
  Ticks until_ = kForever;  // pictures from here on are copied
  bool copied_any_ = false;
  std::int64_t delay_ = 0;  // of showing a picture after decoding it, as the source has it
  std::optional<std::int64_t> last_dts_;
  std::optional<std::int64_t> first_dts_;
  std::int64_t first_pts_ = 0;
  Ticks seen_ = 0;  // end of what went out, on the source's clock
  PacketPtr held_;  // the newest packet waits for the next one: the last is treated specially
};

}  // namespace telecine::media
