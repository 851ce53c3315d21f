#include <algorithm>

#include "base/json.h"
#include "task/analysis.h"
#include "task/output.h"

namespace telecine {
namespace {

// The stored form keeps milliseconds; documents for clients are made from the values.

// These come from a process that has read hostile media: nothing about them is taken for granted.
double number_of(const json::value& value) {
  return value.is_number() ? value.to_number<double>() : 0;
}

std::int64_t integer_of(const json::value& value) {
  return value.is_int64() ? value.get_int64() : 0;
}

json::array spans_json(const std::vector<TimeSpan>& spans) {
  json::array out;
  for (const TimeSpan& span : spans) out.emplace_back(json::array{span.start, span.end});
  return out;
}

TimeSpan span_from(const json::value& value) {
  const auto* pair = value.if_array();
  if (pair == nullptr || pair->size() < 2) return {};
  return {integer_of((*pair)[0]), integer_of((*pair)[1])};
}

std::vector<TimeSpan> spans_from(const json::array& list) {
  std::vector<TimeSpan> out;
  for (const auto& item : list) out.push_back(span_from(item));
  return out;
}

json::value number_or_null(const std::optional<double>& number) {
  if (!number) return nullptr;
  return *number;
}

std::optional<double> number_from(const LooseReader& in, std::string_view key) {
  if (in.at(key) == nullptr) return std::nullopt;
  return in.number(key);
}

json::array spread_json(const Spread& spread) {
  return {spread.mean, spread.min, spread.max};
}

Spread spread_from(const LooseReader& in, std::string_view key) {
  const json::array& list = in.list(key);
  if (list.size() < 3) return {};
  return {number_of(list[0]), number_of(list[1]), number_of(list[2])};
}

json::object run_json(const AnalysisRun& run) {
  json::object o{{"name", name_of(run.analysis)},
                 {"state", name_of(run.state)},
                 {"reason", run.reason},
                 {"elapsed", run.elapsed},
                 {"samples", run.samples}};
  if (run.error) o["error"] = to_json(*run.error);
  return o;
}

AnalysisRun run_from(const json::value& value) {
  const LooseReader in(value);
  AnalysisRun run;
  run.analysis = value_named<Analysis>(in.text("name")).value_or(run.analysis);
  run.state = value_named<AnalysisState>(in.text("state")).value_or(run.state);
  run.reason = in.text("reason");
  run.elapsed = in.integer("elapsed");
  run.samples = in.small("samples");
  if (const auto* error = in.at("error")) run.error = error_from(*error);
  return run;
}

json::array shots_json(const std::vector<Shot>& shots) {
  json::array out;
  for (const Shot& shot : shots) {
    out.emplace_back(json::array{shot.span.start, shot.span.end, number_or_null(shot.score)});
  }
  return out;
}

std::vector<Shot> shots_from(const json::array& list) {
  std::vector<Shot> out;
  for (const auto& item : list) {
    Shot shot{span_from(item), {}};
    const auto* parts = item.if_array();
    if (parts != nullptr && parts->size() > 2 && (*parts)[2].is_number()) {
      shot.score = (*parts)[2].to_number<double>();
    }
    out.push_back(shot);
  }
  return out;
}

}  // namespace

std::string_view ScanFacts::type() const {
  // Single pictures are misjudged in any clip; one in ten is no accident.
  constexpr double kNearlyAll = 0.9;
  const std::int64_t decided = top_first + bottom_first + progressive;
  if (decided == 0) return "unknown";
  const auto is_nearly_all = [&](std::int64_t count) {
    return static_cast<double>(count) >= kNearlyAll * static_cast<double>(decided);
  };
  if (is_nearly_all(progressive)) return "progressive";
  if (is_nearly_all(top_first)) return "interlaced_tff";
  if (is_nearly_all(bottom_first)) return "interlaced_bff";
  return "mixed";
}

bool AnalysisFacts::is_done(Analysis analysis) const {
  return std::ranges::any_of(runs, [&](const AnalysisRun& run) {
    return run.analysis == analysis && run.state == AnalysisState::kDone;
  });
}

json::object to_json(const AnalysisFacts& facts) {
  json::object o;
  json::array runs;
  for (const AnalysisRun& run : facts.runs) runs.emplace_back(run_json(run));
  o["runs"] = std::move(runs);
  o["shots"] = shots_json(facts.shots);
  o["black"] = spans_json(facts.black);
  o["freeze"] = spans_json(facts.freeze);
  if (facts.crop) {
    o["crop"] =
        json::array{facts.crop->left, facts.crop->top, facts.crop->width, facts.crop->height};
  }
  o["scan"] = json::array{facts.scan.top_first, facts.scan.bottom_first, facts.scan.progressive,
                          facts.scan.undetermined};
  o["silence"] = spans_json(facts.silence);
  o["loudness"] = json::object{{"integrated", number_or_null(facts.loudness.integrated)},
                               {"range", number_or_null(facts.loudness.range)},
                               {"true_peak", number_or_null(facts.loudness.true_peak)},
                               {"threshold", number_or_null(facts.loudness.threshold)}};
  o["quality"] = json::object{{"interval", facts.quality.interval},
                              {"blur", spread_json(facts.quality.blur)},
                              {"blockiness", spread_json(facts.quality.blockiness)},
                              {"luma", spread_json(facts.quality.luma)},
                              {"saturation", spread_json(facts.quality.saturation)}};
  json::array warnings;
  for (const std::string& warning : facts.warnings) warnings.emplace_back(warning);
  o["warnings"] = std::move(warnings);
  return o;
}

AnalysisFacts analysis_facts_from(const json::value& value) {
  const LooseReader in(value);
  AnalysisFacts facts;
  for (const auto& item : in.list("runs")) facts.runs.push_back(run_from(item));
  facts.shots = shots_from(in.list("shots"));
  facts.black = spans_from(in.list("black"));
  facts.freeze = spans_from(in.list("freeze"));
  if (const json::array& crop = in.list("crop"); crop.size() >= 4) {
    facts.crop =
        Box{number_of(crop[0]), number_of(crop[1]), number_of(crop[2]), number_of(crop[3])};
  }
  if (const json::array& scan = in.list("scan"); scan.size() >= 4) {
    facts.scan = {integer_of(scan[0]), integer_of(scan[1]), integer_of(scan[2]),
                  integer_of(scan[3])};
  }
  facts.silence = spans_from(in.list("silence"));
  if (const auto* loudness = in.at("loudness")) {
    const LooseReader l(*loudness);
    facts.loudness = {number_from(l, "integrated"), number_from(l, "range"),
                      number_from(l, "true_peak"), number_from(l, "threshold")};
  }
  if (const auto* quality = in.at("quality")) {
    const LooseReader q(*quality);
    facts.quality = {q.integer("interval"), spread_from(q, "blur"), spread_from(q, "blockiness"),
                     spread_from(q, "luma"), spread_from(q, "saturation")};
  }
  for (const auto& item : in.list("warnings")) {
    if (const auto* text = item.if_string()) facts.warnings.emplace_back(*text);
  }
  return facts;
}

}  // namespace telecine
