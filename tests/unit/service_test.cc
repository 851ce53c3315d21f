#include "service/service.h"

#include <gtest/gtest.h>

#include <future>

#include "temporary_directory.h"

namespace telecine {
namespace {

class ServiceTest : public ::testing::Test {
 protected:
  static ServiceOptions options_in(const std::string& directory) {
    ServiceOptions options;
    options.data_dir = directory;
    return options;
  }

  static Caller caller(const std::string& account = "a") {
    auto key = std::make_shared<AccessKey>();
    key->id = "key-of-" + account;
    key->account = account;
    return Caller{std::move(key)};
  }

  Result<Submitted> submit(TaskRequest request) {
    std::promise<Result<Submitted>> promise;
    service_.submit(caller(), std::move(request),
                    [&](Result<Submitted> made) { promise.set_value(std::move(made)); });
    return promise.get_future().get();
  }

  static TaskRequest request() {
    TaskRequest request;
    request.input = "http://1.1.1.1/a.mp4";
    return request;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_ = open_sqlite_store({.directory = directory_.path()}).value();
  object::LocalObjects objects_ = object::LocalObjects::open(directory_.path()).value();
  object::LinkSigner signer_ = object::LinkSigner::open(directory_.path()).value();
  object::AddressRules rules_ = object::AddressRules::parse({}).value();
  Keyring keys_{*store_, "", {}};
  Storages storages_{*store_,
                     object::Endpoints::make(
                         {{.name = "cloud", .region = "r", .access_key = "a", .secret_key = "s"}})
                         .value(),
                     std::string(32, 'k'),
                     {}};
  Service service_{
      *store_, objects_, signer_, rules_, keys_, storages_, options_in(directory_.path())};
};

TEST_F(ServiceTest, OutputsThatGoElsewhereAreNeitherKeptHereNorMadeOneByOne) {
  const auto ask = [&](bool keep, bool stills_first) {
    TaskRequest wanted = request();
    wanted.destination = Destination{.endpoint = "cloud", .bucket = "results"};
    if (keep) wanted.keep.outputs["1080p"] = "kept";
    wanted.stills_first = stills_first;
    return submit(std::move(wanted));
  };
  const auto plain = ask(false, false);
  EXPECT_TRUE(plain) << plain.error().message;
  for (const auto& refused : {ask(true, false), ask(false, true), ask(true, true)}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidParameter);
    EXPECT_EQ(refused.error().field, "destination");
  }
}

TEST_F(ServiceTest, ADialectFindsItsOwnTasksAndHearsWhichAreAnotherAccounts) {
  TaskRequest wanted = request();
  wanted.origin = "feishu";
  const auto own = submit(std::move(wanted));
  const auto other = submit(request());
  ASSERT_TRUE(own && other);
  const Id id = own->task->id;
  EXPECT_TRUE(service_.get_of(caller(), "feishu", id));
  EXPECT_TRUE(service_.get_of(caller(), "feishu", id.key));
  EXPECT_EQ(service_.get_of(caller("b"), "feishu", id.key).error().code, ErrorCode::kForbidden);
  EXPECT_EQ(service_.get_of(caller("b"), "feishu", id).error().code, ErrorCode::kForbidden);
  for (const auto& account : {"a", "b"}) {
    const auto hidden = service_.get_of(caller(account), "feishu", other->task->id.key);
    EXPECT_EQ(hidden.error().code, ErrorCode::kNotFound) << account;
  }
}

}  // namespace
}  // namespace telecine
