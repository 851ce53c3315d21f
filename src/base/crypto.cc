#include "base/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <array>
#include <cstring>
#include <stdexcept>

namespace telecine {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

void require(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("OpenSSL failed: ") + what);
}

/// Finding an algorithm takes longer than a short text does: a thread keeps it.
class Hash {
 public:
  explicit Hash(const char* name) {
    const std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> type(EVP_MD_fetch(nullptr, name, nullptr),
                                                               &EVP_MD_free);
    require(type && EVP_DigestInit_ex(context_.get(), type.get(), nullptr) == 1, "digest");
  }

  std::string digest(std::string_view data) {
    std::string out(static_cast<std::size_t>(EVP_MD_CTX_get_size(context_.get())), '\0');
    require(EVP_DigestInit_ex(context_.get(), nullptr, nullptr) == 1 &&
                EVP_DigestUpdate(context_.get(), data.data(), data.size()) == 1 &&
                EVP_DigestFinal_ex(context_.get(), bytes_of(out), nullptr) == 1,
            "digest");
    return out;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_{EVP_MD_CTX_new(),
                                                                   &EVP_MD_CTX_free};
};

/// So do algorithm and key of an HMAC: a thread keeps the state of the last key, which mostly is
/// the next one's too.
class Hmac {
 public:
  Hmac(const char* digest, std::size_t size) : size_(size) {
    const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(
        EVP_MAC_fetch(nullptr, "HMAC", nullptr), &EVP_MAC_free);
    require(mac != nullptr, "hmac");
    context_.reset(EVP_MAC_CTX_new(mac.get()));
    const std::array parameters = {
        OSSL_PARAM_construct_utf8_string("digest", const_cast<char*>(digest), 0),
        OSSL_PARAM_construct_end()};
    require(EVP_MAC_CTX_set_params(context_.get(), parameters.data()) == 1, "hmac");
  }

  std::string sign(std::string_view key, std::string_view data) {
    const bool same = key_ && equal_constant_time(*key_, key);
    bool ok = EVP_MAC_init(context_.get(), same ? nullptr : bytes_of(key), same ? 0 : key.size(),
                           nullptr) == 1;
    if (!same) key_ = key;
    std::string out(size_, '\0');
    std::size_t size = 0;
    ok = ok && EVP_MAC_update(context_.get(), bytes_of(data), data.size()) == 1 &&
         EVP_MAC_final(context_.get(), bytes_of(out), &size, out.size()) == 1;
    if (!ok) key_.reset();
    require(ok, "hmac");
    return out;
  }

 private:
  std::size_t size_;
  std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context_{nullptr, &EVP_MAC_CTX_free};
  std::optional<std::string> key_;
};

constexpr std::size_t kAesBlock = 16;
constexpr std::size_t kNonce = 12;
constexpr std::size_t kTag = 16;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

}  // namespace

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  require(RAND_bytes(bytes_of(out), static_cast<int>(count)) == 1, "random");
  return out;
}

std::uint64_t random_u64() {
  std::uint64_t value = 0;
  require(RAND_bytes(reinterpret_cast<unsigned char*>(&value), sizeof value) == 1, "random");
  return value;
}

std::string sha256(std::string_view data) {
  thread_local Hash hash("SHA256");
  return hash.digest(data);
}
std::string sha1(std::string_view data) {
  thread_local Hash hash("SHA1");
  return hash.digest(data);
}
std::string md5(std::string_view data) {
  thread_local Hash hash("MD5");
  return hash.digest(data);
}
std::string hmac_sha256(std::string_view key, std::string_view data) {
  thread_local Hmac hmac("SHA256", 32);
  return hmac.sign(key, data);
}
std::string hmac_sha1(std::string_view key, std::string_view data) {
  thread_local Hmac hmac("SHA1", 20);
  return hmac.sign(key, data);
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out(bytes.size() * 2, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    out[2 * i] = kHex[byte >> 4];
    out[2 * i + 1] = kHex[byte & 15];
  }
  return out;
}

std::optional<std::string> unhex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    int value = 0;
    for (const char c : text.substr(i, 2)) {
      value *= 16;
      if (c >= '0' && c <= '9')
        value += c - '0';
      else if (c >= 'a' && c <= 'f')
        value += c - 'a' + 10;
      else if (c >= 'A' && c <= 'F')
        value += c - 'A' + 10;
      else
        return std::nullopt;
    }
    out += static_cast<char>(value);
  }
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(bytes_of(out), bytes_of(bytes), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::optional<std::string> unbase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out(text.size() / 4 * 3 + 1, '\0');
  const int size = EVP_DecodeBlock(bytes_of(out), bytes_of(text), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(size));
  for (std::size_t i = text.size(); i > 0 && text[i - 1] == '=' && !out.empty(); --i)
    out.pop_back();
  return out;
}

