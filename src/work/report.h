#pragma once

#include <string>

#include "base/json.h"
#include "task/analysis.h"
#include "task/task.h"

namespace telecine {

/// The programs that made a report.
struct ReportEngine {
  std::string telecine;
  std::string ffmpeg;
};

/// What an analysis found out, as its clients read it. Lists are there when their analysis ran.
/// Times are seconds from the start of the file, rounded to milliseconds.
json::object report_document(const Task& task, const MediaFacts& source, const AnalysisFacts& facts,
                             const ReportEngine& engine, Millis now);

/// JSON as people read it: numbers without exponents, an entry of a list a line.
std::string readable_json(const json::object& document);

}  // namespace telecine
