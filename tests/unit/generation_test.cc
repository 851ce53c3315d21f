#include "task/generation.h"

#include <gtest/gtest.h>

#include "media/storyboard.h"
#include "provider/catalogue.h"
#include "provider/multipart.h"
#include "provider/openai.h"
#include "provider/words.h"
#include "task/lifecycle.h"
#include "work/generate_job.h"

namespace telecine {
namespace {

using provider::Catalogue;
using provider::Meaning;
using provider::PollEnd;

Result<Generation> read(std::string_view text) {
  return generation_from(parse_json(text).value(), "generation");
}

TEST(Generation, ReadsItsDefaults) {
  const auto made = read(R"({"prompt": "A heron"})");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->aspect_ratio, "16:9");
  EXPECT_EQ(made->duration, 8);
  EXPECT_EQ(made->fps, 24);
  EXPECT_FALSE(made->seed);
  EXPECT_EQ(size_of(*made), (Dimensions{1280, 720}));
}

TEST(Generation, NamesTheFieldAtFault) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "generation.prompt"},
      {R"({"prompt": "x", "aspect_ratio": "2:1"})", "generation.aspect_ratio"},
      {R"({"prompt": "x", "resolution": "8k"})", "generation.resolution"},
      {R"({"prompt": "x", "size": "1281x720"})", "generation.size"},
      {R"({"prompt": "x", "duration": 61})", "generation.duration"},
      {R"({"prompt": "x", "seed": -1})", "generation.seed"},
      {R"({"prompt": "x", "seed": 4294967296})", "generation.seed"},
      {R"({"prompt": "x", "promt": "y"})", "generation.promt"},
      {R"({"prompt": "x", "images": [{"role": "last", "source": "http://h/a"}]})",
       "generation.images"},
      {R"({"prompt": "x", "images": [{"role": "first", "source": "http://h/a"},
                                     {"role": "reference", "source": "http://h/b"}]})",
       "generation.images"},
  };
  for (const auto& [text, field] : cases) {
    const auto made = read(text);
    ASSERT_FALSE(made) << text;
    EXPECT_EQ(made.error().field, field) << text;
  }
}

TEST(Generation, CountsCharactersAndNotBytes) {
  std::string words;
  for (int i = 0; i < 4000; ++i) words += "字";
  Generation wanted;
  wanted.prompt = words;
  EXPECT_TRUE(check_generation(wanted, ""));
  wanted.prompt += "字";
  EXPECT_FALSE(check_generation(wanted, ""));
}

TEST(Generation, SizesAreEvenAndFollowTheRatio) {
  Generation wanted;
  const std::tuple<const char*, const char*, Dimensions> cases[] = {
      {"16:9", "1080p", {1920, 1080}}, {"9:16", "720p", {720, 1280}},
      {"16:9", "480p", {854, 480}},    {"1:1", "720p", {720, 720}},
      {"21:9", "1080p", {2520, 1080}}, {"16:9", "4k", {3840, 2160}}};
  for (const auto& [ratio, resolution, size] : cases) {
    wanted.aspect_ratio = ratio;
    wanted.resolution = resolution;
    EXPECT_EQ(size_of(wanted), size) << ratio << " " << resolution;
  }
}

TEST(Generation, SurvivesBeingStored) {
  Generation wanted;
  wanted.prompt = "A fox";
  wanted.model = "veo3";
  wanted.pictures = {{PictureRole::kFirst, "http://h/a", false},
                     {PictureRole::kLast, "file-id:0", true}};
  wanted.size = Dimensions{640, 360};
  wanted.seed = 7;
  wanted.choice = ProviderChoice{"own", ProviderKind::kOpenai, "wan"};
  TaskSpec spec;
  spec.options[kGenerationMember] = to_json(wanted);
  EXPECT_EQ(to_json(generation_of(spec)), to_json(wanted));
}

