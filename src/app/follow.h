#pragma once

#include <string>
#include <string_view>

#include "app/client.h"

namespace telecine::app {

/// Takes a text/event-stream apart as it arrives (WHATWG HTML 9.2).
class EventReader {
 public:
  struct Event {
    std::string id;
    std::string name;
    std::string data;
  };
  /// Calls back for every event that is complete; false ends it.
  bool feed(std::string_view bytes, const std::function<bool(const Event&)>& on_event);

 private:
  void take_line(std::string_view line);

  std::string rest_;
  Event event_;
};

/// Waits for the task's end with a progress bar on stderr, and answers its last document. Hears of
/// changes by server-sent events; where those don't get through, it polls. A server that restarts
/// meanwhile is waited for, a minute at most.
Result<json::value> follow(const Client& client, const std::string& id);

/// What a followed task's end means to the process.
int exit_code_of_task(const json::value& document);

}  // namespace telecine::app
