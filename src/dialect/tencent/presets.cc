#include "dialect/tencent/presets.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "task/records.h"

namespace telecine::tencent {
namespace {

const std::vector<Template>& all_presets() {
  static const std::vector<Template> all = load_built_in_templates("tencent");
  return all;
}

/// The vendor numbers each kind of template by itself.
std::optional<OutputSpec> preset(std::string_view kind, int definition) {
  const std::string name = std::string(kind) + "-" + std::to_string(definition);
  const auto found = std::ranges::find(all_presets(), name, &Template::name);
  if (found == all_presets().end()) return std::nullopt;
  return found->outputs.front();
}

/// By way of its document, whose reader knows which parts there can be.
Result<OutputSpec> part_of(const OutputSpec& whole, double start, double end) {
  json::object description = to_json(whole);
  if (start != 0) description["start"] = start;
  if (end != 0) description["end"] = end;
  return output_spec_from(description, "");
}

}  // namespace

void load_presets() {
  (void)all_presets();
}

std::optional<OutputSpec> transcode_output(int definition) {
  return preset("transcode", definition);
}

std::optional<OutputSpec> cover_output(int definition, const Position& at) {
  auto spec = preset("cover", definition);
  if (spec) spec->still.at = at;
  return spec;
}

std::optional<OutputSpec> sample_output(int definition) {
  return preset("sample", definition);
}

std::optional<OutputSpec> snapshot_output(int definition, const std::vector<Millis>& times) {
  auto spec = preset("times", definition);
  if (!spec || times.empty()) return std::nullopt;
  spec->sampling.times = times;
  return spec;
}

std::optional<OutputSpec> animation_output(int definition, double start, double end) {
  const auto whole = preset("animation", definition);
  if (!whole) return std::nullopt;
  auto part = part_of(*whole, start, end);
  return part ? std::optional(*std::move(part)) : std::nullopt;
}

std::optional<OutputSpec> sprite_output(int definition) {
  return preset("sprites", definition);
}

std::optional<OutputSpec> master_output(const std::vector<OutputSpec>& outputs) {
  OutputSpec master;
  for (const OutputSpec& output : outputs) {
    if (output.type != OutputType::kHls) continue;
    Rendition rendition = output.renditions.front();
    if (copies(rendition)) continue;  // its keyframes are where they are
    // Those of one master have segments of one kind, which all players of it must know.
    if (master.renditions.empty()) master.segments = output.segments;
    if (output.segments != master.segments) continue;
    rendition.name = output.name;
    master.segment = output.segment;
    master.renditions.push_back(std::move(rendition));
  }
  if (master.renditions.empty()) return std::nullopt;
  master.name = "f" + std::to_string(kMasterPlaylist);
  master.type = OutputType::kHls;
  return master;
}

Result<OutputSpec> clip_output(double start, double end) {
  constexpr int kLikeTheSource = 0;
  const auto whole = preset("clip", kLikeTheSource);
  if (!whole) throw std::logic_error("templates.json: no tencent template for clips");
  return part_of(*whole, start, end);
}

}  // namespace telecine::tencent
