#include "http_server_fixture.h"

namespace telecine::http {
namespace {

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

}  // namespace
}  // namespace telecine::http
