#pragma once

#include <string>

#include "store/store.h"
#include "work/storages.h"

namespace telecine {

/// Multipart uploads in progress, remembered in the store before their first part is sent, so that
/// none is left behind at a vendor whatever becomes of this process.
struct UploadRecord {
  std::string name;  ///< of the record: task, unit, attempt and number
  Id task;
  std::int64_t unit = 0;
  int attempt = 0;
  std::string account;
  Destination destination;
  std::string key;
  std::string upload_id;
};

/// Returns when it is durable. Not for the store's thread.
Status remember_upload(Store& store, const UploadRecord& record);
void forget_upload(Store& store, const std::string& name);

/// Ends what runs of the task other than this attempt of this unit left behind.
void abort_uploads(Store& store, Storages& storages, Id task, std::int64_t unit, int attempt);
/// Ends the uploads of tasks that have ended or are gone.
void abort_lost_uploads(Store& store, Storages& storages);

}  // namespace telecine
