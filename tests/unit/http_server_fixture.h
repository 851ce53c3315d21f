#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/fs.h"
#include "base/text.h"
#include "base/time.h"
#include "http/event_stream.h"
#include "http/server.h"

namespace telecine::http {

constexpr int kPatienceMs = 5'000;

struct Answer {
  int status = 0;
  Headers headers;
  std::string body;
};

/// A raw connection: sends exactly the bytes it is told to.
class Client {
 public:
  explicit Client(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }

  bool connected() const { return connected_; }
  void send(std::string_view text) {
    while (!text.empty()) {
      const auto count = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  /// Reads until `mark` has come; false at the end of the stream or of our patience.
  bool await(std::string_view mark) {
    while (held_.find(mark) == std::string::npos) {
      if (!read_some()) return false;
    }
    return true;
  }
  /// One response with a Content-Length, or without a body.
  Answer receive(bool head = false) {
    Answer answer;
    if (!await("\r\n\r\n")) return answer;
    const auto end = held_.find("\r\n\r\n");
    const auto lines = split(std::string_view(held_).substr(0, end), '\n');
    answer.status = std::atoi(std::string(lines[0].substr(9, 3)).c_str());
    for (std::size_t i = 1; i < lines.size(); ++i) {
      const auto colon = lines[i].find(':');
      answer.headers.add(lines[i].substr(0, colon), trim(lines[i].substr(colon + 1)));
    }
    held_.erase(0, end + 4);
    const auto length = parse_int(answer.headers.get("content-length")).value_or(0);
    const auto size = head ? 0 : static_cast<std::size_t>(length);
    while (held_.size() < size && read_some()) {
    }
    answer.body = held_.substr(0, size);
    held_.erase(0, size);
    return answer;
  }
  Answer ask(std::string_view text) {
    send(text);
    return receive();
  }
  /// Whether the server has closed, once everything sent before is read.
  bool closed() {
    while (read_some()) {
    }
    return ended_;
  }
  const std::string& held() const { return held_; }
  void reset() {
    const linger hard{1, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    fd_.reset();
  }

 private:
  bool read_some() {
    pollfd waiting{fd_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, kPatienceMs) <= 0) return false;
    char bytes[16 << 10];
    const auto count = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    ended_ = count <= 0;
    if (ended_) return false;
    held_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }

  Fd fd_;
  bool connected_ = false;
  bool ended_ = false;
  std::string held_;
};

inline bool eventually(const std::function<bool()>& holds) {
  const auto until = steady_ms() + kPatienceMs;
  while (!holds()) {
    if (steady_ms() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

/// What became of uploads, for the test to see.
struct Uploads {
  std::mutex mutex;
  std::string bytes;
  std::string aborted;
  bool broken_disk = false;
};

class RecordingSink final : public BodySink {
 public:
  explicit RecordingSink(Uploads& uploads) : uploads_(uploads) {}
  Status write(std::string_view piece) override {
    std::lock_guard lock(uploads_.mutex);
    if (uploads_.broken_disk) return fail(ErrorCode::kOutOfSpace, "disk full");
    uploads_.bytes += piece;
    return {};
  }
  void finish(Responder responder) override {
    std::lock_guard lock(uploads_.mutex);
    const auto size = std::to_string(uploads_.bytes.size());
    responder(Response::text(uploads_.broken_disk ? 507 : 201, "text/plain", size));
  }
  void abort(Error error) override {
    std::lock_guard lock(uploads_.mutex);
    uploads_.aborted = error.message;
  }

 private:
  Uploads& uploads_;
};

class HttpServer : public testing::Test {
 protected:
  void SetUp() override { start({}); }
  void TearDown() override {
    server_.reset();
    for (auto& thread : threads_) thread.join();
    if (!file_.empty()) ::unlink(file_.c_str());
  }

  void start(ServerOptions options) {
    server_.reset();
    options.threads = 2;
    auto server = Server::listen(options);
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
    server_->serve(routes());
  }
  Client client() const { return Client(server_->port()); }
  int status_of(std::string_view request) const { return client().ask(request).status; }

  Router routes();
  void add_plain_routes(Router& router);
  void add_late_routes(Router& router);
  void add_uploads(Router& router);
  void add_file(Router& router);

  std::unique_ptr<Server> server_;
  std::mutex threads_mutex_;
  std::vector<std::thread> threads_;
  Uploads uploads_;
  std::shared_ptr<EventStream> events_ = std::make_shared<EventStream>(4);
  std::string file_;
  std::mutex served_mutex_;
  std::vector<std::string> served_;
  std::atomic<bool> events_closed_{false};
};

inline Router HttpServer::routes() {
  Router router;
  add_plain_routes(router);
  add_late_routes(router);
  add_uploads(router);
  add_file(router);
  router.bad_request = [](int status, std::string_view path, std::string_view detail) {
    return Response::text(status, "text/plain", std::string(path) + "|" + std::string(detail));
  };
  router.observer = [this](const Served& served) {
    std::lock_guard lock(served_mutex_);
    served_.push_back(std::string(name_of(served.method)) + " " + std::string(served.route) + " " +
                      std::to_string(served.status));
  };
  return router;
}

inline void HttpServer::add_plain_routes(Router& router) {
  router.add(Method::kGet, "/hello", [](Request&, Params, Responder answer) {
    answer(Response::text(200, "text/plain", "hello"));
  });
  router.add(Method::kGet, "/tasks/{id}", [](Request& request, Params params, Responder answer) {
    const auto extra = request.query_parameter("x").value_or("");
    answer(Response::text(200, "text/plain", std::string(params["id"]) + extra));
  });
  router.add(Method::kPost, "/echo", [](Request& request, Params, Responder answer) {
    answer(Response::text(200, "text/plain", std::move(request.body)));
  });
  RouteOptions small;
  small.max_body = 16;
  router.add(
      Method::kPost, "/small",
      [](Request& request, Params, Responder answer) {
        answer(Response::text(200, "text/plain", std::move(request.body)));
      },
      small);
  router.add(Method::kGet, "/inject", [](Request&, Params, Responder answer) {
    auto response = Response::text(200, "text/plain", "x");
    response.headers.add("X-Name", "a\r\nX-Evil: b");
    response.headers.add("X-Bad\r\nX-Evil", "c");
    answer(std::move(response));
  });
  router.add(Method::kGet, "/cached", [](Request&, Params, Responder answer) {
    static const auto kText = std::make_shared<const std::string>(3 << 20, 'c');
    answer(Response::cached("text/plain", kText));
  });
  router.add(Method::kDelete, "/hello", [](Request&, Params, Responder answer) {
    Response response;
    response.status = 204;
    answer(std::move(response));
  });
}

inline void HttpServer::add_late_routes(Router& router) {
  router.add(Method::kGet, "/later", [this](Request&, Params, Responder answer) {
    std::lock_guard lock(threads_mutex_);
    threads_.emplace_back([answer] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      answer(Response::text(200, "text/plain", "late"));
    });
  });
  router.add(Method::kGet, "/dropped", [](Request&, Params, Responder) {});
  router.add(Method::kGet, "/throws",
             [](Request&, Params, Responder) { throw std::runtime_error("a mistake"); });
  router.add(Method::kGet, "/events", [this](Request&, Params, Responder answer) {
    events_->on_closed([this] { events_closed_ = true; });
    answer(Response::events(events_));
  });
}

inline void HttpServer::add_uploads(Router& router) {
  router.add_upload(Method::kPut, "/upload", 1 << 20, [this](Request&, const Params&) {
    return std::make_unique<RecordingSink>(uploads_);
  });
  router.add_upload(
      Method::kPut, "/locked", 1 << 30,
      [](Request&, const Params&) -> std::expected<std::unique_ptr<BodySink>, Response> {
        return std::unexpected(Response::text(401, "text/plain", "who?"));
      });
  RouteOptions sized;
  sized.length_required = true;
  router.add(
      Method::kPut, "/sized", [](Request&, Params, Responder answer) { answer(Response{}); },
      sized);
}

inline void HttpServer::add_file(Router& router) {
  if (file_.empty()) {
    file_ = testing::TempDir() + "telecine_http_test_" + std::to_string(::getpid());
    ASSERT_TRUE(write_file_durably(file_, "0123456789"));
  }
  router.add(Method::kGet, "/file", [this](Request&, Params, Responder answer) {
    FileBody body;
    body.fd = *open_file(file_, O_RDONLY);
    body.size = 10;
    body.modified_ms = 1'700'000'000'000;
    body.etag = "v1";
    Response response;
    response.content_type = "video/mp4";
    response.body = std::move(body);
    answer(std::move(response));
  });
}

inline std::string get(std::string_view path, std::string_view more = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more) + "\r\n";
}

}  // namespace telecine::http
