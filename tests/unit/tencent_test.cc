#include <gtest/gtest.h>

#include <algorithm>

#include "base/json.h"
#include "dialect/tencent/arguments.h"
#include "dialect/tencent/errors.h"
#include "dialect/tencent/ids.h"
#include "dialect/tencent/presets.h"
#include "dialect/tencent/procedure.h"
#include "dialect/tencent/signature.h"
#include "http/multipart.h"
#include "service/rate_limit.h"

namespace telecine::tencent {
namespace {

constexpr std::string_view kSecret = "exampleTelecineKey0001";
constexpr std::string_view kPath = "/v2/index.php";

const http::Pairs kQuery = {{"Action", "GetTaskInfo"},
                            {"Timestamp", "1700000000"},
                            {"Nonce", "4711"},
                            {"Region", "gz"},
                            {"RequestClient", "example"},
                            {"SecretId", "AKIDexampleTelecine0001"},
                            {"vodTaskId", "1250000001-Procedure-0f1e2d3c4b5a69788796a5b4c3d2e1f0"},
                            {"Signature", "5JLUldT4cFxHz3RQ+ymtdP11xt0="}};

const http::Pairs kForm = {{"Action", "RunProcedure"},
                           {"Nonce", "4711"},
                           {"Region", ""},
                           {"RequestClient", "example"},
                           {"SecretId", "AKIDexampleTelecine0001"},
                           {"SignatureMethod", "HmacSHA256"},
                           {"Timestamp", "1700000000"},
                           {"inputType", "PullFile"},
                           {"procedure", "QCVB_SimpleProcessFile({10,20}, 0, 0, 0)"},
                           {"pull.fileName", "片段_1"},
                           {"pull.url", "http://files.example.net/a b.mp4"},
                           {"trace_id", "x_1"},
                           {"note", "@left out"}};

TEST(TencentSignature, AGetIsSignedWithSha1OverSortedDecodedParameters) {
  const auto texts = canonical_parameters("GET", kQuery);
  ASSERT_EQ(texts.size(), 1U);
  EXPECT_EQ(texts[0],
            "Action=GetTaskInfo&Nonce=4711&Region=gz&RequestClient=example&"
            "SecretId=AKIDexampleTelecine0001&Timestamp=1700000000&"
            "vodTaskId=1250000001-Procedure-0f1e2d3c4b5a69788796a5b4c3d2e1f0");
  EXPECT_EQ(sign(Hmac::kSha1, kSecret, "GET", "media.example.net:8443", kPath, texts[0]),
            "5JLUldT4cFxHz3RQ+ymtdP11xt0=");
}

TEST(TencentSignature, APostKeepsEmptyValuesAndLeavesUploadMarksOut) {
  const auto texts = canonical_parameters("POST", kForm);
  ASSERT_EQ(texts.size(), 1U);
  EXPECT_NE(texts[0].find("&Region=&"), std::string::npos);
  EXPECT_NE(texts[0].find("&trace.id=x_1"), std::string::npos);
  EXPECT_EQ(texts[0].find("note"), std::string::npos);
  EXPECT_EQ(sign(Hmac::kSha256, kSecret, "POST", "media.example.net", kPath, texts[0]),
            "XzHHPT/Z9DPtwdsQQpfeA960n52NWyQp4OZgiCgpcio=");
}

TEST(TencentSignature, TheMethodIsSha1UnlessAnotherIsNamedExactly) {
  EXPECT_EQ(hmac_named("HmacSHA256"), Hmac::kSha256);
  EXPECT_EQ(hmac_named("TC2-HmacSHA256"), Hmac::kTc2Sha256);
  for (const char* method : {"", "HmacSHA1", "hmacsha256", "sha256"}) {
    EXPECT_EQ(hmac_named(method), Hmac::kSha1) << method;
  }
}

TEST(TencentSignature, AnyOfTheHostsAndPathsMayHaveBeenSigned) {
  SignedCall call{
      "GET", {"10.0.0.1", "media.example.net:8443"}, {"/index.php", "/v2/index.php"}, kQuery};
  constexpr std::string_view kGood = "5JLUldT4cFxHz3RQ+ymtdP11xt0=";
  EXPECT_TRUE(is_signed(call, Hmac::kSha1, kSecret, kGood));
  EXPECT_FALSE(is_signed(call, Hmac::kSha256, kSecret, kGood));
  EXPECT_FALSE(is_signed(call, Hmac::kSha1, "anotherSecret", kGood));
  EXPECT_FALSE(is_signed(call, Hmac::kSha1, kSecret, ""));
  call.hosts = {"10.0.0.1"};
  EXPECT_FALSE(is_signed(call, Hmac::kSha1, kSecret, kGood));
  call.hosts = {"media.example.net:8443"};
  call.method = "POST";
  EXPECT_FALSE(is_signed(call, Hmac::kSha1, kSecret, kGood));
}

TEST(TencentSignature, EachClientsOrderOfSortingAndRenamingIsTried) {
  // Raw, "a1" goes before "a_0"; with dots "a.0" goes before "a1".
  auto texts = canonical_parameters("GET", {{"a_0", "x"}, {"a1", "y"}});
  EXPECT_EQ(texts, (std::vector<std::string>{"a1=y&a.0=x", "a.0=x&a1=y"}));
  texts = canonical_parameters("GET", {{"_a_b", "x"}});
  EXPECT_EQ(texts, (std::vector<std::string>{".a.b=x", "_a_b=x"}));
  // Text order: k10 before k2, capitals before small letters.
  texts = canonical_parameters("GET", {{"k2", "2"}, {"k10", "10"}, {"B", "b"}});
  EXPECT_EQ(texts, (std::vector<std::string>{"B=b&k10=10&k2=2"}));
}

TEST(TencentSignature, AGetSignsValuesThatBeginWithAnUploadMark) {
  EXPECT_EQ(canonical_parameters("GET", {{"note", "@x"}})[0], "note=@x");
}

TEST(TencentArguments, TakeSubscriptsInNumericOrderWithGaps) {
  const Arguments arguments(http::Pairs{{"transcode.definition.10", "30"},
                                        {"transcode.definition.1", "10"},
                                        {"transcode_definition_3", "20"},
                                        {"transcode.definition.x", "99"}});
  EXPECT_EQ(arguments.list("transcode.definition"), (std::vector<std::string>{"10", "20", "30"}));
  EXPECT_TRUE(arguments.has_part("transcode"));
  EXPECT_FALSE(arguments.has_part("trans"));
}

TEST(TencentArguments, TheLastOfANameCounts) {
  const Arguments arguments(http::Pairs{{"file.id", "1"}, {"file_id", "2"}});
  EXPECT_EQ(arguments.text("file.id"), "2");
}

TEST(TencentArguments, NumbersOutOfRangeNameTheirParameter) {
  const Arguments arguments(http::Pairs{{"priority", "11"}, {"maxCount", "x"}});
  EXPECT_EQ(arguments.integer("priority", -10, 10).error().field, "priority");
  EXPECT_FALSE(arguments.integer("maxCount", 1, 100));
  EXPECT_FALSE(arguments.integer("absent", 1, 100)->has_value());
}

std::string multipart(const http::Pairs& fields, std::string_view boundary) {
  std::string body;
  for (const auto& [name, value] : fields) {
    body += "\r\n--" + std::string(boundary) + "\r\n";
    body += "Content-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value;
  }
  return body + "\r\n--" + std::string(boundary) + "--\r\n";
}

TEST(Multipart, ABodyWhosePartsEachFollowALineBreakIsRead) {
  const http::Pairs fields = {{"Action", "GetTaskInfo"}, {"Region", ""}, {"name", "片段\r\n--x"}};
  const auto read =
      http::parse_multipart("multipart/form-data; boundary=----abc", multipart(fields, "----abc"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, fields);
}

TEST(Multipart, QuotedBoundariesAndOtherPartHeadersAreRead) {
  const auto read = http::parse_multipart(
      "Multipart/Form-Data; charset=utf-8; boundary=\"a b\"",
      "--a b\r\nContent-Type: text/plain\r\ncontent-disposition: form-data; name=x\r\n\r\n1\r\n"
      "--a b--");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, (http::Pairs{{"x", "1"}}));
}

TEST(Multipart, WhatIsCutShortOrNamelessIsRefused) {
  const std::string type = "multipart/form-data; boundary=b";
  EXPECT_FALSE(http::parse_multipart("multipart/form-data", "--b--"));
  EXPECT_FALSE(http::parse_multipart("multipart/mixed; boundary=b", "--b--"));
  EXPECT_FALSE(http::parse_multipart(type, ""));
  EXPECT_FALSE(http::parse_multipart(type, "--b\r\nContent-Disposition: form-data; name=\"x\""));
  EXPECT_FALSE(
      http::parse_multipart(type, "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1"));
  EXPECT_FALSE(http::parse_multipart(type, "--b\r\nX: y\r\n\r\n1\r\n--b--"));
  EXPECT_TRUE(http::parse_multipart(type, "--b--"));
}

Wishes wishes(std::string_view text, const Options& options = {}) {
  const auto found = wishes_of(text, options);
  EXPECT_TRUE(found) << text;
  return found.value_or(Wishes{});
}

TEST(TencentProcedure, ReadsTheBuiltInCalls) {
  EXPECT_EQ(wishes("QCVB_SimpleProcessFile"), Wishes{});
  EXPECT_EQ(wishes("QCVB_SimpleProcessFile()"), Wishes{});
  EXPECT_EQ(wishes(" QCVB_SimpleProcessFile ( { 10 , 20 } ,0,10, 10 ) "),
            (Wishes{{10, 20}, 10, 10}));
  EXPECT_EQ(wishes("QCVB_SimpleProcessFile({10},nil,nil,10)"), (Wishes{{10}, {}, 10}));
  EXPECT_EQ(wishes("QCVB_SimpleProcessFile(1)"), (Wishes{{10, 20, 30}, {}, {}}));
  EXPECT_EQ(wishes("QCVB_ProcessUGCFile({10}, 1, 10, 20)"), (Wishes{{10}, 10, {}}));
}

TEST(TencentProcedure, ReadsTheOperatorsNames) {
  Options options;
  options.procedures["phone"] = "QCVB_SimpleProcessFile({10})";
  EXPECT_EQ(wishes("phone", options), (Wishes{{10}, {}, {}}));
  EXPECT_FALSE(wishes_of("phone(1)", options));
}

TEST(TencentProcedure, RefusesWhatDoesNotParse) {
  for (const char* text :
       {"", "()", "QCVB_SimpleProcessFile(", "QCVB_SimpleProcessFile({10)",
        "QCVB_SimpleProcessFile({10},)", "QCVB_SimpleProcessFile(5)", "QCVB_SimpleProcessFile(-1)",
        "QCVB_SimpleProcessFile({nil})", "QCVB_SimpleProcessFile(1,2,3,4,5)",
        "QCVB_SimpleProcessFile() x", "QCVB_ConvertAndReplace(1)",
        "QCVB_SimpleProcessFile({10},{1})", "QCVB_SimpleProcessFile(0,0,{10})",
        "QCVB_SimpleProcessFile({99999999999})"}) {
    EXPECT_FALSE(wishes_of(text, {})) << text;
  }
}

struct PresetRow {
  std::vector<int> definitions;  ///< MP4, HLS, FLV as far as there are such
  VideoCodec codec;
  int width;
  int height;
  int kbit;
  int rate;
};
const std::vector<PresetRow> kPresets = {
    {{10, 210, 10046}, VideoCodec::kH264, 320, 0, 256, 24},
    {{20, 220, 10047}, VideoCodec::kH264, 640, 0, 512, 24},
    {{30, 230, 10048}, VideoCodec::kH264, 1280, 0, 1024, 24},
    {{40, 240, 10049}, VideoCodec::kH264, 1920, 0, 2500, 24},
    {{70, 270, 370}, VideoCodec::kH264, 0, 1440, 3072, 30},
    {{80, 280, 380}, VideoCodec::kH264, 0, 2160, 6144, 30},
    {{510, 610}, VideoCodec::kH265, 0, 240, 250, 15},
    {{520, 620}, VideoCodec::kH265, 0, 480, 600, 24},
    {{530, 630}, VideoCodec::kH265, 0, 720, 800, 25},
    {{540, 640}, VideoCodec::kH265, 0, 1080, 1400, 30},
    {{570, 670}, VideoCodec::kH265, 0, 1440, 2048, 30},
    {{580, 680}, VideoCodec::kH265, 0, 2160, 4096, 30},
};

void expect_preset(const PresetRow& row, std::size_t place) {
  const int definition = row.definitions[place];
  SCOPED_TRACE(definition);
  const auto spec = transcode_output(definition);
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->name, "f" + std::to_string(definition));
  EXPECT_EQ(spec->type, place == 1 ? OutputType::kHls : OutputType::kVideo);
  if (place != 1) {
    EXPECT_EQ(spec->container, place == 0 ? Container::kMp4 : Container::kFlv);
  }
  const VideoOptions& video = *spec->renditions.at(0).video;
  EXPECT_EQ(video.codec, row.codec);
  EXPECT_EQ(video.profile, row.codec == VideoCodec::kH264 ? Profile::kHigh : Profile::kMain);
  EXPECT_EQ(video.size.width, row.width);
  EXPECT_EQ(video.size.height, row.height);
  EXPECT_EQ(video.rate.bitrate, row.kbit * 1000);
  EXPECT_EQ(video.max_frame_rate, row.rate);
  EXPECT_EQ(video.gop, 240'000 / row.rate);
  const AudioOptions& audio = *spec->renditions.at(0).audio;
  EXPECT_EQ(audio.codec, place == 2 ? AudioCodec::kMp3 : AudioCodec::kAac);
  EXPECT_EQ(audio.bitrate, 48'000);
  EXPECT_EQ(audio.sample_rate, 44'100);
  EXPECT_EQ(audio.channels, 2);
}

TEST(TencentPresets, AreWhatTheTableSays) {
  for (const PresetRow& row : kPresets) {
    for (std::size_t place = 0; place < row.definitions.size(); ++place) expect_preset(row, place);
  }
  const std::vector<std::pair<int, int>> sounds = {
      {1100, 24}, {1110, 48}, {1120, 96}, {1130, 192}, {1140, 256}, {1010, 128}, {1020, 320}};
  for (const auto& [definition, kbit] : sounds) {
    SCOPED_TRACE(definition);
    const auto spec = transcode_output(definition);
    ASSERT_TRUE(spec);
    EXPECT_EQ(spec->container, definition < 1100 ? Container::kMp3 : Container::kM4a);
    EXPECT_FALSE(spec->renditions.at(0).video);
    EXPECT_EQ(spec->renditions.at(0).audio->bitrate, kbit * 1000);
  }
}

TEST(TencentPresets, WhatThisEngineCannotMakeIsNoTemplate) {
  for (const int definition : {0, 1, 11, 99, 10000, 20000, 20001}) {
    EXPECT_FALSE(transcode_output(definition)) << definition;
  }
  EXPECT_TRUE(cover_output(10, {.time = 0, .percent = {}}));
  EXPECT_FALSE(cover_output(11, {.time = 0, .percent = {}}));
  EXPECT_EQ(sample_output(10)->sampling.every_percent, 10);
  EXPECT_FALSE(sample_output(11));
  EXPECT_FALSE(snapshot_output(11, {0}));
}

TEST(TencentPresets, RemuxAnimatedPicturesAndSprites) {
  EXPECT_EQ(transcode_output(9)->renditions[0].video->codec, VideoCodec::kCopy);
  EXPECT_EQ(transcode_output(6)->segments, SegmentFormat::kTs);
  EXPECT_EQ(transcode_output(710)->container, Container::kFlv);
  EXPECT_EQ(transcode_output(710)->renditions[0].video->codec, VideoCodec::kH265);
  const auto gif = animation_output(20'000, 1, 4);
  ASSERT_TRUE(gif);
  EXPECT_EQ(gif->container, Container::kGif);
  EXPECT_EQ(gif->end, 4000);
  EXPECT_EQ(animation_output(20'001, 0, 0)->container, Container::kWebp);
  EXPECT_FALSE(animation_output(20'002, 0, 0));
  EXPECT_EQ(sprite_output(10)->sprites.tile, (Dimensions{142, 80}));
  EXPECT_FALSE(sprite_output(11));
}

TEST(TencentPresets, AMasterPlaylistHoldsTheHlsTranscodesAlone) {
  const auto master =
      master_output({*transcode_output(10), *transcode_output(210), *transcode_output(230)});
  ASSERT_TRUE(master);
  ASSERT_EQ(master->renditions.size(), 2U);
  EXPECT_EQ(master->renditions[1].name, "f230");
  EXPECT_FALSE(master_output({*transcode_output(10), *transcode_output(6)}));
}

TEST(TencentIds, AreDecimalsBeyondWhatADoubleHolds) {
  const Id id{42, 0xfeed'beef};
  const std::string text = file_id_text(id);
  EXPECT_EQ(text.size(), 19U);
  EXPECT_EQ(text.find_first_not_of("0123456789"), std::string::npos);
  EXPECT_EQ(file_key_from(text), 42);
  EXPECT_FALSE(file_key_from("42"));
  EXPECT_FALSE(file_key_from("99999999999999999999"));
  EXPECT_EQ(file_key_from(file_id_text({kMaxIdKey, ~0ULL})), kMaxIdKey);
  const std::string task = task_id_text(1'250'000'001, "Procedure", id);
  EXPECT_EQ(task, "1250000001-Procedure-" + id.hex());
  EXPECT_EQ(task_id_from(task), id);
  EXPECT_FALSE(task_id_from("1250000001-Procedure-xyz"));
}

std::string body_of(const http::Response& response) {
  return std::get<std::string>(response.body);
}

TEST(TencentErrors, HaveTwoStyles) {
  Options options;
  EXPECT_EQ(body_of(refusal(options, code::kTaskNotFound)),
            R"({"code":70014,"message":"(70014)task does not exist","codeDesc":70014})");
  EXPECT_EQ(body_of(refusal(options, code::kLimitExceeded)),
            R"({"code":4400,"message":"request quota exceeded","codeDesc":"LimitExceeded"})");
  options.error_style = ErrorStyle::kObserved;
  EXPECT_EQ(body_of(refusal(options, code::kTaskNotFound)),
            R"({"code":4000,"message":"(70014)task does not exist","codeDesc":70014})");
  EXPECT_EQ(refusal(options, code::kAuthFailure).status, 200);
  EXPECT_EQ(body_of(success({{"vodTaskId", "x"}})),
            R"({"code":0,"message":"","codeDesc":"Success","vodTaskId":"x"})");
}

TEST(MinuteWindow, NeverLetsMoreThanTheLimitThrough) {
  MinuteWindow window;
  const auto take = [&](const std::string& name, int limit) {
    return window.take(name, limit, Minute::kSliding).allowed;
  };
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(take("key GetTaskInfo", 100));
  EXPECT_FALSE(take("key GetTaskInfo", 100));
  EXPECT_TRUE(take("key GetTaskList", 100));
  EXPECT_TRUE(take("key GetTaskInfo", 0));
}

TEST(SeenOnce, KnowsANameForItsLife) {
  SeenOnce seen;
  EXPECT_TRUE(seen.first("a", 60'000));
  EXPECT_FALSE(seen.first("a", 60'000));
  EXPECT_TRUE(seen.first("b", 0));
  EXPECT_TRUE(seen.first("b", 0));
}

}  // namespace
}  // namespace telecine::tencent
