#include "job/link.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace telecine {
namespace {

struct Ends {
  Ends() {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    near.emplace(Fd(pair[0]));
    far.emplace(Fd(pair[1]));
  }
  std::optional<Link> near;
  std::optional<Link> far;
};

TEST(Link, HalfAMessageOfAKilledProcessDoesNotHideWhatComesAfterIt) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
  Link worker{Fd(pair[0])};
  {
    constexpr std::string_view kHalf = R"({"progress":[0.25,0.)";
    ASSERT_EQ(::send(pair[1], kHalf.data(), kHalf.size(), 0), static_cast<ssize_t>(kHalf.size()));
    Link zygote{Fd(pair[1])};
    ASSERT_TRUE(zygote.end_line());
    ASSERT_TRUE(zygote.send(json::object{{"exit", json::object{{"signal", 9}}}}));
  }
  bool ended = false;
  const auto half = worker.receive(1000, ended);
  ASSERT_TRUE(half);
  EXPECT_FALSE(*half);
  EXPECT_FALSE(ended);
  const auto exit = worker.receive(1000, ended);
  ASSERT_TRUE(exit && *exit);
  EXPECT_EQ(json::serialize((*exit)->value), R"({"exit":{"signal":9}})");
  EXPECT_FALSE(*worker.receive(1000, ended));
  EXPECT_TRUE(ended);
}

TEST(Link, OneSideMayFinishAndStillHearTheOther) {
  Ends ends;
  ends.near->finish();
  bool ended = false;
  EXPECT_FALSE(*ends.far->receive(1000, ended));
  EXPECT_TRUE(ended);
  ASSERT_TRUE(ends.far->send(json::object{{"made", 1}}));
  const auto heard = ends.near->receive(1000, ended);
  ASSERT_TRUE(heard && *heard);
}

TEST(Link, DescriptorsTravelBesideMessages) {
  Ends ends;
  ASSERT_TRUE(ends.near->send(json::object{{"fd", true}}, 2));
  bool ended = false;
  auto heard = ends.far->receive(1000, ended);
  ASSERT_TRUE(heard && *heard);
  EXPECT_TRUE((*heard)->fd);
}

}  // namespace
}  // namespace telecine
