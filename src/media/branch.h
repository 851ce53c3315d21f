#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "media/channel.h"
#include "media/encode.h"
#include "media/filter_chain.h"
#include "media/finisher.h"
#include "media/frame_grid.h"
#include "media/mux.h"
#include "media/scale.h"
#include "media/span.h"

namespace telecine::media {

/// Whether an output still lives, shared by everything that works for it. Any threads.
class Fate {
 public:
  /// The first error counts.
  void fail(Error error);
  bool failed() const { return failed_; }
  std::optional<Error> error() const;

 private:
  mutable std::mutex mutex_;
  std::optional<Error> error_;  // guarded by mutex_
  std::atomic<bool> failed_ = false;
};

/// A place packets go to: a track of a muxer that belongs to an output. A write that fails fails
/// that output only.
struct Consumer {
  Muxer* muxer = nullptr;
  int track = 0;
  Fate* fate = nullptr;
};

/// Packets of one encode on their way to everybody who wants them.
class Distributor {
 public:
  void add(Consumer consumer) { consumers_.push_back(consumer); }
  void send(const std::vector<PacketPtr>& packets);
  void end();
  void fail(const Error& error);
  bool wanted() const;

 private:
  std::vector<Consumer> consumers_;
};

/// Encoded pictures of one setting, whoever makes them: what muxers and facts need of them.
class PictureSource {
 public:
  virtual ~PictureSource() = default;
  virtual void add_consumer(Consumer consumer) = 0;
  virtual const AVCodecParameters& parameters() const = 0;
  virtual AVRational frame_rate() const = 0;
  // On the output's clock, complete at the end.
  virtual std::int64_t frames() const = 0;
  virtual Ticks starts() const = 0;
  virtual Ticks ends() const = 0;
  /// End of the last picture that went in, on the source's clock. Any thread.
  virtual Ticks progress() const = 0;
};

/// Thins frames to a largest rate, evenly: the first one in each place of a grid that starts at 0.
class RateGate {
 public:
  explicit RateGate(double rate) : rate_(rate) {}
  bool passes(Ticks at);

 private:
  double rate_;  // 0: everything passes
  std::optional<std::int64_t> last_slot_;
};

/// What pictures a branch makes of the source.
struct BranchReach {
  Span span;    ///< this becomes its own clock
  Span window;  ///< on that clock: others are only looked at, for those in it
};

/// One encode of pictures on a thread of its own: cut, bring to a rate, scale, recolour, finish,
/// encode, distribute. What is to be finished also feeds the next smaller branches, which must be
/// alike up to there but for the size.
class VideoBranch : public PictureSource {
 public:
  /// With a parent it takes that one's pictures, and `push` is the parent's to call.
  static Result<std::unique_ptr<VideoBranch>> create(const VideoSettings& settings,
                                                     double rate_limit, BranchReach reach,
                                                     Drawings drawings, VideoBranch* parent);
  /// Stops at once, whatever is queued.
  ~VideoBranch() override;

  // Before `start` only.
  void add_consumer(Consumer consumer) override { out_.add(consumer); }
  void start();

  /// Waits while the branch is busy. False once it was stopped.
  bool push(FramePtr frame) { return frames_.push(std::move(frame)); }
  /// No more frames will come; what was pushed is still encoded.
  void close() { frames_.close(); }
  void abort();
  void join();

  const VideoSettings& settings() const { return settings_; }
  const AVCodecParameters& parameters() const override { return encoder_.parameters(); }
  AVRational frame_rate() const override { return encoder_.frame_rate(); }
  std::int64_t frames() const override { return encoder_.frames(); }
  Ticks starts() const override { return encoder_.start(); }
  Ticks ends() const override { return encoder_.end(); }
  Ticks progress() const override { return progress_; }

 private:
  VideoBranch(const VideoSettings& settings, double rate_limit, BranchReach reach,
              Drawings drawings, bool is_child, VideoEncoder encoder);
  void work();
  bool is_in_window(Ticks at, Ticks shown) const;
  bool wanted() const { return out_.wanted() || !children_.empty(); }
  Status take(FramePtr frame);
  Status make(FramePtr frame);
  Status repeat(FrameGrid::Shown shown);
  Result<FramePtr> scale(const AVFrame& frame);
  Status recolour(FramePtr frame);
  Status hand_on(FramePtr frame);
  Status flush();
  Status encode(FramePtr frame);
  void finish();
  /// For what concerns the pictures that children take too.
  void fail(const Error& error);

  const VideoSettings settings_;
  VideoEncoder encoder_;
  Scaler scaler_;
  std::optional<FilterChain> recolour_;
  Finisher finisher_;
  PictureCut cut_;
  RateGate gate_;
  std::optional<FrameGrid> grid_;
  Distributor out_;
  std::vector<VideoBranch*> children_;
  const Span window_;
  const Ticks offset_;  // of the output's clock from the source's
  const bool is_child_;
  Ticks shown_until_ = 0;  // by the parent's last picture; set before it closes this branch
  Channel<FramePtr> frames_;
  std::atomic<Ticks> progress_ = 0;
  std::atomic<bool> aborted_ = false;
  std::thread thread_;
};

}  // namespace telecine::media
