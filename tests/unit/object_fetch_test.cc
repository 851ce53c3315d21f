#include "object_fixture.h"

namespace telecine::object {
namespace {

using Fetching = ObjectTest;
using Calling = ObjectTest;

TEST_F(Fetching, AFileArrivesWithItsDigestTypeAndName) {
  const std::string data = pattern(3'000'000);
  Server server(
      always(answer(200, data,
                    "Content-Type: Video/MP4; codecs=x\r\n"
                    "Content-Disposition: attachment; filename=\"../my; film.mp4\"\r\n")));
  std::int64_t last = 0;
  const auto made = server.client().fetch_to(server.at("/x"), new_file().get(), quick(),
                                             [&](std::int64_t now, std::int64_t total) {
                                               EXPECT_GE(now, last);
                                               EXPECT_EQ(total, 3'000'000);
                                               last = now;
                                             });
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->size, 3'000'000);
  EXPECT_EQ(made->md5, md5_of(data));
  EXPECT_EQ(made->type, "video/mp4");
  EXPECT_EQ(made->name, "my; film.mp4");
  EXPECT_EQ(last, made->size);
  EXPECT_EQ(content(), data);
}

TEST_F(Fetching, TheNameComesFromTheUrlWhenTheServerGivesNone) {
  Server server(always(answer(200, "")));
  EXPECT_EQ(fetch(server, "/a/%E4%B8%AD%20b.mp4?x=1")->name, "中 b.mp4");
  EXPECT_EQ(disposition_name("inline; filename=a.mp4; filename*=UTF-8''%E4%B8%AD.mp4"), "中.mp4");
}

TEST_F(Fetching, ACutConnectionIsResumedAtTheLastByte) {
  const std::string data = pattern(500'000);
  const std::string tag = "ETag: \"v1\"\r\n";
  std::string second;
  Server server([&](int socket, const std::string& head) {
    const auto at = head.find("Range: bytes=");
    if (at == std::string::npos) {
      const std::string whole = answer(200, data, tag);
      say(socket, whole.substr(0, whole.size() - 300'000));
      return;
    }
    second = head;
    const auto from = std::strtoul(head.c_str() + at + 13, nullptr, 10);
    say(socket,
        answer(206, data.substr(from),
               tag + "Content-Range: bytes " + std::to_string(from) + "-499999/500000\r\n"));
  });
  const auto made = fetch(server);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(server.count(), 2);
  EXPECT_NE(second.find("Range: bytes=200000-\r\n"), std::string::npos) << second;
  EXPECT_NE(second.find("If-Range: \"v1\"\r\n"), std::string::npos) << second;
  EXPECT_EQ(made->md5, md5_of(data));
  EXPECT_EQ(content(), data);
}

TEST_F(Fetching, AFileThatChangedMeanwhileIsReadAgainFromItsBeginning) {
  const std::string before = pattern(90'000);
  const std::string after = pattern(50'000) + "new";
  Server server([&](int socket, const std::string& head) {
    if (head.find("If-Range") != std::string::npos) {
      say(socket, answer(200, after, "ETag: \"v2\"\r\n"));
    } else {
      say(socket, answer(200, before, "ETag: \"v1\"\r\n").substr(0, 80'000));
    }
  });
  const auto made = fetch(server);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->md5, md5_of(after));
  EXPECT_EQ(content(), after);
}

TEST_F(Fetching, AServerThatCannotResumeIsAskedForTheWholeAgain) {
  std::atomic<int> calls = 0;
  Server server([&](int socket, const std::string& head) {
    EXPECT_EQ(head.find("Range:"), std::string::npos);
    const std::string whole = answer(200, "0123456789");
    say(socket, ++calls == 1 ? whole.substr(0, whole.size() - 4) : whole);
  });
  ASSERT_TRUE(fetch(server));
  EXPECT_EQ(content(), "0123456789");
}

TEST_F(Fetching, ABodyThatStaysTruncatedIsUnreachable) {
  const std::string whole = answer(200, pattern(1000), "ETag: \"v\"\r\n");
  Server plain(always(whole.substr(0, whole.size() - 10)));
  Server chunked(always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"));
  for (const Server* server : {&plain, &chunked}) {
    const auto made = fetch(*server);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kInputUnreachable);
    EXPECT_EQ(server->count(), 3);
  }
}

TEST_F(Fetching, ADeclaredLengthAboveTheLimitIsRefusedWithoutReading) {
  Server server([](int socket, const std::string&) {
    say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n");
    wait_for_hang_up(socket);
  });
  auto options = quick();
  options.max_bytes = 1000;
  const auto made = fetch(server, "/", options);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kInputTooLarge);
  EXPECT_EQ(server.count(), 1);
}

TEST_F(Fetching, AnEndlessUndeclaredBodyStopsAtTheLimit) {
  Server server([](int socket, const std::string&) {
    say(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 1000; ++i) say(socket, "1000\r\n" + std::string(4096, 'x') + "\r\n");
    say(socket, "0\r\n\r\n");
  });
  auto options = quick();
  options.max_bytes = 10'000;
  const auto made = fetch(server, "/", options);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kInputTooLarge);
  EXPECT_LE(content().size(), 10'000U);
}

TEST_F(Fetching, AServerThatNeverAnswersOrDripsIsGivenUp) {
  Server silent([](int socket, const std::string&) { wait_for_hang_up(socket); });
  auto options = quick();
  options.limits.total = 300;
  auto began = steady_ms();
  EXPECT_EQ(fetch(silent, "/", options).error().code, ErrorCode::kInputUnreachable);
  EXPECT_LT(steady_ms() - began, 2000);

  Server dripping([](int socket, const std::string&) {
    say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    for (int i = 0; i < 60; ++i) {
      if (::send(socket, "x", 1, MSG_NOSIGNAL) <= 0) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  });
  options = quick();
  options.tries = 1;
  options.limits.stall = 1000;
  began = steady_ms();
  EXPECT_EQ(fetch(dripping, "/", options).error().code, ErrorCode::kInputUnreachable);
  EXPECT_LT(steady_ms() - began, 5000);
}

TEST_F(Fetching, CancellingEndsATransferAtOnce) {
  Server silent([](int socket, const std::string&) { wait_for_hang_up(socket); });
  std::stop_source source;
  auto options = quick();
  options.stop = source.get_token();
  const std::jthread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    source.request_stop();
  });
  const auto began = steady_ms();
  EXPECT_EQ(fetch(silent, "/", options).error().code, ErrorCode::kCancelled);
  EXPECT_LT(steady_ms() - began, 900);
}

TEST_F(Fetching, StatusesBecomeErrorsAndOnlyPassingOnesAreTriedAgain) {
  const struct {
    int status;
    ErrorCode code;
    int tries;
  } kCases[] = {{400, ErrorCode::kInputUnreachable, 1}, {401, ErrorCode::kInputForbidden, 1},
                {403, ErrorCode::kInputForbidden, 1},   {404, ErrorCode::kInputNotFound, 1},
                {410, ErrorCode::kInputNotFound, 1},    {429, ErrorCode::kInputUnreachable, 3},
                {500, ErrorCode::kInputUnreachable, 3}, {503, ErrorCode::kInputUnreachable, 3}};
  for (const auto& row : kCases) {
    Server server(always(answer(row.status, "a banner of 10.0.0.1")));
    const auto made = fetch(server);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, row.code) << row.status;
    EXPECT_EQ(server.count(), row.tries) << row.status;
    EXPECT_EQ(made.error().message.find("banner"), std::string::npos);
    EXPECT_EQ(made.error().message.find("127.0.0.1"), std::string::npos);
  }
}

TEST_F(Fetching, ABusyServersWishToWaitIsHonoured) {
  std::atomic<int> calls = 0;
  Server server([&](int socket, const std::string&) {
    say(socket, ++calls == 1 ? answer(503, "", "Retry-After: 1\r\n") : answer(200, "ok"));
  });
  const auto began = steady_ms();
  EXPECT_TRUE(fetch(server));
  EXPECT_GE(steady_ms() - began, 1000);
}

TEST_F(Fetching, RedirectsAreFollowedFiveTimesAndCarryNoCredentials) {
  std::mutex mutex;
  std::vector<std::string> heads;
  Server server([&](int socket, const std::string& head) {
    const std::scoped_lock lock(mutex);
    heads.push_back(head);
    const int left = head[5] - '0';
    if (left == 0)
      say(socket, answer(200, "end"));
    else
      say(socket,
          answer(307, "", "Set-Cookie: a=b\r\nLocation: " + std::to_string(left - 1) + "\r\n"));
  });
  auto options = quick();
  options.headers = {{"Authorization", "Bearer x"}};
  ASSERT_TRUE(fetch(server, "/5", options));
  EXPECT_EQ(heads.size(), 6U);
  EXPECT_NE(heads[0].find("Bearer x"), std::string::npos);
  EXPECT_EQ(heads[1].find("Bearer x"), std::string::npos);
  EXPECT_EQ(heads[1].find("Cookie"), std::string::npos);
  EXPECT_EQ(fetch(server, "/6").error().code, ErrorCode::kInputUnreachable);
}

TEST_F(Fetching, AFullDiskIsOutOfSpace) {
  Server server(always(answer(200, "hello")));
  const auto full = open_file("/dev/full", O_WRONLY).value();
  EXPECT_EQ(server.client().fetch_to(server.at(), full.get(), quick()).error().code,
            ErrorCode::kOutOfSpace);
}

TEST_F(Fetching, NobodyListeningAndAnUnknownHostAreUnreachable) {
  int port = 0;
  {
    port = static_cast<int>(parse_url(Server(always("")).at())->port);
  }
  const std::string authority = "127.0.0.1:" + std::to_string(port);
  const HttpClient client(rules({authority}));
  EXPECT_EQ(client.fetch_to("http://" + authority + "/", new_file().get(), quick()).error().code,
            ErrorCode::kInputUnreachable);
  EXPECT_EQ(client.fetch_to("http://nobody.invalid/", new_file().get(), quick()).error().code,
            ErrorCode::kInputUnreachable);
}

TEST_F(Fetching, TheEnvironmentsProxyIsIgnoredAndNothingIsDecoded) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  Server server(always(answer(200, "not gzip at all", "Content-Encoding: gzip\r\n")));
  EXPECT_TRUE(fetch(server));
  ::unsetenv("http_proxy");
  EXPECT_EQ(content(), "not gzip at all");
}

TEST_F(Calling, AWebhookIsPostedAndRedirectsAreAnswers) {
  std::string seen;
  Server server([&](int socket, const std::string& head) {
    seen = head;
    char body[8] = {};
    EXPECT_EQ(::recv(socket, body, 7, MSG_WAITALL), 7);
    seen += body;
    say(socket, answer(302, "moved", "Location: /elsewhere\r\nX-Seen: 1\r\n"));
  });
  const auto made = server.client().post(
      server.at("/hook"), {{"Content-Type", "application/json"}, {"X-Empty", ""}}, "{\"a\":1}");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->status, 302);
  EXPECT_EQ(made->body, "moved");
  EXPECT_EQ(find_header(made->headers, "x-seen"), "1");
  EXPECT_GE(made->took, 0);
  EXPECT_EQ(server.count(), 1);
  EXPECT_TRUE(seen.starts_with("POST /hook HTTP/1.1\r\n")) << seen;
  EXPECT_NE(seen.find("Content-Type: application/json\r\n"), std::string::npos);
  EXPECT_NE(seen.find("X-Empty:"), std::string::npos);
  EXPECT_TRUE(seen.ends_with("\r\n\r\n{\"a\":1}"));
}

TEST_F(Calling, ALongAnswerIsCutAtTheLimit) {
  Server server(always(answer(500, std::string(200'000, 'x'))));
  const auto made = server.client().post(server.at(), {}, "");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->status, 500);
  EXPECT_TRUE(made->truncated);
  EXPECT_EQ(made->body.size(), 64U * 1024);
}

TEST_F(Calling, AHeaderCannotSmuggleInAnotherLine) {
  Server server(always(answer(200, "")));
  EXPECT_EQ(server.client().post(server.at(), {{"A", "b\r\nC: d"}}, "").error().code,
            ErrorCode::kInvalidParameter);
  EXPECT_EQ(server.count(), 0);
}

TEST_F(Calling, AFileIsSentWithProgressAndAnAnswerStreams) {
  const std::string data = pattern(300'000);
  put("upload", data);
  std::string received;
  Server server([&](int socket, const std::string& head) {
    EXPECT_TRUE(head.starts_with("PUT /f HTTP/1.1\r\n")) << head;
    EXPECT_NE(head.find("Content-Length: 300000\r\n"), std::string::npos);
    received.resize(300'000);
    EXPECT_EQ(::recv(socket, received.data(), received.size(), MSG_WAITALL), 300'000);
    say(socket, answer(200, "event: a\n\nevent: b\n\n"));
  });
  const auto file = open_file(dir_ + "/upload", O_RDONLY).value();
  std::string events;
  std::int64_t sent = 0;
  const auto made = server.client().request({.method = "PUT",
                                             .url = server.at("/f"),
                                             .body_fd = file.get(),
                                             .on_sent = [&](auto now, auto) { sent = now; },
                                             .on_data =
                                                 [&](auto piece) {
                                                   events += piece;
                                                   return true;
                                                 }});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(received, data);
  EXPECT_EQ(sent, 300'000);
  EXPECT_EQ(events, "event: a\n\nevent: b\n\n");
  EXPECT_TRUE(made->body.empty());
}

}  // namespace
}  // namespace telecine::object
