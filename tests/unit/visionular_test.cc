#include <gtest/gtest.h>

#include "base/crypto.h"
#include "dialect/visionular/auth.h"
#include "dialect/visionular/documents.h"
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

/// What changes from state to state.
struct Golden {
  TaskState state = TaskState::kQueued;
  const char* status = "";
  const char* finish_time = "0";
  const char* src_bitrate = "0";
  const char* dst_bitrate = "0";
  const char* err_code = "0";
  const char* err_message = "";
  const char* output_url = "";
};

std::string text_of(const Golden& g) {
  return std::string(R"({"bucket":"media-out","create_time":1763726400,"dst_bitrate":)") +
         g.dst_bitrate + R"(,"err_code":)" + g.err_code + R"(,"err_message":")" + g.err_message +
         R"(","finish_time":)" + g.finish_time +
         R"(,"input":"s3://media-in/clips/harbour.mp4",)"
         R"("input_url":"LINK","objkey":"web/clips/harbour-360.mp4",)"
         R"("output":"s3://media-out/web/clips/harbour-360.mp4","output_url":")" +
         g.output_url + R"(","region":"ap-southeast-1","region_type":"s3","src_bitrate":)" +
         g.src_bitrate + R"(,"status":")" + g.status +
         R"(","task_id":"00000000000f424182b64e0fd3a97c55",)"
         R"("template_id":"builtin-MP4-264-360p","template_name":"MP4_264_360p"})";
}

void end_well(Task& task) {
  task.state = TaskState::kSucceeded;
  task.finished = 1'763'726'412'900;
  Output& output = task.outputs[0];
  output.state = OutputState::kSucceeded;
  output.files = {
      {"video.mp4", "s3://media-out/web/clips/harbour-360.mp4", "video/mp4", 586'809, ""}};
  output.facts.emplace();
  output.facts->duration = 12'000;
}

TEST(VisionularDocuments, AreTheseInEveryState) {
  Engine engine;
  for (const Golden& golden :
       {Golden{.state = TaskState::kQueued, .status = "pending"},
        Golden{.state = TaskState::kDownloading, .status = "downloading"},
        Golden{.state = TaskState::kRunning, .status = "running", .src_bitrate = "2817.44"},
        Golden{.state = TaskState::kUploading, .status = "uploading", .src_bitrate = "2817.44"},
        Golden{.state = TaskState::kSucceeded,
               .status = "success",
               .finish_time = "1763726412",
               .src_bitrate = "2817.44",
               .dst_bitrate = "391.206",
               .err_message = "success",
               .output_url = "LINK"}}) {
    Task task = sample();
    if (golden.state == TaskState::kSucceeded) end_well(task);
    task.state = golden.state;
    EXPECT_EQ(document(engine, task), text_of(golden));
  }
}

TEST(VisionularDocuments, NameTheFailure) {
  Engine engine;
  constexpr auto kEnd = "1763726412";
  for (const auto& [error, golden] :
       {std::pair{ErrorCode::kNotMedia, Golden{.state = TaskState::kFailed,
                                               .status = "fail",
                                               .finish_time = kEnd,
                                               .src_bitrate = "2817.44",
                                               .err_code = "1003",
                                               .err_message = "Invalid input file"}},
        std::pair{ErrorCode::kCancelled, Golden{.state = TaskState::kCancelled,
                                                .status = "fail",
                                                .finish_time = kEnd,
                                                .src_bitrate = "2817.44",
                                                .err_code = "1017",
                                                .err_message = "Task cancelled"}}}) {
    Task task = sample();
    end_well(task);
    task.state = golden.state;
    task.error = Error{error, "detail", ""};
    EXPECT_EQ(document(engine, task), text_of(golden));
  }
}

TEST(VisionularDocuments, HaveANumberForEveryError) {
  Task task = sample();
  task.state = TaskState::kFailed;
  task.error = Error{};
  for (const auto& [error, code] :
       {std::pair{ErrorCode::kInternal, 1000}, std::pair{ErrorCode::kInputNotFound, 1001},
        std::pair{ErrorCode::kInputForbidden, 1002}, std::pair{ErrorCode::kNotMedia, 1003},
        std::pair{ErrorCode::kDecodeFailed, 1004}, std::pair{ErrorCode::kInputUnreachable, 1005},
        std::pair{ErrorCode::kInputTooLarge, 1006}, std::pair{ErrorCode::kUnsupported, 1007},
        std::pair{ErrorCode::kInvalidParameter, 1008}, std::pair{ErrorCode::kStorageDenied, 1009},
        std::pair{ErrorCode::kStorageUnavailable, 1010}, std::pair{ErrorCode::kOutOfSpace, 1011},
        std::pair{ErrorCode::kResourceLimit, 1012}, std::pair{ErrorCode::kTimedOut, 1013},
        std::pair{ErrorCode::kWorkerLost, 1014}, std::pair{ErrorCode::kProviderRejected, 1015},
        std::pair{ErrorCode::kProviderUnavailable, 1016}, std::pair{ErrorCode::kCancelled, 1017}}) {
    task.error->code = error;
    EXPECT_EQ(error_of(task).code, code);
    EXPECT_FALSE(error_of(task).message.empty());
  }
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
