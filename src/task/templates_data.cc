#include <stdexcept>
#include <string_view>

#include "base/embed.h"
#include "task/records.h"

TELECINE_EMBED(templates_json, TELECINE_SOURCE_DIR "/src/task/templates.json")

namespace telecine {
namespace {

std::vector<Template> load() {
  const auto document = parse_json(templates_json());
  if (!document) throw std::logic_error("templates.json: " + document.error().message);
  std::vector<Template> all;
  for (const auto& item : document->at("templates").as_array()) {
    auto made = template_from(item, "templates.json");
    if (!made) throw std::logic_error(made.error().field + " " + made.error().message);
    made->built_in = true;
    all.push_back(std::move(*made));
  }
  return all;
}

}  // namespace

const std::vector<Template>& built_in_templates() {
  static const std::vector<Template> all = load();
  return all;
}

}  // namespace telecine
