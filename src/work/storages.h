#pragma once

#include <string>
#include <vector>

#include "object/cloud_call.h"
#include "object/endpoint.h"
#include "store/store.h"
#include "task/spec.h"
#include "task/storage.h"

namespace telecine {

struct StorageOptions {
  Millis presign_life = 3'600'000;       ///< of links to results
  std::int64_t put_bytes = 64LL << 20;   ///< larger objects go in parts
  std::int64_t part_bytes = 16LL << 20;  ///< least size of a part
  /// How long one that was removed is remembered, for links to results that went there; 0: for
  /// ever.
  Millis retention = 0;
};

/// The buckets results go to and inputs come from: the operator's endpoints, and the storages that
/// accounts have stored. Secrets of the latter are sealed at rest. Thread-safe.
class Storages {
 public:
  /// `seal_key`: 32 bytes that are not in the store. `earlier_key`, if there is one, opens what it
  /// sealed before; the next write seals that anew.
  Storages(Store& store, object::Endpoints endpoints, std::string seal_key, StorageOptions options,
           std::string earlier_key = {});

  /// kConflict when the account has the same place (type, region, bucket, prefix) already;
  /// kInvalidParameter when no configured endpoint serves it.
  void add(Storage storage, Store::Done<Storage> done);
  /// Those in use. Without secrets.
  Result<std::vector<Storage>> list(const std::string& account);
  /// kNotFound also for one that was removed, unless `removed_too`.
  Result<Storage> find(const std::string& account, const std::string& id, bool removed_too = false);
  /// Hides it. kConflict while an unfinished task goes there.
  void remove(const std::string& account, const std::string& id, Store::Done<bool> done);

  /// Checks what a caller wrote and completes it: type, region, bucket and prefix are filled in.
  Result<Destination> resolve(const std::string& account, Destination destination);
  /// Where a task's results lie, also when the storage was removed since.
  Result<object::Place> place_of(const std::string& account, const Destination& destination);
  /// The same for writing. kStorageDenied when the storage was removed.
  Result<object::Place> publishing_place(const std::string& account,
                                         const Destination& destination);
  /// Where an s3:// (oss://, …) input is read from: with the account's own keys for that bucket if
  /// it stored some. kInvalidParameter without an endpoint that serves it.
  Result<object::Place> input_place(const std::string& account, const object::CloudUrl& url);

  /// A fresh link to an object of a task: one of its results, or its input.
  Result<std::string> link(const std::string& account, const object::CloudUrl& url,
                           const std::optional<Destination>& destination);

  object::CloudOptions cloud_options(std::stop_token stop) const;
  const object::Endpoints& endpoints() const { return endpoints_; }

  /// The id of the storage at this place.
  static std::string id_of(const Storage& storage);

 private:
  Result<object::EndpointPtr> endpoint_of(const Storage& storage) const;
  json::object sealed(const Storage& storage) const;
  Result<Storage> unsealed(const std::string& id, const json::object& document) const;
  Result<bool> is_used(const std::string& account, const std::string& id);

  Store& store_;
  object::Endpoints endpoints_;
  std::string seal_key_;
  std::string earlier_key_;
  StorageOptions options_;
};

/// The keys that storages are sealed with: the master key if there is one, else that in `file`,
/// which is made at the first call. A master key that was configured later leaves the other one as
/// `earlier`.
struct SealKeys {
  std::string current;
  std::string earlier;
};
Result<SealKeys> seal_keys(const std::string& master_key, const std::string& file);

}  // namespace telecine
