#include "object_fixture.h"

namespace telecine::object {
namespace {

using Links = ObjectTest;

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
