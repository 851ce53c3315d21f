#include <gtest/gtest.h>

#include "dialect/visionular/own_templates.h"
#include "dialect/visionular/replays.h"

namespace telecine::visionular {
namespace {

TEST(VisionularTemplates, HaveTheDocumentedNamesAndIds) {
  for (const char* name : {"MP4_264_360p", "MP4_264_Original", "MP4_265_Original", "MP4_265_480p",
                           "HLS_AV1_4K", "FLV_264_1080p", "480p", "origin"}) {
    EXPECT_NE(built_in_named(name), nullptr) << name;
  }
  EXPECT_EQ(built_in_named("FLV_264_4K"), nullptr);
  EXPECT_EQ(built_in_named("MP4_264_360p")->id, "builtin-MP4-264-360p");
  EXPECT_EQ(built_in_named("480p")->id, "builtin-480p");
}

TEST(VisionularTemplates, EncodeWhatTheirNamesSay) {
  const auto output = [](std::string_view name) { return output_of(*built_in_named(name)); };
  const auto video = [&](std::string_view name) { return *output(name).renditions[0].video; };
  EXPECT_EQ(video("MP4_264_2K").size.short_side, 1440);
  EXPECT_FALSE(video("MP4_264_2K").size.enlarge);
  EXPECT_EQ(video("MP4_265_480p").codec, VideoCodec::kH265);
  EXPECT_EQ(video("MP4_265_480p").profile, Profile::kMain);
  EXPECT_EQ(video("MP4_264_Original").size, PictureSize{});
  EXPECT_EQ(video("1080p").max_frame_rate, 30);
  EXPECT_EQ(output("480p").renditions[0].audio->bitrate, 64'000);
  EXPECT_EQ(output("FLV_264_720p").container, Container::kFlv);
  EXPECT_EQ(output("HLS_264_720p").segments, SegmentFormat::kTs);
  EXPECT_EQ(output("HLS_265_720p").segments, SegmentFormat::kFmp4);
  EXPECT_EQ(output("HLS_265_720p").segment, 6000);
}

TEST(VisionularTemplates, AreRefusedWithoutAnEncoder) {
  EXPECT_TRUE(check_makeable(*built_in_named("HLS_265_720p")));
  EXPECT_TRUE(check_makeable(*built_in_named("MP4_AV1_720p")));
  EXPECT_EQ(check_makeable({.format = "flv", .vcodec = "av1"}).error().code, Code::kBad);
}

TEST(VisionularTemplates, NameTheirResolution) {
  EXPECT_EQ(size_of("0"), PictureSize{});
  EXPECT_EQ(size_of("4K")->short_side, 2160);
  EXPECT_EQ(size_of("640x360")->width, 640);
  EXPECT_FALSE(size_of("640x"));
  EXPECT_FALSE(size_of("361p"));
}

TEST(VisionularTemplates, HaveNamesOfLettersInAnyScript) {
  EXPECT_TRUE(is_template_name("H264_HLS.v-2"));
  EXPECT_TRUE(is_template_name("\u9ad8\u6e05_720p"));
  EXPECT_FALSE(is_template_name(""));
  EXPECT_FALSE(is_template_name("a b"));
  EXPECT_FALSE(is_template_name("a/b"));
  EXPECT_FALSE(is_template_name("\u3000"));
  EXPECT_TRUE(is_template_name(std::string(64, 'x')));
  EXPECT_FALSE(is_template_name(std::string(65, 'x')));
}

Parameters parameters(std::string body) {
  http::Request made;
  made.body = std::move(body);
  return Parameters::of(made).value();
}

TEST(VisionularTemplates, AreChangedByWhatIsGiven) {
  const auto made = edited({.name = "n", .description = "old", .framerate = 30},
                           parameters(R"({"format":"hls","quality":"6.5","audioBitrate":64000,)"
                                      R"("description":"","hls_seg_time":4,"resolution":"720p"})"));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->format, "hls");
  EXPECT_EQ(made->quality, 6.5);
  EXPECT_EQ(made->description, "");
  EXPECT_EQ(made->framerate, 30);
  const OutputSpec output = output_of(*made);
  EXPECT_EQ(output.renditions[0].audio->bitrate, 64'000);
  EXPECT_EQ(output.segment, 4000);
  EXPECT_EQ(output.renditions[0].video->rate.crf, 22.25);
}

TEST(VisionularTemplates, RefuseWhatIsOutOfRangeOrNotMade) {
  for (const char* body :
       {R"({"format":"avi"})", R"({"vcodec":"vp9"})", R"({"acodec":"mp3"})", R"({"quality":0.5})",
        R"({"quality":11})", R"({"framerate":121})", R"({"framerate":"x"})",
        R"({"resolution":"big"})", R"({"audio_bitrate":100})", R"({"audio_bitrate":64001})",
        R"({"logo_path":"https://a.example/l.png"})", R"({"adaptive_streams":[{}]})"}) {
    const auto made = edited({}, parameters(body));
    ASSERT_FALSE(made) << body;
    EXPECT_EQ(made.error().code, Code::kBad) << body;
  }
  EXPECT_TRUE(edited({}, parameters(R"({"logo_path":"","adaptive_streams":[],"gop_size":0})")));
}

TEST(VisionularParameters, AreMissedBeforeTheyAreJudged) {
  const auto some = parameters(R"({"a":1,"b":"","c":null})");
  EXPECT_TRUE(some.need({"a"}));
  EXPECT_EQ(some.need({"a", "b"}).error().code, Code::kLack);
  EXPECT_FALSE(some.need({"c"}));
  EXPECT_TRUE(some.given("b"));
  EXPECT_FALSE(some.given("c"));
  EXPECT_EQ(some.verbatim("a"), "1");
}

TEST(VisionularReplays, KeepTheFirstAnswerForAWhile) {
  Replays replays(1000, 2);
  replays.keep("a", "first", 0);
  replays.keep("a", "second", 500);
  EXPECT_EQ(replays.find("a", 900), "first");
  EXPECT_EQ(replays.find("a", 1001), std::nullopt);
  replays.keep("b", "b", 2000);
  replays.keep("c", "c", 2000);
  replays.keep("d", "d", 2000);
  EXPECT_EQ(replays.find("b", 2000), std::nullopt);
  EXPECT_EQ(replays.find("d", 2000), "d");
}

}  // namespace
}  // namespace telecine::visionular
