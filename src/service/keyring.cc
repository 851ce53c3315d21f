#include "service/keyring.h"

#include <mutex>

#include "base/crypto.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"

namespace telecine {
namespace {

constexpr Millis kTrustFor = 2000;
constexpr std::size_t kMaxKnown = 10'000;
constexpr auto kKeyRecord = "key";
constexpr std::string_view kSealed = "sealed:";

std::string letters_and_digits(std::size_t count) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz234567";
  std::string out;
  while (out.size() < count) {
    for (const char c : random_bytes(count)) {
      const auto index = static_cast<unsigned char>(c) & 63U;
      if (index < kAlphabet.size() && out.size() < count) out += kAlphabet[index];
    }
  }
  return out;
}

std::unexpected<Error> unauthorized() {
  return fail(
      ErrorCode::kUnauthorized,
      "the credentials are missing or wrong; send \"Authorization: Bearer sk-<id>.<secret>\"");
}

}  // namespace

Status Keyring::check(const AccessKey& key) {
  constexpr auto kId = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  if (key.id.empty() || key.id.size() > 128 || key.id.find_first_not_of(kId) != std::string::npos) {
    return fail(ErrorCode::kInvalidParameter, "must be 1 to 128 letters, digits, _ or -", "id");
  }
  if (key.secret.size() < 8 || key.secret.size() > 256) {
    return fail(ErrorCode::kInvalidParameter, "must be 8 to 256 characters", "secret");
  }
  for (const char c : key.secret) {
    if (c <= ' ' || c > '~') {
      return fail(ErrorCode::kInvalidParameter, "must be printable ASCII without spaces", "secret");
    }
  }
  if (key.account.empty() || key.account.size() > 64) {
    return fail(ErrorCode::kInvalidParameter, "must be 1 to 64 characters", "account");
  }
  return {};
}

Keyring::Keyring(Store& store, std::string master_key, const std::vector<AccessKey>& configured)
    : store_(store), master_(std::move(master_key)) {
  for (const AccessKey& key : configured) {
    configured_[key.id] = std::make_shared<const AccessKey>(key);
  }
}

std::string Keyring::seal_text(const std::string& text, std::string_view context) const {
  if (master_.empty()) return text;
  return std::string(kSealed) + base64(seal(master_, text, context));
}

Result<std::string> Keyring::unseal_text(const std::string& stored,
                                         std::string_view context) const {
  if (!stored.starts_with(kSealed)) return stored;
  const auto bytes = unbase64(std::string_view(stored).substr(kSealed.size()));
  auto text = bytes ? unseal(master_, *bytes, context) : std::nullopt;
  if (text) return std::move(*text);
  return fail(ErrorCode::kUnavailable,
              "a stored secret is sealed with another master key; check data.master_key_file");
}

json::object Keyring::sealed(const AccessKey& key) const {
  json::object document = to_json(key);
  document["secret"] = seal_text(key.secret, key.id);
  return document;
}

Result<AccessKey> Keyring::unsealed(const json::object& document) const {
  AccessKey key = access_key_from(document);
  auto secret = unseal_text(key.secret, key.id);
  if (!secret) return std::unexpected(secret.error());
  key.secret = std::move(*secret);
  return key;
}

Result<KeyPtr> Keyring::find(const std::string& id) {
  if (const auto at = configured_.find(id); at != configured_.end()) return at->second;
  {
    const std::shared_lock lock(mutex_);
    const auto at = known_.find(id);
    if (at != known_.end() && at->second.until > steady_ms()) return at->second.key;
  }
  auto document = store_.get_record(kKeyRecord, "", id);
  if (!document) return std::unexpected(document.error());
  auto key = unsealed(*document);
  if (!key) return std::unexpected(key.error());
  auto shared = std::make_shared<const AccessKey>(std::move(*key));
  const std::unique_lock lock(mutex_);
  if (known_.size() >= kMaxKnown) known_.clear();
  known_[id] = {shared, steady_ms() + kTrustFor};
  return shared;
}

Result<KeyPtr> Keyring::by_token(std::string_view token) {
  if (!token.starts_with("sk-") || token.size() > 512) return unauthorized();
  token.remove_prefix(3);
  const auto dot = token.find('.');
  if (dot == std::string_view::npos) return unauthorized();
  auto key = find(std::string(token.substr(0, dot)));
  if (!key) {
    if (key.error().code != ErrorCode::kNotFound) {
      log_error("a key cannot be used", {{"detail", key.error().message}});
    }
    return unauthorized();
  }
  const bool right = equal_constant_time((*key)->secret, token.substr(dot + 1));
  if (!right || (*key)->disabled) return unauthorized();
  return key;
}

void Keyring::create(AccessKey key, Store::Done<KeyPtr> done) {
  if (auto ok = check(key); !ok) return done(std::unexpected(ok.error()));
  if (configured_.contains(key.id)) {
    return done(fail(ErrorCode::kConflict, "a key of this id is declared in the configuration"));
  }
  key.created = now_ms();
  auto shared = std::make_shared<const AccessKey>(std::move(key));
  store_.put_record(kKeyRecord, "", shared->id, sealed(*shared), true,
                    [shared, done = std::move(done)](Result<bool> put) {
                      if (put)
                        done(shared);
                      else
                        done(std::unexpected(put.error()));
                    });
}

void Keyring::set_disabled(const std::string& account, const std::string& id, bool disabled,
                           Store::Done<KeyPtr> done) {
  if (configured_.contains(id)) {
    return done(fail(ErrorCode::kConflict, "this key is declared in the configuration file"));
  }
  forget(id);
  auto key = find(id);
  if (!key || (!account.empty() && (*key)->account != account)) {
    return done(fail(ErrorCode::kNotFound, "there is no such key"));
  }
  AccessKey changed = **key;
  changed.disabled = disabled;
  auto shared = std::make_shared<const AccessKey>(std::move(changed));
  store_.put_record(kKeyRecord, "", id, sealed(*shared), false,
                    [this, shared, done = std::move(done)](Result<bool> put) {
                      forget(shared->id);
                      if (put)
                        done(shared);
                      else
                        done(std::unexpected(put.error()));
                    });
}

Result<std::vector<KeyPtr>> Keyring::list(const std::string& account) {
  auto records = store_.list_records(kKeyRecord, "");
  if (!records) return std::unexpected(records.error());
  std::vector<KeyPtr> keys;
  for (const auto& [id, key] : configured_) {
    if (account.empty() || key->account == account) keys.push_back(key);
  }
  for (const auto& [id, document] : *records) {
    if (configured_.contains(id)) continue;
    auto key = unsealed(document);
    if (!key) {
      log_error("a key cannot be used", {{"id", id}, {"detail", key.error().message}});
      continue;
    }
    if (!account.empty() && key->account != account) continue;
    keys.push_back(std::make_shared<const AccessKey>(std::move(*key)));
  }
  return keys;
}

void Keyring::forget(const std::string& id) {
  const std::unique_lock lock(mutex_);
  known_.erase(id);
}

AccessKey Keyring::make(std::string account) {
  AccessKey key;
  key.id = letters_and_digits(16);
  key.secret = letters_and_digits(32);
  key.account = std::move(account);
  return key;
}

Result<std::string> read_master_key(const std::string& path) {
  auto text = read_file(path, 1024);
  if (!text) return std::unexpected(text.error());
  auto key = unhex(trim(*text));
  if (!key || key->size() != 32) {
    return fail(ErrorCode::kInvalidParameter,
                path + " must hold 64 hex digits; make one with: openssl rand -hex 32 > " + path,
                "data.master_key_file");
  }
  return *key;
}

}  // namespace telecine
