#include "work/media_child.h"

#include <unistd.h>

#include "media/analyse.h"
#include "media/probe.h"
#include "work/pieces.h"
#include "work/segments.h"

namespace telecine {
namespace {

/// Output files come from the worker, as descriptors: the child itself can open nothing.
class AskedFiles final : public media::OutputFiles {
 public:
  explicit AskedFiles(Link& link) : link_(link) {}

  Result<Fd> create(const std::string& name) override { return ask({{"create", name}}); }
  Result<Fd> open(const std::string& asset) override { return ask({{"open", asset}}); }

 private:
  Result<Fd> ask(json::object question) {
    auto answer = link_.ask(std::move(question));
    if (!answer) return std::unexpected(answer.error());
    if (answer->fd) return std::move(answer->fd);
    const LooseReader in(answer->value);
    if (const auto* error = in.at("error")) return std::unexpected(error_from(*error));
    return fail(ErrorCode::kInternal, "no descriptor came with the answer");
  }

  Link& link_;
};

class ReportingObserver final : public media::Observer {
 public:
  explicit ReportingObserver(Link& link) : link_(link) {}

  Status on_source(const MediaFacts& facts) override {
    auto answer = link_.ask(json::object{{"source", to_json(facts)}});
    if (!answer) return std::unexpected(answer.error());
    const LooseReader in(answer->value);
    if (const auto* error = in.at("error")) return std::unexpected(error_from(*error));
    return {};
  }

  void on_progress(std::span<const double> outputs_done, double speed) override {
    json::array list;
    for (const double done : outputs_done) list.emplace_back(done);
    (void)link_.tell(json::object{{"progress", std::move(list)}, {"speed", speed}});
  }

 private:
  Link& link_;
};

Result<media::Made> work(const MediaJob& job, int input, Link& link) {
  if (job.probe_only) {
    auto facts = media::probe(input);
    if (!facts) return std::unexpected(facts.error());
    return media::Made{std::move(*facts), {}, {}};
  }
  ReportingObserver observer(link);
  AskedFiles files(link);
  if (job.analysis) {
    auto found = media::analyse(input, *job.analysis, files, observer);
    if (!found) return std::unexpected(found.error());
    return media::Made{std::move(found->source), {}, std::move(found->facts)};
  }
  if (job.animatic) {
    auto drawn = media::render_animatic(
        *job.animatic, [&](int index) { return files.open(std::to_string(index)); }, files, "video",
        [&](double done) { observer.on_progress(std::span(&done, 1), 0); });
    if (!drawn) return std::unexpected(drawn.error());
    media::Made made;
    made.outputs.push_back(std::move(*drawn));
    return made;
  }
  return media::run(input, job.job, files, observer);
}

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
  job.limits = {in.integer("memory"), in.integer("cpu_seconds"), in.integer("file_bytes")};
  return job;
}

json::object to_json(const media::Made& made) {
  json::array outputs;
  for (const media::MadeOutput& output : made.outputs) {
    // An output's stored form has all the members; its name and state are the task's to fill.
    Output stored;
    stored.error = output.error;
    stored.files = output.files;
    stored.facts = output.facts;
    stored.rendition_facts = output.rendition_facts;
    stored.notes = output.notes;
    outputs.emplace_back(to_json(stored));
  }
  json::object o{{"source", to_json(made.source)}, {"outputs", std::move(outputs)}};
  if (made.analysis) o["analysis"] = to_json(*made.analysis);
  o["segments"] = to_json(made.segments);
  o["found"] = to_json(made.found);
  o["pieces"] = to_json(made.pieces);
  return o;
}

media::Made made_from(const json::value& value) {
  const LooseReader in(value);
  media::Made made;
  if (const auto* source = in.at("source")) made.source = media_facts_from(*source);
  for (const auto& item : in.list("outputs")) {
    Output stored = output_from(item);
    // Where files lie is for the worker to say.
    for (OutputFile& file : stored.files) file.url = file.md5 = "";
    made.outputs.push_back({std::move(stored.error), std::move(stored.files),
                            std::move(stored.facts), std::move(stored.rendition_facts),
                            std::move(stored.notes)});
  }
  if (const auto* analysis = in.at("analysis")) made.analysis = analysis_facts_from(*analysis);
  made.segments = segments_from(in.list("segments"));
  if (const auto* found = in.at("found")) made.found = findings_from(*found);
  made.pieces = piece_works_from(in.list("pieces"));
  return made;
}

int run_media_child(Fd link_socket, Fd input, SandboxLayers layers) {
  // The zygote's output goes nowhere; its error stream is the server's log, not ours to write.
  ::dup2(1, 2);
  Link link(std::move(link_socket));
  bool ended = false;
  auto first = link.receive(10'000, ended);
  if (!first || !*first) return 1;
  const LooseReader in((*first)->value);
  const auto* order = in.at("job");
  if (order == nullptr) return 1;
  const MediaJob job = media_job_from(*order);
  Result<media::Made> made = fail(ErrorCode::kInternal, "");
  if (auto safe = enter_child_sandbox(job.limits, layers); !safe) {
    made = std::unexpected(safe.error());
  } else {
    json::object active;
    for (const auto& [name, on] : listed(layers)) active[name] = on;
    (void)link.send(json::object{{"sandbox", std::move(active)}});
    try {
      made = work(job, input.get(), link);
    } catch (const std::bad_alloc&) {
      made = fail(ErrorCode::kResourceLimit, "the media needs more memory than a task may use");
    }
  }
  const json::object last = made ? json::object{{"made", to_json(*made)}}
                                 : json::object{{"error", to_json(made.error())}};
  return link.tell(last) ? 0 : 1;
}

}  // namespace telecine
