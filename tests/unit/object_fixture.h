#pragma once

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

inline void say(int socket, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

inline void wait_for_hang_up(int socket) {
  char buffer[4096];
  while (::recv(socket, buffer, sizeof buffer, 0) > 0) {
  }
}

inline std::string answer(int status, std::string_view body, std::string_view headers = "") {
  return "HTTP/1.1 " + std::to_string(status) + " Whatever\r\nConnection: close\r\n" +
         std::string(headers) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

inline Server::Handler always(std::string text) {
  return [text](int socket, const std::string&) { say(socket, text); };
}

inline FetchOptions quick() {
  FetchOptions options;
  options.tries = 3;
  options.first_backoff = 1;
  options.most_backoff = 4;
  options.limits.total = 10'000;
  return options;
}

inline std::string md5_of(std::string_view data) {
  auto digest = Digest::md5();
  digest.update(data);
  return digest.finish_hex();
}

inline std::string pattern(std::size_t size) {
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

inline AddressRules rules(std::vector<std::string> allow = {}) {
  return AddressRules::parse(allow).value();
}

}  // namespace telecine::object
