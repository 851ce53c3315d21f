#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "base/time.h"

namespace telecine::app {

/// How far something is, on stderr: a bar that is redrawn on a terminal, a line every few seconds
/// elsewhere. Cleared or ended with the object.
class ProgressBar {
 public:
  explicit ProgressBar(std::string label);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// `done` is 0...1; `note` stands behind the bar ("running, 3.2x"). The time left is estimated.
  void update(double done, std::string_view note);
  /// Starts the estimate anew from here: what was done before tells nothing about the rate.
  void restart() { started_ = 0; }
  /// Takes the bar off the terminal, so that other text can follow.
  void clear();

 private:
  std::string time_left(double done, Millis now);

  std::string label_;
  bool terminal_;
  bool drawn_ = false;
  Millis started_ = 0;  ///< 0: with the next update
  double first_ = 0;
  Millis last_ = 0;
};

}  // namespace telecine::app
