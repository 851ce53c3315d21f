#include "store/store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "store/schema.h"
#include "task/generation.h"
#include "temporary_directory.h"

namespace telecine {
namespace {

/// Every driver of the store must pass these; they see nothing but the interface.
class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }

  void open(Millis lease = 15'000) {
    store_.reset();
    auto opened = open_sqlite_store({directory_.path(), lease, 1000, true});
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }

  template <typename T, typename Call>
  Result<T> wait(Call call) {
    std::promise<Result<T>> promise;
    call([&](Result<T> result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }

  static Submission submission(const std::string& account = "a", const std::string& key = "") {
    Submission s;
    s.task.account = account;
    s.task.spec.input = "file://root/clip.mp4";
    s.task.spec.outputs = {OutputSpec{}};
    s.task.spec.outputs[0].name = "one";
    s.task.spec.outputs[0].renditions = {Rendition{"", VideoOptions{}, AudioOptions{}}};
    s.task.spec.outputs[0].renditions[0].video->rate.crf = 23;
    s.task.outputs = {Output{}};
    s.task.outputs[0].name = "one";
    s.units = {NewUnit{}};
    s.idempotency_key = key;
    s.body_hash = "h";
    return s;
  }

  TaskPtr submit(Submission s = submission()) {
    auto made = wait<Submitted>([&](auto done) { store_->submit(std::move(s), done); });
    EXPECT_TRUE(made) << made.error().message;
    return made ? made->task : nullptr;
  }

  std::vector<Lease> claim(int limit = 1, const std::string& node = "n") {
    auto leases = wait<std::vector<Lease>>([&](auto done) { store_->claim(node, limit, done); });
    EXPECT_TRUE(leases);
    return leases ? *leases : std::vector<Lease>{};
  }

  static UnitRef ref(const Lease& lease) { return {lease.unit, lease.attempt, lease.task->id}; }

  static UnitOutcome success() {
    UnitOutcome outcome;
    outcome.outputs = {Output{}};
    outcome.outputs[0].name = "one";
    outcome.outputs[0].state = OutputState::kSucceeded;
    return outcome;
  }

  Result<TaskPtr> commit(const Lease& lease, UnitOutcome outcome = success()) {
    return wait<TaskPtr>([&](auto done) { store_->commit(ref(lease), outcome, done); });
  }

  Result<TaskPtr> fail_unit(const Lease& lease, ErrorCode code) {
    return wait<TaskPtr>(
        [&](auto done) { store_->fail(ref(lease), Error{code, "it went wrong", ""}, done); });
  }

  std::vector<std::string> purge() {
    auto gone = wait<std::vector<std::string>>(
        [&](auto done) { store_->purge(now_ms() + 1000, 100, done); });
    EXPECT_TRUE(gone);
    return *gone;
  }

  File add_file(const std::string& object) {
    File file;
    file.account = "a";
    file.object = object;
    return *wait<File>([&](auto done) { store_->create_file(file, {}, done); });
  }

  std::vector<std::string> types(Id id) {
    std::vector<std::string> out;
    auto events = store_->history(id);
    for (const Event& e : *events) out.push_back(e.type);
    return out;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

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

TEST_F(StoreTest, AUnitGoesFromClaimToCommitAndTheHistoryTellsIt) {
  const auto task = submit();
  const auto leases = claim();
  ASSERT_EQ(leases.size(), 1U);
  EXPECT_EQ(leases[0].task->state, TaskState::kRunning);
  EXPECT_EQ(leases[0].attempt, 1);
  EXPECT_TRUE(claim().empty());
  const auto done = commit(leases[0]);
  ASSERT_TRUE(done);
  EXPECT_EQ((*done)->state, TaskState::kSucceeded);
  EXPECT_GT((*done)->finished, 0);
  EXPECT_EQ(types(task->id), (Types{"task.queued", "task.running", "task.succeeded"}));
}

TEST_F(StoreTest, UnitsThatFollowAreClaimableAfterTheCommitThatMakesThem) {
  auto s = submission();
  s.units[0].kind = UnitKind::kFetch;
  const auto task = submit(s);
  auto leases = claim();
  ASSERT_EQ(leases.size(), 1U);
  EXPECT_EQ(leases[0].task->state, TaskState::kDownloading);
  UnitOutcome outcome;
  outcome.next = {NewUnit{UnitKind::kEncode, {{"fetched", true}}}};
  ASSERT_TRUE(commit(leases[0], outcome));
  leases = claim();
  ASSERT_EQ(leases.size(), 1U);
  EXPECT_EQ(leases[0].kind, UnitKind::kEncode);
  EXPECT_TRUE(leases[0].payload.contains("fetched"));
  EXPECT_EQ(leases[0].task->state, TaskState::kRunning);
}

TEST_F(StoreTest, HigherPriorityIsClaimedFirstThenTheOldest) {
  const auto first = submit();
  const auto second = submit();
  auto s = submission();
  s.task.spec.priority = 5;
  const auto urgent = submit(s);
  const auto leases = claim(3);
  ASSERT_EQ(leases.size(), 3U);
  EXPECT_EQ(leases[0].task->id, urgent->id);
  EXPECT_EQ(leases[1].task->id, first->id);
  EXPECT_EQ(leases[2].task->id, second->id);
}

TEST_F(StoreTest, ATaskThatHasBegunGoesOnBeforeOthersBegin) {
  auto s = submission();
  s.units[0].kind = UnitKind::kFetch;
  const auto first = submit(s);
  const auto second = submit(s);
  auto leases = claim(1);
  ASSERT_EQ(leases.size(), 1U);
  UnitOutcome outcome;
  outcome.next = {NewUnit{UnitKind::kEncode, {}}};
  ASSERT_TRUE(commit(leases[0], outcome));
  leases = claim(2);
  ASSERT_EQ(leases.size(), 2U);
  EXPECT_EQ(leases[0].task->id, first->id);
  EXPECT_EQ(leases[0].kind, UnitKind::kEncode);
  EXPECT_EQ(leases[1].task->id, second->id);
}

TEST_F(StoreTest, ManyClaimersNeverGetTheSameUnit) {
  constexpr int kTasks = 200;
  for (int i = 0; i < kTasks; ++i) submit();
  std::mutex mutex;
  std::multiset<std::int64_t> claimed;
  std::vector<std::thread> claimers;
  for (int t = 0; t < 8; ++t) {
    claimers.emplace_back([&, t] {
      while (true) {
        const auto leases = claim(3, "node-" + std::to_string(t));
        if (leases.empty()) return;
        const std::lock_guard lock(mutex);
        for (const Lease& lease : leases) claimed.insert(lease.unit);
      }
    });
  }
  for (auto& claimer : claimers) claimer.join();
  EXPECT_EQ(claimed.size(), static_cast<std::size_t>(kTasks));
  EXPECT_EQ(std::set(claimed.begin(), claimed.end()).size(), static_cast<std::size_t>(kTasks));
}

TEST_F(StoreTest, ARetryableFailureIsTriedAgainUntilAttemptsRunOut) {
  auto s = submission();
  s.task.spec.max_attempts = 2;
  const auto task = submit(s);
  auto leases = claim();
  auto after = fail_unit(leases[0], ErrorCode::kInputUnreachable);
  ASSERT_TRUE(after);
  EXPECT_EQ((*after)->state, TaskState::kRunning);
  EXPECT_TRUE(claim().empty()) << "backoff comes before the next attempt";
  std::this_thread::sleep_for(std::chrono::milliseconds(retry_delay(1) + 50));
  leases = claim();
  ASSERT_EQ(leases.size(), 1U);
  EXPECT_EQ(leases[0].attempt, 2);
  after = fail_unit(leases[0], ErrorCode::kInputUnreachable);
  EXPECT_EQ((*after)->state, TaskState::kFailed);
  EXPECT_EQ((*after)->error->code, ErrorCode::kInputUnreachable);
  EXPECT_EQ((*after)->outputs[0].state, OutputState::kFailed);
  EXPECT_EQ(types(task->id),
            (Types{"task.queued", "task.running", "unit.failed", "unit.started", "task.failed"}));
}

TEST_F(StoreTest, AKilledProcessCostsNoAttempt) {
  auto s = submission();
  s.task.spec.max_attempts = 1;
  const auto task = submit(s);
  for (int i = 0; i < 5; ++i) {
    const auto leases = claim();
    ASSERT_EQ(leases.size(), 1U);
    EXPECT_EQ((*fail_unit(leases[0], ErrorCode::kWorkerLost))->state, TaskState::kRunning);
  }
  EXPECT_EQ((*commit(claim()[0]))->state, TaskState::kSucceeded);
}

TEST_F(StoreTest, PeekAnswersFromTheDiskWithoutMakingATask) {
  const auto task = submit();
  EXPECT_TRUE(store_->peek(task->id)->cached);
  open();
  const auto stored = store_->peek(task->id);
  ASSERT_TRUE(stored);
  EXPECT_FALSE(stored->cached);
  EXPECT_EQ(stored->account, "a");
  EXPECT_EQ(stored->view, json::serialize(view_of(*task)));
  EXPECT_TRUE(store_->peek(task->id)->cached) << "asked for again, it is worth keeping";
}

TEST_F(StoreTest, AFinalFailureEndsTheTaskAtOnce) {
  submit();
  const auto after = fail_unit(claim()[0], ErrorCode::kNotMedia);
  EXPECT_EQ((*after)->state, TaskState::kFailed);
  EXPECT_TRUE(claim().empty());
}

TEST_F(StoreTest, ACancelledTaskLosesItsUnitAndRefusesTheLateCommit) {
  const auto task = submit();
  const auto lease = claim()[0];
  const auto cancelled = wait<TaskPtr>([&](auto done) { store_->cancel("a", task->id, done); });
  ASSERT_TRUE(cancelled);
  EXPECT_EQ((*cancelled)->state, TaskState::kCancelled);
  EXPECT_EQ(commit(lease).error().code, ErrorCode::kConflict);
  EXPECT_EQ((*store_->get(task->id))->state, TaskState::kCancelled);
  const auto again = wait<TaskPtr>([&](auto done) { store_->cancel("a", task->id, done); });
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
}

TEST_F(StoreTest, AnotherAccountsTaskCannotBeCancelledOrRetried) {
  const auto task = submit();
  EXPECT_EQ(wait<TaskPtr>([&](auto done) { store_->cancel("b", task->id, done); }).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(wait<TaskPtr>([&](auto done) { store_->retry("b", task->id, done); }).error().code,
            ErrorCode::kNotFound);
}

TEST_F(StoreTest, AFailedTaskIsRetriedUnderTheSameId) {
  const auto task = submit();
  (void)fail_unit(claim()[0], ErrorCode::kNotMedia);
  const auto retried = wait<TaskPtr>([&](auto done) { store_->retry("a", task->id, done); });
  ASSERT_TRUE(retried);
  EXPECT_EQ((*retried)->state, TaskState::kQueued);
  EXPECT_FALSE((*retried)->error);
  const auto leases = claim();
  ASSERT_EQ(leases.size(), 1U);
  EXPECT_EQ((*commit(leases[0]))->state, TaskState::kSucceeded);
  EXPECT_EQ(wait<TaskPtr>([&](auto done) { store_->retry("a", task->id, done); }).error().code,
            ErrorCode::kConflict);
}

TEST_F(StoreTest, ASilentNodeLosesItsUnitAndItsLateCommitIsRefused) {
  open(/*lease=*/300);
  const auto task = submit();
  ASSERT_TRUE(wait<bool>([&](auto done) { store_->beat("slow", done); }));
  const auto lost = claim(1, "slow");
  ASSERT_EQ(lost.size(), 1U);
  std::vector<Lease> taken;
  for (int i = 0; i < 100 && taken.empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    (void)wait<bool>([&](auto done) { store_->beat("quick", done); });
    taken = claim(1, "quick");
  }
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].attempt, 2);
  EXPECT_EQ(commit(lost[0]).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(commit(taken[0]));
  EXPECT_EQ(types(task->id),
            (Types{"task.queued", "task.running", "unit.lost", "unit.started", "task.succeeded"}));
}

TEST_F(StoreTest, ANodeOfAnotherProcessThatDiedIsFoundByItsFreeLock) {
  const auto task = submit();
  // A second handle on the same directory stands for another process: its node's lock is gone
  // with it, long before the lease would end.
  {
    auto other = open_sqlite_store({directory_.path(), 15'000, 10, true});
    ASSERT_TRUE(other);
    std::promise<void> beaten;
    (*other)->beat("other", [&](auto) { beaten.set_value(); });
    beaten.get_future().wait();
    std::promise<std::size_t> claimed;
    (*other)->claim("other", 1, [&](auto leases) { claimed.set_value(leases->size()); });
    ASSERT_EQ(claimed.get_future().get(), 1U);
  }
  std::vector<Lease> taken;
  for (int i = 0; i < 60 && taken.empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    taken = claim();
  }
  EXPECT_EQ(taken.size(), 1U);
}

TEST_F(StoreTest, CommitsOfAnotherProcessReachReadersAndListeners) {
  const auto task = submit();
  std::promise<TaskState> heard;
  std::atomic<bool> once = false;
  store_->subscribe([&](const Change& change) {
    if (!once.exchange(true)) heard.set_value(change.task->state);
  });
  auto other = open_sqlite_store({directory_.path(), 15'000, 10, true});
  ASSERT_TRUE(other);
  (*other)->cancel("a", task->id, {});
  auto future = heard.get_future();
  ASSERT_EQ(future.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(future.get(), TaskState::kCancelled);
  EXPECT_EQ((*store_->get(task->id))->state, TaskState::kCancelled);
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
  Submission s = submission();
  s.units[0].delay = 200;
  submit(std::move(s));
  EXPECT_TRUE(claim().empty());
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  EXPECT_EQ(claim().size(), 1U);
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
