#include "http/responder.h"

#include <utility>

#include "base/log.h"

namespace telecine::http {
namespace {

class FunctionTarget final : public Responder::Target {
 public:
  explicit FunctionTarget(std::function<void(Response)> function)
      : function_(std::move(function)) {}
  ~FunctionTarget() override {
    if (answered()) return;
    Response response;
    response.status = 500;
    function_(std::move(response));
  }

  void answer(Response response) override { function_(std::move(response)); }

 private:
  std::function<void(Response)> function_;
};

}  // namespace

Responder::Responder(std::function<void(Response)> function)
    : target_(std::make_shared<FunctionTarget>(std::move(function))) {}

void Responder::operator()(Response response) const {
  if (target_->answered_.exchange(true, std::memory_order_acq_rel)) {
    log_error("a request was answered twice", {{"status", response.status}});
    return;
  }
  target_->answer(std::move(response));
}

}  // namespace telecine::http
