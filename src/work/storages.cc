#include "work/storages.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/crypto.h"
#include "base/fs.h"
#include "base/id.h"
#include "base/text.h"
#include "task/own_store.h"

namespace telecine {
namespace {

constexpr auto kStorageRecord = "storage";
constexpr std::size_t kMostPrefix = 512;

std::unexpected<Error> no_storage() {
  return fail(ErrorCode::kNotFound, "there is no such storage");
}

std::unexpected<Error> unserved(const std::string& type, const std::string& bucket) {
  return fail(ErrorCode::kInvalidParameter,
              "no configured [[object.endpoint]] serves the bucket " + type + "://" +
                  printable(bucket, 100),
              "bucket");
}

/// Our own store knows no hosts and keys; its buckets are names like any other.
Status check_own(const Storage& storage) {
  if (!storage.endpoint.empty() || !storage.access_key.empty() || !storage.secret_key.empty()) {
    return fail(ErrorCode::kInvalidParameter, "is not for storages of the type file", "endpoint");
  }
  if (object::CloudUrl::parse("s3://" + storage.bucket + "/x")) return {};
  return fail(ErrorCode::kInvalidParameter, "must be the name of a bucket", "bucket");
}

/// Says which key it is and nothing of it.
std::string name_of_key(const std::string& key) {
  constexpr std::size_t kBytes = 4;
  return hex(sha256("seal key\n" + key).substr(0, kBytes));
}

bool is_prefix(std::string_view prefix) {
  if (prefix.size() > kMostPrefix || prefix.starts_with('/') || !is_valid_utf8(prefix)) {
    return false;
  }
  for (const auto part : split(prefix, '/')) {
    if (part == "." || part == "..") return false;
  }
  return std::ranges::none_of(prefix, [](char c) { return c >= 0 && c < ' '; });
}

/// The key in `file`, made at the first call.
Result<std::string> read_or_make_seal_key(const std::string& file) {
  constexpr std::size_t kBytes = 32;
  if (::access(file.c_str(), F_OK) != 0) {
    // Whole and on disk before it has its name; of several processes the first one's counts.
    const std::string draft = file + "." + make_uuid();
    auto ok = write_file_durably(draft, hex(random_bytes(kBytes)) + "\n", 0600);
    if (ok && ::link(draft.c_str(), file.c_str()) != 0 && errno != EEXIST) {
      ok = std::unexpected(errno_error(errno, file));
    }
    ::unlink(draft.c_str());
    if (ok) ok = sync_directory(file.substr(0, file.rfind('/')));
    if (!ok) return std::unexpected(ok.error());
  }
  auto text = read_file(file, 1024);
  if (!text) return std::unexpected(text.error());
  auto key = unhex(trim(*text));
  if (!key || key->size() != kBytes) {
    return fail(ErrorCode::kInvalidParameter, file + " must hold 64 hex digits");
  }
  return *key;
}

}  // namespace

Storages::Storages(Store& store, object::Endpoints endpoints, std::string seal_key,
                   StorageOptions options, std::string earlier_key)
    : store_(store),
      endpoints_(std::move(endpoints)),
      seal_key_(std::move(seal_key)),
      earlier_key_(std::move(earlier_key)),
      options_(options) {}

std::string Storages::id_of(const Storage& storage) {
  std::string place;
  for (const std::string* part :
       {&storage.account, &storage.type, &storage.region, &storage.bucket}) {
    place += *part + '\0';
  }
  return hex(sha256(place + storage.key_prefix()).substr(0, 8));
}

json::object Storages::sealed(const Storage& storage) const {
  json::object document = to_json(storage);
  if (!storage.secret_key.empty()) {
    document["secret_key"] = base64(seal(seal_key_, storage.secret_key, storage.id));
    document["sealed_with"] = name_of_key(seal_key_);
  }
  return document;
}

Result<Storage> Storages::unsealed(const std::string& id, const json::object& document) const {
  Storage storage = storage_from(document);
  storage.id = id;
  if (storage.secret_key.empty()) return storage;
  const auto bytes = unbase64(storage.secret_key);
  std::optional<std::string> secret;
  for (const std::string* key : {&seal_key_, &earlier_key_}) {
    if (bytes && !secret && !key->empty()) secret = unseal(*key, *bytes, id);
  }
  if (!secret) {
    return fail(ErrorCode::kUnavailable, "the storage's secret is sealed with another key (" +
                                             LooseReader(document).text("sealed_with") +
                                             "); check data.master_key_file and seal.key");
  }
  storage.secret_key = *secret;
  return storage;
}

Result<object::EndpointPtr> Storages::endpoint_of(const Storage& storage) const {
  const auto type = value_named<object::StoreType>(storage.type);
  if (!type) {
    return fail(ErrorCode::kInvalidParameter,
                "must be " + names_listed<object::StoreType>() + " or file, not \"" +
                    printable(storage.type, 40) + "\"",
                "type");
  }
  auto endpoint = storage.endpoint.empty() ? endpoints_.find(*type, storage.region, storage.bucket)
                                           : endpoints_.at_url(*type, storage.endpoint);
  if (!endpoint || !endpoint->allows_bucket(storage.bucket)) {
    return unserved(storage.type, storage.bucket);
  }
  return endpoint;
}

void Storages::add(Storage storage, Store::Done<Storage> done) {
  if (storage.type == kOwnStore) {
    if (auto ok = check_own(storage); !ok) return done(std::unexpected(ok.error()));
  } else if (auto endpoint = endpoint_of(storage); !endpoint) {
    return done(std::unexpected(endpoint.error()));
  }
  if (!is_prefix(storage.prefix)) {
    return done(fail(ErrorCode::kInvalidParameter,
                     "must be a relative path without \".\" and \"..\"", "prefix"));
  }
  if (storage.access_key.empty() != storage.secret_key.empty()) {
    return done(fail(ErrorCode::kInvalidParameter, "needs both keys or neither", "access_key"));
  }
  storage.id = id_of(storage);
  storage.created = storage.updated = now_ms();
  storage.deleted = 0;
  // One that was removed is replaced; one in use is not.
  const auto known = store_.get_record(kStorageRecord, storage.account, storage.id);
  const bool replaces = known && storage_from(*known).deleted > 0;
  store_.put_record(kStorageRecord, storage.account, storage.id, sealed(storage), !replaces,
                    [storage, done = std::move(done)](Result<bool> put) {
                      if (put) return done(storage);
                      done(std::unexpected(put.error()));
                    });
}

Result<std::vector<Storage>> Storages::list(const std::string& account) {
  auto records = store_.list_records(kStorageRecord, account);
  if (!records) return std::unexpected(records.error());
  std::vector<Storage> storages;
  for (const auto& [id, document] : *records) {
    Storage storage = storage_from(document);
    if (storage.deleted > 0) continue;
    storage.id = id;
    storage.secret_key.clear();
    storages.push_back(std::move(storage));
  }
  std::ranges::stable_sort(storages, {}, &Storage::created);
  return storages;
}

Result<Storage> Storages::find(const std::string& account, const std::string& id,
                               bool removed_too) {
  auto record = store_.get_record(kStorageRecord, account, id);
  if (!record) {
    if (record.error().code == ErrorCode::kNotFound) return no_storage();
    return std::unexpected(record.error());
  }
  auto storage = unsealed(id, *record);
  if (storage && storage->deleted > 0 && !removed_too) return no_storage();
  return storage;
}

Result<bool> Storages::is_used(const std::string& account, const std::string& id) {
  constexpr int kAtOnce = 200;
  for (const auto& [state, name] : kNames<TaskState>) {
    if (is_final(state)) continue;
    for (std::int64_t before = 0;;) {
      auto tasks = store_.list({account, state, before, kAtOnce});
      if (!tasks) return std::unexpected(tasks.error());
      for (const TaskPtr& task : *tasks) {
        if (task->spec.destination && task->spec.destination->storage == id) return true;
      }
      if (tasks->size() < kAtOnce) break;
      before = tasks->back()->id.key;
    }
  }
  return false;
}

void Storages::remove(const std::string& account, const std::string& id, Store::Done<bool> done) {
  auto storage = find(account, id);
  if (!storage) return done(std::unexpected(storage.error()));
  const auto used = is_used(account, id);
  if (!used) return done(std::unexpected(used.error()));
  if (*used) {
    return done(fail(ErrorCode::kConflict, "an unfinished task goes to this storage"));
  }
  storage->deleted = now_ms();
  const Millis expires = options_.retention > 0 ? storage->deleted + options_.retention : 0;
  store_.put_record({kStorageRecord, account, id, sealed(*storage), expires}, false,
                    std::move(done));
}

Result<Destination> Storages::resolve(const std::string& account, Destination destination) {
  if (!destination.storage.empty()) {
    auto storage = find(account, destination.storage);
    if (!storage) return std::unexpected(storage.error());
    if (storage->type != kOwnStore) {
      if (auto endpoint = endpoint_of(*storage); !endpoint) {
        return std::unexpected(endpoint.error());
      }
    }
    destination.endpoint.clear();
    destination.type = storage->type;
    destination.region = storage->region;
    destination.bucket = storage->bucket;
    destination.prefix = storage->key_prefix();
    return destination;
  }
  const auto endpoint = endpoints_.named(destination.endpoint);
  if (!endpoint) {
    return fail(ErrorCode::kInvalidParameter, "there is no endpoint of this name", "endpoint");
  }
  if (!endpoint->allows_bucket(destination.bucket)) {
    return fail(ErrorCode::kInvalidParameter, "must be a bucket that the endpoint serves",
                "bucket");
  }
  if (!is_prefix(destination.prefix)) {
    return fail(ErrorCode::kInvalidParameter, "must be a relative path without \".\" and \"..\"",
                "prefix");
  }
  if (!destination.prefix.empty() && !destination.prefix.ends_with('/')) destination.prefix += '/';
  destination.type = name_of(endpoint->options.type);
  destination.region = endpoint->options.region;
  return destination;
}

Result<object::Place> Storages::place_of(const std::string& account,
                                         const Destination& destination) {
  if (destination.storage.empty()) {
    auto endpoint = endpoints_.named(destination.endpoint);
    if (!endpoint || !endpoint->allows_bucket(destination.bucket)) {
      return unserved(destination.type, destination.bucket);
    }
    return object::Place{std::move(endpoint), destination.bucket, std::nullopt};
  }
  auto storage = find(account, destination.storage, true);
  if (!storage) return std::unexpected(storage.error());
  auto endpoint = endpoint_of(*storage);
  if (!endpoint) return std::unexpected(endpoint.error());
  object::Place place{std::move(*endpoint), storage->bucket, std::nullopt};
  if (!storage->access_key.empty()) {
    place.own = object::Credentials{storage->access_key, storage->secret_key, {}};
  }
  return place;
}

Result<object::Place> Storages::publishing_place(const std::string& account,
                                                 const Destination& destination) {
  if (!destination.storage.empty()) {
    auto storage = find(account, destination.storage);
    if (!storage && storage.error().code == ErrorCode::kNotFound) {
      return fail(ErrorCode::kStorageDenied,
                  "the storage that the results go to was removed; add it again and retry the "
                  "task");
    }
  }
  return place_of(account, destination);
}

Result<object::Place> Storages::input_place(const std::string& account,
                                            const object::CloudUrl& url) {
  auto storages = list(account);
  if (!storages) return std::unexpected(storages.error());
  for (const Storage& storage : *storages) {
    const bool fits = storage.type == name_of(url.type) && storage.bucket == url.bucket &&
                      !storage.access_key.empty();
    if (fits) return place_of(account, Destination{.storage = storage.id});
  }
  auto endpoint = endpoints_.find(url.type, "", url.bucket);
  if (!endpoint) return unserved(std::string(name_of(url.type)), url.bucket);
  return object::Place{std::move(endpoint), url.bucket, std::nullopt};
}

Result<std::string> Storages::link(const std::string& account, const object::CloudUrl& url,
                                   const std::optional<Destination>& destination) {
  auto place = destination ? place_of(account, *destination) : input_place(account, url);
  if (!place) return std::unexpected(place.error());
  return object::link_to(*place, url.key, options_.presign_life / 1000);
}

object::CloudOptions Storages::cloud_options(std::stop_token stop) const {
  object::CloudOptions options;
  options.put_bytes = options_.put_bytes;
  options.part_bytes = options_.part_bytes;
  options.stop = std::move(stop);
  return options;
}

Result<SealKeys> seal_keys(const std::string& master_key, const std::string& file) {
  if (!master_key.empty() && ::access(file.c_str(), F_OK) != 0) return SealKeys{master_key, {}};
  auto own = read_or_make_seal_key(file);
  if (!own) return std::unexpected(own.error());
  if (master_key.empty()) return SealKeys{std::move(*own), {}};
  return SealKeys{master_key, std::move(*own)};
}

}  // namespace telecine
