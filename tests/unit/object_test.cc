#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include "base/crypto.h"
#include "base/text.h"
#include "object/address.h"
#include "object/beneath.h"
#include "object/fetch.h"
#include "object/http_client.h"
#include "object/links.h"
#include "object/local.h"
#include "object/media_type.h"
#include "object/roots.h"
#include "object/url.h"

namespace telecine::object {
namespace {

/// Answers HTTP on a loopback port, one connection after the other. The handler gets the socket
/// and the request's head and does whatever a bad server may do.
class Server {
 public:
  using Handler = std::function<void(int socket, const std::string& head)>;

  explicit Server(Handler handler) : handler_(std::move(handler)) {
    listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_.get(), raw, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    EXPECT_EQ(::getsockname(listener_.get(), raw, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] { serve(); });
  }
  ~Server() { ::shutdown(listener_.get(), SHUT_RDWR); }

  std::string at(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  std::string authority(const std::string& host = "127.0.0.1") const {
    return host + ":" + std::to_string(port_);
  }
  HttpClient client() const {
    return HttpClient(AddressRules::parse(std::vector{authority()}).value());
  }
  int count() const { return count_; }

 private:
  void serve() {
    while (true) {
      const Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!socket) return;
      std::string head;
      char c = 0;
      while (!head.ends_with("\r\n\r\n") && ::recv(socket.get(), &c, 1, 0) == 1) head += c;
      ++count_;
      handler_(socket.get(), head);
    }
  }