TEST(Generation, BeginsWithItsRemotePictures) {
  Generation wanted;
  wanted.prompt = "A fox";
  TaskSpec spec;
  spec.kind = TaskKind::kGenerate;
  spec.options[kGenerationMember] = to_json(wanted);
  EXPECT_EQ(first_unit(spec).kind, UnitKind::kGenerate);
  wanted.pictures = {{PictureRole::kFirst, "https://h/a.png", false}};
  spec.options[kGenerationMember] = to_json(wanted);
  EXPECT_EQ(first_unit(spec).kind, UnitKind::kFetch);
}

TEST(ProviderWords, MeanWhatEveryServerMeansByThem) {
  const std::pair<const char*, Meaning> cases[] = {
      {"queued", Meaning::kWaiting},
      {" PENDING ", Meaning::kWaiting},
      {"NOT_START", Meaning::kWaiting},
      {"unknown", Meaning::kWaiting},
      {"ready", Meaning::kWaiting},
      {"In_Progress", Meaning::kWorking},
      {"generating", Meaning::kWorking},
      {"video_generation_completed", Meaning::kWorking},
      {"completed", Meaning::kDone},
      {"SUCCESS", Meaning::kDone},
      {"succeed", Meaning::kDone},
      {"video_upsampling_completed", Meaning::kDone},
      {"failed", Meaning::kFailed},
      {"moderated", Meaning::kFailed},
      {"canceled", Meaning::kCancelled},
      {"cancelled", Meaning::kCancelled},
      {"expired", Meaning::kGone},
      {"thinking about it", Meaning::kWorking},
      {"", Meaning::kWorking}};
  for (const auto& [word, meaning] : cases) EXPECT_EQ(provider::meaning_of(word), meaning) << word;
}

Catalogue catalogue() {
  Catalogue c;
  c.providers = {{.name = "own", .url = "http://a", .durations = {4, 8}},
                 {.name = "other", .url = "http://b"}};
  c.models = {{"veo3*", "own", "wan-2.2"}, {"sora-*-pro", "other", ""}};
  return c;
}

Generation asking(const std::string& model, int duration = 8) {
  Generation wanted;
  wanted.prompt = "x";
  wanted.model = model;
  wanted.duration = duration;
  return wanted;
}

TEST(ModelMap, TheFirstMatchCounts) {
  const auto c = catalogue();
  const auto veo = c.choose(asking("veo3-fast"));
  ASSERT_TRUE(veo);
  EXPECT_EQ(veo->provider, "own");
  EXPECT_EQ(veo->model, "wan-2.2");
  const auto sora = c.choose(asking("sora-2-pro"));
  ASSERT_TRUE(sora);
  EXPECT_EQ(sora->model, "sora-2-pro");
}

TEST(ModelMap, NeverFallsToTheAnimaticByItself) {
  const auto c = catalogue();
  const auto none = c.choose(asking("kling"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().field, "model");
  EXPECT_EQ(none.error().code, ErrorCode::kUnsupported);
  EXPECT_FALSE(c.only_animatics());
}

TEST(ModelMap, WithoutProvidersEverythingIsAnAnimatic) {
  const Catalogue empty;
  ASSERT_TRUE(empty.choose(asking("veo3")));
  EXPECT_EQ(empty.choose(asking("veo3"))->kind, ProviderKind::kAnimatic);
  EXPECT_TRUE(empty.only_animatics());
}

TEST(ModelMap, TheAnimaticCanBeLimitedToItsOwnNames) {
  Catalogue c;
  c.animatic = provider::AnimaticUse::kExplicit;
  EXPECT_FALSE(c.choose(asking("veo3")));
  EXPECT_TRUE(c.choose(asking("telecine-animatic-1")));
  EXPECT_TRUE(c.choose(asking("animatic")));
  c.animatic = provider::AnimaticUse::kOff;
  EXPECT_FALSE(c.choose(asking("animatic")));
}

TEST(ModelMap, RefusesWhatTheProviderCannotMake) {
  const auto c = catalogue();
  const auto late = c.choose(asking("veo3", 6));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().field, "duration");
  auto wanted = asking("veo3");
  wanted.pictures = {{PictureRole::kReference, "http://h/a", false}};
  ASSERT_FALSE(c.choose(wanted));
  EXPECT_EQ(c.choose(wanted).error().field, "images");
}

