#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dialect/visionular/answers.h"
#include "task/output.h"

namespace telecine::visionular {

/// A built-in template, in the API's own words.
struct Template {
  std::string name;
  std::string format;      ///< "mp4", "hls", "flv"
  std::string vcodec;      ///< "h264", "h265", "av1"
  std::string resolution;  ///< "360p", "2K", …; empty keeps the source's
  int short_side = 0;      ///< px of `resolution`
  int framerate = 0;       ///< frames/s; 0 keeps the source's
  int audio_bitrate = 0;   ///< kbit/s; 0 automatic
  int quality = 5;         ///< 1…10

  std::string id() const;
  std::string extension() const;
  /// Whether this installation can encode it.
  bool can_be_made() const;
};

/// All that there are names for.
std::span<const Template> built_in_templates();
const Template* template_named(std::string_view name);
const Template* template_with_id(std::string_view id);

/// The one output that a template means.
OutputSpec output_of(const Template& made);

json::object template_document(const Template& made, Generation generation);

}  // namespace telecine::visionular
