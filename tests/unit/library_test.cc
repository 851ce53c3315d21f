#include <gtest/gtest.h>

#include "base/fs.h"
#include "object/local.h"
#include "store_fixture.h"

namespace telecine {
namespace {

/// Files that tasks make, and what shows of a task before its unit ends.
class LibraryTest : public StoreFixture {
 protected:
  Lease begin(UnitKind kind, std::string callback_url = "") {
    Submission s;
    s.task.account = "a";
    s.task.spec.input = "http://example.net/a.mp4";
    s.task.spec.callback_url = std::move(callback_url);
    s.task.spec.callback_changes = true;
    s.task.outputs.resize(2);
    s.task.outputs[0].name = "one";
    s.task.outputs[1].name = "two";
    s.units = {NewUnit{kind, {}}};
    submit(std::move(s));
    return claim_one();
  }

  Lease claim_one() { return claim().at(0); }

  Result<TaskPtr> checkpoint(const Lease& lease, UnitOutcome outcome) {
    return wait<TaskPtr>([&](auto done) { store_->checkpoint(ref(lease), outcome, done); });
  }

  static NewFile file(const std::string& output) {
    File made;
    made.account = "a";
    made.name = "kept";
    made.object = std::string(32, 'b');
    return {output, made};
  }
};

TEST_F(LibraryTest, AnInputBecomesAFileInTheCommitThatFetchedIt) {
  UnitOutcome fetched;
  fetched.files = {file("")};
  fetched.next = {NewUnit{}};
  const auto task = commit(begin(UnitKind::kFetch), fetched);
  ASSERT_TRUE(task);
  const auto id = input_file(**task);
  ASSERT_TRUE(id);
  const auto kept = store_->get_file(*id);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->name, "kept");
  EXPECT_GT(kept->created, 0);
  EXPECT_FALSE(kept->facts);
  EXPECT_EQ(store_->get_file_by_key(id->key)->id, *id);

