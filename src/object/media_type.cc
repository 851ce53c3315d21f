#include "object/media_type.h"

#include <array>
#include <utility>

#include "base/text.h"

namespace telecine::object {
namespace {

constexpr auto kTypes = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"mp4", "video/mp4"},
    {"m3u8", "application/vnd.apple.mpegurl"},
    {"mpd", "application/dash+xml"},
    {"ts", "video/mp2t"},
    {"m4s", "video/iso.segment"},
    {"flv", "video/x-flv"},
    {"m4a", "audio/mp4"},
    {"mp3", "audio/mpeg"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"png", "image/png"},
    {"gif", "image/gif"},
    {"webm", "video/webm"},
    {"mkv", "video/x-matroska"},
    {"ogg", "audio/ogg"},
    {"flac", "audio/flac"},
    {"webp", "image/webp"},
    {"vtt", "text/vtt"},
    {"json", "application/json"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
});

}  // namespace

std::string_view media_type_of(std::string_view name) {
  const auto dot = name.rfind('.');
  if (dot != std::string_view::npos) {
    for (const auto& [extension, type] : kTypes) {
      if (iequals(name.substr(dot + 1), extension)) return type;
    }
  }
  return "application/octet-stream";
}

std::string_view picture_type_of(std::string_view head) {
  if (head.starts_with("\x89PNG\r\n\x1a\n")) return "image/png";
  if (head.starts_with("\xff\xd8\xff")) return "image/jpeg";
  if (head.starts_with("GIF87a") || head.starts_with("GIF89a")) return "image/gif";
  if (head.starts_with("RIFF") && head.substr(0, 12).ends_with("WEBP")) return "image/webp";
  return "";
}

}  // namespace telecine::object
