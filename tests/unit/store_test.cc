#include "store/schema.h"
#include "store_fixture.h"
#include "task/generation.h"

namespace telecine {
namespace {

using Types = std::vector<std::string>;
using Names = std::vector<std::string>;

TEST_F(StoreTest, ASubmittedTaskIsQueuedAndReadBackWhole) {
  const auto task = submit();
  ASSERT_TRUE(task);
  EXPECT_EQ(task->state, TaskState::kQueued);
  EXPECT_GT(task->id.key, 0);
  open();  // nothing but the disk remembers
  auto read = store_->get(task->id);
  ASSERT_TRUE(read);
  EXPECT_EQ(json::serialize(view_of(**read)), json::serialize(view_of(*task)));
  EXPECT_EQ(json::serialize(rest_of(**read)), json::serialize(rest_of(*task)));
  EXPECT_EQ((*read)->version, task->version);
}

TEST_F(StoreTest, ATaskIsNotFoundWithWrongRandomBits) {
  auto id = submit()->id;
  id.random ^= 1;
  EXPECT_EQ(store_->get(id).error().code, ErrorCode::kNotFound);
}

TEST_F(StoreTest, TheSameIdempotencyKeyAnswersTheSameTask) {
  const auto first = submit(submission("a", "k"));
  auto again = wait<Submitted>([&](auto done) { store_->submit(submission("a", "k"), done); });
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->task->id, first->id);
  EXPECT_NE(submit(submission("b", "k"))->id, first->id) << "keys are per account";
  auto other = submission("a", "k");
  other.body_hash = "different";
  auto refused = wait<Submitted>([&](auto done) { store_->submit(other, done); });
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
}

TEST_F(StoreTest, ListsAreNewestFirstFilteredAndPaged) {
  std::vector<Id> ids;
  for (int i = 0; i < 7; ++i) ids.push_back(submit()->id);
  submit(submission("b"));
  (void)commit(claim()[0]);  // the oldest of "a" succeeds
  const auto page = store_->list({"a", {}, 0, 3});
  ASSERT_EQ(page->size(), 3U);
  EXPECT_EQ((*page)[0]->id, ids[6]);
  const auto rest = store_->list({"a", {}, page->back()->id.key, 10});
  ASSERT_EQ(rest->size(), 4U);
  EXPECT_EQ(rest->back()->id, ids[0]);
  const auto succeeded = store_->list({"a", TaskState::kSucceeded, 0, 10});
  ASSERT_EQ(succeeded->size(), 1U);
  EXPECT_EQ((*succeeded)[0]->id, ids[0]);
}

TEST_F(StoreTest, EventsResumeAfterASequenceNumber) {
  const auto task = submit();
  (void)commit(claim()[0]);
  const auto all = store_->events_after(0, "a", 100);
  ASSERT_EQ(all->size(), 3U);
  const auto rest = store_->events_after((*all)[0].seq, "a", 100);
  ASSERT_EQ(rest->size(), 2U);
  EXPECT_EQ((*rest)[0].seq, (*all)[1].seq);
  EXPECT_TRUE(store_->events_after(0, "b", 100)->empty());
}

TEST_F(StoreTest, ProgressShowsInTheDocumentAndNeverGoesBack) {
  const auto task = submit();
  (void)claim();
  store_->report("n", {task->id, 0.5, 2.0, {0.5}, {}});
  store_->report("n", {task->id, 0.3, 2.0, {0.3}, {}});
  const auto now = *store_->get(task->id);
  EXPECT_DOUBLE_EQ(now->progress, 0.5);
  EXPECT_DOUBLE_EQ(now->outputs[0].progress, 0.5);
  EXPECT_EQ(now->state, TaskState::kRunning);
}

TEST_F(StoreTest, ACallbackIsQueuedByTheCommitThatEndsTheTask) {
  auto s = submission();
  s.task.spec.callback_url = "https://hooks.example/x";
  const auto task = submit(s);
  EXPECT_TRUE(store_->deliveries_of(task->id)->empty());
  (void)commit(claim()[0]);
  auto due = wait<std::vector<Delivery>>([&](auto done) { store_->due_deliveries(10, done); });
  ASSERT_EQ(due->size(), 1U);
  EXPECT_EQ((*due)[0].type, "task.succeeded");
  EXPECT_EQ((*due)[0].task, task->id);
  auto none = wait<std::vector<Delivery>>([&](auto done) { store_->due_deliveries(10, done); });
  EXPECT_TRUE(none->empty()) << "a delivery in hand is not handed out twice";
}

TEST_F(StoreTest, PurgeRemovesEndedTasksOnly) {
  const auto ended = submit();
  (void)commit(claim()[0]);
  const auto live = submit();
  EXPECT_EQ(purge(), Names{ended->id.hex()});
  EXPECT_EQ(store_->get(ended->id).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(store_->get(live->id));
  EXPECT_GT(submit()->id.key, live->id.key) << "ids are not used again";
}

TEST_F(StoreTest, PurgeRemovesThePicturesOfAGenerationAndNoFileOfTheCallers) {
  const File own = add_file(std::string(32, 'b'));
  const File uploaded = add_file(std::string(32, 'c'));
  Generation wanted;
  wanted.prompt = "A fox";
  for (const File& file : {own, uploaded}) {
    wanted.pictures.push_back(
        {PictureRole::kReference, std::string(kFileIdScheme) + file.id.hex(), file.id == own.id});
  }
  auto s = submission();
  s.task.spec.kind = TaskKind::kGenerate;
  s.task.spec.options[kGenerationMember] = to_json(wanted);
  const auto task = submit(std::move(s));
  ASSERT_TRUE(fail_unit(claim()[0], ErrorCode::kNotMedia));
  EXPECT_TRUE(store_->get_file(own.id)) << "a retry needs it";
  open();  // what is purged comes from the disk
  EXPECT_EQ(purge(), (Names{task->id.hex(), own.object}));
  EXPECT_FALSE(store_->get_file(own.id));
  EXPECT_TRUE(store_->get_file(uploaded.id));
}

TEST_F(StoreTest, RecordsGoWhenTheirTimeHasCome) {
  const auto put = [&](const std::string& name, Millis expires) {
    const Record record{"upload", "a", name, {}, expires};
    EXPECT_TRUE(wait<bool>([&](auto done) { store_->put_record(record, false, done); }));
  };
  put("past", now_ms() - 1000);
  put("renewed", now_ms() - 1000);
  put("renewed", now_ms() + 60'000);
  put("lasting", 0);
  (void)purge();
  EXPECT_FALSE(store_->get_record("upload", "a", "past"));
  EXPECT_TRUE(store_->get_record("upload", "a", "renewed"));
  EXPECT_TRUE(store_->get_record("upload", "a", "lasting"));
}

TEST_F(StoreTest, ALeaseIsThatOfOneAttemptOfOneUnit) {
  auto s = submission();
  s.units.emplace_back();
  submit(std::move(s));
  const auto first = claim()[0];
  EXPECT_TRUE(*store_->is_leased(ref(first)));
  auto other = ref(first);
  ++other.unit;
  EXPECT_FALSE(*store_->is_leased(other)) << "the task's other unit is nobody's";
  other = ref(first);
  ++other.attempt;
  EXPECT_FALSE(*store_->is_leased(other));
}

TEST_F(StoreTest, RecordsAreCreatedOnceReplacedAndListed) {
  const auto put = [&](bool create_only) {
    return wait<bool>([&](auto done) {
      store_->put_record("template", "a", "t", {{"x", create_only}}, create_only, done);
    });
  };
  EXPECT_TRUE(put(true));
  EXPECT_EQ(put(true).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(put(false));
  EXPECT_FALSE(store_->get_record("template", "a", "t")->at("x").as_bool());
  EXPECT_EQ(store_->list_records("template", "a")->size(), 1U);
  EXPECT_EQ(store_->get_record("template", "b", "t").error().code, ErrorCode::kNotFound);
}

TEST_F(StoreTest, WritesAfterStopAreAnsweredUnavailable) {
  store_->stop();
  auto refused = wait<Submitted>([&](auto done) { store_->submit(submission(), done); });
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
}

TEST_F(StoreTest, AFileOfANewerVersionIsRefusedUntouched) {
  store_.reset();
  {
    sqlite::Database db(directory_.path() + "/telecine.db", sqlite::Database::Mode::kReadWrite);
    db.execute(("PRAGMA user_version = " + std::to_string(sqlite::schema_version() + 1)).c_str());
  }
  auto refused = open_sqlite_store({directory_.path(), 15'000, 10, true});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(refused.error().message.find("newer"), std::string::npos);
}

TEST_F(StoreTest, AUnitWithADelayIsNotClaimedBeforeItsTime) {
  Submission late = submission();
  late.units[0].delay = 3'600'000;
  submit(std::move(late));
  EXPECT_TRUE(claim().empty());
  Submission soon = submission();
  soon.units[0].delay = 50;
  const auto task = submit(std::move(soon));
  std::vector<Lease> claimed;
  while (claimed.empty()) claimed = claim();
  EXPECT_EQ(claimed[0].task->id, task->id);
  EXPECT_GE(now_ms(), task->created + 50);
}

TEST_F(StoreTest, ARepeatedRequestWithoutAKeyIsRecognisedByItsFingerprint) {
  const auto asked = [&](const std::string& account, bool repeated) {
    Submission s = submission(account);
    s.fingerprint = "f";
    s.repeated = repeated;
    return submit(std::move(s))->id;
  };
  const Id first = asked("a", false);
  EXPECT_NE(asked("a", false), first) << "who does not say that he repeats himself does not";
  const Id second = asked("a", true);
  EXPECT_EQ(asked("a", true), second) << "the last one counts";
  EXPECT_NE(asked("b", true), second);
}

}  // namespace
}  // namespace telecine
