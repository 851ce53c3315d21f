#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/id.h"
#include "base/names.h"
#include "base/time.h"
#include "task/rendition.h"
#include "task/spec.h"

namespace telecine {

/// What a picture is to a generated video.
enum class PictureRole : std::uint8_t { kFirst, kLast, kReference };
template <>
inline constexpr auto kNames<PictureRole> =
    std::to_array<Named<PictureRole>>({{PictureRole::kFirst, "first"},
                                       {PictureRole::kLast, "last"},
                                       {PictureRole::kReference, "reference"}});

struct Picture {
  PictureRole role = PictureRole::kFirst;
  std::string source;  ///< http(s)://… or file-id:<32 hex>
  bool own = false;    ///< the file was made for this task alone and goes with it
};
bool is_remote(const Picture& picture);

enum class SoundWish : std::uint8_t { kAuto, kOn, kOff };
template <>
inline constexpr auto kNames<SoundWish> = std::to_array<Named<SoundWish>>(
    {{SoundWish::kAuto, "auto"}, {SoundWish::kOn, "on"}, {SoundWish::kOff, "off"}});

enum class ProviderKind : std::uint8_t { kAnimatic, kOpenai };
template <>
inline constexpr auto kNames<ProviderKind> = std::to_array<Named<ProviderKind>>(
    {{ProviderKind::kAnimatic, "animatic"}, {ProviderKind::kOpenai, "openai"}});

/// Who makes the video: chosen when the task is submitted and kept, so that every later call goes
/// to the same provider under the same name of the model.
struct ProviderChoice {
  std::string provider;  ///< its configured name
  ProviderKind kind = ProviderKind::kAnimatic;
  std::string model;  ///< what the provider calls it
};

/// A generation as asked for.
struct Generation {
  std::string prompt;  ///< required unless there is a first picture
  std::string negative_prompt;
  std::string model;  ///< as the client named it
  std::vector<Picture> pictures;
  std::string aspect_ratio = "16:9";
  std::string resolution = "720p";
  std::optional<Dimensions> size;  ///< px; goes before aspect_ratio and resolution
  int duration = 8;                ///< s
  int fps = 24;
  std::optional<std::int64_t> seed;
  SoundWish audio = SoundWish::kAuto;
  bool enhance_prompt = false;
  bool upscale = false;
  std::string provider;                  ///< one provider by name; empty: the model map decides
  std::optional<ProviderChoice> choice;  ///< set at submit
};

inline constexpr std::size_t kMaxPromptCharacters = 4000;
inline constexpr std::int64_t kMaxPictureBytes = 20LL << 20;
inline constexpr std::int64_t kMaxPicturePixels = 40'000'000;
/// The member of TaskSpec.options and of Task.result where generations lie.
inline constexpr std::string_view kGenerationMember = "generation";
/// What the built-in provider calls its one model, and the other name it goes by.
inline constexpr std::string_view kAnimaticModel = "telecine-animatic-1";
inline constexpr std::string_view kAnimaticShort = "animatic";

/// Strict, for requests. The choice and `own` are not a caller's to give.
Result<Generation> generation_from(const boost::json::value& value, const std::string& path);
/// Rules that hold between fields; fields of errors begin with `path`.
Status check_generation(const Generation& wanted, const std::string& path);

boost::json::object to_json(const Generation& wanted);
/// The generation of a stored task.
Generation generation_of(const TaskSpec& spec);

/// The files of the library that were made of bytes in the request: the task's alone.
std::vector<Id> picture_files(const TaskSpec& spec);

/// Whether the task's video is drawn by the built-in provider and not generated.
bool is_placeholder(const TaskSpec& spec);

/// The exact size asked for: both sides even.
Dimensions size_of(const Generation& wanted);
/// Unicode characters of valid UTF-8.
std::size_t count_characters(std::string_view text);

}  // namespace telecine
