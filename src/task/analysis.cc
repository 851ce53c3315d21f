#include "task/analysis.h"

#include <algorithm>

#include "base/json.h"

namespace telecine {
namespace {

constexpr Millis kLongestSpan = 3'600'000;
/// Frozen stretches are timed by the pictures of the last while, which are held in memory.
constexpr Millis kLongestFreeze = 60'000;

AnalysisProfile least_profile(Analysis analysis) {
  switch (analysis) {
    case Analysis::kBarcodes:
    case Analysis::kText:
    case Analysis::kFaces:
      return AnalysisProfile::kStandard;
    case Analysis::kPeople:
    case Analysis::kSpeech:
    case Analysis::kLabels:
      return AnalysisProfile::kFull;
    default:
      return AnalysisProfile::kFast;
  }
}

void read_millis(ObjectReader& in, std::string_view key, Millis least, Millis most, Millis& out) {
  if (const auto value = in.number(key, to_seconds(least), to_seconds(most))) {
    out = to_millis(*value);
  }
}

void read_number(ObjectReader& in, std::string_view key, double least, double most, double& out) {
  out = in.number(key, least, most).value_or(out);
}

void read_analyses(ObjectReader& in, AnalysisOptions& options) {
  const auto* list = in.array("analyses", kNames<Analysis>.size());
  if (list == nullptr) return;
  if (list->empty()) in.refuse("analyses", "must name at least one analysis");
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto* word = (*list)[i].if_string();
    const auto found =
        word != nullptr ? value_named<Analysis>(std::string_view(*word)) : std::nullopt;
    const std::string place = "analyses[" + std::to_string(i) + "]";
    if (!found) {
      in.refuse(place, "must be " + names_listed<Analysis>());
    } else if (std::ranges::find(options.analyses, *found) != options.analyses.end()) {
      in.refuse(place, "is there twice");
    } else {
      options.analyses.push_back(*found);
    }
  }
}

/// "eng", "chi_sim": how language data packs are called.
bool is_pack_name(std::string_view word) {
  return word.size() >= 3 && word.size() <= 16 &&
         word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
}

void read_text(ObjectReader& in, AnalysisOptions& options) {
  read_number(in, "min_confidence", 0, 1, options.text_confidence);
  const auto* list = in.array("languages", 8);
  if (list == nullptr) return;
  options.languages.clear();
  for (const auto& item : *list) {
    const auto* word = item.if_string();
    if (word == nullptr || !is_pack_name(std::string_view(*word))) {
      in.refuse("languages", "must hold names of language packs such as \"eng\" or \"chi_sim\"");
      return;
    }
    options.languages.emplace_back(*word);
  }
  if (options.languages.empty()) in.refuse("languages", "must name at least one language");
}

/// Reads the object under `key`, if there is one, with `read`.
template <typename Read>
void read_group(ObjectReader& in, std::string_view key, Read read) {
  const auto* group = in.any(key);
  if (group == nullptr) return;
  ObjectReader inner(*group, in.path_of(key));
  read(inner);
  if (auto ok = inner.finish(); !ok) in.refuse(ok.error());
}

template <typename E>
json::array names_json(const std::vector<E>& values) {
  json::array out;
  for (const E value : values) out.emplace_back(name_of(value));
  return out;
}

}  // namespace

bool AnalysisOptions::wants(Analysis analysis) const {
  if (!analyses.empty()) return std::ranges::find(analyses, analysis) != analyses.end();
  return least_profile(analysis) <= profile;
}

Result<AnalysisOptions> analysis_options_from(const json::value& value, const std::string& path) {
  ObjectReader in(value, path);
  AnalysisOptions options;
  options.profile = in.choice<AnalysisProfile>("profile").value_or(options.profile);
  read_analyses(in, options);
  read_millis(in, "sample_interval", 100, kLongestSpan, options.sample_interval);
  options.max_samples =
      static_cast<int>(in.integer("max_samples", 1, 10'000).value_or(options.max_samples));
  read_group(in, "shots", [&](ObjectReader& shots) {
    read_number(shots, "threshold", 0.1, 100, options.shot_threshold);
  });
  read_group(in, "black", [&](ObjectReader& black) {
    read_millis(black, "min_duration", 0, kLongestSpan, options.black_duration);
    read_number(black, "pixel_threshold", 0, 1, options.black_pixel);
  });
  read_group(in, "freeze", [&](ObjectReader& freeze) {
    read_number(freeze, "noise_db", -120, 0, options.freeze_noise);
    read_millis(freeze, "min_duration", 40, kLongestFreeze, options.freeze_duration);
  });
  read_group(in, "silence", [&](ObjectReader& silence) {
    read_number(silence, "noise_db", -120, 0, options.silence_noise);
    read_millis(silence, "min_duration", 10, kLongestSpan, options.silence_duration);
  });
  read_group(in, "text", [&](ObjectReader& text) { read_text(text, options); });
  read_group(in, "barcodes", [&](ObjectReader& barcodes) {
    options.barcodes = barcodes.choice<BarcodeFormats>("formats").value_or(options.barcodes);
  });
  if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
  return options;
}

json::object to_json(const AnalysisOptions& options) {
  json::object o;
  o["profile"] = name_of(options.profile);
  if (!options.analyses.empty()) o["analyses"] = names_json(options.analyses);
  o["sample_interval"] = to_seconds(options.sample_interval);
  o["max_samples"] = options.max_samples;
  o["shots"] = json::object{{"threshold", options.shot_threshold}};
  o["black"] = json::object{{"min_duration", to_seconds(options.black_duration)},
                            {"pixel_threshold", options.black_pixel}};
  o["freeze"] = json::object{{"noise_db", options.freeze_noise},
                             {"min_duration", to_seconds(options.freeze_duration)}};
  o["silence"] = json::object{{"noise_db", options.silence_noise},
                              {"min_duration", to_seconds(options.silence_duration)}};
  json::array languages;
  for (const std::string& language : options.languages) languages.emplace_back(language);
  o["text"] = json::object{{"languages", std::move(languages)},
                           {"min_confidence", options.text_confidence}};
  o["barcodes"] = json::object{{"formats", name_of(options.barcodes)}};
  return o;
}

}  // namespace telecine
