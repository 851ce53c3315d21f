#pragma once

#include <string>

#include "base/json.h"
#include "base/time.h"

namespace telecine {

/// A bucket that an account has told us of, as a destination for its outputs.
struct Storage {
  std::string id;  ///< 16 lower-case hex digits, the same whenever the same place is named again
  std::string account;
  std::string type;  ///< "s3", "oss", "obs", "cos"
  std::string region;
  std::string bucket;
  std::string prefix;      ///< as the caller wrote it
  std::string endpoint;    ///< base URL, one the operator's configuration lists; empty: by region
  std::string access_key;  ///< empty: those of the endpoint
  std::string secret_key;
  std::string notify;   ///< URL told when a task to this storage ends; empty: nobody
  std::string made_by;  ///< names the request that stored it, so that its repetition is known
  Millis created = 0;
  Millis updated = 0;
  Millis deleted = 0;  ///< kept for the links of its ended tasks; 0: in use

  /// What keys begin with: the prefix and its slash, or nothing.
  std::string key_prefix() const;
};

boost::json::object to_json(const Storage& storage);  ///< with the secret: for the store only
Storage storage_from(const boost::json::value& value);

}  // namespace telecine
