#include "dialect/visionular/routes.h"

#include <array>

namespace telecine::visionular {
namespace {

constexpr std::string_view kSignedMount = "/api/";
constexpr std::string_view kBasicMount = "/vodencoding/v1/";
constexpr std::int64_t kMostBody = 1 << 20;
/// The engine's own API lives below the same folder.
constexpr std::string_view kNativeMount = "/api/v1/";

http::Response too_many(Generation generation, const RateState& rate) {
  auto response = failure(generation, {Code::kOperation, "too many calls a minute"}, 429);
  response.headers.set("Retry-After", std::to_string(rate.retry_s));
  return response;
}

void take(Api& api, Generation generation, Scope scope, const CallHandler& handler,
          const http::Request& request, const http::Responder& respond) {
  auto admitted = authenticate(api.service, request, generation, now_ms());
  if (!admitted) return respond(failure(generation, admitted.error()));
  if (!admitted->caller.key->may(scope)) {
    return respond(failure(generation, {Code::kAuth, "the key lacks the scope \"" +
                                                         std::string(name_of(scope)) + "\""}));
  }
  const RateState rate = api.service.take_call(admitted->caller);
  if (!rate.allowed) return respond(too_many(generation, rate));
  auto parameters = Parameters::of(request);
  if (!parameters) return respond(failure(generation, parameters.error()));
  // Only a POST would do something twice.
  if (request.method != http::Method::kPost) admitted->fingerprint.clear();
  if (!admitted->fingerprint.empty()) {
    if (auto known = api.replays.find(admitted->fingerprint, now_ms())) {
      return respond(answer_of(*std::move(known)));
    }
  }
  handler({api, generation, std::move(*parameters), std::move(admitted->caller),
           std::move(admitted->fingerprint), api.base_url(request), respond});
}

Generation generation_of(std::string_view path) {
  return path.starts_with(kBasicMount) ? Generation::kBasic : Generation::kSigned;
}

}  // namespace

void Call::answer(http::Response response) const {
  const auto* body = std::get_if<std::string>(&response.body);
  if (!fingerprint.empty() && response.status == 200 && body != nullptr) {
    api.replays.keep(fingerprint, *body, now_ms());
  }
  respond(std::move(response));
}

void add_call(http::Router& router, Api& api, http::Method method, std::string_view name,
              Scope scope, CallHandler handler) {
  for (const auto& [mount, generation] :
       {std::pair{kSignedMount, Generation::kSigned}, std::pair{kBasicMount, Generation::kBasic}}) {
    http::RouteOptions options;
    options.max_body = kMostBody;
    options.reads_fetch_body = true;  // the vendor's examples send JSON with GET
    router.add(
        method, std::string(mount) + std::string(name),
        [&api, generation, scope, handler](http::Request& request, const http::Params&,
                                           const http::Responder& respond) {
          take(api, generation, scope, handler, request, respond);
        },
        options);
  }
}

bool owns(std::string_view path) {
  return path.starts_with(kBasicMount) ||
         (path.starts_with(kSignedMount) && !path.starts_with(kNativeMount));
}

http::Response refusal(int status, std::string_view path) {
  const Code code = status >= 500 && status != 501 && status != 505 ? Code::kInternal : Code::kBad;
  return failure(generation_of(path), {code, std::string(http::reason_phrase(status))}, status);
}

void mount(http::Router& router, Api& api) {
  mount_tasks(router, api);
  mount_lists(router, api);
  mount_storages(router, api);
  mount_templates(router, api);
}

}  // namespace telecine::visionular
