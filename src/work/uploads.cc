#include "work/uploads.h"

#include <future>

#include "base/log.h"
#include "object/cloud.h"

namespace telecine {
namespace {

constexpr auto kUploadRecord = "upload";
/// Tidying must not wait long for a storage that is gone; the next start tries again.
constexpr int kTries = 3;
constexpr Millis kSpan = 30'000;
/// Nobody comes back to an upload that could not be aborted for so long.
constexpr Millis kLife = 30LL * 86'400'000;

json::object document_of(const UploadRecord& record) {
  return {{"task", record.task.hex()},
          {"unit", record.unit},
          {"attempt", record.attempt},
          {"account", record.account},
          {"destination", to_json(record.destination)},
          {"key", record.key},
          {"upload_id", record.upload_id}};
}

UploadRecord record_from(const std::string& name, const json::object& document) {
  const LooseReader in(document);
  UploadRecord record{name,
                      Id::from_hex(in.text("task")).value_or(Id{}),
                      in.integer("unit"),
                      in.small("attempt"),
                      in.text("account"),
                      {},
                      in.text("key"),
                      in.text("upload_id")};
  if (const auto* to = in.at("destination")) record.destination = destination_from(*to);
  return record;
}

void abort(Store& store, Storages& storages, const UploadRecord& record) {
  auto place = storages.place_of(record.account, record.destination);
  Status done;
  if (place) {
    object::CloudOptions options = storages.cloud_options({});
    options.tries = kTries;
    options.span = kSpan;
    done = object::Cloud(std::move(*place), object::CloudUse::kWrite, options)
               .abort(record.key, record.upload_id);
  } else {
    done = std::unexpected(place.error());
  }
  if (done) {
    log_info("unfinished upload aborted", {{"task", record.task.hex()}});
    forget_upload(store, record.name);
    return;
  }
  log_warning("an unfinished upload could not be aborted",
              {{"task", record.task.hex()}, {"detail", done.error().message}});
  // Without access nobody can abort it; with a storage that is only away, later.
  if (done.error().code != ErrorCode::kStorageUnavailable) forget_upload(store, record.name);
}

template <typename Lost>
void abort_where(Store& store, Storages& storages, Lost lost) {
  auto records = store.list_records(kUploadRecord, "");
  if (!records) return;
  for (const auto& [name, document] : *records) {
    const UploadRecord record = record_from(name, document);
    if (lost(record)) abort(store, storages, record);
  }
}

}  // namespace

Status remember_upload(Store& store, const UploadRecord& record) {
  std::promise<Result<bool>> put;
  store.put_record({kUploadRecord, "", record.name, document_of(record), now_ms() + kLife}, false,
                   [&](Result<bool> result) { put.set_value(std::move(result)); });
  const auto result = put.get_future().get();
  if (!result) return std::unexpected(result.error());
  return {};
}

void forget_upload(Store& store, const std::string& name) {
  store.remove_record(kUploadRecord, "", name, {});
}

void abort_uploads(Store& store, Storages& storages, Id task, std::int64_t unit, int attempt) {
  abort_where(store, storages, [&](const UploadRecord& record) {
    return record.task == task && (record.unit != unit || record.attempt != attempt);
  });
}

void abort_lost_uploads(Store& store, Storages& storages) {
  abort_where(store, storages, [&](const UploadRecord& record) {
    const auto task = store.get(record.task);
    return task ? is_final((*task)->state) : task.error().code == ErrorCode::kNotFound;
  });
}

}  // namespace telecine
