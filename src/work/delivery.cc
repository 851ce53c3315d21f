#include "work/delivery.h"

#include "base/json.h"
#include "base/log.h"
#include "work/webhook.h"

namespace telecine {
namespace {

constexpr int kSenders = 4;
constexpr Millis kAnswerTimeout = 15'000;
constexpr auto kLookEvery = std::chrono::seconds(1);

}  // namespace

Deliverer::Deliverer(Store& store, const object::HttpClient& client, Render render)
    : store_(store), client_(client), render_(std::move(render)) {
  store_.on_work([this] {
    const std::lock_guard lock(mutex_);
    news_ = true;
    changed_.notify_all();
  });
  threads_.emplace_back([this](const std::stop_token& stop) { look_loop(stop); });
  for (int i = 0; i < kSenders; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) {
      while (true) {
        std::unique_lock lock(mutex_);
        if (!changed_.wait(lock, stop, [&] { return !waiting_.empty(); })) return;
        Delivery delivery = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        send(std::move(delivery), stop);
      }
    });
  }
}

Deliverer::~Deliverer() {
  stop();
}

void Deliverer::stop() {
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();
}

void Deliverer::look_loop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, stop, kLookEvery, [&] { return news_; });
      news_ = false;
      if (!waiting_.empty()) continue;
    }
    store_.due_deliveries(kSenders, [this](Result<std::vector<Delivery>> due) {
      if (!due || due->empty()) return;
      const std::lock_guard lock(mutex_);
      for (Delivery& delivery : *due) waiting_.push_back(std::move(delivery));
      changed_.notify_all();
    });
  }
}

void Deliverer::send(Delivery delivery, const std::stop_token& stop) {
  Delivery::Attempt attempt;
  attempt.at = now_ms();
  std::optional<Packet::Rule> rule;
  if (auto packet = render_(delivery)) {
    rule = packet->rule;
    object::Headers headers;
    if (!packet->secrets.empty()) {
      headers = sign_webhook(packet->secrets, delivery.message_id, attempt.at, packet->body);
    }
    headers.push_back({"Content-Type", packet->content_type});
    headers.push_back({"User-Agent", "telecine"});
    object::CallOptions options;
    options.limits.total = rule ? rule->timeout : kAnswerTimeout;
    options.stop = stop;
    auto answer = client_.post(delivery.url, headers, packet->body, options);
    if (stop.stop_requested()) return;  // the hold runs out and it is sent again
    attempt.took = now_ms() - attempt.at;
    if (answer)
      attempt.status = answer->status;
    else
      attempt.detail = answer.error().message;
  } else {
    attempt.detail = packet.error().message;
  }
  const bool counts = rule && rule->any_answer && attempt.status > 0;
  delivery.delivered = counts || (attempt.status >= 200 && attempt.status < 300);
  if (!delivery.delivered && attempt.detail.empty()) attempt.detail = "not a 2xx answer";
  delivery.attempts.push_back(attempt);
  const int made = static_cast<int>(delivery.attempts.size());
  Millis delay = next_delivery_delay(made);
  if (rule) delay = made < rule->tries ? rule->apart : 0;
  delivery.next_at = delivery.delivered || delay == 0 ? 0 : now_ms() + delay;
  log_info("callback", {{"task", delivery.task.hex()},
                        {"delivered", delivery.delivered},
                        {"status", attempt.status},
                        {"attempt", delivery.attempts.size()}});
  store_.update_delivery(std::move(delivery), {});
}

}  // namespace telecine
