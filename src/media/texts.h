#pragma once

#include <memory>
#include <string>
#include <vector>

#include "media/branch.h"
#include "media/input.h"
#include "media/span.h"
#include "task/facts.h"
#include "task/output.h"

namespace telecine::media {

/// Of a subtitle whose packet does not say how long it is shown.
inline constexpr Ticks kUsualLength = 5LL * kTicksPerSecond;

/// A subtitle track written out as WebVTT.
struct TextMade {
  std::string text;  ///< the whole file
  const SubtitleFacts* facts = nullptr;
};

/// The source's subtitles on their way into outputs: decoded where they are text, else carried as
/// they are. One thread.
class Texts {
 public:
  /// Both must outlive this.
  Texts(Input& input, const MediaFacts& source) : input_(input), source_(source) {}
  Texts(const Texts&) = delete;
  Texts& operator=(const Texts&) = delete;

  /// Adds what the output asks for to its file, before that starts. `notes` hears what is left out.
  void add_to_file(const OutputSpec& spec, Muxer& muxer, Fate& fate, const Span& span,
                   std::vector<std::string>& notes);
  /// What the output asks for becomes WebVTT; see `written`.
  void add_written(const OutputSpec& spec, const Span& span, std::vector<std::string>& notes);

  bool uses(int stream) const;
  bool any() const { return !tracks_.empty(); }
  /// `zero` is what the source's clock shows when the output's shows 0.
  void take(const AVPacket& packet, Ticks zero);
  /// The source has ended.
  void finish();
  /// After `finish`: the tracks of an output, in the order chosen. `head` follows the first line.
  std::vector<TextMade> written(const OutputSpec& spec, const std::string& head) const;

 private:
  struct Cue {
    Ticks start = 0;
    Ticks end = 0;
    std::string text;
  };
  /// One source track on its way into one output.
  struct Track {
    const OutputSpec* spec = nullptr;
    const SubtitleFacts* facts = nullptr;
    Span span;
    CodecContextPtr encoder;  // none: packets go as they are
    Consumer consumer;        // without a muxer: into `cues`
    std::vector<Cue> cues;
  };

  std::vector<const SubtitleFacts*> chosen_for(const OutputSpec& spec,
                                               std::vector<std::string>& notes) const;
  AVCodecContext* decoder_of(int stream);
  Status add_track(Track track, AVCodecID codec, Muxer* muxer, Fate* fate);
  void carry(Track& track, const AVPacket& packet, Ticks at, Ticks length);
  void say(Track& track, const AVSubtitle& subtitle, Ticks at, Ticks length);
  static void send(Track& track, PacketPtr packet);

  Input& input_;
  const MediaFacts& source_;
  std::vector<std::pair<int, CodecContextPtr>> decoders_;  // by stream
  std::vector<std::unique_ptr<Track>> tracks_;
};

}  // namespace telecine::media
