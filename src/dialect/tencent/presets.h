#pragma once

#include <optional>
#include <string>
#include <vector>

#include "task/output.h"

namespace telecine::tencent {

/// Reads the tables below, so that what is wrong with them shows as the server starts.
void load_presets();

/// The vendor's preset templates, of templates.json, as outputs of a task. Nothing for a number
/// that there is not, or that this engine cannot make.
std::optional<OutputSpec> transcode_output(int definition);
std::optional<OutputSpec> cover_output(int definition, const Position& at);
/// Pictures all over the source.
std::optional<OutputSpec> sample_output(int definition);
/// Pictures at times, in their order.
std::optional<OutputSpec> snapshot_output(int definition, const std::vector<Millis>& times);
/// A moving picture, as GIF or WebP. Seconds as of a clip.
std::optional<OutputSpec> animation_output(int definition, double start, double end);
/// Sheets of small pictures.
std::optional<OutputSpec> sprite_output(int definition);
/// One master playlist over the HLS transcodes among `outputs`, which are encoded once all the
/// same. Nothing when there are none.
inline constexpr int kMasterPlaylist = 10'000;
std::optional<OutputSpec> master_output(const std::vector<OutputSpec>& outputs);
/// A part of the source as an MP4 that looks like it. Seconds; negative ones count from the end,
/// an end of 0 is that end.
Result<OutputSpec> clip_output(double start, double end);

}  // namespace telecine::tencent
