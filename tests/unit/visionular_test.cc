#include <gtest/gtest.h>

#include "base/crypto.h"
#include "dialect/visionular/auth.h"
#include "dialect/visionular/documents.h"
#include "dialect/visionular/templates.h"
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
    EXPECT_NE(template_named(name), nullptr) << name;
  }
  EXPECT_EQ(template_named("FLV_264_4K"), nullptr);
  EXPECT_EQ(template_named("MP4_264_360p")->id(), "builtin-MP4-264-360p");
  EXPECT_EQ(template_with_id("builtin-480p")->name, "480p");
  EXPECT_TRUE(template_named("HLS_264_720p")->can_be_made());
  EXPECT_FALSE(template_named("MP4_265_480p")->can_be_made());
  EXPECT_EQ(output_of(*template_named("480p")).renditions[0].audio->bitrate, 64'000);
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

TEST(VisionularPaths, AreNotTheEnginesOwn) {
  EXPECT_TRUE(owns("/api/query_task"));
  EXPECT_TRUE(owns("/vodencoding/v1/query_task"));
  EXPECT_FALSE(owns("/api/v1/tasks"));
}

}  // namespace
}  // namespace telecine::visionular