  Handler handler_;
  Fd listener_;
  int port_ = 0;
  std::atomic<int> count_ = 0;
  std::jthread thread_;
};

void say(int socket, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void wait_for_hang_up(int socket) {
  char buffer[4096];
  while (::recv(socket, buffer, sizeof buffer, 0) > 0) {
  }
}

std::string answer(int status, std::string_view body, std::string_view headers = "") {
  return "HTTP/1.1 " + std::to_string(status) + " Whatever\r\nConnection: close\r\n" +
         std::string(headers) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

Server::Handler always(std::string text) {
  return [text](int socket, const std::string&) { say(socket, text); };
}

FetchOptions quick() {
  FetchOptions options;
  options.tries = 3;
  options.first_backoff = 1;
  options.most_backoff = 4;
  options.limits.total = 10'000;
  return options;
}

std::string md5_of(std::string_view data) {
  auto digest = Digest::md5();
  digest.update(data);
  return digest.finish_hex();
}

std::string pattern(std::size_t size) {
  std::string data(size, '\0');
  for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<char>(i * 31 + i / 257);
  return data;
}

class ObjectTest : public ::testing::Test {
 protected:
  ObjectTest() {
    std::string name = std::filesystem::temp_directory_path() / "object_test.XXXXXX";
    dir_ = ::mkdtemp(name.data());
  }
  ~ObjectTest() override { remove_tree(dir_); }

  Fd new_file(const std::string& name = "fetched") const {
    return open_file(dir_ + "/" + name, O_RDWR | O_CREAT | O_TRUNC).value();
  }
  std::string content(const std::string& name = "fetched") const {
    return read_file(dir_ + "/" + name, 64 << 20).value();
  }
  void put(const std::string& name, std::string_view data) const {
    const std::string path = dir_ + "/" + name;
    ASSERT_TRUE(make_directories(std::filesystem::path(path).parent_path()));
    ASSERT_TRUE(write_all(open_file(path, O_WRONLY | O_CREAT | O_TRUNC)->get(), data));
  }
  Result<Fetched> fetch(const Server& server, const std::string& path = "/",
                        FetchOptions options = quick()) const {
    return server.client().fetch_to(server.at(path), new_file().get(), options);
  }

  std::string dir_;
};
using Addresses = ObjectTest;
using Fetching = ObjectTest;
using Calling = ObjectTest;
using LocalFiles = ObjectTest;
using Store = ObjectTest;
using Links = ObjectTest;

AddressRules rules(std::vector<std::string> allow = {}) {
  return AddressRules::parse(allow).value();
}

bool allows(const AddressRules& rules, const std::string& address, int port = 80) {
  sockaddr_in v4{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
  if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    return rules.allows(reinterpret_cast<const sockaddr&>(v4));
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  EXPECT_EQ(::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr), 1) << address;
  return rules.allows(reinterpret_cast<const sockaddr&>(v6));
}

std::string bracketed(const std::string& address) {
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

const std::vector<std::string> kRefused = {"0.0.0.0",
                                           "0.1.2.3",
                                           "10.0.0.1",
                                           "10.255.255.255",
                                           "100.64.0.1",
                                           "100.127.255.255",
                                           "100.100.100.200",
                                           "127.0.0.1",
                                           "127.255.255.254",
                                           "169.254.169.254",
                                           "169.254.0.1",
                                           "172.16.0.1",
                                           "172.31.255.255",
                                           "192.0.0.8",
                                           "192.0.2.1",
                                           "192.31.196.1",
                                           "192.52.193.1",
                                           "192.88.99.1",
                                           "192.168.0.1",
                                           "192.168.255.255",
                                           "192.175.48.1",
                                           "198.18.0.1",
                                           "198.19.255.255",
                                           "198.51.100.1",
                                           "203.0.113.1",
                                           "224.0.0.1",
                                           "239.255.255.255",
                                           "240.0.0.1",
                                           "255.255.255.255",
                                           "::",
                                           "::1",
                                           "64:ff9b:1::1",
                                           "100::1",
                                           "2001::1",
                                           "2001:1ff::1",
                                           "2001:db8::1",
                                           "3fff::1",
                                           "5f00::1",
                                           "fc00::1",
                                           "fdff::1",
                                           "fd00:ec2::254",
                                           "fe80::1",
                                           "febf::1",
                                           "fec0::1",
                                           "feff::1",
                                           "ff02::1",
                                           "::ffff:127.0.0.1",
                                           "::ffff:10.0.0.1",
                                           "::ffff:169.254.169.254",
                                           "::127.0.0.1",
                                           "::10.0.0.1",
                                           "64:ff9b::7f00:1",
                                           "64:ff9b::192.168.0.1",
                                           "64:ff9b::a9fe:a9fe",
                                           "2002:7f00:1::",
                                           "2002:a00:1::1",
                                           "2002:c0a8:1::1",
                                           "2002:a9fe:a9fe::"};

const std::vector<std::string> kPublic = {
    "1.1.1.1",        "8.8.8.8",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255",
    "100.128.0.0",    "172.15.255.255",  "172.32.0.0",      "192.167.255.255", "198.17.255.255",
    "198.20.0.0",     "223.255.255.255", "2606:4700::1111", "2400::1",         "64:ff9b::808:808",
    "::ffff:8.8.8.8", "2002:808:808::1"};

TEST_F(Addresses, EverythingThatIsNotPublicIsRefusedOnConnectingAndAsALiteral) {
  for (const auto& address : kRefused) {
    EXPECT_FALSE(allows(rules(), address)) << address;
    const auto literal = rules().check_url("http://" + bracketed(address) + "/a.mp4");
    ASSERT_FALSE(literal) << address;
    EXPECT_EQ(literal.error(), forbidden_input()) << address;
  }
}

TEST_F(Addresses, PublicAddressesNextToReservedRangesAreAllowed) {
  for (const auto& address : kPublic) {
    EXPECT_TRUE(allows(rules(), address)) << address;
    EXPECT_TRUE(rules().check_url("https://" + bracketed(address) + "/")) << address;
  }
}

TEST_F(Addresses, LoopbackInAnyNumericSpellingIsRefused) {
  for (const char* host :
       {"2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "017700000001",
        "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "%31%32%37.0.0.1"}) {
    const auto made = rules().check_url("http://" + std::string(host) + "/");
    EXPECT_FALSE(made) << host;
  }
}

TEST_F(Addresses, TheAllowListOpensRangesAddressesAndPorts) {
  const auto made =
      rules({"10.1.0.0/16", "127.0.0.1:9000", "[::1]:81", "192.168.7.7", "fd12::/16"});
  EXPECT_TRUE(allows(made, "10.1.255.1"));
  EXPECT_TRUE(allows(made, "::ffff:10.1.255.1"));
  EXPECT_FALSE(allows(made, "10.1.255.1", 9000));
  EXPECT_FALSE(allows(made, "10.2.0.1"));
  EXPECT_TRUE(allows(made, "127.0.0.1", 9000));
  EXPECT_FALSE(allows(made, "127.0.0.1", 80));
  EXPECT_TRUE(allows(made, "::1", 81));
  EXPECT_FALSE(allows(made, "::1", 80));
  EXPECT_TRUE(allows(made, "192.168.7.7", 8443));
  EXPECT_FALSE(allows(made, "192.168.7.8"));
  EXPECT_TRUE(allows(made, "fd12::9"));
  EXPECT_FALSE(allows(made, "8.8.8.8", 9000)) << "a port is opened for its address only";
  EXPECT_TRUE(made.check_url("http://127.0.0.1:9000/a.mp4"));
  EXPECT_FALSE(made.check_url("http://8.8.8.8:9000/a.mp4"));
}

TEST_F(Addresses, AllOfIpv6DoesNotMeanIpv4) {
  EXPECT_FALSE(allows(rules({"::/0"}), "10.0.0.1"));
  EXPECT_FALSE(allows(rules({"0.0.0.0/0"}), "fc00::1"));
}

TEST_F(Addresses, MetadataServicesAreOpenedOnlyByTheirExactAddress) {
  const auto wide = rules({"169.254.0.0/16", "100.64.0.0/10", "fd00::/8"});
  EXPECT_TRUE(allows(wide, "169.254.1.1"));
  for (const char* metadata :
       {"169.254.169.254", "100.100.100.200", "fd00:ec2::254", "::ffff:169.254.169.254"}) {
    EXPECT_FALSE(allows(wide, metadata)) << metadata;
  }
  EXPECT_TRUE(allows(rules({"169.254.169.254"}), "169.254.169.254"));
}

TEST_F(Addresses, ThisHostsOwnAddressesAreRefusedEvenInsideAnOpenedRange) {
  const auto wide = rules({"0.0.0.0/0"});
  ifaddrs* list = nullptr;
  ASSERT_EQ(::getifaddrs(&list), 0);
  for (const ifaddrs* item = list; item != nullptr; item = item->ifa_next) {
    if (item->ifa_addr == nullptr || item->ifa_addr->sa_family != AF_INET) continue;
    sockaddr_in own = reinterpret_cast<const sockaddr_in&>(*item->ifa_addr);
    own.sin_port = htons(80);
    if (ntohl(own.sin_addr.s_addr) >> 24 == 127) continue;
    EXPECT_FALSE(wide.allows(reinterpret_cast<const sockaddr&>(own)));
  }
  ::freeifaddrs(list);
}

TEST_F(Addresses, UrlsThatBreakTheRulesAsWrittenAreInvalid) {
  const std::string long_path(4096, 'a');
  for (const std::string& url :
       {std::string("ftp://example.com/a"), std::string("file:///etc/passwd"),
        std::string("gopher://example.com/"), std::string("example.com/a.mp4"), std::string(""),
        std::string("http://"), std::string("http://user@example.com/"),
        std::string("http://user:secret@example.com/"), std::string("http://@example.com/"),
        std::string("http://example.com:22/"), std::string("http://example.com:0/"),
        std::string("http://exa mple.com/"), std::string("http://example.com\\@10.0.0.1/"),
        std::string("http://a.example/\r\nX: y"), "http://example.com/" + long_path}) {
    const auto made = rules().check_url(url);
    ASSERT_FALSE(made) << url.substr(0, 60);
    EXPECT_EQ(made.error().code, ErrorCode::kInvalidParameter) << url.substr(0, 60);
  }
  for (const char* url : {"http://example.com", "HTTPS://example.com:8443/a?b=c#d",
                          "http://example.com:8080/%E4%B8%AD.mp4", "http://例え.jp/中.mp4"}) {
    EXPECT_TRUE(rules().check_url(url)) << url;
  }
}

TEST_F(Addresses, AnAllowListEntryThatCannotBeReadIsNamed) {
  for (const char* entry : {"10.0.0.0/33", "localhost", "10.0.0.1:0", "10.0.0.1:x", "[::1", "",
                            "10.0.0.0/8:80", "1.2.3", "[::1]x"}) {
    const auto made = AddressRules::parse(std::vector<std::string>{entry});
    ASSERT_FALSE(made) << entry;
    EXPECT_NE(made.error().message.find(entry), std::string::npos);
  }
}

TEST_F(Addresses, ARedirectToARefusedAddressIsTheSameErrorAsForbidden) {
  std::string target;
  Server server([&](int socket, const std::string& head) {
    if (head.starts_with("GET /403 "))
      say(socket, answer(403, "secret body"));
    else
      say(socket, answer(302, "", "Location: " + target + "\r\n"));
  });
  const auto forbidden = fetch(server, "/403");
  ASSERT_FALSE(forbidden);
  EXPECT_EQ(forbidden.error(), forbidden_input());
  for (const auto& address : kRefused) {
    target = "http://" + bracketed(address) + "/";
    const auto made = fetch(server);
    ASSERT_FALSE(made) << target;
    EXPECT_EQ(made.error(), forbidden.error()) << target;
  }
  for (const char* other : {"ftp://example.com/", "file:///etc/passwd", "http://u:p@example.com/",
                            "http://8.8.8.8:22/", "gopher://127.0.0.1/"}) {
    target = other;
    EXPECT_EQ(fetch(server).error(), forbidden.error()) << target;
  }
}

TEST_F(Addresses, ANameThatLeadsToARefusedAddressIsRefusedWithoutAConnection) {
  Server server(always(answer(200, "x")));
  // The port is open for somebody else, so that only the address can be at fault.
  const HttpClient client(rules({server.authority("8.8.8.8")}));
  const auto made =
      client.fetch_to("http://" + server.authority("localhost") + "/", new_file().get(), quick());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error(), forbidden_input());
  EXPECT_EQ(client.post("http://" + server.authority("localhost") + "/", {}, "{}").error(),
            forbidden_input());
  EXPECT_EQ(server.count(), 0);
}

TEST_F(Addresses, TheOperatorsOwnUrlsAreExempt) {
  Server server(always(answer(200, "hello")));
  const HttpClient client(rules());
  const auto made = client.request({.url = server.at(), .options = {.operator_address = true}});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->body, "hello");
  EXPECT_FALSE(client.request({.url = server.at()}));
}

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

TEST_F(LocalFiles, AreReadBelowARootByNameAndByPath) {
  put("root/sub/a b%20#?.mp4", "media");
  const auto roots = Roots::make({{.name = "media", .path = dir_ + "/root"}}).value();
  for (const std::string& url : {std::string("file://media/sub/a b%20#?.mp4"),
                                 "file://" + dir_ + "/root/sub/a b%20#?.mp4"}) {
    const auto fd = roots.open_input(url);
    ASSERT_TRUE(fd) << fd.error().message;
    char text[6] = {};
    EXPECT_EQ(::read(fd->get(), text, 5), 5);
    EXPECT_STREQ(text, "media");
  }
  EXPECT_EQ(roots.open_input("file://media/sub/none.mp4").error().code, ErrorCode::kInputNotFound);
  EXPECT_EQ(roots.open_input("file://media").error().code, ErrorCode::kInvalidParameter);
  EXPECT_EQ(roots.open_input("http://media/a").error().code, ErrorCode::kInvalidParameter);
}

TEST_F(LocalFiles, OutsideARootCannotBeNamedAndTheErrorLeaksNoPath) {
  put("secret", "s");
  put("root/a", "a");
  put("closed/a", "a");
  std::filesystem::create_symlink("../secret", dir_ + "/root/link");
  std::filesystem::create_directory_symlink("..", dir_ + "/root/up");
  ASSERT_EQ(::mkfifo((dir_ + "/root/pipe").c_str(), 0600), 0);
  const auto roots = Roots::make({{.name = "media", .path = dir_ + "/root"},
                                  {.name = "closed", .path = dir_ + "/closed", .read = false}})
                         .value();
  for (const std::string& url :
       {std::string("file://media/../secret"), std::string("file://media//etc/passwd"),
        std::string("file://media/link"), std::string("file://media/up/secret"),
        std::string("file://media/pipe"), std::string("file://media/."),
        std::string("file://other/a"), std::string("file://closed/a"),
        std::string("file:///etc/passwd"), "file://" + dir_ + "/root/../secret",
        "file://" + dir_ + "/secret", "file://" + dir_ + "/rootless/a"}) {
    const auto fd = roots.open_input(url);
    ASSERT_FALSE(fd) << url;
    EXPECT_EQ(fd.error().code, ErrorCode::kInputForbidden) << url;
    EXPECT_EQ(fd.error().message.find(dir_), std::string::npos);
  }
  EXPECT_EQ(Roots().open_input("file:///etc/hostname").error().code, ErrorCode::kInputForbidden);
}

TEST_F(LocalFiles, TheKernelsPseudoFilesAreNoInputs) {
  const auto roots = Roots::make({{.name = "all", .path = "/"}}).value();
  for (const char* url :
       {"file:///proc/self/environ", "file://all/proc/self/cmdline", "file:///proc/self/fd/0",
        "file:///dev/zero", "file:///proc/self/root/etc/passwd"}) {
    const auto fd = roots.open_input(url);
    ASSERT_FALSE(fd) << url;
    EXPECT_EQ(fd.error().code, ErrorCode::kInputForbidden) << url;
  }
}

TEST_F(LocalFiles, ARootThatMakesNoSenseIsRefusedAtTheStart) {
  EXPECT_FALSE(Roots::make({{.name = "a/b", .path = dir_}}));
  EXPECT_FALSE(Roots::make({{.name = "a", .path = "relative"}}));
  EXPECT_FALSE(Roots::make({{.name = "a", .path = dir_ + "/none"}}));
  EXPECT_FALSE(Roots::make({{.name = "a", .path = dir_}, {.name = "a", .path = dir_}}));
}

const std::string kTask = "00000000000000010123456789abcdef";

TEST_F(Store, PublishedFilesAreReadableUnderTheirUrlsAndGoneFromTheAttempt) {
  const auto store = LocalObjects::open(dir_).value();
  const auto from = store.prepare({kTask, 7, 1}).value();
  put("work/" + kTask + "-7-1/hls/master.m3u8", "m");
  put("work/" + kTask + "-7-1/hls/720p/seg-1.m4s", "segment");
  const std::vector<std::string> names = {"hls/master.m3u8", "hls/720p/seg-1.m4s"};
  const auto urls = store.publish(from, kTask, names);
  ASSERT_TRUE(urls) << urls.error().message;
  EXPECT_EQ(urls->front(), "object:" + kTask + "/hls/master.m3u8");
  EXPECT_EQ(parse_object_url(urls->back()), (ObjectName{kTask, "hls/720p/seg-1.m4s"}));
  EXPECT_TRUE(std::filesystem::exists(dir_ + "/objects/cd/ef/" + kTask + "/hls/master.m3u8"));
  EXPECT_FALSE(std::filesystem::exists(from + "/hls/master.m3u8"));
  const auto fd = store.open(kTask, "hls/720p/seg-1.m4s");
  ASSERT_TRUE(fd);
  char text[8] = {};
  EXPECT_EQ(::read(fd->get(), text, 7), 7);
  EXPECT_STREQ(text, "segment");
  store.remove(kTask);
  EXPECT_EQ(store.open(kTask, "hls/master.m3u8").error().code, ErrorCode::kNotFound);
}

TEST_F(Store, NamesThatLeaveTheTaskNameNothing) {
  const auto store = LocalObjects::open(dir_).value();
  put("objects/cd/ef/" + kTask + "/a.mp4", "a");
  EXPECT_TRUE(store.open(kTask, "a.mp4"));
  for (const char* name :
       {"../"
        "x/a.mp4",
        "./a.mp4", "/a.mp4", "a.mp4/", "", "a//b", ".", "..", "a.mp4\n", "none.mp4"}) {
    EXPECT_EQ(store.open(kTask, name).error().code, ErrorCode::kNotFound) << name;
  }
  EXPECT_FALSE(store.open("../../../../../../../../etc/xxxx", "passwd"));
  EXPECT_FALSE(parse_object_url("object:" + kTask + "/../a"));
  EXPECT_FALSE(parse_object_url("object:" + kTask));
  EXPECT_FALSE(parse_object_url("file:///a"));
}

TEST_F(Store, LinksThatAChildLeftAreNotPublished) {
  const auto store = LocalObjects::open(dir_).value();
  const auto from = store.prepare({kTask, 1, 1}).value();
  std::filesystem::create_symlink("/etc/passwd", from + "/out.mp4");
  std::filesystem::create_directory_symlink("/etc", from + "/hls");
  for (const char* name : {"out.mp4", "hls/passwd", "missing.mp4"}) {
    EXPECT_FALSE(store.publish(from, kTask, std::vector<std::string>{name})) << name;
  }
}

TEST_F(Store, AnAttemptStartsEmptyAndLeftoversAreListed) {
  const auto store = LocalObjects::open(dir_).value();
  const Attempt attempt{kTask, 12, 3};
  const auto path = store.prepare(attempt).value();
  put("work/" + kTask + "-12-3/half.mp4", "h");
  EXPECT_EQ(store.prepare(attempt).value(), path);
  EXPECT_TRUE(std::filesystem::is_empty(path));
  put("work/somebody-elses/file", "x");
  EXPECT_EQ(store.attempts(), std::vector{attempt});
  store.discard(attempt);
  EXPECT_TRUE(store.attempts().empty());
}

TEST_F(Store, MediaTypesFollowTheExtension) {
  EXPECT_EQ(media_type_of("a/b.MP4"), "video/mp4");
  EXPECT_EQ(media_type_of("x.m3u8"), "application/vnd.apple.mpegurl");
  EXPECT_EQ(media_type_of("x.m4s"), "video/iso.segment");
  EXPECT_EQ(media_type_of("x"), "application/octet-stream");
}

struct Query {
  std::string expires;
  std::string signature;
};
Query parts_of(const std::string& query) {
  const auto amp = query.find("&Signature=");
  return {query.substr(8, amp - 8), query.substr(amp + 11)};
}

TEST_F(Links, WorkForGetAndHeadUntilTheyExpire) {
  const auto signer = LinkSigner::open(dir_).value();
  const auto [expires, signature] = parts_of(signer.sign("/objects/x/a.mp4", 1000, "acme"));
  EXPECT_EQ(signature.size(), 43U);
  for (const char* method : {"GET", "HEAD"}) {
    EXPECT_TRUE(signer.verify(method, "/objects/x/a.mp4", expires, signature, "acme", 999'999));
    const auto late =
        signer.verify(method, "/objects/x/a.mp4", expires, signature, "acme", 1'000'000);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::kForbidden);
  }
}

TEST_F(Links, AnyAlterationVoidsThem) {
  const auto signer = LinkSigner::open(dir_).value();
  const auto [expires, signature] = parts_of(signer.sign("/objects/x/a.mp4", 1000, "acme"));
  std::string flipped = signature;
  flipped[5] = flipped[5] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(signer.verify("DELETE", "/objects/x/a.mp4", expires, signature, "acme", 0));
  EXPECT_FALSE(signer.verify("GET", "/objects/x/b.mp4", expires, signature, "acme", 0));
  EXPECT_FALSE(signer.verify("GET", "/objects/x/a.mp4", "1001", signature, "acme", 0));
  EXPECT_FALSE(signer.verify("GET", "/objects/x/a.mp4", "", signature, "acme", 0));
  EXPECT_FALSE(
      signer.verify("GET", "/objects/x/a.mp4", "9223372036854775807", signature, "acme", 0));
  EXPECT_FALSE(signer.verify("GET", "/objects/x/a.mp4", expires, flipped, "acme", 0));
  EXPECT_FALSE(signer.verify("GET", "/objects/x/a.mp4", expires, "", "acme", 0));
  EXPECT_FALSE(signer.verify("GET", "/objects/x/a.mp4", expires, signature, "other", 0));
}

TEST_F(Links, SurviveARestartAndOneRotationForTheLongestLinkLife) {
  auto signer = LinkSigner::open(dir_).value();
  const auto [expires, signature] = parts_of(signer.sign("/o", 9'000'000, "a"));
  EXPECT_TRUE(LinkSigner::open(dir_)->verify("GET", "/o", expires, signature, "a", 0));
  ASSERT_TRUE(signer.rotate(0));
  const auto restarted = LinkSigner::open(dir_).value();
  for (const auto* current : {&std::as_const(signer), &restarted}) {
    EXPECT_TRUE(current->verify("GET", "/o", expires, signature, "a", 1000));
    EXPECT_FALSE(
        current->verify("GET", "/o", expires, signature, "a", kLongestLinkLife * 1000 + 1));
  }
  EXPECT_NE(parts_of(signer.sign("/o", 9'000'000, "a")).signature, signature);
  struct stat facts{};
  ASSERT_EQ(::stat((dir_ + "/link.key").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
}

TEST_F(Links, AreVoidAfterARotationThatSaysSo) {
  auto signer = LinkSigner::open(dir_).value();
  const auto [expires, signature] = parts_of(signer.sign("/o", 9'000'000, "a"));
  ASSERT_TRUE(signer.rotate(0, LinkSigner::Rotation::kVoidLinks));
  EXPECT_FALSE(signer.verify("GET", "/o", expires, signature, "a", 0));
  EXPECT_FALSE(LinkSigner::open(dir_)->verify("GET", "/o", expires, signature, "a", 0));
}

TEST_F(Links, FollowAKeyThatAnotherProcessReplaced) {
  const auto signer = LinkSigner::open(dir_).value();
  auto other = LinkSigner::open(dir_).value();
  const auto [expires, signature] = parts_of(signer.sign("/o", 9'000'000, "a"));
  ASSERT_TRUE(other.rotate(0, LinkSigner::Rotation::kVoidLinks));
  while (signer.verify("GET", "/o", expires, signature, "a", 0)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(signer.sign("/o", 9'000'000, "a"), other.sign("/o", 9'000'000, "a"));
}

TEST_F(Links, ADamagedKeyFileIsAnErrorNotANewKey) {
  put("link.key", "garbage");
  EXPECT_FALSE(LinkSigner::open(dir_));
}

TEST_F(Links, EveryRelativeReferenceOfAPlaylistIsSigned) {
  const auto signer = LinkSigner::open(dir_).value();
  const std::string base = "/objects/x/hls/720p/";
  const auto query = [&](const std::string& path) { return signer.sign(path, 1000, "acme"); };
  const std::string playlist =
      "#EXTM3U\r\n"
      "#EXT-X-MAP:BYTERANGE=\"1@2\",URI=\"init.mp4\"\n"
      "#EXT-X-MEDIA:TYPE=AUDIO,NAME=\"a,URI=b\",URI=\"../audio/a%20b.m3u8\",DEFAULT=YES\n"
      "#EXT-X-KEY:METHOD=AES-128,URI=\"https://keys.example/k\"\n"
      "# a comment with URI=\"x\"\n"
      "\n"
      "#EXTINF:6.0,a title, URI=\"t\"\n"
      "seg-1.m4s?v=1\r\n"
      "http://elsewhere.example/seg-2.m4s\n"
      "/rooted.m4s\n"
      "seg-3.m4s";
  const std::string expected =
      "#EXTM3U\r\n"
      "#EXT-X-MAP:BYTERANGE=\"1@2\",URI=\"init.mp4?" +
      query(base + "init.mp4") +
      "\"\n"
      "#EXT-X-MEDIA:TYPE=AUDIO,NAME=\"a,URI=b\",URI=\"../audio/a%20b.m3u8?" +
      query("/objects/x/hls/audio/a b.m3u8") +
      "\",DEFAULT=YES\n"
      "#EXT-X-KEY:METHOD=AES-128,URI=\"https://keys.example/k\"\n"
      "# a comment with URI=\"x\"\n"
      "\n"
      "#EXTINF:6.0,a title, URI=\"t\"\n"
      "seg-1.m4s?v=1&" +
      query(base + "seg-1.m4s") +
      "\r\n"
      "http://elsewhere.example/seg-2.m4s\n"
      "/rooted.m4s\n"
      "seg-3.m4s?" +
      query(base + "seg-3.m4s");
  EXPECT_EQ(signer.sign_playlist(playlist, base + "index.m3u8", 1000, "acme"), expected);
}

}  // namespace
}  // namespace telecine::object
