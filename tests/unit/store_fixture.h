#pragma once

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <utility>

#include "store/store.h"
#include "temporary_directory.h"

namespace telecine {

/// A store on a directory of its own.
class StoreFixture : public ::testing::Test {
 protected:
  void SetUp() override { open(); }

  /// Closes it and opens it again: nothing but the disk remembers.
  void open(Millis lease = 15'000) {
    store_.reset();
    auto opened = open_sqlite_store({directory_.path(), lease, 1000, true});
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }

  /// Turns a call with a callback into one that waits.
  template <typename T, typename Call>
  static Result<T> wait(Call call) {
    std::promise<Result<T>> promise;
    call([&](Result<T> result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }

  TaskPtr submit(Submission submission) {
    auto made = wait<Submitted>([&](auto done) { store_->submit(std::move(submission), done); });
    EXPECT_TRUE(made) << made.error().message;
    return made ? made->task : nullptr;
  }

  std::vector<Lease> claim(int limit = 1, const std::string& node = "n") {
    auto leases = wait<std::vector<Lease>>([&](auto done) { store_->claim(node, limit, done); });
    EXPECT_TRUE(leases);
    return leases ? *leases : std::vector<Lease>{};
  }

  static UnitRef ref(const Lease& lease) { return {lease.unit, lease.attempt, lease.task->id}; }

  Result<TaskPtr> commit(const Lease& lease, UnitOutcome outcome) {
    return wait<TaskPtr>([&](auto done) { store_->commit(ref(lease), outcome, done); });
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

/// Every driver of the store must pass these; they see nothing but the interface.
class StoreTest : public StoreFixture {
 protected:
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

  using StoreFixture::submit;
  TaskPtr submit() { return submit(submission()); }

  static UnitOutcome success() {
    UnitOutcome outcome;
    outcome.outputs = {Output{}};
    outcome.outputs[0].name = "one";
    outcome.outputs[0].state = OutputState::kSucceeded;
    return outcome;
  }

  using StoreFixture::commit;
  Result<TaskPtr> commit(const Lease& lease) { return commit(lease, success()); }

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
};

}  // namespace telecine
