#include "provider/multipart.h"

#include "base/crypto.h"

namespace telecine::provider {

Multipart::Multipart() : Multipart("telecine-" + hex(random_bytes(16))) {}

void Multipart::add(std::string_view name, std::string_view value) {
  body_ += "--" + boundary_ + "\r\nContent-Disposition: form-data; name=\"";
  body_ += name;
  body_ += "\"\r\n\r\n";
  body_ += value;
  body_ += "\r\n";
}

void Multipart::add_file(std::string_view name, std::string_view file, std::string_view type,
                         std::string_view bytes) {
  body_ += "--" + boundary_ + "\r\nContent-Disposition: form-data; name=\"";
  body_ += name;
  body_ += "\"; filename=\"";
  body_ += file;
  body_ += "\"\r\nContent-Type: ";
  body_ += type;
  body_ += "\r\n\r\n";
  body_ += bytes;
  body_ += "\r\n";
}

std::string Multipart::finish() {
  body_ += "--" + boundary_ + "--\r\n";
  return std::move(body_);
}

}  // namespace telecine::provider
