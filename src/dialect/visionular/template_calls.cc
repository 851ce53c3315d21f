#include "base/crypto.h"
#include "dialect/visionular/own_templates.h"
#include "dialect/visionular/routes.h"

namespace telecine::visionular {
namespace {

constexpr std::size_t kIdBytes = 8;

/// By whichever of the two generations' spellings is there.
Answer<std::optional<std::string>> name_in(const Parameters& parameters) {
  auto name = parameters.text("name");
  return name && !*name ? parameters.text("template_name") : name;
}

Answer<std::string> required_name(const Parameters& parameters) {
  auto name = name_in(parameters);
  if (!name) return std::unexpected(name.error());
  if (!*name) return refuse(Code::kLack, "name is required");
  return **name;
}

Answer<Template> wanted(const Call& call) {
  Service& service = call.api.service;
  auto id = call.parameters.text("template_id");
  if (!id) return std::unexpected(id.error());
  if (*id) return find_template_by_id(service, call.caller.account(), **id);
  auto name = name_in(call.parameters);
  if (!name) return std::unexpected(name.error());
  if (!*name) return refuse(Code::kLack, "template_id or name is required");
  return find_template(service, call.caller.account(), **name);
}

void query_template(const Call& call) {
  auto made = wanted(call);
  if (!made) return call.fail(made.error());
  if (!check_makeable(*made)) return call.fail({Code::kEmpty, "no encoder here makes it"});
  call.succeed(template_document(*made, call.generation));
}

void list_templates(const Call& call) {
  auto own = own_templates(call.api.service, call.caller.account());
  if (!own) return call.fail(own.error());
  json::array items;
  for (const Template& made : built_in_templates()) {
    items.emplace_back(template_document(made, call.generation));
  }
  for (const Template& made : *own) items.emplace_back(template_document(made, call.generation));
  const auto count = items.size();
  call.succeed(json::object{{"list", std::move(items)}, {"num", count}});
}

/// Answers with the template once it is stored.
void keep(const Call& call, const Template& made, bool create_only) {
  keep_template(call.api.service, call.caller.account(), made, create_only,
                [call, made](Result<bool> put) {
                  if (put) return call.succeed(template_document(made, call.generation));
                  if (put.error().code != ErrorCode::kConflict) {
                    return call.fail(refusal_of(put.error()));
                  }
                  call.fail({Code::kDuplicate, "the name is taken"});
                });
}

void add_template(const Call& call) {
  auto name = required_name(call.parameters);
  if (!name) return call.fail(name.error());
  if (!is_template_name(*name)) {
    return call.fail({Code::kBad, "name must be 1 to 64 letters, digits, _ - or ."});
  }
  auto made = edited({.name = *name}, call.parameters);
  if (!made) return call.fail(made.error());
  if (auto ok = check_makeable(*made); !ok) return call.fail(ok.error());
  if (built_in_named(*name) != nullptr) {
    return call.fail({Code::kDuplicate, "a built-in template has this name"});
  }
  made->id = hex(random_bytes(kIdBytes));
  made->created = now_ms();
  keep(call, *made, true);
}

void update(const Call& call) {
  auto name = required_name(call.parameters);
  if (!name) return call.fail(name.error());
  // What is wrong by itself is told before anything is looked up.
  if (auto alone = edited({}, call.parameters); !alone) return call.fail(alone.error());
  auto known = find_template(call.api.service, call.caller.account(), *name);
  if (!known) return call.fail(known.error());
  if (known->is_built_in()) return call.fail({Code::kOperation, "the template is built in"});
  auto made = edited(*std::move(known), call.parameters);
  if (!made) return call.fail(made.error());
  if (auto ok = check_makeable(*made); !ok) return call.fail(ok.error());
  keep(call, *made, false);
}

void remove_template(const Call& call) {
  auto name = required_name(call.parameters);
  if (!name) return call.fail(name.error());
  auto known = find_template(call.api.service, call.caller.account(), *name);
  if (!known) return call.fail(known.error());
  if (known->is_built_in()) return call.fail({Code::kOperation, "the template is built in"});
  forget_template(call.api.service, call.caller.account(), *name, [call](Result<bool> gone) {
    if (gone) return call.succeed(nullptr);
    call.fail(refusal_of(gone.error()));
  });
}

}  // namespace

void mount_templates(http::Router& router, Api& api) {
  using http::Method;
  (void)built_in_templates();  // what is wrong with them shows as the server starts
  add_call(router, api, Method::kGet, "query_template", Scope::kRead, query_template);
  add_call(router, api, Method::kGet, "list_template", Scope::kRead, list_templates);
  add_call(router, api, Method::kPost, "add_template", Scope::kWrite, add_template);
  add_call(router, api, Method::kPut, "update_template", Scope::kWrite, update);
  add_call(router, api, Method::kDelete, "del_template", Scope::kWrite, remove_template);
}

}  // namespace telecine::visionular
