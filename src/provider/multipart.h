#pragma once

#include <string>
#include <string_view>

namespace telecine::provider {

/// A multipart/form-data body (RFC 7578) in the making. Field names are the caller's own words;
/// values and file bytes may be anything.
class Multipart {
 public:
  Multipart();
  /// With a boundary of the caller's: for tests.
  explicit Multipart(std::string boundary) : boundary_(std::move(boundary)) {}

  void add(std::string_view name, std::string_view value);
  void add_file(std::string_view name, std::string_view file, std::string_view type,
                std::string_view bytes);
  std::string content_type() const { return "multipart/form-data; boundary=" + boundary_; }
  /// The whole body; the object is spent afterwards.
  std::string finish();

 private:
  std::string boundary_;
  std::string body_;
};

}  // namespace telecine::provider
