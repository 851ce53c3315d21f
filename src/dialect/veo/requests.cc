#include "dialect/veo/requests.h"

#include <algorithm>
#include <array>

#include "base/crypto.h"
#include "base/text.h"
#include "dialect/veo/veo.h"
#include "object/media_type.h"

namespace telecine::veo {
namespace {

/// What the pictures of a model are.
enum class Pictures : std::uint8_t { kFirst, kFirstLast, kComponents, kByNumber };

struct ModelRow {
  std::string_view model;
  Pictures pictures;
};
constexpr auto kModels = std::to_array<ModelRow>({
    {"veo2", Pictures::kFirst},
    {"veo2-fast", Pictures::kFirst},
    {"veo2-pro", Pictures::kFirst},
    {"veo3", Pictures::kFirst},
    {"veo3-fast", Pictures::kFirst},
    {"veo3-pro", Pictures::kFirst},
    {"veo3-pro-frames", Pictures::kFirst},
    {"veo3-fast-frames", Pictures::kFirst},
    {"veo2-fast-frames", Pictures::kFirstLast},
    {"veo2-fast-components", Pictures::kComponents},
    {"veo3.1", Pictures::kFirstLast},
    {"veo3.1-pro", Pictures::kFirstLast},
    {"veo3.1-fast", Pictures::kFirstLast},
    {"veo3.1-components", Pictures::kComponents},
});

std::size_t most_pictures(Pictures kind) {
  switch (kind) {
    case Pictures::kFirst:
      return 1;
    case Pictures::kFirstLast:
      return 2;
    case Pictures::kComponents:
    case Pictures::kByNumber:
      break;
  }
  return 3;
}

/// Reads fields that clients write in more than one way. The first problem is kept.
class Fields {
 public:
  explicit Fields(const json::object& body) : body_(body) {}

  std::string text(std::string_view key) {
    const auto* value = at(key);
    if (value == nullptr) return {};
    if (value->is_string()) return std::string(value->get_string());
    refuse(key, "must be a string");
    return {};
  }

  std::optional<bool> flag(std::string_view key) {
    const auto* value = at(key);
    if (value == nullptr) return std::nullopt;
    if (value->is_bool()) return value->get_bool();
    if (value->is_string()) {
      if (const auto read = parse_bool(trim(std::string_view(value->get_string())))) return read;
    }
    refuse(key, "must be true or false");
    return std::nullopt;
  }

