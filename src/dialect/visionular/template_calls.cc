#include "dialect/visionular/routes.h"
#include "dialect/visionular/templates.h"

namespace telecine::visionular {
namespace {

/// By id or by name, whichever of their spellings is there.
Answer<const Template*> wanted(const Parameters& parameters) {
  for (const std::string_view name : {"template_id", "name", "template_name"}) {
    auto value = parameters.text(name);
    if (!value) return std::unexpected(value.error());
    if (!*value) continue;
    const Template* made =
        name == "template_id" ? template_with_id(**value) : template_named(**value);
    if (made == nullptr || !made->can_be_made()) {
      return refuse(Code::kEmpty, "there is no such template");
    }
    return made;
  }
  return refuse(Code::kLack, "template_id or name is required");
}

void query(const Call& call) {
  auto made = wanted(call.parameters);
  if (!made) return call.fail(made.error());
  call.succeed(template_document(**made, call.generation));
}

void list(const Call& call) {
  json::array items;
  for (const Template& made : built_in_templates()) {
    if (made.can_be_made()) items.emplace_back(template_document(made, call.generation));
  }
  const auto count = items.size();
  call.succeed(json::object{{"list", std::move(items)}, {"num", count}});
}

}  // namespace

void mount_templates(http::Router& router, Api& api) {
  using http::Method;
  add_call(router, api, Method::kGet, "query_template", Scope::kRead, query);
  add_call(router, api, Method::kGet, "list_template", Scope::kRead, list);
}

}  // namespace telecine::visionular
