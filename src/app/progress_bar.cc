#include "app/progress_bar.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.h"

namespace telecine::app {
namespace {

constexpr Millis kRedraw = 100;
constexpr Millis kLineEvery = 5000;

std::size_t terminal_columns() {
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

std::string bar_of(double done, std::size_t width) {
  const auto full = static_cast<std::size_t>(std::lround(done * static_cast<double>(width)));
  std::string bar(full, '#');
  bar.resize(width, '-');
  return bar;
}

}  // namespace

ProgressBar::ProgressBar(std::string label)
    : label_(std::move(label)), terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  clear();
}

std::string ProgressBar::time_left(double done, Millis now) {
  constexpr Millis kSoonest = 1500;
  if (now - started_ < kSoonest || done <= first_ || done >= 1) return {};
  const double rate = (done - first_) / static_cast<double>(now - started_);
  const auto left = static_cast<Millis>((1 - done) / rate);
  return ", " + human_duration(left / 1000 * 1000) + " left";
}

void ProgressBar::update(double done, std::string_view note) {
  const Millis now = steady_ms();
  done = std::clamp(done, 0.0, 1.0);
  if (started_ == 0) {
    started_ = now;
    first_ = done;
  }
  const Millis pause = terminal_ ? kRedraw : kLineEvery;
  if (last_ != 0 && now - last_ < pause) return;
  last_ = now;
  char percent[16];
  std::snprintf(percent, sizeof percent, "%5.1f%%", done * 100);
  const std::string tail = std::string(percent) + "  " + std::string(note) + time_left(done, now);
  if (!terminal_) {
    std::fprintf(stderr, "%s %s\n", label_.c_str(), tail.c_str());
    return;
  }
  constexpr std::size_t kWidest = 30;
  const std::size_t used = label_.size() + tail.size() + 5;
  const std::size_t columns = terminal_columns();
  const std::size_t width = columns > used ? std::min(kWidest, columns - used) : 0;
  std::string line = label_ + " " + (width > 3 ? "[" + bar_of(done, width) + "] " : "") + tail;
  if (line.size() >= columns) line.resize(columns - 1);
  std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressBar::clear() {
  if (!std::exchange(drawn_, false)) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
}

}  // namespace telecine::app
