#pragma once

#include <expected>
#include <optional>
#include <string>

#include "dialect/tencent/front.h"

namespace telecine::tencent {

/// Why a call's own parameters cannot be.
struct Wrong {
  int number;
  std::string message;
};
using Done = std::expected<void, Wrong>;

std::unexpected<Wrong> wrong(int number, std::string message = {});
std::unexpected<Wrong> wrong(const Error& error);

/// A task request in the making, with what its documents will need to know.
class Order {
 public:
  Order(const Call& call, std::string_view kind);

  TaskRequest& request() { return request_; }
  bool is_empty() const { return request_.outputs->empty(); }

  void read_file(const File& file);
  void pull(json::object input, const std::string& name);

  /// False: there is no such template.
  bool add(std::string_view type, std::optional<OutputSpec> output, json::object input);
  bool add_transcode(std::int64_t definition);
  bool add_cover(std::int64_t definition, const Position& at);
  bool add_sample(std::int64_t definition);
  /// False: there is nothing to put into it.
  bool add_master();

  Done notify(const Arguments& arguments);
  Done prioritise(const Arguments& arguments);

  TaskRequest finish() &&;

 private:
  TaskRequest request_;
  std::string kind_;
  std::int64_t app_id_;
  std::string file_name_;
  json::array steps_;
  json::object pull_;
};

}  // namespace telecine::tencent
