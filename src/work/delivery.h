#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "object/http_client.h"
#include "store/store.h"

namespace telecine {

/// What is sent for a delivery, made anew for each attempt because links in it expire.
struct Packet {
  std::string content_type;
  std::string body;
  std::vector<std::string> secrets;  ///< sign with each; the newest first. None: not signed
  /// A receiver's own rule in place of the engine's schedule.
  struct Rule {
    int tries = 0;           ///< in all
    Millis apart = 0;        ///< from the end of one to the next
    Millis timeout = 0;      ///< for an answer
    bool any_answer = true;  ///< whatever its status, an answer counts
  };
  std::optional<Rule> rule;
};

/// Sends the webhooks that commits have queued: at least once, signed, each attempt recorded.
/// Several senders, so that one slow receiver does not hold up the others.
class Deliverer {
 public:
  using Render = std::function<Result<Packet>(const Delivery&)>;

  Deliverer(Store& store, const object::HttpClient& client, Render render);
  ~Deliverer();
  void stop();

 private:
  void look_loop(const std::stop_token& stop);
  void send(Delivery delivery, const std::stop_token& stop);

  Store& store_;
  const object::HttpClient& client_;
  Render render_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Delivery> waiting_;
  bool news_ = true;
  std::vector<std::jthread> threads_;
};

}  // namespace telecine
