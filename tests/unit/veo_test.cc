#include <gtest/gtest.h>

#include "base/crypto.h"
#include "dialect/veo/auth.h"
#include "dialect/veo/documents.h"
#include "dialect/veo/errors.h"
#include "dialect/veo/requests.h"
#include "dialect/veo/veo.h"
#include "http/responder.h"
#include "object/links.h"
#include "temporary_directory.h"

namespace telecine {
namespace {

constexpr auto kBase = "https://tc.example.org";
/// A picture by its first bytes.
const std::string kPng = std::string("\x89PNG\r\n\x1a\n", 8) + "rest";

class VeoDocuments : public ::testing::Test {
 protected:
  explicit VeoDocuments(bool development = false) {
    store_ = open_sqlite_store({directory_.path(), 15'000, 100, false}).value();
    objects_.emplace(object::LocalObjects::open(directory_.path()).value());
    signer_.emplace(object::LinkSigner::open(directory_.path()).value());
    rules_.emplace(object::AddressRules::parse({}).value());
    keys_.emplace(*store_, "", std::vector<AccessKey>{});
    ServiceOptions options;
    options.data_dir = directory_.path();
    options.development = development;
    storages_.emplace(*store_, object::Endpoints(), std::string(32, 'k'), StorageOptions{});
    service_.emplace(*store_, *objects_, *signer_, *rules_, *keys_, *storages_, options);
  }
  ~VeoDocuments() override {
    service_.reset();
    store_->stop();
  }

  static Task task(TaskState state, ProviderKind kind = ProviderKind::kOpenai) {
    Task t;
    t.id = {0x18f2c44, 0xb1d25a0f77c2e9aaULL};
    t.account = "main";
    t.origin = "veo";
    t.spec.kind = TaskKind::kGenerate;
    Generation wanted;
    wanted.prompt = "A heron";
    wanted.model = "veo3-fast";
    wanted.choice = ProviderChoice{"own", kind, "wan-2.2"};
    t.spec.options[kGenerationMember] = to_json(wanted);
    t.state = state;
    t.created = 1'795'291'200'000;
    if (state != TaskState::kQueued) t.started = 1'795'291'202'345;
    t.updated = 1'795'291'215'120;
    t.progress = 0.37;
    if (is_final(state)) t.finished = 1'795'291'260'500;
    return t;
  }

  std::string document(const Task& t) const {
    return json::serialize(veo::envelope(veo::task_document(*service_, t, kBase)));
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
  std::optional<object::LocalObjects> objects_;
  std::optional<object::LinkSigner> signer_;
  std::optional<object::AddressRules> rules_;
  std::optional<Keyring> keys_;
  std::optional<Storages> storages_;
  std::optional<Service> service_;
};

/// The whole document of a task with what differs from state to state.
std::string golden(const std::string& status, const std::string& times, const std::string& progress,
                   const std::string& inner, const std::string& reason = "",
                   const std::string& url = "") {
  constexpr auto kId = R"("00000000-018f-2c44-b1d2-5a0f77c2e9aa")";
  return std::string(R"({"code":"success","message":"","data":{"task_id":)") + kId +
         R"(,"notify_hook":"","action":"google-videos","status":")" + status +
         R"(","fail_reason":")" + reason + R"(",)" + times + R"(,"progress":")" + progress +
         R"(","data":{"id":)" + kId + R"(,"status":")" + inner.substr(0, inner.find(' ')) +
         R"(","video_url":")" + url + R"(","status_update_time":)" +
         inner.substr(inner.find(' ') + 1) + "}}}";
}
constexpr auto kWaiting = R"("submit_time":1795291200,"start_time":0,"finish_time":0)";
constexpr auto kStarted = R"("submit_time":1795291200,"start_time":1795291202,"finish_time":0)";
constexpr auto kEnded =
    R"("submit_time":1795291200,"start_time":1795291202,"finish_time":1795291260)";

TEST_F(VeoDocuments, AreByteForByteWhatTheFormShowsInEveryState) {
  auto queued = task(TaskState::kQueued);
  queued.progress = 0;
  EXPECT_EQ(document(queued), golden("NOT_START", kWaiting, "0%", "pending 1795291200000"));
  auto fetching = task(TaskState::kDownloading);
  fetching.progress = 0.05;
  EXPECT_EQ(document(fetching),
            golden("SUBMITTED", kStarted, "5%", "image_downloading 1795291202345"));
  EXPECT_EQ(document(task(TaskState::kRunning)),
            golden("IN_PROGRESS", kStarted, "37%", "video_generating 1795291202345"));
  auto failed = task(TaskState::kFailed);
  failed.error = Error{ErrorCode::kProviderRejected, "unsafe words", {}};
  EXPECT_EQ(document(failed), golden("FAILURE", kEnded, "100%", "failed 1795291260500",
                                     "refused by the provider: unsafe words"));
  auto cancelled = task(TaskState::kCancelled);
  cancelled.error = Error{ErrorCode::kCancelled, "the task was cancelled", {}};
  EXPECT_EQ(document(cancelled),
            golden("FAILURE", kEnded, "100%", "failed 1795291260500", "cancelled"));
  auto done = task(TaskState::kSucceeded);
  Output output;
  output.state = OutputState::kSucceeded;
  output.files = {{"video.mp4", "object:" + done.id.hex() + "/1-1/video.mp4", "video/mp4", 10, ""}};
  done.outputs = {output};
  const auto url = service_->lasting_url_of(done, output.files.front().url, kBase);
  EXPECT_TRUE(url.starts_with(std::string(kBase) + "/objects/")) << url;
  EXPECT_EQ(document(done), golden("SUCCESS", kEnded, "100%", "completed 1795291260500", "", url));
}

TEST_F(VeoDocuments, SayWhenTheStateChangedAndWhatIsMadeLarger) {
  auto t = task(TaskState::kRunning);
  auto wanted = generation_of(t.spec);
  wanted.upscale = true;
  t.spec.options[kGenerationMember] = to_json(wanted);
  t.result[kGenerationMember] =
      json::object{{"times", json::object{{"prepared", 1'795'291'205'000}}}};
  EXPECT_EQ(document(t), golden("IN_PROGRESS", kStarted, "37%", "video_generating 1795291205000"));
  t.result[kGenerationMember].at("times").as_object()["copied"] = 1'795'291'250'000;
  EXPECT_EQ(document(t), golden("IN_PROGRESS", kStarted, "37%", "video_upsampling 1795291250000"));
}

TEST_F(VeoDocuments, OfTheRelativesHoldTheSame) {
  const auto video = veo::video_document(*service_, task(TaskState::kRunning), kBase);
  EXPECT_EQ(json::serialize(video),
            R"({"id":"00000000-018f-2c44-b1d2-5a0f77c2e9aa","status":"video_generating",)"
            R"("video_url":"","status_update_time":1795291202345,"enhanced_prompt":""})");
}

TEST_F(VeoDocuments, OuterAndInnerStateAgreeInEveryState) {
  const std::tuple<TaskState, const char*, const char*, int> cases[] = {
      {TaskState::kQueued, "NOT_START", "pending", 0},
      {TaskState::kDownloading, "SUBMITTED", "image_downloading", 9},
      {TaskState::kRunning, "IN_PROGRESS", "video_generating", 37},
      {TaskState::kUploading, "IN_PROGRESS", "video_generation_completed", 95},
      {TaskState::kSucceeded, "SUCCESS", "completed", 100},
      {TaskState::kFailed, "FAILURE", "failed", 100},
      {TaskState::kCancelled, "FAILURE", "failed", 100}};
  for (const auto& [state, outer, inner, percent] : cases) {
    const auto status = veo::status_of(task(state));
    EXPECT_EQ(status.outer, outer);
    EXPECT_EQ(status.inner, inner);
    EXPECT_EQ(status.percent, percent) << outer;
  }
}

TEST_F(VeoDocuments, AFinishedOneIsTheSameOnEveryRead) {
  auto t = task(TaskState::kSucceeded);
  Output output;
  output.state = OutputState::kSucceeded;
  output.files = {{"video.mp4", "object:" + t.id.hex() + "/1-1/video.mp4", "video/mp4", 10, "m"}};
  t.outputs = {output};
  const auto first = veo::task_document(*service_, t, kBase);
  EXPECT_EQ(first, veo::task_document(*service_, t, kBase));
  const std::string url(first.at("data").at("video_url").as_string());
  EXPECT_TRUE(url.starts_with(std::string(kBase) + "/objects/")) << url;
  EXPECT_EQ(first.at("fail_reason").as_string(), "");
  EXPECT_EQ(first.at("data").at("status_update_time").as_int64(), t.finished);
  EXPECT_EQ(first.at("finish_time").as_int64(), t.finished / 1000);
}

TEST_F(VeoDocuments, SayWhatIsAPlaceholder) {
  const auto drawn =
      veo::inner_document(*service_, task(TaskState::kRunning, ProviderKind::kAnimatic), kBase);
  EXPECT_TRUE(drawn.at("placeholder").as_bool());
  EXPECT_EQ(drawn.at("provider").as_string(), "animatic");
  EXPECT_FALSE(drawn.at("notice").as_string().empty());
  const auto made = veo::inner_document(*service_, task(TaskState::kRunning), kBase);
  EXPECT_EQ(made.size(), 4U) << "an upstream's name is nobody's business";
}

TEST_F(VeoDocuments, TheFlatOneHasItsResultInOutput) {
  const auto flat = veo::flat_document(*service_, task(TaskState::kRunning), kBase);
  EXPECT_EQ(flat.at("platform").as_string(), "google");
  EXPECT_EQ(flat.at("data").at("output").as_string(), "");
}

TEST_F(VeoDocuments, GiveReasonsWithoutAddresses) {
  const std::tuple<Error, const char*> cases[] = {
      {{ErrorCode::kInputNotFound, "There is nothing at this URL.", "images[0]"},
       "input image not found"},
      {{ErrorCode::kNotMedia, "no", "images[0]"}, "input image cannot be read"},
      {{ErrorCode::kNotMedia, "the provider's result is not a video", ""},
       "the provider's result is not a video"},
      {{ErrorCode::kProviderRejected, "unsafe words", ""}, "refused by the provider: unsafe words"},
      {{ErrorCode::kTimedOut, "no result within 60 minutes", ""}, "no result within 60 minutes"},
      {{ErrorCode::kOutOfSpace, "x", ""}, "a limit of this server was reached"},
      {{ErrorCode::kInternal, "x", ""}, "internal error (id 00000000018f2c44b1d25a0f77c2e9aa)"}};
  for (const auto& [error, reason] : cases) {
    auto t = task(TaskState::kFailed);
    t.error = error;
    EXPECT_EQ(veo::fail_reason(t), reason);
  }
  EXPECT_EQ(veo::fail_reason(task(TaskState::kRunning)), "");
}

class VeoDevelopment : public VeoDocuments {
 protected:
  VeoDevelopment() : VeoDocuments(true) {}
};

/// Who is let in with this in the Authorization header: the key's id, or the status of a refusal.
std::string admitted(Service& service, const std::string& authorization) {
  veo::Api api{service, {}, {}};
  std::string who;
  const auto handler = veo::guarded(api, Scope::kWrite, [&](veo::Call& call) {
    who = call.caller.key->id;
    call.respond(http::Response{});
  });
  http::Request request;
  if (!authorization.empty()) request.headers.set("Authorization", authorization);
  handler(request, {}, http::Responder([&](const http::Response& answer) {
            if (who.empty()) who = std::to_string(answer.status);
          }));
  return who;
}

TEST_F(VeoDocuments, AreNotShownToStrangers) {
  EXPECT_EQ(admitted(*service_, ""), "401");
  EXPECT_EQ(admitted(*service_, "Bearer sk-nobody.nothing"), "401");
}

TEST_F(VeoDevelopment, AnyTokenAndNoneAreGood) {
  for (const char* text :
       {"", "Bearer sk-nobody.nothing", "Bearer {{YOUR_API_KEY}}", "Basic eDp5"}) {
    EXPECT_EQ(admitted(*service_, text), "developer") << text;
  }
}

TEST(VeoIds, AreReadWithAndWithoutHyphens) {
  const Id id{0x18f2c44, 0xb1d25a0f77c2e9aaULL};
  EXPECT_EQ(veo::id_from(veo::uuid_of(id)), id);
  EXPECT_EQ(veo::id_from(id.hex()), id);
  EXPECT_FALSE(veo::id_from("018f2c44-9a10"));
  EXPECT_FALSE(veo::id_from("0000000000-18f-2c44-b1d2-5a0f77c2e9aa"));
}

TEST(VeoModels, TakeAsManyPicturesAsTheyAreDocumentedWith) {
  using enum PictureRole;
  using Roles = std::vector<PictureRole>;
  for (const char* model : {"veo2", "veo2-fast", "veo2-pro", "veo3", "veo3-fast", "veo3-pro",
                            "veo3-pro-frames", "veo3-fast-frames"}) {
    EXPECT_EQ(veo::roles_for(model, 1).value(), Roles{kFirst}) << model;
    EXPECT_FALSE(veo::roles_for(model, 2)) << model;
  }
  for (const char* model : {"veo2-fast-frames", "veo3.1", "veo3.1-pro", "veo3.1-fast"}) {
    EXPECT_EQ(veo::roles_for(model, 2).value(), (Roles{kFirst, kLast})) << model;
    EXPECT_FALSE(veo::roles_for(model, 3)) << model;
  }
  for (const char* model : {"veo2-fast-components", "veo3.1-components"}) {
    EXPECT_EQ(veo::roles_for(model, 1).value(), Roles{kReference}) << model;
    EXPECT_EQ(veo::roles_for(model, 3).value(), Roles(3, kReference)) << model;
    EXPECT_FALSE(veo::roles_for(model, 4)) << model;
  }
  EXPECT_EQ(veo::roles_for("kling", 1).value(), Roles{kFirst});
  EXPECT_EQ(veo::roles_for("kling", 2).value(), (Roles{kFirst, kLast}));
  EXPECT_EQ(veo::roles_for("kling", 3).value(), Roles(3, kReference));
  EXPECT_TRUE(veo::roles_for("veo3", 0).value().empty());
}

http::Request post(const json::value& body) {
  http::Request request;
  request.method = http::Method::kPost;
  request.body = json::serialize(body);
  return request;
}

TEST(VeoRequests, TakeNumbersAndBooleansAsTexts) {
  const auto made = veo::create_request_from(post({{"prompt", "  A heron  "},
                                                   {"model", "veo3"},
                                                   {"enable_upsample", "true"},
                                                   {"seed", "5"},
                                                   {"duration", "4"},
                                                   {"whatever", json::array{1}}}));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->generation->prompt, "A heron");
  EXPECT_EQ(made->generation->resolution, "1080p");
  EXPECT_EQ(made->generation->seed, 5);
  EXPECT_EQ(made->generation->duration, 4);
}

TEST(VeoRequests, TakePicturesInEveryDress) {
  const std::string plain = base64(kPng);
  const auto made = veo::create_request_from(
      post({{"prompt", "x"},
            {"model", "veo3.1-components"},
            {"images", json::array{"https://h/a.png", "data:image/jpeg;base64," + plain, plain}}}));
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(made->pictures.size(), 3U);
  EXPECT_EQ(made->generation->pictures[0].source, "https://h/a.png");
  EXPECT_EQ(made->pictures[0], "");
  EXPECT_EQ(made->pictures[1], kPng);
  EXPECT_EQ(made->pictures[2], kPng);
}

TEST(VeoRequests, SayWhichFieldIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"model": "veo3"})", "prompt"},
      {R"({"prompt": "  ", "model": "veo3"})", "prompt"},
      {R"({"prompt": "x"})", "model"},
      {R"({"prompt": "x", "model": "veo3", "aspect_ratio": "1:1"})", "aspect_ratio"},
      {R"({"prompt": "x", "model": "veo3", "duration": 61})", "duration"},
      {R"({"prompt": "x", "model": "veo3", "seed": -1})", "seed"},
      {R"({"prompt": "x", "model": "veo3", "enhance_prompt": "maybe"})", "enhance_prompt"},
      {R"({"prompt": "x", "model": "veo3", "images": ["%%%"]})", "images[0]"},
      {R"({"prompt": "x", "model": "veo3", "images": ["aGVsbG8="]})", "images[0]"},
      {R"({"prompt": "x", "model": "veo3", "images": ["http://a", "http://b"]})", "images"},
  };
  for (const auto& [text, field] : cases) {
    http::Request request;
    request.body = text;
    const auto made = veo::create_request_from(request);
    ASSERT_FALSE(made) << text;
    EXPECT_EQ(made.error().field, field) << text;
  }
}

TEST(VeoRequests, HaveOneFingerprintHoweverTheyAreWritten) {
  const auto print = [](const json::value& body) {
    return veo::create_request_from(post(body)).value().fingerprint;
  };
  const auto one = print({{"prompt", "x"}, {"model", "veo3"}, {"seed", 5}});
  EXPECT_EQ(one, print({{"seed", "5"}, {"model", "veo3"}, {"prompt", " x "}}));
  EXPECT_NE(one, print({{"prompt", "x"}, {"model", "veo3"}, {"seed", 6}}));
  auto request = post({{"prompt", "x"}, {"model", "veo3"}});
  request.headers.set("X-Stainless-Retry-Count", "1");
  EXPECT_TRUE(veo::create_request_from(request).value().repeated);
}

TEST(VeoErrors, HaveTheShapesOfTheFamily) {
  const auto body = [](const http::Response& response) {
    return std::get<std::string>(response.body);
  };
  const auto field = veo::error_of({ErrorCode::kInvalidParameter, "is required", "prompt"});
  EXPECT_EQ(field.status, 400);
  EXPECT_EQ(body(field),
            R"({"code":"invalid_request","message":"prompt is required","data":null})");
  const auto model = veo::error_of({ErrorCode::kUnsupported, "nobody", "generation.model"});
  EXPECT_EQ(model.status, 400);
  EXPECT_NE(body(model).find("\"code\":\"model_not_found\""), std::string::npos);
  EXPECT_EQ(body(veo::no_such_task()),
            R"({"code":"task_not_exist","message":"task_not_exist","data":null})");
  const auto busy = veo::error_of({ErrorCode::kUnavailable, "x", ""});
  EXPECT_EQ(busy.status, 503);
  EXPECT_TRUE(busy.headers.has("Retry-After"));
  const auto often = veo::error_of({ErrorCode::kTooMany, "slow down", ""});
  EXPECT_EQ(often.status, 429);
  EXPECT_TRUE(often.headers.has("Retry-After"));
  EXPECT_TRUE(body(often).starts_with(R"({"error":{"message":"slow down (request id: )"));
  const auto access = parse_json(body(veo::access_error(401, "invalid token"))).value();
  EXPECT_EQ(access.at("error").at("type").as_string(), "telecine_error");
  EXPECT_EQ(access.at("error").at("code").as_string(), "");
}

}  // namespace
}  // namespace telecine
