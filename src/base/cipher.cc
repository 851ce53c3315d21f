#include "base/cipher.h"

#include <openssl/evp.h>

#include <stdexcept>

namespace telecine {
namespace {

constexpr std::size_t kBlock = 16;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

void require(bool ok) {
  if (!ok) throw std::runtime_error("aes-128-cbc failed");
}

}  // namespace

struct Aes128Cbc::Impl {
  std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context{EVP_CIPHER_CTX_new(),
                                                                          EVP_CIPHER_CTX_free};
};

Aes128Cbc::Aes128Cbc(std::string_view key, std::string_view iv) : impl_(std::make_unique<Impl>()) {
  require(key.size() == kBlock && iv.size() == kBlock &&
          EVP_EncryptInit_ex(impl_->context.get(), EVP_aes_128_cbc(), nullptr, bytes_of(key),
                             bytes_of(iv)) == 1);
}

Aes128Cbc::~Aes128Cbc() = default;

std::string Aes128Cbc::update(std::string_view plain) {
  std::string out(plain.size() + kBlock, '\0');
  int size = 0;
  require(EVP_EncryptUpdate(impl_->context.get(), reinterpret_cast<unsigned char*>(out.data()),
                            &size, bytes_of(plain), static_cast<int>(plain.size())) == 1);
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::string Aes128Cbc::finish() {
  std::string out(kBlock, '\0');
  int size = 0;
  require(EVP_EncryptFinal_ex(impl_->context.get(), reinterpret_cast<unsigned char*>(out.data()),
                              &size) == 1);
  out.resize(static_cast<std::size_t>(size));
  return out;
}

}  // namespace telecine
