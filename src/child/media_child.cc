#include "child/media_child.h"

#include <unistd.h>

#include "child/sandbox.h"
#include "job/link.h"
#include "job/media_job.h"
#include "media/analyse.h"
#include "media/animatic.h"
#include "media/probe.h"
#include "media/synth.h"

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
  if (job.sample) {
    auto drawn = media::synthesise(*job.sample, files, MediaJob::kSampleName);
    if (!drawn) return std::unexpected(drawn.error());
    return media::Made();
  }
  return media::run(input, job.job, files, observer);
}

}  // namespace

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
