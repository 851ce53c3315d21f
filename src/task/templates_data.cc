#include <stdexcept>

#include "base/embed.h"
#include "task/records.h"

TELECINE_EMBED(templates_json, TELECINE_SOURCE_DIR "/src/task/templates.json")

namespace telecine {
namespace {

json::object parse() {
  auto document = parse_json(templates_json());
  if (!document) throw std::logic_error("templates.json: " + document.error().message);
  return std::move(document->as_object());
}

}  // namespace

const json::array& built_in_documents(std::string_view family) {
  static const json::object all = parse();
  return all.at(family).as_array();
}

std::vector<Template> load_built_in_templates(std::string_view family) {
  std::vector<Template> all;
  for (const auto& item : built_in_documents(family)) {
    auto made = template_from(item, "templates.json");
    if (!made) throw std::logic_error(made.error().field + " " + made.error().message);
    made->built_in = true;
    all.push_back(std::move(*made));
  }
  return all;
}

const std::vector<Template>& built_in_templates() {
  static const std::vector<Template> all = load_built_in_templates("native");
  return all;
}

}  // namespace telecine
