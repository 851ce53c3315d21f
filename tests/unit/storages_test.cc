#include "work/storages.h"

#include <gtest/gtest.h>

#include "base/fs.h"
#include "store_fixture.h"

namespace telecine {
namespace {

class StoragesTest : public StoreFixture {
 protected:
  Storages storages(const std::string& key = std::string(32, 'k'),
                    const std::string& earlier = {}) {
    auto endpoints = object::Endpoints::make({{.name = "lab",
                                               .region = "us-east-1",
                                               .url = "http://127.0.0.1:7480",
                                               .access_key = "a",
                                               .secret_key = "s"}});
    return Storages(*store_, *endpoints, key, {}, earlier);
  }

  Storage add(Storages& storages) {
    Storage storage;
    storage.account = "a";
    storage.type = "s3";
    storage.region = "us-east-1";
    storage.bucket = "results";
    storage.access_key = "id";
    storage.secret_key = "secret";
    auto added = wait<Storage>([&](auto done) { storages.add(storage, done); });
    EXPECT_TRUE(added) << added.error().message;
    return *added;
  }
};

TEST_F(StoragesTest, OneThatWasRemovedIsReadButNotWritten) {
  Storages all = storages();
  const Destination there{.storage = add(all).id};
  EXPECT_TRUE(all.publishing_place("a", there));
  ASSERT_TRUE(wait<bool>([&](auto done) { all.remove("a", there.storage, done); }));
  EXPECT_TRUE(all.place_of("a", there));
  const auto refused = all.publishing_place("a", there);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kStorageDenied);
  EXPECT_NE(refused.error().message.find("was removed"), std::string::npos);
  add(all);
  EXPECT_TRUE(all.publishing_place("a", there));
}

TEST_F(StoragesTest, AMasterKeyThatCameLaterOpensWhatWasSealedBefore) {
  const std::string file = directory_.path() + "/seal.key";
  const auto before = seal_keys("", file);
  ASSERT_TRUE(before);
  Storages first = storages(before->current, before->earlier);
  const std::string id = add(first).id;

  const std::string master(32, 'm');
  const auto after = seal_keys(master, file);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->current, master);
  Storages second = storages(after->current, after->earlier);
  ASSERT_TRUE(second.find("a", id)) << second.find("a", id).error().message;
  EXPECT_EQ(second.find("a", id)->secret_key, "secret");
  EXPECT_EQ(storages(master).find("a", id).error().code, ErrorCode::kUnavailable);

  // Written anew, it needs the master key alone.
  ASSERT_TRUE(wait<bool>([&](auto done) { second.remove("a", id, done); }));
  add(second);
  EXPECT_TRUE(storages(master).find("a", id));
  EXPECT_FALSE(first.find("a", id));
}

TEST_F(StoragesTest, WithAMasterKeyFromTheStartNoOtherIsMade) {
  const std::string file = directory_.path() + "/seal.key";
  ASSERT_TRUE(seal_keys(std::string(32, 'm'), file));
  EXPECT_FALSE(read_file(file, 100));
}

}  // namespace
}  // namespace telecine
