#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/json.h"
#include "base/time.h"
#include "task/facts.h"
#include "task/output.h"

namespace telecine {

/// What a key may do. kAdmin implies the others.
enum class Scope : std::uint8_t { kRead, kWrite, kAdmin };
template <>
inline constexpr auto kNames<Scope> = std::to_array<Named<Scope>>(
    {{Scope::kRead, "read"}, {Scope::kWrite, "write"}, {Scope::kAdmin, "admin"}});

/// The id and secret by which a caller of any dialect authenticates. The secret is kept so that
/// HMAC schemes can be verified; at rest it is sealed when a master key is configured.
struct AccessKey {
  std::string id;
  std::string secret;
  std::string account;
  std::int64_t app_id = 0;  ///< the number some vendors' task ids begin with; 0 none
  std::vector<Scope> scopes{Scope::kRead, Scope::kWrite, Scope::kAdmin};
  int rate_per_minute = 0;  ///< calls a minute; 0 the server's default
  bool disabled = false;
  Millis created = 0;

  bool may(Scope scope) const;
};

/// A media file of the library: uploaded, or kept from a task.
struct File {
  Id id;
  std::string account;
  std::string name;    ///< as the caller named it; never used as a path
  std::string object;  ///< 32 hex digits: where its bytes lie among the objects
  std::int64_t size = 0;
  std::string md5;
  Millis created = 0;
  std::optional<MediaFacts> facts;
};

/// The name of a file's bytes within its object.
inline constexpr const char* kFileBytes = "source";

/// A named set of outputs. Built-in ones belong to every account and cannot be changed.
struct Template {
  std::string name;  ///< [A-Za-z0-9._-]{1,64}
  std::string description;
  bool built_in = false;
  std::vector<OutputSpec> outputs;
};

/// One webhook to be sent.
struct Delivery {
  std::int64_t id = 0;
  std::string message_id;  ///< the receiver's handle against doubles; constant over attempts
  Id task;
  std::string account;
  std::string url;
  std::string type;  ///< the event's: "task.succeeded"
  Millis created = 0;
  Millis next_at = 0;  ///< when the next attempt is due; 0 when none will follow
  bool delivered = false;
  struct Attempt {
    Millis at = 0;
    int status = 0;      ///< HTTP status, 0 when there was no answer
    std::string detail;  ///< why it did not count
    Millis took = 0;
  };
  std::vector<Attempt> attempts;
};

boost::json::object to_json(const AccessKey& key);  ///< with the secret: for the store only
AccessKey access_key_from(const boost::json::value& value);
boost::json::object to_json(const File& file);
File file_from(const boost::json::value& value);
boost::json::object to_json(const Template& made);
Result<Template> template_from(const boost::json::value& value, const std::string& path);
/// The list of outputs under `key`: 1 to 64, each with a name of its own.
Result<std::vector<OutputSpec>> output_list_from(ObjectReader& in, std::string_view key);
boost::json::object to_json(const Delivery& delivery);
Delivery delivery_from(const boost::json::value& value);

/// The templates that every installation has stand in templates.json, a list for each family: the
/// native ones, and those that a dialect's clients know by number or name. These functions throw
/// std::logic_error for a file that does not hold what it should; a server reads all of it as it
/// starts.
const std::vector<Template>& built_in_templates();  ///< the native ones
/// Of a family that describes its templates as the native one does.
std::vector<Template> load_built_in_templates(std::string_view family);
/// Of a family in words of its own.
const boost::json::array& built_in_documents(std::string_view family);

}  // namespace telecine
