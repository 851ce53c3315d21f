#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "media/branch.h"
#include "media/copy.h"
#include "media/decode.h"
#include "media/hls.h"
#include "media/picture_set.h"
#include "media/pipeline.h"
#include "media/plan.h"

namespace telecine::media {

/// One pass over a source that feeds every output of a job. Use once: `prepare`, `decode`,
/// `collect`. `done` may be asked from another thread meanwhile.
class Transcode {
 public:
  /// `from` is where reading begins: 0, or what `input` was made to seek before.
  Transcode(Input& input, const MediaFacts& source, const Job& job, OutputFiles& files,
            Millis from);
  ~Transcode();

  /// Opens everything the job needs. Outputs that can't be made fail here, alone.
  Status prepare();
  /// Decodes as far as any output needs and finishes every file. Fails only for the source's sake.
  Status decode();
  std::vector<MadeOutput> collect();

  /// 0...1 for each output.
  std::vector<double> done() const;
  /// Seconds of the source that every output has passed.
  double seconds_done() const;

 private:
  struct Sound {
    AudioEncoder encoder;
    Span span;
    Distributor out;
    bool broken = false;

    void add_consumer(Consumer consumer) { out.add(consumer); }
  };
  struct Target {
    std::unique_ptr<Muxer> muxer;
    FileMuxer* file = nullptr;  // the muxer, by what it is
    HlsMuxer* hls = nullptr;
    VideoBranch* video = nullptr;
    Sound* sound = nullptr;
    StreamCopy* video_copy = nullptr;
    StreamCopy* sound_copy = nullptr;
  };
  /// What went into one track of a target.
  struct Track {
    const AVCodecParameters* codec = nullptr;
    AVRational frame_rate{0, 1};
    std::int64_t frames = 0;
    Ticks start = 0;
    Ticks end = 0;
  };
  struct Work {
    const OutputSpec* spec = nullptr;
    Fate fate;
    Ticks until = kForever;  // nothing of the source after this is needed; on its clock
    std::vector<Target> targets;
    std::optional<PictureSet> pictures;  // of outputs that take pictures, as the next one
    std::optional<FramePicker> picker;
    std::atomic<bool> finished = false;
    MadeOutput made;
  };

  void choose_streams();
  void set_clock();
  Span span_of(const Part& part) const;
  void open_work(Work& work, const PlannedOutput& planned);
  void open_encoders(const Plan& plan);
  Status open_target(Work& work, const PlannedRendition& planned, const std::string& rendition);
  Status open_muxer(const Work& work, Target& target, const std::string& rendition);
  Status add_tracks(Work& work, Target& target);
  Status open_decoders();
  void fail_wanting_sound(const Error& error);
  Status read_all();
  void follow_clock(AVPacket& packet, const AVStream& stream);
  Status on_picture(FramePtr frame);
  Status on_sound(const AVFrame& frame, Ticks at);
  Result<std::vector<PacketPtr>> encode_sound(Sound& sound, const AVFrame& frame, Ticks at);
  FramePicker::Take taker(Work& work);
  void finish_sound();
  Status judge() const;
  void finish_output(Work& work);
  Status finish_file(Work& work);
  Status finish_hls(Work& work);
  Status finish_pictures(Work& work);
  static std::optional<Track> picture_track(const Target& target);
  static std::optional<Track> sound_track(const Target& target);
  MediaFacts facts_of(const Target& target) const;
  MediaFacts hls_facts(const Target& target) const;
  bool all_failed() const;
  bool nothing_left() const;
  Ticks progress_of(const Work& work) const;

  Input& input_;
  const MediaFacts& source_;
  const Job& job_;
  OutputFiles& files_;
  const VideoFacts* video_ = nullptr;  // what is used of the source
  const AudioFacts* audio_ = nullptr;
  bool decodes_video_ = false;
  bool decodes_audio_ = false;
  const Millis from_;
  Ticks zero_ = 0;      // of the source's clock, becomes 0
  Ticks origin_ = 0;    // where the file starts on the output's clock; streams may start later
  Ticks declared_ = 0;  // end the source claims on the output's clock; 0 unknown
  Ticks furthest_ = 0;  // end of the packets read
  Ticks jump_ = 0;      // added to the source's clock since it was set anew in mid-stream
  std::vector<std::optional<Ticks>> next_;  // by stream: when the next packet is expected
  std::optional<VideoDecoder> video_decoder_;
  std::optional<AudioDecoder> audio_decoder_;
  std::optional<StreamCopy> video_copy_;
  std::optional<StreamCopy> audio_copy_;
  std::vector<std::unique_ptr<Work>> work_;
  std::vector<std::unique_ptr<Sound>> sounds_;
  // Last, so that the threads end before what they use.
  std::vector<std::unique_ptr<VideoBranch>> branches_;
  std::vector<VideoBranch*> roots_;
  std::vector<std::optional<Error>> branch_errors_;
  std::vector<std::optional<Error>> sound_errors_;
  bool stopped_early_ = false;  // because nothing more was needed
  std::atomic<Ticks> picture_progress_ = 0;
  std::atomic<Ticks> sound_progress_ = 0;
};

}  // namespace telecine::media
