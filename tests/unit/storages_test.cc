#include "work/storages.h"

#include <gtest/gtest.h>

#include <future>

#include "temporary_directory.h"

namespace telecine {
namespace {

class StoragesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = open_sqlite_store({directory_.path(), 15'000, 1000, true});
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }

  template <typename T, typename Call>
  Result<T> wait(Call call) {
    std::promise<Result<T>> promise;
    call([&](Result<T> result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }

  Storages storages(const std::string& key = std::string(32, 'k')) {
    auto endpoints = object::Endpoints::make({{.name = "lab",
                                               .region = "us-east-1",
                                               .url = "http://127.0.0.1:7480",
                                               .access_key = "a",
                                               .secret_key = "s"}});
    return Storages(*store_, *endpoints, key, {});
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

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
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

}  // namespace
}  // namespace telecine
