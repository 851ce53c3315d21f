#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "dialect/aliyun/aliyun.h"
#include "dialect/feishu/feishu.h"
#include "dialect/native/native.h"
#include "dialect/tencent/tencent.h"
#include "dialect/veo/veo.h"
#include "dialect/visionular/visionular.h"
#include "http/router.h"
#include "service/service.h"
#include "work/delivery.h"

namespace telecine::app {

/// The dialects over one service: which paths are whose, who refuses there, and whose form a
/// callback has. Outlives the server and the deliverer.
class Dialects {
 public:
  /// What only the assembly knows.
  struct Surroundings {
    std::string callback_base;  ///< what links in callbacks begin with, which no request leads to
    std::function<json::object()> health;
    std::function<std::size_t()> connections;
  };
  static Result<std::unique_ptr<Dialects>> make(const Config& config, Service& service,
                                                Surroundings surroundings);

  http::Router router();
  /// A callback as it is sent: the dialect that made the task gives it its form. Blocks.
  Result<Packet> packet(const Delivery& delivery);

 private:
  /// How a dialect says what the server itself refuses; nothing for the paths of others.
  using Refusal = std::function<std::optional<http::Response>(int status, std::string_view path,
                                                              std::string_view detail)>;
  struct Form {
    std::function<std::string(const Task&)> body;
    bool is_signed = true;
    std::optional<Packet::Rule> rule{};
  };

  Dialects(const Config& config, Service& service, Surroundings surroundings,
           std::string feishu_key);
  http::Response refuse(int status, std::string_view path, std::string_view detail) const;
  Status sign(Packet& packet, const std::string& account);

  Service& service_;
  std::int64_t max_body_;
  bool dev_;
  native::Api native_;
  feishu::Api feishu_;
  aliyun::Api aliyun_;
  tencent::Api tencent_;
  visionular::Api visionular_;
  veo::Api veo_;
  std::vector<Refusal> refusals_;
  std::map<std::string, Form, std::less<>> forms_;  ///< by origin; native for the rest
};

}  // namespace telecine::app
