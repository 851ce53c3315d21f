#include "app/follow.h"

#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>

#include "app/progress_bar.h"
#include "base/text.h"
#include "task/task.h"

namespace telecine::app {
namespace {

constexpr Millis kPatience = 60'000;
constexpr Millis kPause = 1000;
/// A stream is opened anew now and then, so that one that died silently is noticed.
constexpr Millis kStreamLife = 120'000;
/// Streams in a row without any event, after which it only polls: some proxy holds them back.
constexpr int kMuteStreams = 2;

bool is_final_state(std::string_view name) {
  const auto state = value_named<TaskState>(name);
  return state && is_final(*state);
}

class Follower {
 public:
  Follower(const Client& client, const std::string& id)
      : client_(client), path_("/api/v1/tasks/" + percent_encode(id)), bar_("Progress") {}

  Result<json::value> run() {
    while (true) {
      if (mute_ < kMuteStreams) {
        if (auto ok = stream(); !ok && !may_pass(ok.error())) return std::unexpected(ok.error());
        if (final_) return std::move(*final_);
      }
      if (auto ok = poll(); !ok) {
        if (!may_pass(ok.error())) return std::unexpected(ok.error());
        pause();
      }
      if (final_) return std::move(*final_);
    }
  }

 private:
  static void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(kPause)); }

  /// Whether to go on after this error: it may pass, and has not lasted too long.
  bool may_pass(const Error& error) {
    const bool passing = is_connection_trouble(error) || error.code == ErrorCode::kUnavailable ||
                         error.code == ErrorCode::kTooMany;
    if (trouble_since_ == 0) trouble_since_ = steady_ms();
    return passing && steady_ms() - trouble_since_ < kPatience;
  }

  Status stream() {
    EventReader reader;
    bool any = false;
    Client::Extra extra;
    extra.headers = {{"Accept", "text/event-stream"}};
    if (!last_event_.empty()) extra.headers.push_back({"Last-Event-ID", last_event_});
    extra.total = kStreamLife;
    extra.stall = 0;
    extra.on_data = [&](std::string_view bytes) {
      trouble_since_ = 0;
      return reader.feed(bytes, [&](const EventReader::Event& event) {
        any = true;
        return take(event);
      });
    };
    const Millis began = steady_ms();
    const auto ended = client_.call("GET", path_ + "/events", extra);
    // A server that closes every stream at once must not be asked without pause.
    if (!final_ && steady_ms() - began < kPause) pause();
    mute_ = any ? 0 : mute_ + 1;
    if (ended || any) return {};
    return std::unexpected(ended.error());
  }

  bool take(const EventReader::Event& event) {
    if (!event.id.empty()) last_event_ = event.id;
    auto data = parse_json(event.data);
    if (!data) return true;
    const LooseReader in(*data);
    if (event.name == "progress") {
      show(in);
    } else if (const auto* task = in.at("task")) {
      take_document(*task);
    }
    return !final_.has_value();
  }

  Status poll() {
    // Behind a stream that works this only asks how things are.
    const std::string wait = mute_ < kMuteStreams ? "" : "?wait=2s";
    auto document = client_.call_json("GET", path_ + wait);
    if (!document) return std::unexpected(document.error());
    trouble_since_ = 0;
    take_document(*document);
    return {};
  }

  void take_document(const json::value& document) {
    const LooseReader in(document);
    show(in);
    if (!is_final_state(in.text("state"))) return;
    bar_.clear();
    final_ = document;
  }

  void show(const LooseReader& in) {
    const std::string state = printable(in.text("state"), 32);
    if (state == "queued") bar_.restart();
    std::string note = state;
    if (in.number("speed") > 0) {
      char speed[32];
      std::snprintf(speed, sizeof speed, ", %.1fx", in.number("speed"));
      note += speed;
    }
    bar_.update(in.number("progress"), note);
  }

  const Client& client_;
  std::string path_;
  ProgressBar bar_;
  std::string last_event_;
  int mute_ = 0;
  Millis trouble_since_ = 0;  ///< 0: the server answers
  std::optional<json::value> final_;
};

}  // namespace

bool EventReader::feed(std::string_view bytes, const std::function<bool(const Event&)>& on_event) {
  rest_ += bytes;
  std::size_t begin = 0;
  bool go_on = true;
  while (go_on) {
    const auto end = rest_.find('\n', begin);
    if (end == std::string::npos) break;
    std::string_view line = std::string_view(rest_).substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    begin = end + 1;
    if (!line.empty()) {
      take_line(line);
      continue;
    }
    const Event event = std::exchange(event_, {});
    if (!event.data.empty()) go_on = on_event(event);
  }
  rest_.erase(0, begin);
  return go_on;
}

void EventReader::take_line(std::string_view line) {
  const auto colon = line.find(':');
  const auto name = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "event")
    event_.name = value;
  else if (name == "id")
    event_.id = value;
  else if (name == "data") {
    if (!event_.data.empty()) event_.data += '\n';
    event_.data += value;
  }
}

Result<json::value> follow(const Client& client, const std::string& id) {
  return Follower(client, id).run();
}

int exit_code_of_task(const json::value& document) {
  return LooseReader(document).text("state") == "succeeded" ? kDone : kFailed;
}

}  // namespace telecine::app
