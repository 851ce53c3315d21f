#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace telecine {

std::string random_bytes(std::size_t count);
std::uint64_t random_u64();

/// Raw digests (32, 20, 16 bytes).
std::string sha256(std::string_view data);
std::string sha1(std::string_view data);
std::string md5(std::string_view data);
std::string hmac_sha256(std::string_view key, std::string_view data);
std::string hmac_sha1(std::string_view key, std::string_view data);

std::string hex(std::string_view bytes);
std::optional<std::string> unhex(std::string_view text);
std::string base64(std::string_view bytes);
std::optional<std::string> unbase64(std::string_view text);
/// Without padding, for URLs (RFC 4648 section 5).
std::string base64url(std::string_view bytes);

/// Time depends on the lengths only.
bool equal_constant_time(std::string_view a, std::string_view b);

/// A digest fed piece by piece.
class Digest {
 public:
  static Digest md5();
  static Digest sha256();
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  ~Digest();
  void update(std::string_view data);
  /// Lower-case hex; the object is spent afterwards.
  std::string finish_hex();

 private:
  struct Impl;
  explicit Digest(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// AES-256-GCM with a random nonce: nonce + ciphertext + tag. `context` is authenticated, not
/// stored, so that a sealed value cannot be moved to another record. `key` is 32 bytes.
std::string seal(std::string_view key, std::string_view plain, std::string_view context);
std::optional<std::string> unseal(std::string_view key, std::string_view sealed,
                                  std::string_view context);

/// AES-128-CBC with PKCS #7 padding, fed piece by piece.
class Aes128Cbc {
 public:
  /// Both are 16 bytes.
  Aes128Cbc(std::string_view key, std::string_view iv);
  Aes128Cbc(const Aes128Cbc&) = delete;
  Aes128Cbc& operator=(const Aes128Cbc&) = delete;
  ~Aes128Cbc();

  /// What is ready: never more than was fed.
  std::string update(std::string_view plain);
  /// The rest; the object is spent afterwards.
  std::string finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace telecine
