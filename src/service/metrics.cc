#include "service/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <fstream>
#include <map>
#include <mutex>

#include "task/generation.h"

namespace telecine {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;

struct Metrics::Impl {
  explicit Impl(Store& s) : store(s) {}

  Store& store;
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  prometheus::Family<prometheus::Counter>& requests = BuildCounter()
                                                          .Name("telecine_http_requests_total")
                                                          .Help("Requests answered")
                                                          .Register(*registry);
  prometheus::Family<prometheus::Counter>& bytes = BuildCounter()
                                                       .Name("telecine_http_response_bytes_total")
                                                       .Help("Bytes sent in answers")
                                                       .Register(*registry);
  prometheus::Family<prometheus::Histogram>& durations =
      BuildHistogram()
          .Name("telecine_http_request_duration_seconds")
          .Help("From the complete request header to the last byte of the answer")
          .Register(*registry);
  prometheus::Family<prometheus::Counter>& tasks = BuildCounter()
                                                       .Name("telecine_tasks_total")
                                                       .Help("Tasks that entered a state")
                                                       .Register(*registry);
  prometheus::Family<prometheus::Counter>& failures = BuildCounter()
                                                          .Name("telecine_task_failures_total")
                                                          .Help("Failed tasks by error code")
                                                          .Register(*registry);
  prometheus::Family<prometheus::Counter>& generations =
      BuildCounter()
          .Name("telecine_generations_total")
          .Help("Ended generations by the kind of their provider")
          .Register(*registry);
  prometheus::Family<prometheus::Gauge>& units =
      BuildGauge().Name("telecine_units").Help("Units of work by state").Register(*registry);
  prometheus::Gauge& deliveries = BuildGauge()
                                      .Name("telecine_deliveries_pending")
                                      .Help("Callbacks not delivered yet")
                                      .Register(*registry)
                                      .Add({});
  prometheus::Gauge& connections = BuildGauge()
                                       .Name("telecine_http_connections")
                                       .Help("Open connections")
                                       .Register(*registry)
                                       .Add({});
  prometheus::Gauge& subscribers = BuildGauge()
                                       .Name("telecine_event_subscribers")
                                       .Help("Open event streams")
                                       .Register(*registry)
                                       .Add({});
  prometheus::Gauge& memory = BuildGauge()
                                  .Name("process_resident_memory_bytes")
                                  .Help("Resident memory of this process")
                                  .Register(*registry)
                                  .Add({});

  /// Looking a series up by labels costs a map of strings; the few there are stay here.
  struct Series {
    prometheus::Counter* requests;
    prometheus::Counter* bytes;
    prometheus::Histogram* duration;
  };
  /// Routes and methods are texts that live as long as the program, so their addresses will do.
  using Key = std::tuple<const char*, const char*, int>;
  std::mutex mutex;
  std::map<Key, Series> series;

  Series& find(std::string_view route, std::string_view method, int status) {
    const Key key(route.data(), method.data(), status);
    const std::lock_guard lock(mutex);
    const auto at = series.find(key);
    if (at != series.end()) return at->second;
    const std::map<std::string, std::string> labels = {{"route", std::string(route)},
                                                       {"method", std::string(method)},
                                                       {"status", std::to_string(status)}};
    const prometheus::Histogram::BucketBoundaries edges = {0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05,
                                                           0.1,    0.5,    1,     5,     30};
    return series[key] =
               Series{&requests.Add(labels), &bytes.Add(labels),
                      &durations.Add(
                          {{"route", std::string(route)}, {"method", std::string(method)}}, edges)};
  }
};

Metrics::Metrics(Store& store) : impl_(std::make_unique<Impl>(store)) {
  store.subscribe([impl = impl_.get()](const Change& change) {
    for (const Event& event : change.events) {
      if (!event.type.starts_with("task.")) continue;
      if (is_final(event.state) && change.task->spec.kind == TaskKind::kGenerate) {
        const auto choice = generation_of(change.task->spec).choice;
        impl->generations
            .Add({{"provider", std::string(choice ? name_of(choice->kind) : "")},
                  {"state", std::string(name_of(event.state))}})
            .Increment();
      }
      impl->tasks.Add({{"state", std::string(name_of(event.state))}}).Increment();
      if (event.state == TaskState::kFailed && event.error) {
        impl->failures.Add({{"code", std::string(name_of(event.error->code))}}).Increment();
      }
    }
  });
}

Metrics::~Metrics() = default;

void Metrics::count_request(std::string_view route, std::string_view method, int status,
                            double seconds, std::int64_t bytes) {
  auto& series = impl_->find(route.empty() ? "unknown" : route, method, status);
  series.requests->Increment();
  series.bytes->Increment(static_cast<double>(bytes));
  series.duration->Observe(seconds);
}

std::string Metrics::text(std::size_t connections, std::size_t subscribers) {
  if (const auto facts = impl_->store.facts()) {
    impl_->units.Add({{"state", "queued"}}).Set(static_cast<double>(facts->queued_units));
    impl_->units.Add({{"state", "running"}}).Set(static_cast<double>(facts->running_units));
    impl_->deliveries.Set(static_cast<double>(facts->due_deliveries));
  }
  impl_->connections.Set(static_cast<double>(connections));
  impl_->subscribers.Set(static_cast<double>(subscribers));
  long pages = 0;
  long resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  constexpr double kPage = 4096;
  impl_->memory.Set(static_cast<double>(resident) * kPage);
  return prometheus::TextSerializer().Serialize(impl_->registry->Collect());
}

}  // namespace telecine
