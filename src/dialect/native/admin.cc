#include "base/text.h"
#include "dialect/native/errors.h"
#include "dialect/native/requests.h"
#include "dialect/native/routes.h"

namespace telecine::native {
namespace {

http::Response no_content() {
  http::Response response;
  response.status = 204;
  return response;
}

void put_template(Api& api, Call& call) {
  auto made = template_request_from(call.request, call.params["name"]);
  if (!made) return call.respond(problem(made.error()));
  api.service.put_template(call.caller, *made,
                           [made = *made, respond = call.respond](Result<bool> put) {
                             if (!put) return respond(problem(put.error()));
                             respond(json_response(200, template_document(made)));
                           });
}

void list_templates(Api& api, Call& call) {
  auto all = api.service.templates(call.caller);
  if (!all) return call.respond(problem(all.error()));
  json::array list;
  for (const Template& made : *all) list.emplace_back(template_document(made));
  call.respond(json_response(200, json::object{{"templates", std::move(list)}}));
}

void read_template(Api& api, Call& call) {
  auto made = api.service.find_template(call.caller.account(), std::string(call.params["name"]));
  if (!made) return call.respond(problem(made.error()));
  call.respond(json_response(200, template_document(*made)));
}

void create_key(Api& api, Call& call) {
  auto key = key_request_from(call.request, call.caller.account());
  if (!key) return call.respond(problem(key.error()));
  api.service.keys().create(std::move(*key), [respond = call.respond](Result<KeyPtr> made) {
    if (!made) return respond(problem(made.error()));
    json::object document = key_document(**made);
    document["secret"] = (*made)->secret;
    document["token"] = Keyring::token_of(**made);
    respond(json_response(201, document));
  });
}

void switch_key(Api& api, Call& call, bool disabled) {
  api.service.keys().set_disabled(call.caller.account(), std::string(call.params["id"]), disabled,
                                  [respond = call.respond](Result<KeyPtr> key) {
                                    if (!key) return respond(problem(key.error()));
                                    respond(json_response(200, key_document(**key)));
                                  });
}

void list_keys(Api& api, Call& call) {
  auto keys = api.service.keys().list(call.caller.account());
  if (!keys) return call.respond(problem(keys.error()));
  json::array list;
  for (const KeyPtr& key : *keys) list.emplace_back(key_document(*key));
  call.respond(json_response(200, json::object{{"keys", std::move(list)}}));
}

void secrets(Api& api, Call& call, bool rotate) {
  api.service.webhook_secrets(call.caller.account(), rotate,
                              [respond = call.respond](Result<Service::WebhookSecrets> found) {
                                if (!found) return respond(problem(found.error()));
                                json::object body{{"secret", found->current},
                                                  {"previous", nullptr}};
                                if (!found->previous.empty()) body["previous"] = found->previous;
                                respond(json_response(200, body));
                              });
}

void list_deliveries(Api& api, Call& call) {
  const auto id = id_of(call);
  if (!id) return;
  auto all = api.service.deliveries(call.caller, *id);
  if (!all) return call.respond(problem(all.error()));
  json::array list;
  for (const Delivery& delivery : *all) list.emplace_back(delivery_document(delivery));
  call.respond(json_response(200, json::object{{"deliveries", std::move(list)}}));
}

void replay(Api& api, Call& call) {
  const auto id = id_of(call);
  if (!id) return;
  const auto delivery = parse_int(call.params["delivery"]).value_or(0);
  api.service.replay(call.caller, *id, delivery, [respond = call.respond](Result<Delivery> made) {
    if (!made) return respond(problem(made.error()));
    respond(json_response(202, delivery_document(*made)));
  });
}

}  // namespace

void mount_templates(http::Router& router, Api& api) {
  (void)built_in_templates();  // what is wrong with them shows as the server starts
  using http::Method;
  router.add(Method::kGet, "/api/v1/templates",
             guarded(api, Scope::kRead, [&api](Call& call) { list_templates(api, call); }));
  router.add(Method::kGet, "/api/v1/templates/{name}",
             guarded(api, Scope::kRead, [&api](Call& call) { read_template(api, call); }));
  router.add(Method::kPut, "/api/v1/templates/{name}",
             guarded(api, Scope::kWrite, [&api](Call& call) { put_template(api, call); }));
  router.add(Method::kDelete, "/api/v1/templates/{name}",
             guarded(api, Scope::kWrite, [&api](Call& call) {
               api.service.remove_template(call.caller, std::string(call.params["name"]),
                                           [respond = call.respond](Result<bool> gone) {
                                             respond(gone ? no_content() : problem(gone.error()));
                                           });
             }));
}

void mount_keys(http::Router& router, Api& api) {
  using http::Method;
  router.add(Method::kGet, "/api/v1/keys",
             guarded(api, Scope::kAdmin, [&api](Call& call) { list_keys(api, call); }));
  router.add(Method::kPost, "/api/v1/keys",
             guarded(api, Scope::kAdmin, [&api](Call& call) { create_key(api, call); }));
  router.add(Method::kPost, "/api/v1/keys/{id}/disable",
             guarded(api, Scope::kAdmin, [&api](Call& call) { switch_key(api, call, true); }));
  router.add(Method::kPost, "/api/v1/keys/{id}/enable",
             guarded(api, Scope::kAdmin, [&api](Call& call) { switch_key(api, call, false); }));
}

void mount_callbacks(http::Router& router, Api& api) {
  using http::Method;
  router.add(Method::kGet, "/api/v1/webhook-secret",
             guarded(api, Scope::kAdmin, [&api](Call& call) { secrets(api, call, false); }));
  router.add(Method::kPost, "/api/v1/webhook-secret/rotate",
             guarded(api, Scope::kAdmin, [&api](Call& call) { secrets(api, call, true); }));
  router.add(Method::kGet, "/api/v1/tasks/{id}/deliveries",
             guarded(api, Scope::kRead, [&api](Call& call) { list_deliveries(api, call); }));
  router.add(Method::kPost, "/api/v1/tasks/{id}/deliveries/{delivery}/replay",
             guarded(api, Scope::kWrite, [&api](Call& call) { replay(api, call); }));
}

}  // namespace telecine::native
