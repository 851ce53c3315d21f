#include "service/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "store_fixture.h"

namespace telecine {
namespace {

class FilesTest : public StoreFixture {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    auto objects = object::LocalObjects::open(directory_.path());
    ASSERT_TRUE(objects);
    objects_.emplace(std::move(*objects));
    ASSERT_TRUE(make_directories(directory_.path() + "/uploads"));
    files_.emplace(*store_, *objects_, directory_.path(), 1 << 20, 0);
  }

  UploadState begin(const std::string& bytes) {
    auto made = wait<UploadState>([&](auto done) {
      files_->create_upload("a", "clip", static_cast<std::int64_t>(bytes.size()), done);
    });
    EXPECT_TRUE(made);
    return *made;
  }

  Result<UploadState> send(const std::string& id, std::int64_t offset, const std::string& bytes) {
    auto upload = files_->append("a", id, offset);
    if (!upload) return std::unexpected(upload.error());
    if (auto ok = (*upload)->write(bytes); !ok) return std::unexpected(ok.error());
    return wait<UploadState>([&](auto done) { (*upload)->finish(done); });
  }

  std::optional<object::LocalObjects> objects_;
  std::optional<Files> files_;
};

TEST_F(FilesTest, AnUploadEndsAsOneFileHoweverOftenItsEndIsAskedFor) {
  const auto begun = begin("0123456789");
  ASSERT_EQ(send(begun.id, 0, "01234")->offset, 5);
  const auto ended = send(begun.id, 5, "56789");
  ASSERT_TRUE(ended && ended->file);
  EXPECT_EQ(files_->upload_state("a", begun.id)->file, ended->file);
  EXPECT_EQ(send(begun.id, 10, "")->file, ended->file);
  EXPECT_EQ(files_->list("a", 0, 10)->size(), 1U);
  EXPECT_EQ(files_->get("a", *ended->file)->md5, "781e5e245d69b566979b86e28d23f2c7");
}

TEST_F(FilesTest, AFileAndTheRecordOfItsUploadAreOneWrite) {
  File file;
  file.account = "a";
  file.object = std::string(32, 'b');
  const auto made = wait<File>([&](auto done) {
    store_->create_file(file, Record{"upload", "a", "u", {{"name", "clip"}}}, done);
  });
  ASSERT_TRUE(made);
  const auto record = store_->get_record("upload", "a", "u");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->at("file").as_string(), made->id.hex());
  EXPECT_EQ(record->at("name").as_string(), "clip");
}

TEST_F(FilesTest, AnUploadWhoseBytesBecameAnObjectBeforeACrashIsEndedByAskingAgain) {
  const auto begun = begin("abc");
  const std::string folder = directory_.path() + "/uploads/" + begun.id;
  ASSERT_TRUE(write_file_durably(folder + "/source", "abc"));
  const std::string name = kFileBytes;
  ASSERT_TRUE(objects_->publish(folder, begun.id, std::span(&name, 1)));
  const auto ended = send(begun.id, 3, "");
  ASSERT_TRUE(ended && ended->file);
  EXPECT_EQ(files_->get("a", *ended->file)->size, 3);
  EXPECT_TRUE(files_->open(*files_->get("a", *ended->file)));
}

TEST_F(FilesTest, ObjectsThatNobodyHasAreCollectedOnceTheyAreOld) {
  const auto publish = [&](const std::string& hex, bool old) {
    const auto work = objects_->prepare({hex, 1, 1});
    const std::string name = kFileBytes;
    EXPECT_TRUE(write_file_durably(*work + "/" + name, "bytes"));
    EXPECT_TRUE(objects_->publish(*work, hex, std::span(&name, 1)));
    const std::string path =
        directory_.path() + "/objects/" + hex.substr(28, 2) + "/" + hex.substr(30, 2) + "/" + hex;
    const timespec times[2] = {{1000, 0}, {1000, 0}};
    if (!old) return;
    EXPECT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  };
  Submission submission;
  submission.task.account = "a";
  const auto task =
      wait<Submitted>([&](auto done) { store_->submit(std::move(submission), done); })->task;
  File file;
  file.object = std::string(32, 'b');
  ASSERT_TRUE(wait<File>([&](auto done) { store_->create_file(file, {}, done); }));
  const std::string orphan(32, 'c');
  const std::string fresh(32, 'd');
  for (const auto& hex : {task->id.hex(), file.object, orphan}) publish(hex, true);
  publish(fresh, false);
  files_->collect(now_ms() - 60'000, {});
  EXPECT_FALSE(objects_->open(orphan, kFileBytes));
  for (const auto& hex : {task->id.hex(), file.object, fresh}) {
    EXPECT_TRUE(objects_->open(hex, kFileBytes)) << hex;
  }
}

}  // namespace
}  // namespace telecine