  std::optional<std::int64_t> integer(std::string_view key, std::int64_t least, std::int64_t most) {
    const auto* value = at(key);
    if (value == nullptr) return std::nullopt;
    std::optional<std::int64_t> number;
    if (value->is_number()) {
      json::error_code error;
      const auto exact = value->to_number<std::int64_t>(error);
      if (!error) number = exact;
    } else if (value->is_string()) {
      number = parse_int(trim(std::string_view(value->get_string())));
    }
    if (number && *number >= least && *number <= most) return number;
    refuse(key,
           "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return std::nullopt;
  }

  const json::value* at(std::string_view key) const {
    const auto* value = body_.if_contains(key);
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  void refuse(std::string_view key, std::string message) {
    if (!problem) {
      problem = Error{ErrorCode::kInvalidParameter, std::move(message), std::string(key)};
    }
  }

  std::optional<Error> problem;

 private:
  const json::object& body_;
};

std::string field_of(std::size_t index) {
  return "images[" + std::to_string(index) + "]";
}

/// Base64 as clients send it: in lines, URL-safe, without padding.
std::optional<std::string> loose_base64(std::string_view text) {
  std::string clean;
  clean.reserve(text.size() + 3);
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == ' ') continue;
    clean += c == '-' ? '+' : c == '_' ? '/' : c;
  }
  while (clean.size() % 4 != 0) clean += '=';
  return unbase64(clean);
}

/// A URL becomes the picture's source; bytes in any dress go into `bytes`.
void read_picture(Fields& in, const std::string& text, std::size_t index, Picture& picture,
                  std::string& bytes) {
  if (text.starts_with("http://") || text.starts_with("https://")) {
    picture.source = text;
    return;
  }
  std::string_view data = text;
  if (data.starts_with("data:")) {
    const auto comma = data.find(',');
    const auto head = lower(data.substr(0, comma));
    if (comma == std::string_view::npos || !head.ends_with(";base64")) {
      return in.refuse(field_of(index), "must be a URL, a base64 data URI or base64");
    }
    data.remove_prefix(comma + 1);
  }
  auto decoded = loose_base64(data);
  if (!decoded || decoded->empty()) {
    return in.refuse(field_of(index), "must be a URL, a base64 data URI or base64");
  }
  if (static_cast<std::int64_t>(decoded->size()) > kMaxPictureBytes) {
    return in.refuse(field_of(index), "must be at most 20 MiB");
  }
  if (object::picture_type_of(*decoded).empty()) {
    return in.refuse(field_of(index), "must be a JPEG, PNG, WebP or GIF picture");
  }
  bytes = std::move(*decoded);
}

void read_pictures(Fields& in, Generation& wanted, std::vector<std::string>& bytes) {
  const auto* value = in.at("images");
  if (value == nullptr) return;
  std::vector<std::string> texts;
  const auto take = [&](const json::value& item) {
    if (item.is_string())
      texts.emplace_back(item.get_string());
    else
      in.refuse("images", "must be a list of strings");
  };
  if (value->is_array())
    for (const auto& item : value->get_array()) take(item);
  else
    take(*value);
  std::erase_if(texts, [](const std::string& text) { return trim(text).empty(); });
  const auto roles = roles_for(wanted.model, texts.size());
  if (!roles) return in.refuse("images", roles.error().message);
  bytes.resize(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Picture picture{(*roles)[i], {}, false};
    read_picture(in, std::string(trim(texts[i])), i, picture, bytes[i]);
    wanted.pictures.push_back(std::move(picture));
  }
  const bool none = std::ranges::all_of(bytes, [](const auto& b) { return b.empty(); });
  if (none) bytes.clear();
}

Generation read_generation(Fields& in, std::vector<std::string>& bytes) {
  Generation wanted;
  wanted.prompt = trim(in.text("prompt"));
  if (wanted.prompt.empty()) in.refuse("prompt", "is required");
  if (count_characters(wanted.prompt) > kMaxPromptCharacters) {
    in.refuse("prompt", "may have at most 4000 characters");
  }
  wanted.model = trim(in.text("model"));
  if (wanted.model.empty()) in.refuse("model", "is required");
  if (wanted.model.size() > 256) in.refuse("model", "may have at most 256 bytes");
  wanted.enhance_prompt = in.flag("enhance_prompt").value_or(false);
  if (const auto ratio = in.text("aspect_ratio"); !ratio.empty()) {
    wanted.aspect_ratio = ratio;
    if (ratio != "16:9" && ratio != "9:16") in.refuse("aspect_ratio", "must be 16:9 or 9:16");
  }
  wanted.upscale = in.flag("enable_upsample").value_or(false);
  wanted.resolution = wanted.upscale ? "1080p" : "720p";
  wanted.seed = in.integer("seed", 0, 0xFFFF'FFFFLL);
  if (wanted.seed == 0) wanted.seed.reset();
  wanted.duration = static_cast<int>(in.integer("duration", 1, 60).value_or(8));
  read_pictures(in, wanted, bytes);
  return wanted;
}

/// What the request comes to, pictures by their hash: the same for every way of writing it.
std::string fingerprint_of(const TaskRequest& request) {
  json::object o = to_json(*request.generation);
  json::array pictures;
  for (const std::string& bytes : request.pictures) pictures.emplace_back(hex(sha256(bytes)));
  o["bytes"] = std::move(pictures);
  o["notify_hook"] = request.callback_url;
  return hex(sha256(json::serialize(o)));
}

}  // namespace

Result<std::vector<PictureRole>> roles_for(std::string_view model, std::size_t pictures) {
  const auto at = std::ranges::find(kModels, model, &ModelRow::model);
  Pictures kind = at == kModels.end() ? Pictures::kByNumber : at->pictures;
  if (pictures > most_pictures(kind)) {
    return fail(ErrorCode::kInvalidParameter,
                "may hold at most " + std::to_string(most_pictures(kind)) + " for this model");
  }
  if (kind == Pictures::kByNumber && pictures > 2) kind = Pictures::kComponents;
  if (kind == Pictures::kComponents) return std::vector(pictures, PictureRole::kReference);
  std::vector<PictureRole> roles{PictureRole::kFirst, PictureRole::kLast};
  roles.resize(pictures);
  return roles;
}

Result<TaskRequest> create_request_from(const http::Request& request) {
  constexpr std::size_t kMaxKey = 255;
  const auto body = parse_json(request.body);
  if (!body) return std::unexpected(body.error());
  if (!body->is_object()) {
    return fail(ErrorCode::kInvalidParameter, "the body must be a JSON object");
  }
  Fields in(body->get_object());
  TaskRequest out;
  out.kind = TaskKind::kGenerate;
  out.origin = std::string(kOrigin);
  out.generation = read_generation(in, out.pictures);
  out.callback_url = trim(in.text("notify_hook"));
  if (in.problem) return std::unexpected(*in.problem);
  out.fingerprint = fingerprint_of(out);
  out.repeated = parse_int(request.headers.get("x-stainless-retry-count")).value_or(0) >= 1;
  out.idempotency_key = request.headers.get("idempotency-key");
  if (out.idempotency_key.size() > kMaxKey) {
    return fail(ErrorCode::kInvalidParameter, "may have at most 255 characters", "Idempotency-Key");
  }
  if (!out.idempotency_key.empty()) {
    out.idempotency_key.insert(0, "veo:");
    out.body_hash = out.fingerprint;
  }
  return out;
}

Result<std::vector<std::string>> ids_from(const http::Request& request) {
  constexpr std::size_t kMostIds = 100;
  const auto body = parse_json(request.body);
  if (!body) return std::unexpected(body.error());
  const auto* object = body->if_object();
  const auto* list = object != nullptr ? object->if_contains("ids") : nullptr;
  if (list == nullptr || !list->is_array() || list->get_array().size() > kMostIds) {
    return fail(ErrorCode::kInvalidParameter, "must be a list of at most 100 task ids", "ids");
  }
  std::vector<std::string> ids;
  for (const auto& item : list->get_array()) {
    if (item.is_string()) ids.emplace_back(item.get_string());
  }
  return ids;
}

}  // namespace telecine::veo
