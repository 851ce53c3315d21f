#include "object_fixture.h"

namespace telecine::object {
namespace {

using Addresses = ObjectTest;

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

}  // namespace
}  // namespace telecine::object
