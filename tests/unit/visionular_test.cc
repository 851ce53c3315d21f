#include <gtest/gtest.h>

#include "base/crypto.h"
#include "dialect/visionular/auth.h"
#include "dialect/visionular/documents.h"
#include "dialect/visionular/own_templates.h"
#include "dialect/visionular/summary.h"
#include "dialect/visionular/visionular.h"
#include "store/store.h"
#include "temporary_directory.h"

namespace telecine::visionular {
namespace {

constexpr auto kSecret = "telecine0vision0secret0key000032";
constexpr auto kJson = "application/json";

http::Request request(std::string method, std::string path, std::string query, std::string date,
                      std::string nonce = "") {
  http::Request made;
  made.method = http::method_named(method);
  made.method_text = std::move(method);
  made.path = std::move(path);
  made.query = std::move(query);
  made.headers.add("Date", date);
  if (!nonce.empty()) made.headers.add("X-Wz-Nonce", nonce);
  return made;
}

void add_body(http::Request& made, std::string body, std::string_view digest) {
  made.body = std::move(body);
  made.headers.add("Content-Md5", digest);
  made.headers.add("Content-Type", kJson);
}

std::string signature(const std::string& text) {
  return base64(hmac_sha1(kSecret, text));
}

TEST(VisionularSignature, IsThatOfThePublishedRequests) {
  const auto noon = "Fri, 21 Nov 2025 12:00:00 GMT";
  const auto query = request("GET", "/api/query_task", "task_id=20251121120000123456c0ffee123456",
                             noon, "60d0bd7e-95bb-11ea-b1d2-005056400001");
  EXPECT_EQ(signature(strings_to_sign(query)[0]), "Fxbr0Tt/R/3a0AvxtCDZaynPy3c=");
  const auto list = request("GET", "/api/list_task",
                            "status=success&start_time=1763722800&start_num=0&"
                            "end_time=1763730000&count=10",
                            noon);
  EXPECT_EQ(signature(strings_to_sign(list)[0]), "5urml3WgzezuSSg0zjmwOxz5Nmc=");
  auto create = request("POST", "/api/create_task", "", noon, "n-0001");
  add_body(create,
           R"({"template_name":"MP4_264_360p","input":"s3://media-in/clips/harbour.mp4",)"
           R"("output":"clips/harbour-360.mp4","storage_id":"5f3c9a1b7e204d68"})",
           "B3CCFEFB7228D6472E32EC044BB7398E");
  EXPECT_EQ(hex(md5(create.body)), "b3ccfefb7228d6472e32ec044bb7398e");
  EXPECT_EQ(signature(strings_to_sign(create)[0]), "34KRw4q6k/OoYvTKD3EmRQKeNf0=");
}

TEST(VisionularSignature, MayEndWithALineFeed) {
  auto test = request("POST", "/api/test", "task_id=aaa", "Wed, 03 Nov 2021 03:00:50 GMT",
                      "bqzcRl8Jah00lbbB");
  add_body(test, R"({"name":"zhuama2asd2","description":"2"})", "25839DAF58A2B6E640A263EE3752D2AC");
  EXPECT_EQ(hex(md5(test.body)), "25839daf58a2b6e640a263ee3752d2ac");
  const auto texts = strings_to_sign(test);
  EXPECT_EQ(signature(texts[0]), "PFTEokHc3jiIB01d4Jci0BG1lHM=");
  EXPECT_EQ(signature(texts[1]), "RurllEaj3r9ofzDoOTLXVry01m4=");
}

TEST(VisionularSignature, CoversPairsAsSentOrDecoded) {
  const auto texts = strings_to_sign(request("GET", "/api/x", "b=%2F&a=1", "d"));
  EXPECT_TRUE(texts[0].ends_with("/api/x?a=1&b=%2F"));
  EXPECT_TRUE(texts[2].ends_with("/api/x?a=1&b=/"));
}

TEST(VisionularAnswers, WriteNumbersPlainly) {
  EXPECT_EQ(render(json::object{{"a", 440.3714}, {"b", 3898.93}, {"c", 1e6}, {"d", 0.0}}),
            R"({"a":440.371,"b":3898.93,"c":1000000,"d":0})");
  EXPECT_EQ(render(json::object{{"list", json::array{}}, {"o", json::object{}}}),
            R"({"list":[],"o":{}})");
  EXPECT_EQ(render(json::array{"a\"b", nullptr, true}), R"(["a\"b",null,true])");
}

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
  EXPECT_EQ(check_makeable(*built_in_named("MP4_AV1_720p")).error().code, Code::kBad);
  EXPECT_FALSE(check_makeable({.format = "flv", .vcodec = "h265"}));
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

ServiceOptions options_in(const std::string& directory) {
  ServiceOptions options;
  options.data_dir = directory;
  return options;
}

/// A whole service over a store of its own, with one endpoint.
struct Engine {
  TemporaryDirectory directory;
  std::unique_ptr<Store> store = open_sqlite_store({.directory = directory.path()}).value();
  object::LocalObjects objects = object::LocalObjects::open(directory.path()).value();
  object::LinkSigner signer = object::LinkSigner::open(directory.path()).value();
  object::AddressRules rules = object::AddressRules::parse({}).value();
  Keyring keys{*store, "", {}};
  Storages storages{*store,
                    object::Endpoints::make({{.name = "cloud",
                                              .region = "ap-southeast-1",
                                              .signature = "v2",
                                              .access_key = "AKIAIOSFODNN7EXAMPLE",
                                              .secret_key = "secret-of-the-endpoint"}})
                        .value(),
                    std::string(32, 'k'),
                    {}};
  Service service{*store, objects, signer, rules, keys, storages, options_in(directory.path())};
};

Task sample() {
  Task task;
  task.id = *Id::from_hex("00000000000f424182b64e0fd3a97c55");
  task.account = "main";
  task.origin = kOrigin;
  task.created = 1'763'726'400'250;
  task.started = 1'763'726'401'000;
  task.spec.input = "s3://media-in/clips/harbour.mp4";
  task.spec.destination = Destination{.endpoint = "cloud",
                                      .type = "s3",
                                      .region = "ap-southeast-1",
                                      .bucket = "media-out",
                                      .prefix = "web/",
                                      .name = "clips/harbour-360.mp4"};
  task.spec.options["dialect"] = to_json(Remembered{"builtin-MP4-264-360p", "MP4_264_360p", ""});
  task.state = TaskState::kRunning;
  task.source.emplace();
  task.source->size = 3'521'800;
  task.source->duration = 10'000;
  task.outputs.emplace_back().name = "video";
  return task;
}

/// Links hold the time: their fixed beginning is checked, and they are made to be that.
std::string document(Engine& engine, const Task& task) {
  json::object o = task_document(engine.service, task, Generation::kSigned, "http://here");
  for (const auto& [field, begins] :
       {std::pair{"input_url",
                  "https://media-in.s3.ap-southeast-1.amazonaws.com/clips/"
                  "harbour.mp4?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires="},
        std::pair{"output_url",
                  "https://media-out.s3.ap-southeast-1.amazonaws.com/web/clips/"
                  "harbour-360.mp4?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires="}}) {
    const std::string link(o[field].as_string());
    if (link.empty()) continue;
    EXPECT_TRUE(link.starts_with(begins)) << link;
    EXPECT_NE(link.find("&Signature="), std::string::npos);
    o[field] = "LINK";
  }
  return render(o);
}

constexpr auto kRunningDocument =
    R"({"bucket":"media-out","create_time":1763726400,"dst_bitrate":0,"err_code":0,)"
    R"("err_message":"","finish_time":0,"input":"s3://media-in/clips/harbour.mp4",)"
    R"("input_url":"LINK","objkey":"web/clips/harbour-360.mp4",)"
    R"("output":"s3://media-out/web/clips/harbour-360.mp4","output_url":"",)"
    R"("region":"ap-southeast-1","region_type":"s3","src_bitrate":2817.44,"status":"running",)"
    R"("task_id":"00000000000f424182b64e0fd3a97c55","template_id":"builtin-MP4-264-360p",)"
    R"("template_name":"MP4_264_360p"})";

TEST(VisionularDocuments, AreThePublishedOnes) {
  Engine engine;
  Task task = sample();
  EXPECT_EQ(document(engine, task), kRunningDocument);

  task.state = TaskState::kSucceeded;
  task.finished = 1'763'726'412'900;
  Output& output = task.outputs[0];
  output.state = OutputState::kSucceeded;
  output.files.push_back(
      {"video.mp4", "s3://media-out/web/clips/harbour-360.mp4", "video/mp4", 586'809, ""});
  output.facts.emplace();
  output.facts->duration = 12'000;
  const std::string done = document(engine, task);
  EXPECT_NE(done.find(R"("dst_bitrate":391.206,"err_code":0,"err_message":"success",)"
                      R"("finish_time":1763726412,)"),
            std::string::npos)
      << done;
  EXPECT_NE(done.find(R"("output_url":"LINK")"), std::string::npos) << done;
  EXPECT_NE(done.find(R"("status":"success")"), std::string::npos) << done;
}

TEST(VisionularDocuments, NameTheFailure) {
  Engine engine;
  Task task = sample();
  task.state = TaskState::kFailed;
  task.error = Error{ErrorCode::kNotMedia, "not a video", ""};
  const std::string failed = document(engine, task);
  EXPECT_NE(failed.find(R"("err_code":1003,"err_message":"Invalid input file")"),
            std::string::npos);
  EXPECT_NE(failed.find(R"("output_url":"","region")"), std::string::npos);
  task.state = TaskState::kCancelled;
  task.error = Error{ErrorCode::kCancelled, "", ""};
  EXPECT_NE(document(engine, task).find(R"("err_code":1017,"err_message":"Task cancelled")"),
            std::string::npos);
}

TEST(VisionularDocuments, HaveTheWordsOfBothGenerations) {
  Engine engine;
  const auto basic =
      render(task_document(engine.service, sample(), Generation::kBasic, "http://here"));
  EXPECT_NE(basic.find(R"("status":"running","message":"","code":0)"), std::string::npos) << basic;
  EXPECT_NE(basic.find(R"("source_bitrate":2817.44)"), std::string::npos) << basic;
  EXPECT_EQ(states_of("succeeded"), states_of("success"));
  EXPECT_EQ(states_of("fail").size(), 2U);
  EXPECT_TRUE(states_of("done").empty());
}

TEST(VisionularCallback, IsTheVendorsPacket) {
  Task task = sample();
  task.spec.callback_url = "https://hooks.example/done";
  task.state = TaskState::kFailed;
  task.finished = task.started + 2000;
  task.error = Error{ErrorCode::kStorageDenied, "", ""};
  EXPECT_EQ(callback_body(task),
            R"({"code":0,"msg":"failed","callback_url":"https://hooks.example/done","data":[)"
            R"({"task_id":"00000000000f424182b64e0fd3a97c55","status":"failed",)"
            R"("error_code":1009,"error_msg":"Access to output storage denied"}]})");
  task.state = TaskState::kSucceeded;
  EXPECT_EQ(callback_body(task),
            R"({"code":0,"msg":"succeeded","callback_url":"https://hooks.example/done","data":[)"
            R"({"task_id":"00000000000f424182b64e0fd3a97c55","status":"succeeded",)"
            R"("input":"s3://media-in/clips/harbour.mp4",)"
            R"("output":"s3://media-out/web/clips/harbour-360.mp4","format":"mp4","duration":10,)"
            R"("spend_time":2}]})");
}

TEST(VisionularSummary, CountsVideosByHourRegionCodecAndSize) {
  const auto video = [](Millis created, int width, int height, std::string codec, Millis duration) {
    Task task = sample();
    task.created = created;
    task.state = TaskState::kSucceeded;
    MediaFacts& facts = task.outputs[0].facts.emplace();
    facts.duration = duration;
    VideoFacts& picture = facts.video.emplace_back();
    picture.width = width;
    picture.height = height;
    picture.codec = std::move(codec);
    return std::make_shared<const Task>(std::move(task));
  };
  constexpr Millis kHour = 1'763'726'400'000;
  const auto document = summary_document(
      {video(kHour + 5, 640, 360, "h264", 10'400), video(kHour + 9, 360, 640, "h264", 1'000),
       video(kHour + 9, 3840, 2160, "hevc", 2'000), std::make_shared<const Task>(sample())});
  EXPECT_EQ(document.at("num"), 1);
  EXPECT_EQ(render(document.at("regions")), R"(["ap-southeast-1"])");
  EXPECT_EQ(render(document.at("resolution_types")), R"(["sd","hd","4k"])");
  const auto& hour = document.at("list").at(0);
  EXPECT_EQ(hour.at("time_stamp"), kHour / 1000);
  EXPECT_EQ(hour.at("count_total"), 3);
  EXPECT_EQ(hour.at("count_sd"), 2);
  EXPECT_EQ(hour.at("count_hd"), 0);
  EXPECT_EQ(hour.at("duration_sd"), 11);
  EXPECT_EQ(hour.at("count_ap-southeast-1_h265_4k"), 1);
  EXPECT_EQ(hour.at("duration_ap-southeast-1_h264_sd"), 11);
}

TEST(VisionularPaths, AreNotTheEnginesOwn) {
  EXPECT_TRUE(owns("/api/query_task"));
  EXPECT_TRUE(owns("/vodencoding/v1/query_task"));
  EXPECT_FALSE(owns("/api/v1/tasks"));
}

}  // namespace
}  // namespace telecine::visionular