  UnitOutcome encoded;
  encoded.source = MediaFacts{};
  encoded.source->duration = 1234;
  encoded.outputs = (*task)->outputs;
  encoded.outputs[0].state = OutputState::kSucceeded;
  encoded.files = {file("one")};
  const auto ended = commit(claim_one(), encoded);
  ASSERT_TRUE(ended);
  EXPECT_EQ(input_file(**ended), id);
  const auto clip = output_file(**ended, "one");
  ASSERT_TRUE(clip);
  EXPECT_NE(*clip, *id);
  EXPECT_FALSE(output_file(**ended, "two"));
  EXPECT_EQ(store_->get_file(*id)->facts->duration, 1234);
}

TEST_F(LibraryTest, ACommitThatIsRefusedMakesNoFile) {
  Lease lease = begin(UnitKind::kFetch);
  lease.attempt += 1;
  UnitOutcome outcome;
  outcome.files = {file("")};
  EXPECT_EQ(commit(lease, outcome).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(store_->list_files("a", 0, 10)->empty());
}

TEST_F(LibraryTest, ARetryKeepsTheFilesOfTheRunBefore) {
  const auto keep = [&](const Lease& lease, const std::string& output, char object) {
    UnitOutcome outcome;
    outcome.files = {file(output)};
    outcome.files[0].file.object = std::string(32, object);
    return checkpoint(lease, outcome);
  };
  Submission s;
  s.task.account = "a";
  s.task.spec.input = "http://example.net/a.mp4";
  s.task.spec.keep = {"input", {{"one", "clip"}}};
  s.task.outputs.resize(1);
  s.task.outputs[0].name = "one";
  s.units = {NewUnit{UnitKind::kFetch, {}}};
  ASSERT_TRUE(wait<Submitted>([&](auto done) { store_->submit(std::move(s), done); }));
  const Lease first = claim_one();
  ASSERT_TRUE(keep(first, "", 'b'));
  const auto before = keep(first, "one", 'c');
  ASSERT_TRUE(before);
  const Error broken{ErrorCode::kNotMedia, "broken", {}};
  ASSERT_TRUE(wait<TaskPtr>([&](auto done) { store_->fail(ref(first), broken, done); }));
  ASSERT_TRUE(wait<TaskPtr>([&](auto done) { store_->retry("a", first.task->id, done); }));
  const Lease second = claim_one();
  ASSERT_TRUE(keep(second, "", 'd'));
  const auto after = keep(second, "one", 'e');
  ASSERT_TRUE(after);
  EXPECT_EQ(input_file(**after), input_file(**before));
  EXPECT_EQ(output_file(**after, "one"), output_file(**before, "one"));
  EXPECT_EQ(store_->list_files("a", 0, 10)->size(), 2U);
  EXPECT_EQ(store_->get_file(*input_file(**after))->object, std::string(32, 'd'));
  EXPECT_EQ(store_->get_file(*output_file(**after, "one"))->object, std::string(32, 'e'));
}

TEST_F(LibraryTest, ACheckpointShowsOutputsWhileTheUnitGoesOn) {
  const Lease lease = begin(UnitKind::kEncode, "http://example.net/hook");
  UnitOutcome some;
  some.outputs = lease.task->outputs;
  some.outputs[0].state = OutputState::kSucceeded;
  some.files = {file("one")};
  auto task = checkpoint(lease, some);
  ASSERT_TRUE(task);
  EXPECT_EQ((*task)->state, TaskState::kRunning);
  EXPECT_EQ((*task)->outputs[0].state, OutputState::kSucceeded);
  EXPECT_EQ((*task)->outputs[1].state, OutputState::kRunning);
  EXPECT_EQ(store_->deliveries_of(lease.task->id)->size(), 1U);

  UnitOutcome all = some;
  all.outputs[1].state = OutputState::kSucceeded;
  all.files = {file("two")};
  task = commit(lease, all);
  ASSERT_TRUE(task);
  EXPECT_EQ((*task)->state, TaskState::kSucceeded);
  EXPECT_TRUE(output_file(**task, "one"));
  EXPECT_TRUE(output_file(**task, "two"));
  EXPECT_EQ(store_->deliveries_of(lease.task->id)->back().type, "task.succeeded");
  EXPECT_EQ(checkpoint(lease, some).error().code, ErrorCode::kConflict);
}

TEST(SharedObjects, OutliveTheObjectTheyWereMadeFrom) {
  const TemporaryDirectory directory;
  const auto objects = object::LocalObjects::open(directory.path());
  ASSERT_TRUE(objects);
  const std::string first(32, 'a');
  const std::string second(32, 'b');
  const auto work = objects->prepare({first, 1, 1});
  ASSERT_TRUE(work);
  ASSERT_TRUE(write_file_durably(*work + "/clip.mp4", "bytes"));
  const std::string name = "clip.mp4";
  ASSERT_TRUE(objects->publish(*work, first, std::span(&name, 1)));
  ASSERT_TRUE(objects->share({first, name}, {second, kFileBytes}));
  objects->remove(first);
  EXPECT_FALSE(objects->open(first, name));
  EXPECT_TRUE(objects->open(second, kFileBytes));
  EXPECT_EQ(objects->share({first, name}, {second, "other"}).error().code, ErrorCode::kNotFound);
}

TEST(Keep, SurvivesInAStoredTask) {
  Task task;
  TaskSpec& spec = task.spec;
  spec.keep = {"source.mp4", {{"clip", "part"}}};
  spec.input_md5 = std::string(32, '0');
  spec.stills_first = true;
  spec.callback_changes = true;
  const auto stored = task_from(view_of(task), rest_of(task), task.id, 1);
  ASSERT_TRUE(stored);
  const TaskSpec& read = stored->spec;
  EXPECT_EQ(read.keep, spec.keep);
  EXPECT_EQ(read.input_md5, spec.input_md5);
  EXPECT_TRUE(read.stills_first);
  EXPECT_TRUE(read.callback_changes);
}

}  // namespace
}  // namespace telecine
