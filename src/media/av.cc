#include "media/av.h"

extern "C" {
#include <libavutil/log.h>
}

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <new>

#include "base/text.h"

namespace telecine::media {
namespace {

constexpr std::size_t kMaxLogLine = 200;

std::mutex log_mutex;
std::string last_log_line;  // guarded by log_mutex

void keep_log_line(void*, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_ERROR) return;
  char line[1024];
  const int length = std::vsnprintf(line, sizeof line, format, arguments);
  if (length <= 0) return;
  const std::string text(trim(printable(line, kMaxLogLine)));
  if (text.empty()) return;
  const std::lock_guard lock(log_mutex);
  last_log_line = text;
}

}  // namespace

FramePtr make_frame() {
  FramePtr frame(av_frame_alloc());
  if (!frame) throw std::bad_alloc();
  return frame;
}

PacketPtr make_packet() {
  PacketPtr packet(av_packet_alloc());
  if (!packet) throw std::bad_alloc();
  return packet;
}

FramePtr share(const AVFrame& frame) {
  FramePtr other(av_frame_clone(&frame));
  if (!other) throw std::bad_alloc();
  return other;
}

PacketPtr share(const AVPacket& packet) {
  PacketPtr other(av_packet_clone(&packet));
  if (!other) throw std::bad_alloc();
  return other;
}

Error av_error(int code, std::string_view what, ErrorCode fallback) {
  ErrorCode category = fallback;
  if (code == AVERROR(ENOSPC) || code == AVERROR(EDQUOT) || code == AVERROR(EFBIG)) {
    category = ErrorCode::kOutOfSpace;
  } else if (code == AVERROR(ENOMEM)) {
    category = ErrorCode::kResourceLimit;
  }
  char words[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, words, sizeof words);
  std::string message = std::string(what) + ": " + words;
  if (const auto detail = take_av_log(); !detail.empty()) message += " (" + detail + ")";
  return Error{category, std::move(message), {}};
}

void route_av_log() {
  av_log_set_callback(keep_log_line);
}

std::string take_av_log() {
  const std::lock_guard lock(log_mutex);
  return std::exchange(last_log_line, {});
}

}  // namespace telecine::media
