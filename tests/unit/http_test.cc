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
namespace {

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

bool eventually(const std::function<bool()>& holds) {
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

Router HttpServer::routes() {
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

void HttpServer::add_plain_routes(Router& router) {
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

void HttpServer::add_late_routes(Router& router) {
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

void HttpServer::add_uploads(Router& router) {
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

void HttpServer::add_file(Router& router) {
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

std::string get(std::string_view path, std::string_view more = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more) + "\r\n";
}

TEST_F(HttpServer, KeepsAConnectionForSeveralRequests) {
  auto c = client();
  for (int i = 0; i < 3; ++i) {
    const auto answer = c.ask(get("/tasks/a%20b?x=+1"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "a b 1");
    EXPECT_EQ(answer.headers.get("server"), "telecine");
    EXPECT_TRUE(answer.headers.has("date"));
    EXPECT_FALSE(answer.headers.has("connection"));
  }
}

TEST_F(HttpServer, AnswersPipelinedRequestsInOrderEvenWhenTheFirstTakesLonger) {
  auto c = client();
  c.send(get("/later") + get("/hello") + get("/tasks/7"));
  EXPECT_EQ(c.receive().body, "late");
  EXPECT_EQ(c.receive().body, "hello");
  EXPECT_EQ(c.receive().body, "7");
}

TEST_F(HttpServer, ClosesAfterHttp10UnlessAskedToKeepTheConnection) {
  auto plain = client();
  EXPECT_EQ(plain.ask("GET /hello HTTP/1.0\r\n\r\n").headers.get("connection"), "close");
  EXPECT_TRUE(plain.closed());
  auto kept = client();
  for (int i = 0; i < 2; ++i) {
    const auto answer = kept.ask("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(answer.headers.get("connection"), "keep-alive");
  }
}

TEST_F(HttpServer, RefusesHttp11WithoutHost) {
  auto c = client();
  const auto answer = c.ask("GET /hello HTTP/1.1\r\n\r\n");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.body, "/hello|HTTP/1.1 needs a Host");
  EXPECT_EQ(answer.headers.get("connection"), "close");
  EXPECT_TRUE(c.closed());
}

TEST_F(HttpServer, RefusesTwoHosts) {
  EXPECT_EQ(status_of(get("/hello", "Host: y\r\n")), 400);
}

TEST_F(HttpServer, RefusesContentLengthTogetherWithChunked) {
  EXPECT_EQ(status_of("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            400);
  EXPECT_EQ(status_of("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                      "Content-Length: 3\r\n\r\n0\r\n\r\n"),
            400);
}

TEST_F(HttpServer, RefusesDifferentContentLengths) {
  EXPECT_EQ(status_of("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                      "Content-Length: 4\r\n\r\nabcd"),
            400);
}

TEST_F(HttpServer, RefusesASpaceBeforeTheColonAndNamesThePath) {
  const auto answer = client().ask("GET /hello HTTP/1.1\r\nHost : x\r\n\r\n");
  EXPECT_EQ(answer.status, 400);
  EXPECT_TRUE(answer.body.starts_with("/hello|"));
}

TEST_F(HttpServer, RefusesUnknownCodingsExpectationsMethodsAndVersions) {
  EXPECT_EQ(status_of("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
            501);
  EXPECT_EQ(status_of(get("/hello", "Expect: the-unexpected\r\n")), 417);
  EXPECT_EQ(status_of("BREW /hello HTTP/1.1\r\nHost: x\r\n\r\n"), 501);
  EXPECT_EQ(status_of("GET /hello HTTP/2.0\r\nHost: x\r\n\r\n"), 505);
  EXPECT_EQ(status_of("\x16\x03\x01 nonsense\r\n\r\n"), 400);
}

TEST_F(HttpServer, RefusesAHeaderOverTheLimit) {
  auto c = client();
  EXPECT_EQ(c.ask(get("/hello", "X-Long: " + std::string(70'000, 'a') + "\r\n")).status, 431);
  EXPECT_TRUE(c.closed());
}

TEST_F(HttpServer, RefusesATargetThatIsTooLong) {
  EXPECT_EQ(status_of(get("/" + std::string(10'000, 'a'))), 414);
  EXPECT_EQ(status_of(get("/" + std::string(70'000, 'a'))), 414);
}

TEST_F(HttpServer, RefusesABodyOverTheLimitOfItsRoute) {
  auto c = client();
  const auto answer =
      c.ask("POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n12345678901234567");
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.headers.get("connection"), "close");
  EXPECT_TRUE(c.closed());
  EXPECT_EQ(status_of("POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "a\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"),
            413);
}

TEST_F(HttpServer, DeliversA413ToAClientThatIsStillSending) {
  auto c = client();
  c.send("POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n");
  c.send(std::string(3'000'000, 'a'));
  EXPECT_EQ(c.receive().status, 413);
}

TEST_F(HttpServer, AsksForALengthWhereTheRouteNeedsOne) {
  EXPECT_EQ(status_of("PUT /sized HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "0\r\n\r\n"),
            411);
}

TEST_F(HttpServer, SaysWhichMethodsAPathKnows) {
  const auto answer = client().ask("POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.headers.get("allow"), "GET, HEAD, DELETE");
  EXPECT_EQ(status_of(get("/nowhere")), 404);
}

TEST_F(HttpServer, KeepsTheConnectionAfterAnUnwantedSmallBody) {
  auto c = client();
  c.send("POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde" + get("/hello"));
  EXPECT_EQ(c.receive().status, 404);
  EXPECT_EQ(c.receive().body, "hello");
}

TEST_F(HttpServer, ReadsAndDiscardsTheBodyOfAGet) {
  auto c = client();
  c.send(get("/hello", "Content-Length: 2\r\n") + "{}" + get("/tasks/1"));
  EXPECT_EQ(c.receive().body, "hello");
  EXPECT_EQ(c.receive().body, "1");
}

TEST_F(HttpServer, AnswersHeadWithTheLengthAndNoBody) {
  auto c = client();
  c.send("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n" + get("/tasks/1"));
  const auto answer = c.receive(true);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.get("content-length"), "5");
  EXPECT_EQ(c.receive().body, "1");
}

TEST_F(HttpServer, Sends204WithoutLength) {
  const auto answer = client().ask("DELETE /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(answer.status, 204);
  EXPECT_FALSE(answer.headers.has("content-length"));
}

TEST_F(HttpServer, LetsNoHeaderValueBreakOutOfItsLine) {
  const auto answer = client().ask(get("/inject"));
  EXPECT_EQ(answer.headers.get("x-name"), "a  X-Evil: b");
  EXPECT_FALSE(answer.headers.has("x-evil"));
}

TEST_F(HttpServer, SendsALargeCachedBodyWhole) {
  const auto answer = client().ask(get("/cached"));
  EXPECT_EQ(answer.body, std::string(3 << 20, 'c'));
}

TEST_F(HttpServer, SendsAFileAndItsValidators) {
  const auto answer = client().ask(get("/file"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "0123456789");
  EXPECT_EQ(answer.headers.get("etag"), "\"v1\"");
  EXPECT_EQ(answer.headers.get("accept-ranges"), "bytes");
  EXPECT_EQ(answer.headers.get("last-modified"), "Tue, 14 Nov 2023 22:13:20 GMT");
  EXPECT_EQ(answer.headers.get("content-type"), "video/mp4");
}

TEST_F(HttpServer, SendsTheRangeAskedFor) {
  const auto middle = client().ask(get("/file", "Range: bytes=2-4\r\n"));
  EXPECT_EQ(middle.status, 206);
  EXPECT_EQ(middle.body, "234");
  EXPECT_EQ(middle.headers.get("content-range"), "bytes 2-4/10");
  EXPECT_EQ(client().ask(get("/file", "Range: bytes=-3\r\n")).body, "789");
  EXPECT_EQ(client().ask(get("/file", "Range: bytes=7-\r\n")).body, "789");
  EXPECT_EQ(client().ask(get("/file", "Range: bytes=8-99\r\n")).body, "89");
  EXPECT_EQ(client().ask(get("/file", "Range: bytes=-99\r\n")).body, "0123456789");
}

TEST_F(HttpServer, SaysWhenARangeLiesPastTheEnd) {
  const auto answer = client().ask(get("/file", "Range: bytes=10-\r\n"));
  EXPECT_EQ(answer.status, 416);
  EXPECT_EQ(answer.headers.get("content-range"), "bytes */10");
  EXPECT_EQ(status_of(get("/file", "Range: bytes=-0\r\n")), 416);
}

TEST_F(HttpServer, IgnoresRangesItDoesNotServe) {
  for (const auto* range : {"bytes=0-1,4-5", "bytes=5-2", "lines=1-2", "bytes=x-"}) {
    EXPECT_EQ(status_of(get("/file", "Range: " + std::string(range) + "\r\n")), 200) << range;
  }
}

TEST_F(HttpServer, SendsTheWholeFileWhenIfRangeNamesAnotherVersion) {
  const std::string range = "Range: bytes=0-1\r\n";
  EXPECT_EQ(status_of(get("/file", range + "If-Range: \"v1\"\r\n")), 206);
  EXPECT_EQ(status_of(get("/file", range + "If-Range: \"v0\"\r\n")), 200);
  EXPECT_EQ(status_of(get("/file", range + "If-Range: W/\"v1\"\r\n")), 200);
  EXPECT_EQ(status_of(get("/file", range + "If-Range: Tue, 14 Nov 2023 22:13:20 GMT\r\n")), 206);
  EXPECT_EQ(status_of(get("/file", range + "If-Range: Tue, 14 Nov 2023 22:13:21 GMT\r\n")), 200);
}

TEST_F(HttpServer, Answers304WhenTheClientHasTheFile) {
  auto c = client();
  const auto answer = c.ask(get("/file", "If-None-Match: \"v0\", W/\"v1\"\r\n"));
  EXPECT_EQ(answer.status, 304);
  EXPECT_EQ(answer.headers.get("etag"), "\"v1\"");
  EXPECT_EQ(c.ask(get("/hello")).body, "hello");
  const std::string since = "If-Modified-Since: Tue, 14 Nov 2023 22:13:2";
  EXPECT_EQ(status_of(get("/file", since + "0 GMT\r\n")), 304);
  EXPECT_EQ(status_of(get("/file", "If-None-Match: \"v0\"\r\n" + since + "0 GMT\r\n")), 200);
  EXPECT_EQ(status_of(get("/file", "If-None-Match: \"v0\"\r\n")), 200);
}

TEST_F(HttpServer, StreamsAnUploadIntoItsSink) {
  const std::string body(300'000, 'u');
  auto c = client();
  c.send("PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n");
  c.send(body);
  const auto answer = c.receive();
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.body, "300000");
  EXPECT_EQ(uploads_.bytes, body);
  EXPECT_EQ(c.ask(get("/hello")).body, "hello");
}

TEST_F(HttpServer, UnderstandsChunkedUploadsWithTrailers) {
  auto c = client();
  c.send("PUT /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhel");
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  c.send("lo\r\n6\r\n world\r");
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  c.send("\n0\r\nX-Trailer: 1\r\n\r\n" + get("/hello"));
  EXPECT_EQ(c.receive().status, 201);
  EXPECT_EQ(uploads_.bytes, "hello world");
  EXPECT_EQ(c.receive().body, "hello");
}

TEST_F(HttpServer, RefusesABrokenChunk) {
  EXPECT_EQ(status_of("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "zz\r\nhello\r\n"),
            400);
}

TEST_F(HttpServer, TellsTheSinkWhenTheConnectionBreaks) {
  auto c = client();
  c.send("PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\npart");
  ASSERT_TRUE(eventually([&] {
    std::lock_guard lock(uploads_.mutex);
    return uploads_.bytes == "part";
  }));
  c.reset();
  EXPECT_TRUE(eventually([&] {
    std::lock_guard lock(uploads_.mutex);
    return !uploads_.aborted.empty();
  }));
}

TEST_F(HttpServer, LetsTheSinkAnswerAfterAFailedWrite) {
  uploads_.broken_disk = true;
  auto c = client();
  EXPECT_EQ(c.ask("PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\npart").status,
            507);
  EXPECT_TRUE(c.closed());
}

TEST_F(HttpServer, HonoursExpectContinueOnceTheRouteHasAccepted) {
  auto c = client();
  c.send("PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(c.receive().status, 100);
  c.send("hello");
  EXPECT_EQ(c.receive().status, 201);
}

TEST_F(HttpServer, AnswersAtOnceWhenTheRouteRefusesTheUpload) {
  auto c = client();
  const auto answer = c.ask(
      "PUT /locked HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000\r\n"
      "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.headers.get("connection"), "close");
}

TEST_F(HttpServer, TakesAnswersFromAnotherThread) {
  EXPECT_EQ(client().ask(get("/later")).body, "late");
}

TEST_F(HttpServer, SurvivesAnAnswerForAConnectionThatIsGone) {
  for (int i = 0; i < 5; ++i) {
    auto c = client();
    c.send(get("/later"));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    c.reset();
  }
  EXPECT_TRUE(eventually([&] { return server_->counters().open == 0; }));
  EXPECT_EQ(client().ask(get("/hello")).body, "hello");
}

TEST_F(HttpServer, Answers500WhenAHandlerDropsItsResponderOrThrows) {
  auto c = client();
  const auto answer = c.ask(get("/dropped"));
  EXPECT_EQ(answer.status, 500);
  EXPECT_TRUE(answer.body.starts_with("/dropped|"));
  EXPECT_EQ(c.ask(get("/throws")).status, 500);
  EXPECT_EQ(c.ask(get("/hello")).body, "hello");
}

TEST_F(HttpServer, DeliversEventsAndNoticesWhenTheSubscriberLeaves) {
  auto c = client();
  c.send(get("/events"));
  ASSERT_TRUE(c.await("\r\n\r\n"));
  EXPECT_NE(c.held().find("Content-Type: text/event-stream"), std::string::npos);
  events_->push("1", "task", "first\nsecond", false);
  EXPECT_TRUE(c.await("id: 1\nevent: task\ndata: first\ndata: second\n\n"));
  events_->push("2", "task", "third", true);
  EXPECT_TRUE(c.await("id: 2\nevent: task\ndata: third\n\n"));
  EXPECT_EQ(server_->counters().streams, 1);
  c.reset();
  EXPECT_TRUE(eventually([&] { return events_closed_.load(); }));
  EXPECT_TRUE(eventually([&] { return server_->counters().open == 0; }));
}

TEST_F(HttpServer, EndsAClosedEventStreamAfterWhatIsQueued) {
  events_->push("1", "", "last words", false);
  events_->close();
  auto c = client();
  c.send(get("/events"));
  EXPECT_TRUE(c.closed());
  EXPECT_TRUE(c.held().ends_with("id: 1\ndata: last words\n\n"));
  EXPECT_TRUE(eventually([&] { return events_closed_.load(); }));
}

TEST(EventStream, DropsTheOldestDroppableMessageWhenFull) {
  EventStream stream(3);
  EXPECT_TRUE(stream.push("1", "", "state", false));
  EXPECT_TRUE(stream.push("2", "", "progress", true));
  EXPECT_TRUE(stream.push("3", "", "progress", true));
  EXPECT_TRUE(stream.push("4", "", "state", false));
  std::string sent;
  stream.take(sent, 10'000);
  EXPECT_EQ(sent, "id: 1\ndata: state\n\nid: 3\ndata: progress\n\nid: 4\ndata: state\n\n");
  EXPECT_EQ(stream.dropped(), 1u);
}

TEST(EventStream, RefusesAStateChangeRatherThanLoseOneAndTellsWhenThereIsRoom) {
  EventStream stream(1);
  int rooms = 0;
  stream.on_room([&] { ++rooms; });
  EXPECT_TRUE(stream.push("1", "", "a", false));
  EXPECT_TRUE(stream.push("2", "", "progress", true));
  EXPECT_FALSE(stream.push("3", "", "b", false));
  EXPECT_FALSE(stream.closed());
  EXPECT_EQ(rooms, 0);
  std::string sent;
  stream.take(sent, 10'000);
  EXPECT_EQ(sent, "id: 1\ndata: a\n\n");
  EXPECT_EQ(rooms, 1);
  EXPECT_TRUE(stream.push("3", "", "b", false));
  stream.take(sent, 10'000);
  EXPECT_EQ(rooms, 1) << "nobody was refused since";
}

TEST_F(HttpServer, ReportsAPortInUse) {
  ServerOptions options;
  options.port = server_->port();
  const auto second = Server::listen(options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_EQ(second.error().message, "127.0.0.1:" + std::to_string(options.port) +
                                        " is already in use; choose another with --listen");
}

TEST_F(HttpServer, CutsOffAHeaderThatDribblesIn) {
  ServerOptions options;
  options.header_timeout = 300;
  start(options);
  auto c = client();
  const auto begin = steady_ms();
  std::thread dribble([&] {
    for (const char letter : get("/hello", "X-Slow: " + std::string(40, 'a'))) {
      c.send(std::string(1, letter));
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  EXPECT_EQ(c.receive().status, 408);
  EXPECT_LT(steady_ms() - begin, 1'500);
  dribble.join();
}

TEST_F(HttpServer, CutsOffABodyThatMakesNoProgress) {
  ServerOptions options;
  options.body_idle_timeout = 200;
  start(options);
  auto c = client();
  EXPECT_EQ(c.ask("PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\npart").status,
            408);
  EXPECT_EQ(uploads_.aborted, "the body made no progress");
}

TEST_F(HttpServer, ClosesIdleConnectionsSilently) {
  ServerOptions options;
  options.idle_timeout = 200;
  start(options);
  auto c = client();
  EXPECT_EQ(c.ask(get("/hello")).status, 200);
  EXPECT_TRUE(c.closed());
  EXPECT_EQ(c.held(), "");
}

TEST_F(HttpServer, LimitsConnectionsPerPeer) {
  ServerOptions options;
  options.max_connections_per_peer = 2;
  start(options);
  auto first = client(), second = client();
  EXPECT_EQ(first.ask(get("/hello")).status, 200);
  EXPECT_EQ(second.ask(get("/hello")).status, 200);
  EXPECT_EQ(client().receive().status, 503);
  EXPECT_EQ(server_->counters().refused, 1);
}

TEST_F(HttpServer, DrainsBeforeItStops) {
  auto idle = client();
  EXPECT_EQ(idle.ask(get("/hello")).status, 200);
  auto busy = client();
  busy.send(get("/later"));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  server_->stop_accepting();
  EXPECT_TRUE(idle.closed());
  EXPECT_FALSE(client().connected());
  const auto answer = busy.receive();
  EXPECT_EQ(answer.body, "late");
  EXPECT_EQ(answer.headers.get("connection"), "close");
  server_->stop(2'000);
  EXPECT_EQ(server_->counters().open, 0);
}

TEST_F(HttpServer, BreaksWhatIsLeftAfterTheGrace) {
  auto streaming = client();
  streaming.send("PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\npart");
  ASSERT_TRUE(eventually([&] {
    std::lock_guard lock(uploads_.mutex);
    return uploads_.bytes == "part";
  }));
  server_->stop(50);
  EXPECT_TRUE(streaming.closed());
  EXPECT_FALSE(uploads_.aborted.empty());
}

TEST_F(HttpServer, TellsItsObserverWhatWasServed) {
  auto c = client();
  c.ask(get("/tasks/9?token=x"));
  c.ask(get("/nowhere"));
  c.ask("nonsense\r\n\r\n");
  EXPECT_TRUE(c.closed());
  std::lock_guard lock(served_mutex_);
  EXPECT_EQ(served_, (std::vector<std::string>{"GET /tasks/{id} 200", "GET  404", "  400"}));
}

std::string route_taken(const Router& router, std::string_view path, Method method = Method::kGet) {
  Router::Match match;
  router.match(method, path, match);
  if (match.route == nullptr) return match.malformed ? "malformed" : "";
  auto out = match.route->pattern;
  for (const auto& name : match.route->names) out += " " + std::string(match.params[name]);
  return out;
}

TEST(Router, PrefersTheMoreLiteralPattern) {
  Router router;
  for (const auto* pattern : {"/a/{x}", "/a/b", "/a/{x}:go", "/a/{x}/c", "/a/{all...}",
                              "/a/{all...}:stop", "/{top}/b/c"}) {
    router.add(Method::kGet, pattern, nullptr);
  }
  EXPECT_EQ(route_taken(router, "/a/b"), "/a/b");
  EXPECT_EQ(route_taken(router, "/a/z"), "/a/{x} z");
  EXPECT_EQ(route_taken(router, "/a/z:go"), "/a/{x}:go z");
  EXPECT_EQ(route_taken(router, "/a/z/c"), "/a/{x}/c z");
  EXPECT_EQ(route_taken(router, "/a/b/c"), "/a/{x}/c b");
  EXPECT_EQ(route_taken(router, "/a/p/q%2Fr"), "/a/{all...} p/q/r");
  EXPECT_EQ(route_taken(router, "/a/p/q:stop"), "/a/{all...}:stop p/q");
  EXPECT_EQ(route_taken(router, "/q/b/c"), "/{top}/b/c q");
  EXPECT_EQ(route_taken(router, "/a/%7A%2f1"), "/a/{x} z/1");
  EXPECT_EQ(route_taken(router, "/a/%zz"), "malformed");
  EXPECT_EQ(route_taken(router, "/a/%00"), "malformed");
  EXPECT_EQ(route_taken(router, "/a"), "");
  EXPECT_EQ(route_taken(router, "/a/"), "/a/{all...} ");
}

TEST(Request, DecodesItsQuery) {
  Request request;
  request.query = "a=1&b=x+y%26&&c&a=2&d=%zz";
  EXPECT_EQ(request.query_parameter("b"), "x y&");
  EXPECT_EQ(request.query_parameter("a"), "1");
  EXPECT_EQ(request.query_parameter("c"), "");
  EXPECT_EQ(request.query_parameter("e"), std::nullopt);
  EXPECT_EQ(request.query_parameters().size(), 5u);
  EXPECT_EQ(request.query_parameter("d"), "%zz");
}

}  // namespace
}  // namespace telecine::http
