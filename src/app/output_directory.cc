#include "app/output_directory.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "base/crypto.h"

namespace telecine::app {
namespace {

/// The file of an output that a client opens.
std::string main_file(const OutputSpec& output) {
  switch (output.type) {
    case OutputType::kVideo:
      return output.name + "." + std::string(name_of(output.container));
    case OutputType::kHls:
      return output.name +
             (output.manifests.front() == Manifest::kHls ? "/master.m3u8" : "/manifest.mpd");
    case OutputType::kCover:
      return output.name + "." + std::string(name_of(output.still.format));
    case OutputType::kSnapshots:
      return output.name + "/00001." + std::string(name_of(output.still.format));
    case OutputType::kSprites:
      return output.name + "/index.vtt";
    case OutputType::kSubtitles:
      return output.name + "/1.vtt";
    case OutputType::kDocument:
      break;
  }
  return output.name;
}

bool is_safe(const std::string& name) {
  constexpr auto kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/";
  return !name.empty() && name.size() < 256 && name.front() != '/' &&
         name.find("..") == std::string::npos && name.find("//") == std::string::npos &&
         name.find_first_not_of(kAllowed) == std::string::npos;
}

std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

}  // namespace

Result<OutputDirectory> OutputDirectory::open(const std::string& path,
                                              std::span<const OutputSpec> outputs, bool replace) {
  for (const OutputSpec& output : outputs) {
    const std::string file = path + "/" + main_file(output);
    std::error_code error;
    if (replace || !std::filesystem::exists(file, error)) continue;
    return fail(ErrorCode::kConflict,
                file + " exists; replace it with --force or choose another --output-dir");
  }
  const std::string hidden = path + "/.telecine-" + hex(random_bytes(6));
  if (auto made = make_directories(hidden); !made) return std::unexpected(made.error());
  return OutputDirectory(path, hidden);
}

OutputDirectory::OutputDirectory(OutputDirectory&& other) noexcept
    : path_(std::move(other.path_)), hidden_(std::exchange(other.hidden_, {})) {}

OutputDirectory::~OutputDirectory() {
  if (!hidden_.empty()) remove_tree(hidden_);
}

Result<Fd> OutputDirectory::create(const std::string& name) const {
  if (!is_safe(name)) return fail(ErrorCode::kInternal, "a bad file name");
  const std::string path = hidden_ + "/" + name;
  if (auto made = make_directories(parent_of(path)); !made) return std::unexpected(made.error());
  return open_file(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
}

Status OutputDirectory::keep(std::vector<OutputFile>& files) const {
  for (OutputFile& file : files) {
    // A hidden name is of something in between, and never an output's.
    if (!is_safe(file.name) || file.name.front() == '.')
      return fail(ErrorCode::kInternal, "a bad file name");
    const std::string place = path_ + "/" + file.name;
    if (auto made = make_directories(parent_of(place)); !made) return made;
    if (std::rename((hidden_ + "/" + file.name).c_str(), place.c_str()) != 0) {
      return std::unexpected(errno_error(errno, place));
    }
    file.url = place;
  }
  return {};
}

}  // namespace telecine::app
