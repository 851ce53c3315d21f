#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <vector>

#include "job/job.h"
#include "media/branch.h"
#include "media/clock_leaps.h"
#include "media/copy.h"
#include "media/decode.h"
#include "media/hls.h"
#include "media/keyframe_index.h"
#include "media/ladder.h"
#include "media/loudness.h"
#include "media/picture_set.h"
#include "media/plan.h"
#include "media/reuse.h"
#include "media/segment_file.h"
#include "media/texts.h"
#include "media/uprights.h"

namespace telecine::media {

/// One pass over a source that feeds every output of a job. Use once: `prepare`, `decode`,
/// `collect`. `done` may be asked from another thread meanwhile.
class Transcode {
 public:
  /// `from` is where reading begins: 0, or what `input` was made to seek before.
  Transcode(Input& input, const MediaFacts& source, const Job& job, OutputFiles& files,
            Millis from);
  ~Transcode();

  /// The segments of about this length that the source can be cut into; none: it cannot. Then what
  /// else was found. Instead of all that follows.
  std::vector<Segment> find_segments(Millis length, const KeyframeIndex::Heard& heard);
  Findings findings() const { return {reuse_.taken(), telecined_}; }
  /// Of the source's subtitles that are to be drawn, for the runs that encode the segments.
  Result<std::vector<MadeOutput>> write_scripts();
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
  /// Beside a segment, how much behind it is looked at where that matters.
  static constexpr Ticks kRunOut = 3 * kTicksPerSecond / 2;

  /// A sound of the source that is used.
  struct Heard {
    SourceSound source;
    std::optional<AudioDecoder> decoder;
    std::optional<StreamCopy> copy;
  };
  struct Sound {
    AudioEncoder encoder;
    std::size_t source;
    Span span;
    AudioOptions options;
    std::optional<Levelling> levelling{};
    std::unique_ptr<FilterChain> level{};  // between decoder and encoder, which it feeds
    std::vector<PacketPtr> ready{};        // what it made
    Distributor out{};
    bool broken = false;

    void add_consumer(Consumer consumer) { out.add(consumer); }
  };
  /// A track of sound in a target: one of the two is what fills it.
  struct SoundTrack {
    Sound* encode = nullptr;
    StreamCopy* copy = nullptr;
    const AudioFacts* facts = nullptr;  // of the source
  };
  /// One file, or one folder of a ladder.
  struct Target {
    std::unique_ptr<Muxer> muxer;
    FileMuxer* file = nullptr;  // the muxer, by what it is
    HlsMuxer* hls = nullptr;
    SegmentWriter* segment = nullptr;
    std::string folder;  // within the output
    PictureSource* video = nullptr;
    StreamCopy* video_copy = nullptr;
    std::vector<SoundTrack> sounds;
    std::optional<std::size_t> rendition;  // that it makes whole, or the pictures of
    std::optional<std::size_t> group;      // of sound packaged apart, that it is one of
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
    Span span;               // what it takes of the source, on its clock
    Ticks until = kForever;  // nothing of the source after this is needed; on its clock
    std::vector<Target> targets;
    std::vector<std::optional<std::size_t>> groups;  // by rendition: its sound packaged apart
    std::string key;                                 // segments are encrypted with it; or empty
    std::optional<PictureSet> pictures;  // of outputs that take pictures, as the next one
    std::optional<FramePicker> picker;
    std::atomic<bool> finished = false;
    MadeOutput made;
  };

