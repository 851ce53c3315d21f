#include <future>

#include "base/crypto.h"
#include "base/log.h"
#include "service/service.h"

namespace telecine {
namespace {

constexpr auto kInstallation = "installation";

}  // namespace

void Service::set_meetings(MeetingStore& meetings, std::vector<IngestKey> keys, Millis retention) {
  meetings_ = &meetings;
  ingest_keys_ = std::move(keys);
  meeting_retention_ = retention;
}

Result<std::string> Service::ingest_account(std::string_view token) {
  const auto refuse = [] {
    return fail(ErrorCode::kUnauthorized, "send \"Authorization: Bearer <ingest key>\"");
  };
  if (const auto developer = this->developer()) return developer->account();
  if (ingest_keys_.empty()) {
    auto key = keys_.by_token(token);
    if (!key) {
      if (key.error().code == ErrorCode::kUnauthorized) return refuse();
      return std::unexpected(key.error());
    }
    if (!(*key)->may(Scope::kWrite)) return refuse();
    return (*key)->account;
  }
  const IngestKey* found = nullptr;
  for (const IngestKey& key : ingest_keys_) {
    if (equal_constant_time(key.key, token)) found = &key;
  }
  if (found == nullptr) return refuse();
  return found->account;
}

Result<OpenObject> Service::open_output(const OutputFile& file) {
  const auto name = object::parse_object_url(file.url);
  if (!name) return fail(ErrorCode::kNotFound, "the file is not kept here");
  auto object = open_checked(*name);
  if (object) object->etag = file.md5;
  return object;
}

Result<std::string> Service::installation_key(const std::string& purpose) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto record = store_.get_record(kInstallation, "", "key");
    if (record) {
      const auto secret = unhex(LooseReader(*record).text("secret"));
      if (!secret) return fail(ErrorCode::kInternal, "the installation's key cannot be read");
      return hmac_sha256(*secret, purpose);
    }
    if (record.error().code != ErrorCode::kNotFound) return std::unexpected(record.error());
    std::promise<Result<bool>> made;
    store_.put_record(kInstallation, "", "key", {{"secret", hex(random_bytes(32))}}, true,
                      [&](Result<bool> put) { made.set_value(std::move(put)); });
    // Another process may have been faster: its key counts.
    if (auto put = made.get_future().get(); !put && put.error().code != ErrorCode::kConflict) {
      return std::unexpected(put.error());
    }
  }
  return fail(ErrorCode::kInternal, "the installation's key cannot be made");
}

void Service::sweep_meetings() {
  constexpr int kAtOnce = 500;
  if (meeting_retention_ <= 0) return;
  meetings_->purge(now_ms() - meeting_retention_, kAtOnce, [](const Result<int>& gone) {
    if (gone && *gone > 0) log_info("old meetings removed", {{"count", *gone}});
  });
}

}  // namespace telecine
