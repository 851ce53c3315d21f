#include "app/dialects.h"

#include <future>
#include <utility>

#include "app/dev_gate.h"
#include "base/log.h"
#include "dialect/native/auth.h"
#include "dialect/native/errors.h"

namespace telecine::app {
namespace {

std::vector<object::IpRange> proxies_of(const Config& config) {
  std::vector<object::IpRange> ranges;
  for (const std::string& text : config.server.trusted_proxies) {
    if (const auto range = object::IpRange::parse(text)) ranges.push_back(*range);
  }
  return ranges;
}

using BaseUrl = std::function<std::string(const http::Request&)>;

/// The one way in which every dialect finds out what its links begin with.
BaseUrl base_url_of(const native::Api& api) {
  return [&api](const http::Request& request) { return native::base_url(api, request); };
}

http::Response native_refusal(int status, std::string_view detail) {
  const auto code = status == 404   ? ErrorCode::kNotFound
                    : status == 413 ? ErrorCode::kInputTooLarge
                    : status >= 500 ? ErrorCode::kInternal
                                    : ErrorCode::kInvalidParameter;
  return native::problem(status, code, detail);
}

void observe(Service& service, const http::Served& served) {
  service.metrics().count_request(served.route, http::name_of(served.method), served.status,
                                  static_cast<double>(served.micros) / 1e6, served.bytes);
  if (served.status < 400) return;
  log(LogLevel::kInfo, "request",
      {{"target", redact_url(served.target)},
       {"status", served.status},
       {"peer", served.peer},
       {"micros", served.micros}});
}

}  // namespace

Result<std::unique_ptr<Dialects>> Dialects::make(const Config& config, Service& service,
                                                 Surroundings surroundings) {
  auto feishu_key = service.installation_key("feishu");
  if (!feishu_key) return std::unexpected(feishu_key.error());
  return std::unique_ptr<Dialects>(
      new Dialects(config, service, std::move(surroundings), *std::move(feishu_key)));
}

Dialects::Dialects(const Config& config, Service& service, Surroundings surroundings,
                   std::string feishu_key)
    : service_(service),
      max_body_(static_cast<std::int64_t>(config.server.body_bytes)),
      dev_(config.server.dev),
      native_{service,
              config.server.public_url,
              surroundings.callback_base,
              proxies_of(config),
              std::move(surroundings.health),
              std::move(surroundings.connections)},
      feishu_{service, config.feishu, base_url_of(native_), std::move(feishu_key)},
      aliyun_{service,
              {config.aliyun.nested_result_url, config.aliyun.link_life},
              base_url_of(native_),
              surroundings.callback_base},
      tencent_{service, config.tencent, base_url_of(native_), surroundings.callback_base,
               proxies_of(config)},
      visionular_{service, base_url_of(native_)},
      veo_{service, base_url_of(native_), surroundings.callback_base} {
  refusals_.emplace_back([this](int status, std::string_view path, std::string_view) {
    return feishu::refusal(feishu_, status, path);
  });
  refusals_.emplace_back([this](int status, std::string_view path,
                                std::string_view detail) -> std::optional<http::Response> {
    if (!tencent::owns(path)) return std::nullopt;
    return tencent::refused_by_server(tencent_, status, detail);
  });
  refusals_.emplace_back(
      [](int status, std::string_view path, std::string_view) -> std::optional<http::Response> {
        if (!visionular::owns(path)) return std::nullopt;
        return visionular::refusal(status, path);
      });
  refusals_.emplace_back([](int status, std::string_view path,
                            std::string_view detail) -> std::optional<http::Response> {
    if (!veo::owns(path)) return std::nullopt;
    return veo::refusal(status, detail);
  });
  forms_[std::string(veo::kOrigin)] = {
      [this](const Task& task) { return veo::callback_body(veo_, task); }};
  forms_[std::string(visionular::kOrigin)] = {&visionular::callback_body};
  // The vendor's rule: unsigned, 5 s for an answer of any kind, two more tries.
  forms_[std::string(tencent::kOrigin)] = {
      [this](const Task& task) { return tencent::callback_body(tencent_, task); }, false,
      Packet::Rule{.tries = 3, .apart = 5000, .timeout = 5000, .any_answer = true}};
  forms_["aliyun"] = {[this](const Task& task) { return aliyun::callback_body(aliyun_, task); }};
}

http::Response Dialects::refuse(int status, std::string_view path, std::string_view detail) const {
  for (const Refusal& refusal : refusals_) {
    if (auto own = refusal(status, path, detail)) return *std::move(own);
  }
  return native_refusal(status, detail);
}

http::Router Dialects::router() {
  http::Router router;
  router.default_max_body = max_body_;
  if (dev_) router.gate = refuse_foreign_page;
  native::mount(router, native_);
  aliyun::mount(router, aliyun_);
  feishu::mount(router, feishu_);
  tencent::mount(router, tencent_);
  visionular::mount(router, visionular_);
  veo::mount(router, veo_);
  router.not_found = [this](const http::Request& request) {
    return refuse(404, request.path,
                  "there is nothing at this path; /openapi.json lists what there is");
  };
  router.method_not_allowed = [this](const http::Request& request, std::string_view allowed) {
    return refuse(405, request.path,
                  request.method_text + " is not possible here; allowed: " + std::string(allowed));
  };
  router.bad_request = [this](int status, std::string_view path, std::string_view detail) {
    return refuse(status, path, detail);
  };
  router.observer = [this](const http::Served& served) { observe(service_, served); };
  return router;
}

Status Dialects::sign(Packet& packet, const std::string& account) {
  std::promise<Result<Service::WebhookSecrets>> found;
  service_.webhook_secrets(account, false,
                           [&](auto secrets) { found.set_value(std::move(secrets)); });
  auto secrets = found.get_future().get();
  if (!secrets) return std::unexpected(secrets.error());
  packet.secrets.push_back(secrets->current);
  if (!secrets->previous.empty()) packet.secrets.push_back(secrets->previous);
  return {};
}

Result<Packet> Dialects::packet(const Delivery& delivery) {
  auto task = service_.store().get(delivery.task);
  if (!task) return std::unexpected(task.error());
  Packet packet;
  packet.content_type = "application/json";
  const auto form = forms_.find((*task)->origin);
  bool is_signed = true;
  if (form == forms_.end()) {
    packet.body = native::callback_body(native_, delivery, **task);
  } else {
    packet.body = form->second.body(**task);
    packet.rule = form->second.rule;
    is_signed = form->second.is_signed;
  }
  if (is_signed) {
    if (auto ok = sign(packet, delivery.account); !ok) return std::unexpected(ok.error());
  }
  return packet;
}

}  // namespace telecine::app
