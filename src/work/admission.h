#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <span>
#include <stop_token>

#include "base/error.h"
#include "task/facts.h"
#include "task/output.h"

namespace telecine {

/// What a unit will need while it runs.
struct Needs {
  int cores = 1;
  std::int64_t memory = 0;  ///< bytes, resident
};

/// Estimated from the source and the outputs wanted. The memory is an upper bound measured against
/// x264 and x265 at their default lookahead, plus the decoder's and the queues' pictures.
Needs needs_of(const MediaFacts& source, std::span<const OutputSpec> outputs, int cores);

/// Cores and memory of this machine, shared out first come, first served: a big unit is not passed
/// for ever by small ones. Thread-safe.
class Admission {
 public:
  Admission(int cores, std::int64_t memory) : cores_(cores), memory_(memory) {}

  /// Held while the unit runs; given back at the end of its scope.
  class Share {
   public:
    Share() = default;
    Share(Admission* admission, Needs needs) : admission_(admission), needs_(needs) {}
    Share(Share&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)), needs_(other.needs_) {}
    Share& operator=(Share&& other) noexcept {
      std::swap(admission_, other.admission_);
      std::swap(needs_, other.needs_);
      return *this;
    }
    ~Share() {
      if (admission_ != nullptr) admission_->give_back(needs_);
    }

   private:
    Admission* admission_ = nullptr;
    Needs needs_;
  };

  /// Waits its turn. kResourceLimit when it needs more memory than there is at all; kCancelled.
  Result<Share> enter(Needs needs, const std::stop_token& stop);

 private:
  void give_back(const Needs& needs);

  const int cores_;
  const std::int64_t memory_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  int used_cores_ = 0;
  std::int64_t used_memory_ = 0;
  std::uint64_t next_ticket_ = 0;
  std::set<std::uint64_t> waiting_;  ///< tickets; the smallest is next
};

}  // namespace telecine