TEST(ModelMap, PicksTheNearestSize) {
  const provider::ProviderConfig config{.name = "p",
                                        .sizes = {{832, 480}, {480, 832}, {1280, 704}}};
  EXPECT_EQ(nearest_size(config, {1280, 720}), (Dimensions{1280, 704}));
  EXPECT_EQ(nearest_size(config, {720, 1280}), (Dimensions{480, 832}));
  EXPECT_EQ(provider::nearest_size({.name = "p"}, {720, 1280}), (Dimensions{720, 1280}));
}

TEST(ModelMap, StarsStandForAnyText) {
  EXPECT_TRUE(provider::matches("*", ""));
  EXPECT_TRUE(provider::matches("veo*fast", "veo3.1-fast"));
  EXPECT_FALSE(provider::matches("veo*fast", "veo3.1-fast-x"));
  EXPECT_FALSE(provider::matches("veo3", "veo3-fast"));
}

TEST(Openai, SaysEverySizeAndLengthThatSomeServerNeeds) {
  Generation wanted = asking("m", 4);
  wanted.seed = 5;
  const auto fields = provider::openai_fields({wanted, "wan", {832, 480}, {}});
  EXPECT_EQ(json::serialize(fields),
            R"({"model":"wan","prompt":"x","seconds":"4","size":"832x480","width":832,)"
            R"("height":480,"fps":24,"num_frames":96,"seed":5})");
}

TEST(Openai, ReadsTheShapesOfItsServers) {
  const auto state = [](std::string_view text) {
    return provider::openai_state(parse_json(text).value());
  };
  const auto plain = state(R"({"id": "a", "status": "in_progress", "progress": 40})");
  EXPECT_EQ(plain.end, PollEnd::kState);
  EXPECT_DOUBLE_EQ(plain.progress.value(), 0.4);
  const auto wrapped = state(R"({"code":"success","data":{"status":"SUCCESS","progress":"100%",
                "fail_reason":"https://cdn.example.org/v.mp4"}})");
  EXPECT_EQ(wrapped.meaning, Meaning::kDone);
  EXPECT_EQ(wrapped.result_url, "https://cdn.example.org/v.mp4");
  const auto metadata =
      state(R"({"status": "completed", "metadata": {"url": "https://cdn.example.org/w.mp4"}})");
  EXPECT_EQ(metadata.result_url, "https://cdn.example.org/w.mp4");
  const auto failed =
      state(R"({"status": "failed", "error": {"message": "see http://10.0.0.1/x"}})");
  EXPECT_EQ(failed.reason, "see (address)");
  EXPECT_EQ(state(R"({"hello": 1})").end, PollEnd::kAgain);
  EXPECT_EQ(state(R"([])").end, PollEnd::kAgain);
}

TEST(Openai, FindsALostJobOnlyWhenItIsTheOnlyOne) {
  const auto match = [](std::string_view text) {
    return provider::openai_match(parse_json(text).value(), "a fox", 1'000'000'000'000,
                                  1'000'000'060'000);
  };
  EXPECT_EQ(match(R"({"data":[{"id":"a","prompt":"a fox","created_at":1000000002}]})").job, "a");
  EXPECT_EQ(match(R"({"data":[{"id":"a","prompt":"a fox","created_at":1000000002},
                              {"id":"b","prompt":"a fox","created_at":1000000003}]})")
                .end,
            provider::Lookup::kNone);
  EXPECT_EQ(match(R"({"data":[{"id":"a","prompt":"a fox","created_at":999999000}]})").end,
            provider::Lookup::kNone);
  EXPECT_EQ(match(R"({"data":[{"id":"a","prompt":"a cat","created_at":1000000002}]})").end,
            provider::Lookup::kNone);
}

