#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "dialect/visionular/answers.h"
#include "task/output.h"

namespace telecine::visionular {

/// A template in the API's own words: built in, or an account's own.
struct Template {
  std::string name{};
  std::string description{};
  std::string format = "mp4";   ///< "mp4", "hls", "flv"
  std::string vcodec = "h264";  ///< "h264", "h265", "av1"
  std::string resolution{};     ///< "360p", "2K", "640x360"…; empty keeps the source's
  double quality = 5;           ///< 1…10
  int framerate = 0;            ///< frames/s at the most; 0 keeps the source's
  int audio_bitrate = 0;        ///< kbit/s, and from 1000 on bit/s; 0 automatic
  int hls_seg_time = 0;         ///< s; 0: 6
  std::string id{};             ///< 16 hex digits, or "builtin-…"
  Millis created = 0;           ///< 0: built in

  bool is_built_in() const { return created == 0; }
  std::string extension() const;
};

/// All that there are names for.
std::span<const Template> built_in_templates();
const Template* built_in_named(std::string_view name);

/// The picture that a resolution's text means; nothing for an unknown text.
std::optional<PictureSize> size_of(std::string_view resolution);

/// Whether what a template names can be encoded, and fits together. kBad says what does not.
Answer<void> check_makeable(const Template& made);

/// The one output that a template means.
OutputSpec output_of(const Template& made);

json::object template_document(const Template& made, Generation generation);

}  // namespace telecine::visionular
