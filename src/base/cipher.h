#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace telecine {

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
