#pragma once

#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/store.h"
#include "task/records.h"

namespace telecine {

using KeyPtr = std::shared_ptr<const AccessKey>;

/// The access keys of an installation. Thread-safe. A key changed by another process counts here
/// within two seconds.
class Keyring {
 public:
  /// `master_key` is empty (secrets stand in the store as they are) or 32 bytes that seal them.
  /// `configured` are keys of the configuration file; they go before stored ones of the same id.
  Keyring(Store& store, std::string master_key, const std::vector<AccessKey>& configured);

  /// The key of that id, disabled ones too. kNotFound; kUnavailable when its secret cannot be
  /// unsealed with the configured master key.
  Result<KeyPtr> find(const std::string& id);
  /// The key behind `sk-<id>.<secret>`. kUnauthorized, the same for every reason.
  Result<KeyPtr> by_token(std::string_view token);

  /// kConflict when the id is taken; kInvalidParameter for ids and secrets that no scheme carries.
  void create(AccessKey key, Store::Done<KeyPtr> done);
  void set_disabled(const std::string& account, const std::string& id, bool disabled,
                    Store::Done<KeyPtr> done);
  /// Every key of the account, or all of them; secrets included.
  Result<std::vector<KeyPtr>> list(const std::string& account);

  /// A text as it is stored: sealed when there is a master key. `context` binds it to its place.
  std::string seal_text(const std::string& text, std::string_view context) const;
  Result<std::string> unseal_text(const std::string& stored, std::string_view context) const;

  /// kInvalidParameter for ids and secrets that no scheme carries.
  static Status check(const AccessKey& key);
  static std::string token_of(const AccessKey& key) { return "sk-" + key.id + "." + key.secret; }
  /// A new id of 16 and secret of 32 letters and digits.
  static AccessKey make(std::string account);

 private:
  struct Entry {
    KeyPtr key;
    Millis until;
  };
  json::object sealed(const AccessKey& key) const;
  Result<AccessKey> unsealed(const json::object& document) const;
  void forget(const std::string& id);

  Store& store_;
  std::string master_;
  std::unordered_map<std::string, KeyPtr> configured_;
  std::shared_mutex mutex_;
  std::unordered_map<std::string, Entry> known_;
};

/// Reads a master key file: 32 bytes as 64 hex digits. kInvalidParameter says how to make one.
Result<std::string> read_master_key(const std::string& path);

}  // namespace telecine
