#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "store/store.h"

namespace telecine {

/// The counters an operator watches, in the Prometheus text format. Thread-safe.
class Metrics {
 public:
  explicit Metrics(Store& store);
  ~Metrics();

  void count_request(std::string_view route, std::string_view method, int status, double seconds,
                     std::int64_t bytes);
  /// The whole page; gauges are read when it is asked for.
  std::string text(std::size_t connections, std::size_t subscribers);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace telecine
