#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/crypto.h"
#include "work/admission.h"
#include "work/webhook.h"

namespace telecine {
namespace {

MediaFacts facts(int width, int height) {
  MediaFacts f;
  f.video.emplace_back();
  f.video[0].width = f.video[0].coded_width = width;
  f.video[0].height = f.video[0].coded_height = height;
  return f;
}

OutputSpec rendition(int short_side) {
  OutputSpec spec;
  spec.renditions.resize(1);
  spec.renditions[0].video.emplace();
  spec.renditions[0].video->size.short_side = short_side;
  return spec;
}

TEST(Needs, GrowWithTheSourceAndTheOutputs) {
  const std::vector<OutputSpec> one = {rendition(360)};
  const std::vector<OutputSpec> two = {rendition(360), rendition(720)};
  const auto small = needs_of(facts(640, 360), one, 4);
  const auto large = needs_of(facts(3840, 2160), one, 4);
  EXPECT_LT(small.memory, large.memory);
  EXPECT_LT(large.memory, needs_of(facts(3840, 2160), two, 4).memory);
  EXPECT_EQ(small.cores, 4);
}

TEST(Needs, H265TakesMoreMemoryThanH264AndMoreYetWhenSlow) {
  std::vector<OutputSpec> outputs = {rendition(1080)};
  VideoOptions& video = *outputs[0].renditions[0].video;
  const auto needs = [&] { return needs_of(facts(1920, 1080), outputs, 2).memory; };
  const auto h264 = needs();
  video.codec = VideoCodec::kH265;
  const auto quick = needs();
  video.preset = Preset::kSlower;
  EXPECT_GT(quick, h264);
  EXPECT_GT(needs(), quick);
}

TEST(Needs, StillsTakeOneCore) {
  OutputSpec cover;
  cover.type = OutputType::kCover;
  EXPECT_EQ(needs_of(facts(1920, 1080), std::vector{cover}, 8).cores, 1);
}

TEST(Admission, NeverGivesOutMoreThanThereIs) {
  Admission admission(2, 1000);
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::vector<std::jthread> units;
  for (int i = 0; i < 16; ++i) {
    units.emplace_back([&] {
      auto share = admission.enter({1, 400}, {});
      ASSERT_TRUE(share);
      const int now = ++inside;
      int seen = most;
      while (now > seen && !most.compare_exchange_weak(seen, now)) {
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      --inside;
    });
  }
  units.clear();
  EXPECT_LE(most, 2);
}

TEST(Admission, RefusesWhatCanNeverFit) {
  Admission admission(2, 1000);
  EXPECT_EQ(admission.enter({1, 1001}, {}).error().code, ErrorCode::kResourceLimit);
}

TEST(Admission, AStoppedWaiterLeavesTheQueueOpenForOthers) {
  Admission admission(1, 1000);
  auto held = admission.enter({1, 0}, {});
  std::stop_source stop;
  std::jthread waiter([&] {
    EXPECT_EQ(admission.enter({1, 0}, stop.get_token()).error().code, ErrorCode::kCancelled);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  stop.request_stop();
  waiter.join();
  *held = Admission::Share();
  EXPECT_TRUE(admission.enter({1, 0}, {}));
}

TEST(Webhook, SignsAsTheSpecificationsExampleDoes) {
  // The example of the Standard Webhooks reference libraries.
  const std::vector<std::string> secrets = {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};
  const auto headers = sign_webhook(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1'614'265'330'000,
                                    R"({"test": 2432232314})");
  EXPECT_EQ(find_header(headers, "webhook-signature"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  EXPECT_EQ(find_header(headers, "webhook-timestamp"), "1614265330");
}

TEST(Webhook, SignsWithBothSecretsOfARotation) {
  const std::vector<std::string> secrets = {make_webhook_secret(), make_webhook_secret()};
  const auto headers = sign_webhook(secrets, "m", 0, "x");
  const std::string value(find_header(headers, "webhook-signature"));
  EXPECT_EQ(std::count(value.begin(), value.end(), ','), 2);
  EXPECT_NE(value.find(' '), std::string::npos);
}

TEST(Webhook, TenAttemptsSpanSeventyFiveHours) {
  Millis total = 0;
  int attempts = 1;
  while (next_delivery_delay(attempts) > 0) total += next_delivery_delay(attempts++);
  EXPECT_EQ(attempts, 10);
  EXPECT_EQ(total / 3'600'000, 75);
}

TEST(Crypto, ASealedSecretOpensOnlyWithItsKeyAndContext) {
  const std::string key(32, 'k');
  const std::string sealed = seal(key, "secret", "id-1");
  EXPECT_EQ(unseal(key, sealed, "id-1"), "secret");
  EXPECT_FALSE(unseal(key, sealed, "id-2"));
  EXPECT_FALSE(unseal(std::string(32, 'x'), sealed, "id-1"));
  EXPECT_EQ(sealed.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace telecine
