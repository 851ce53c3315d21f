#include "http_server_fixture.h"

namespace telecine::http {
namespace {

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
