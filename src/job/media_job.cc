#include "job/media_job.h"

namespace telecine {
namespace {

json::object animatic_json(const media::AnimaticOptions& options) {
  return {{"prompt", options.prompt},     {"model", options.model},
          {"version", options.version},   {"shape", name_of(options.shape)},
          {"pictures", options.pictures}, {"width", options.width},
          {"height", options.height},     {"fps", options.fps},
          {"seconds", options.seconds},   {"seed", options.seed},
          {"sound", options.sound},       {"ticks", options.ticks}};
}

media::AnimaticOptions animatic_from(const LooseReader& in) {
  media::AnimaticOptions options;
  options.prompt = in.text("prompt");
  options.model = in.text("model");
  options.version = in.text("version");
  options.shape = value_named<media::AnimaticShape>(in.text("shape")).value_or(options.shape);
  options.pictures = in.small("pictures");
  options.width = in.small("width");
  options.height = in.small("height");
  options.fps = in.small("fps");
  options.seconds = in.small("seconds");
  options.seed = in.integer("seed");
  options.sound = in.flag("sound");
  options.ticks = in.flag("ticks");
  return options;
}

json::object sample_json(const media::SynthOptions& options) {
  return {{"seconds", options.seconds},
          {"width", options.width},
          {"height", options.height},
          {"fps", options.fps},
          {"audio", options.audio}};
}

media::SynthOptions sample_from(const LooseReader& in) {
  return {in.number("seconds"), in.small("width"), in.small("height"), in.number("fps"),
          in.flag("audio")};
}

}  // namespace

json::object to_json(const MediaJob& job) {
  json::object o;
  o["probe_only"] = job.probe_only;
  if (job.analysis) o["analysis"] = to_json(*job.analysis);
  json::array outputs;
  for (const OutputSpec& spec : job.job.outputs) outputs.emplace_back(to_json(spec));
  o["outputs"] = std::move(outputs);
  o["threads"] = job.job.threads;
  o["accept_damaged"] = job.job.accept_damaged;
  json::array pieces;
  for (const Piece& piece : job.job.pieces) pieces.emplace_back(to_json(piece));
  o["pieces"] = std::move(pieces);
  o["join_only"] = job.job.join_only;
  o["encoded"] = to_json(job.job.encoded);
  o["find_segments"] = job.job.find_segments;
  if (job.job.segment) o["segment"] = to_json(*job.job.segment);
  o["segments"] = to_json(job.job.segments);
  if (job.job.found) o["found"] = to_json(*job.job.found);
  if (job.animatic) o["animatic"] = animatic_json(*job.animatic);
  if (job.sample) o["sample"] = sample_json(*job.sample);
  o["memory"] = job.limits.memory;
  o["cpu_seconds"] = job.limits.cpu_seconds;
  o["file_bytes"] = job.limits.file_bytes;
  return o;
}

MediaJob media_job_from(const json::value& value) {
  const LooseReader in(value);
  MediaJob job;
  job.probe_only = in.flag("probe_only");
  if (const auto* options = in.at("analysis")) {
    job.analysis = analysis_options_from(*options, "").value_or(AnalysisOptions());
  }
  for (const auto& item : in.list("outputs")) {
    if (auto spec = output_spec_from(item, "")) job.job.outputs.push_back(std::move(*spec));
  }
  job.job.threads = in.small("threads");
  job.job.accept_damaged = in.flag("accept_damaged");
  for (const auto& item : in.list("pieces")) job.job.pieces.push_back(piece_from(item));
  job.job.join_only = in.flag("join_only");
  job.job.encoded = piece_works_from(in.list("encoded"));
  job.job.find_segments = in.integer("find_segments");
  if (const auto* segment = in.at("segment")) job.job.segment = segment_from(*segment);
  job.job.segments = segments_from(in.list("segments"));
  if (const auto* found = in.at("found")) job.job.found = findings_from(*found);
  if (const auto* options = in.at("animatic")) job.animatic = animatic_from(LooseReader(*options));
  if (const auto* options = in.at("sample")) job.sample = sample_from(LooseReader(*options));
  job.limits = {in.integer("memory"), in.integer("cpu_seconds"), in.integer("file_bytes")};
  return job;
}

}  // namespace telecine