TEST(Multipart, IsWrittenAsTheStandardHasIt) {
  provider::Multipart form("B");
  form.add("model", "wan");
  form.add_file("input_reference", "picture.png", "image/png", std::string("a\0b", 3));
  const std::string wanted = std::string(
                                 "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n"
                                 "\r\nwan\r\n--B\r\nContent-Disposition: form-data; "
                                 "name=\"input_reference\"; filename=\"picture.png\"\r\n"
                                 "Content-Type: image/png\r\n\r\na") +
                             '\0' + "b\r\n--B--\r\n";
  EXPECT_EQ(form.finish(), wanted);
}

TEST(GenerateJob, SurvivesBeingStored) {
  GenerateJob job;
  job.choice = {"own", ProviderKind::kOpenai, "wan"};
  job.job = "video_1";
  job.result_url = "https://cdn.example.org/v.mp4";
  job.pictures = {{PictureRole::kFirst, "object:00/a", false}};
  job.enter(GenerateStage::kAccepted, 1234);
  const auto again = generate_job_from(to_json(job));
  EXPECT_EQ(to_json(again), to_json(job));
  EXPECT_EQ(again.at(GenerateStage::kAccepted), 1234);
}

TEST(GenerateJob, TellsTheOwnerNoAddress) {
  GenerateJob job;
  job.result_url = "https://cdn.example.org/v.mp4";
  job.job = "video_1";
  const std::string shown = json::serialize(record_of(job));
  EXPECT_EQ(shown.find("cdn.example.org"), std::string::npos);
  EXPECT_NE(shown.find("video_1"), std::string::npos);
}

TEST(Lifecycle, AnOutcomeCanEndATaskWhateverTheErrorsKind) {
  Task task;
  task.state = TaskState::kRunning;
  task.progress = 0.5;
  UnitOutcome outcome;
  outcome.failed = Error{ErrorCode::kProviderUnavailable, "lost", {}};
  outcome.result["generation"] = "told";
  const Task failed = after_commit(task, outcome, false, 10);
  EXPECT_EQ(failed.state, TaskState::kFailed);
  EXPECT_TRUE(failed.result.contains("generation"));
  UnitOutcome back;
  back.progress = 0.2;
  back.next = {NewUnit{UnitKind::kGenerate, {}, 50}};
  EXPECT_DOUBLE_EQ(after_commit(task, back, false, 10).progress, 0.5);
}

TEST(Storyboard, CutsWhereThePromptDoes) {
  using media::cards_of;
  const std::vector<std::string> sentences = {"A fox.", "It runs!", "To 3.5 hills..."};
  EXPECT_EQ(cards_of("A fox. It runs! To 3.5 hills...", 6), sentences);
  const std::vector<std::string> chinese = {"一只狐狸。", "它跑了！"};
  EXPECT_EQ(cards_of("一只狐狸。它跑了！", 6), chinese);
  EXPECT_EQ(cards_of("", 6).size(), 1U);
  EXPECT_EQ(cards_of("a. b. c. d. e. f. g. h.", 6).size(), 6U);
  EXPECT_EQ(cards_of("a. b. c.", 1), std::vector<std::string>{"a. b. c."});
}

TEST(Storyboard, KnowsCameraWordsAndNotTheirParts) {
  using media::CameraMove;
  EXPECT_EQ(media::camera_move_in("Slow pan right"), CameraMove::kRight);
  EXPECT_EQ(media::camera_move_in("The camera zooms out"), CameraMove::kOut);
  EXPECT_EQ(media::camera_move_in("镜头缓慢向左移动"), CameraMove::kLeft);
  EXPECT_EQ(media::camera_move_in("a company in Japan"), CameraMove::kNone);
}

}  // namespace
}  // namespace telecine
