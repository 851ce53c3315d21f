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
  void send(std::vector<PacketPtr> packets);
  void end();
  void fail(const Error& error);
  bool wanted() const;

 private:
  std::vector<Consumer> consumers_;
};

/// Thins frames to a largest rate, evenly on a grid of times that starts at the first frame.
class RateGate {
 public:
  explicit RateGate(double rate) : rate_(rate) {}
  bool passes(Ticks at);

 private:
  double rate_;  // 0: everything passes
  std::optional<Ticks> first_;
  std::int64_t last_slot_ = -1;
};

/// One encode of pictures on a thread of its own: cut, thin, scale, filter, encode, distribute.
/// What it scaled also feeds the next smaller branches, which must have the same span and rate
/// limit.
class VideoBranch {
 public:
  static Result<std::unique_ptr<VideoBranch>> create(const VideoSettings& settings,
                                                     double rate_limit, double sharpness,
                                                     Span span);
  /// Stops at once, whatever is queued.
  ~VideoBranch();

  // Before `start` only.
  void add_consumer(Consumer consumer) { out_.add(consumer); }
  void add_child(VideoBranch& child);
  void start();

  /// Waits while the branch is busy. False once it was stopped.
  bool push(FramePtr frame) { return frames_.push(std::move(frame)); }
  /// No more frames will come; what was pushed is still encoded.
  void close() { frames_.close(); }
  void abort();
  void join();

  const VideoSettings& settings() const { return settings_; }
  const VideoEncoder& encoder() const { return encoder_; }
  /// End of the last picture it took, on the source's clock.
  Ticks progress() const { return progress_; }

 private:
  VideoBranch(const VideoSettings& settings, double rate_limit, double sharpness, Span span,
              VideoEncoder encoder);
  void work();
  Status take(FramePtr frame);
  Status make(FramePtr frame);
  Status encode(FramePtr frame);
  void finish();

  const VideoSettings settings_;
  VideoEncoder encoder_;
  Scaler scaler_;
  std::optional<FilterChain> filters_;  // between scaling and encoding
  PictureCut cut_;
  RateGate gate_;
  Distributor out_;
  std::vector<VideoBranch*> children_;
  const Ticks offset_;  // of the output's clock from the source's
  bool is_child_ = false;
  Ticks shown_until_ = 0;  // by the parent's last picture; set before it closes this branch
  Channel<FramePtr> frames_;
  std::atomic<Ticks> progress_ = 0;
  std::atomic<bool> aborted_ = false;
  std::thread thread_;
};

}  // namespace telecine::media