std::string base64url(std::string_view bytes) {
  std::string out = base64(bytes);
  while (!out.empty() && out.back() == '=') out.pop_back();
  for (char& c : out) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return out;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

struct Digest::Impl {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                  EVP_MD_CTX_free};
  explicit Impl(const EVP_MD* type) {
    require(EVP_DigestInit_ex(context.get(), type, nullptr) == 1, "digest");
  }
};

Digest::Digest(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;
Digest::~Digest() = default;
Digest Digest::md5() {
  return Digest(std::make_unique<Impl>(EVP_md5()));
}
Digest Digest::sha256() {
  return Digest(std::make_unique<Impl>(EVP_sha256()));
}

void Digest::update(std::string_view data) {
  require(EVP_DigestUpdate(impl_->context.get(), data.data(), data.size()) == 1, "digest");
}

std::string Digest::finish_hex() {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  require(EVP_DigestFinal_ex(impl_->context.get(), bytes_of(out), &size) == 1, "digest");
  out.resize(size);
  return hex(out);
}

std::string seal(std::string_view key, std::string_view plain, std::string_view context) {
  const std::string nonce = random_bytes(kNonce);
  std::string out(plain.size(), '\0');
  std::string tag(kTag, '\0');
  int size = 0;
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  require(key.size() == 32 &&
              EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key),
                                 bytes_of(nonce)) == 1 &&
              EVP_EncryptUpdate(cipher.get(), nullptr, &size, bytes_of(context),
                                static_cast<int>(context.size())) == 1 &&
              EVP_EncryptUpdate(cipher.get(), bytes_of(out), &size, bytes_of(plain),
                                static_cast<int>(plain.size())) == 1 &&
              EVP_EncryptFinal_ex(cipher.get(), bytes_of(out) + size, &size) == 1 &&
              EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTag, tag.data()) == 1,
          "seal");
  return nonce + out + tag;
}

std::optional<std::string> unseal(std::string_view key, std::string_view sealed,
                                  std::string_view context) {
  if (key.size() != 32 || sealed.size() < kNonce + kTag) return std::nullopt;
  const std::string_view body = sealed.substr(kNonce, sealed.size() - kNonce - kTag);
  std::string tag(sealed.substr(sealed.size() - kTag));
  std::string out(body.size(), '\0');
  int size = 0;
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  const bool ok = EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key),
                                     bytes_of(sealed)) == 1 &&
                  EVP_DecryptUpdate(cipher.get(), nullptr, &size, bytes_of(context),
                                    static_cast<int>(context.size())) == 1 &&
                  EVP_DecryptUpdate(cipher.get(), bytes_of(out), &size, bytes_of(body),
                                    static_cast<int>(body.size())) == 1 &&
                  EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTag, tag.data()) == 1 &&
                  EVP_DecryptFinal_ex(cipher.get(), bytes_of(out) + size, &size) == 1;
  if (!ok) return std::nullopt;
  return out;
}

struct Aes128Cbc::Impl {
  Cipher context{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
};

Aes128Cbc::Aes128Cbc(std::string_view key, std::string_view iv) : impl_(std::make_unique<Impl>()) {
  require(key.size() == kAesBlock && iv.size() == kAesBlock &&
              EVP_EncryptInit_ex(impl_->context.get(), EVP_aes_128_cbc(), nullptr, bytes_of(key),
                                 bytes_of(iv)) == 1,
          "aes-128-cbc");
}

Aes128Cbc::~Aes128Cbc() = default;

std::string Aes128Cbc::update(std::string_view plain) {
  std::string out(plain.size() + kAesBlock, '\0');
  int size = 0;
  require(EVP_EncryptUpdate(impl_->context.get(), bytes_of(out), &size, bytes_of(plain),
                            static_cast<int>(plain.size())) == 1,
          "aes-128-cbc");
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::string Aes128Cbc::finish() {
  std::string out(kAesBlock, '\0');
  int size = 0;
  require(EVP_EncryptFinal_ex(impl_->context.get(), bytes_of(out), &size) == 1, "aes-128-cbc");
  out.resize(static_cast<std::size_t>(size));
  return out;
}

}  // namespace telecine