  SourceStreams choose_streams();
  std::pair<SourceStreams, Plan> make_plan();
  const std::vector<OutputSpec>& specs() const;
  std::vector<Segment> segments_in(const std::vector<Span>& regions, Ticks step,
                                   const std::vector<Span>& spans);
  void set_run_up(const Plan& plan);
  void reduce_to_segment(Plan& plan);
  Status go_to_segment();
  Span window_in(const Span& span) const;
  Ticks segment_reach() const;
  bool reaches(const AVFrame& frame) const;
  bool is_elsewhere(const PlannedVideo& planned) const;
  std::vector<std::size_t> segments_of(const PlannedVideo& planned) const;
  std::optional<Ticks> keyframe_before(Ticks at);
  bool begins_undamaged();
  std::optional<std::vector<Ticks>> cuts_in(const Span& region, Ticks step,
                                            const std::vector<Span>& spans);
  bool counts(const AVPacket& packet) const;
  void open_segments(const Plan& plan);
  Status pump_segments(Ticks until);
  Status finish_segment(Work& work);
  PictureSource* pictures_of(std::size_t encode) const;
  void set_clock();
  Span span_of(const Part& part) const;
  std::vector<ChapterFacts> chapters_in(const Span& span) const;
  void open_work(Work& work, const PlannedOutput& planned);
  void open_encoders(const Plan& plan);
  Status open_targets(Work& work, const PlannedOutput& planned);
  Status open_target(Work& work, const PlannedRendition& planned, const std::string& folder);
  Result<SoundTrack> sound_track(const Work& work, const PlannedTrack& planned);
  Result<StreamCopy*> picture_copy(const Work& work);
  StreamCopy* sound_copy(const Work& work, Heard& heard);
  Status open_muxer(const Work& work, Target& target);
  Status write_key(Work& work);
  Status add_tracks(Work& work, Target& target);
  void open_branches(const Plan& plan);
  Result<std::unique_ptr<VideoBranch>> make_branch(const PlannedVideo& planned,
                                                   VideoBranch* parent);
  const HdrLight& light();
  Result<std::shared_ptr<const Script>> script_for(const BurntSubtitles& wanted);
  Result<Drawings> drawings_for(const VideoSettings& settings, const Span& span);
  Status open_video_decoder();
  void open_sound_decoder(std::size_t place);
  Status read_all();
  bool uses(const AVStream& stream) const;
  Status on_picture(const AVFrame& frame);
  Status on_sound(std::size_t source, const AVFrame& frame, Ticks at);
  void open_sounds(const Plan& plan);
  static void set_level(Sound& sound);
  static std::string filters_of(const Sound& sound);
  Status measure_loudness();
  Status measure_sounds(std::size_t place, const std::vector<Sound*>& sounds);
  static Result<std::vector<PacketPtr>> finish_encoding(Sound& sound);
  static Result<std::vector<PacketPtr>> encode_sound(Sound& sound, const AVFrame& frame, Ticks at);
  FramePicker::Take taker(Work& work);
  void finish_sound();
  Status judge() const;
  Status accept(const Error& damage);
  void finish_output(Work& work);
  Status finish_file(Work& work);
  Status finish_ladder(Work& work);
  Status finish_subtitles(Work& work);
  Status write_texts(Work& work, const Ladder& ladder);
  Status write_text(Work& work, const std::string& name, const char* type, std::string_view text);
  Status finish_pictures(Work& work);
  static std::optional<Track> picture_track(const Target& target);
  static bool keeps_rate(const Track& track);
  static Track track_of(const SoundTrack& sound);
  Status take(const AVPacket& packet);
  MediaFacts facts_of(const Target& target) const;
  static std::size_t main_sound(const std::vector<SoundTrack>& sounds);
  MediaFacts folder_facts(const Target& target) const;
  MediaFacts rendition_facts(const Work& work, std::size_t rendition) const;
  LadderTrack ladder_track(const Work& work, const Target& target) const;
  Ladder ladder_of(const Work& work) const;
  Status write_manifest(Work& work, const Ladder& ladder, Manifest manifest);
  bool all_failed() const;
  bool nothing_left() const;
  Ticks progress_of(const Work& work) const;

  Input& input_;
  const MediaFacts& source_;
  const Job& job_;
  OutputFiles& files_;
  Images images_;
  std::map<std::string, std::shared_ptr<const Script>>
      file_scripts_;                                             // by asset; each is read once
  std::map<int, std::shared_ptr<const Script>> stream_scripts_;  // by stream, likewise
  std::optional<HdrLight> light_;                                // likewise
  std::optional<bool> telecined_;                                // likewise
  const VideoFacts* video_ = nullptr;                            // what is used of the source
  std::vector<std::unique_ptr<Heard>> heard_;  // by the source's sounds; null: not used
  Texts texts_;
  Reuse reuse_;
  bool decodes_video_ = false;
  Ticks run_up_ = 0;  // before a segment; 0: its pictures do not depend on those around it
  const Millis from_;
  Ticks zero_ = 0;      // of the source's clock, becomes 0
  Ticks origin_ = 0;    // where the file starts on the output's clock; streams may start later
  Ticks declared_ = 0;  // end the source claims on the output's clock; 0 unknown
  Ticks furthest_ = 0;  // end of the packets read
  ClockLeaps clocks_;
  std::optional<KeyframeIndex> index_;  // to find segments with
  std::optional<VideoDecoder> video_decoder_;
  std::optional<Uprights> uprights_;
  std::optional<StreamCopy> video_copy_;
  std::vector<std::unique_ptr<StreamCopy>> clips_;  // copies of parts, one a track
  std::vector<OutputSpec> segment_specs_;           // one for each encode, of a segment
  std::vector<std::unique_ptr<JoinedSegments>> joined_;
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
  std::atomic<double> measured_ = 0;  // share of the source heard in advance
};

}  // namespace telecine::media
