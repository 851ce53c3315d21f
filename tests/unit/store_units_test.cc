#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include "base/crypto.h"
#include "store/sqlite.h"
#include "store_fixture.h"

namespace telecine {
namespace {

using Types = std::vector<std::string>;

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

TEST_F(StoreTest, WhatWasAnsweredIsSeenByWhoeverPeeksAfterwards) {
  // A cache so small that nearly all come from the disk, and others who peek all the while.
  store_ = *open_sqlite_store({directory_.path(), 15'000, 1, false});
  std::vector<Id> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(submit()->id);
  std::atomic<bool> over = false;
  std::vector<std::jthread> others;
  for (int i = 0; i < 3; ++i) {
    others.emplace_back([&, i] {
      for (std::size_t at = static_cast<std::size_t>(i); !over; at += 7) {
        EXPECT_TRUE(store_->peek(ids[at % ids.size()]));
      }
    });
  }
  int from_disk = 0;
  for (const Id id : ids) {
    ASSERT_TRUE(wait<TaskPtr>([&](auto done) { store_->cancel("a", id, done); }));
    for (const Id earlier : ids) {
      const auto seen = store_->peek(earlier);
      ASSERT_TRUE(seen);
      from_disk += seen->cached ? 0 : 1;
      EXPECT_EQ(seen->cached ? seen->cached->state : seen->state, TaskState::kCancelled);
      if (earlier == id) break;
    }
  }
  over = true;
  EXPECT_GT(from_disk, 100);
}

/// The log of the store in a directory, bytes.
std::uintmax_t log_size(const std::string& directory) {
  return std::filesystem::file_size(directory + "/telecine.db-wal");
}

TEST_F(StoreTest, OthersCommitsAreSeenByWhoeverPeeksAndDoNotPileUp) {
  // Without work of its own; the other process's worker does it all.
  store_ = *open_sqlite_store({directory_.path(), 15'000, 1, false});
  std::vector<Id> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(submit()->id);
  const auto other = *open_sqlite_store({directory_.path(), 15'000, 1, false});
  const auto beat = [&] { return wait<bool>([&](auto done) { other->beat("other", done); }); };
  ASSERT_TRUE(beat());
  std::atomic<bool> over = false;
  std::jthread reading([&] {
    for (std::size_t at = 0; !over; ++at) EXPECT_TRUE(store_->peek(ids[at % ids.size()]));
  });
  std::this_thread::sleep_for(std::chrono::seconds(1));  // until its worker is noticed
  std::uintmax_t most = 0;
  std::string large(200'000, ' ');
  for (char& c : large) c = static_cast<char>('a' + random_u64() % 26);
  for (int i = 0; i < 400; ++i) {
    Submission s = submission("other");
    s.task.spec.input = large;
    ASSERT_TRUE(wait<Submitted>([&](auto done) { other->submit(std::move(s), done); }));
    most = std::max(most, log_size(directory_.path()));
  }
  EXPECT_LT(most, 48U << 20) << "the log is begun anew, although there is always a reader";
  ASSERT_TRUE(wait<TaskPtr>([&](auto done) { other->cancel("a", ids[7], done); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ((*store_->get(ids[7]))->state, TaskState::kCancelled);
  over = true;
}

TEST_F(StoreTest, ATaskThatCannotBeReadIsNotInTheWayOfOthers) {
  const auto damaged = submit();
  const auto good = submit();
  store_.reset();
  sqlite::Database db(directory_.path() + "/telecine.db", sqlite::Database::Mode::kReadWrite);
  db.prepare("UPDATE task SET view = x'0102' WHERE key = ?1").bind(1, damaged->id.key).run();
  open();
  EXPECT_EQ(store_->get(damaged->id).error().code, ErrorCode::kInternal);
  EXPECT_TRUE(claim(1).empty()) << "it is looked at, and its unit goes";
  const auto leases = claim(1);
  ASSERT_EQ(leases.size(), 1U);
  EXPECT_EQ(leases[0].task->id, good->id);
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

}  // namespace
}  // namespace telecine
