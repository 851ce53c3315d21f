#include "dialect/native/requests.h"

#include <cmath>

#include "base/crypto.h"
#include "base/text.h"

namespace telecine::native {
namespace {

constexpr std::size_t kMaxMetadata = 64;
constexpr std::size_t kMaxUrl = 4096;

void read_metadata(ObjectReader& in, TaskRequest& out) {
  const auto* metadata = in.object("metadata");
  if (metadata == nullptr) return;
  if (metadata->size() > kMaxMetadata) in.refuse("metadata", "may have at most 64 entries");
  for (const auto& item : *metadata) {
    const auto* text = item.value().if_string();
    if (text == nullptr || text->size() > 1024 || item.key().size() > 128) {
      in.refuse("metadata." + std::string(item.key()),
                "must be a string of at most 1024 bytes, its name of at most 128");
      return;
    }
    out.metadata[std::string(item.key())] = std::string(text->data(), text->size());
  }
}

std::optional<Piece> piece_from(ObjectReader& in, const json::value& value,
                                const std::string& path) {
  constexpr double kMaxSeconds = 604'800;
  ObjectReader reader(value, path);
  const auto ms = [&](const char* key) {
    const double seconds = reader.number(key, -kMaxSeconds, kMaxSeconds).value_or(0);
    return static_cast<Millis>(std::llround(seconds * 1000));
  };
  Piece piece{reader.text("input", kMaxUrl).value_or(""), ms("start"), ms("end")};
  if (piece.end != 0 && (piece.start < 0) == (piece.end < 0) && piece.end <= piece.start) {
    reader.refuse("end", "must be after start");
  }
  if (piece.input.empty()) reader.refuse("input", "is required");
  if (auto ok = reader.finish(); !ok) {
    in.refuse(ok.error());
    return std::nullopt;
  }
  return piece;
}

/// Sources that follow each other; the first takes the place of the one input.
void read_inputs(ObjectReader& in, TaskRequest& out) {
  constexpr std::size_t kMostInputs = 100;
  const auto* list = in.array("inputs", kMostInputs);
  if (list == nullptr) return;
  if (list->empty()) in.refuse("inputs", "names no source");
  if (out.kind != TaskKind::kTranscode) {
    in.refuse("inputs", "belongs to tasks of the kind \"transcode\"");
  }
  if (in.has("input")) in.refuse("inputs", "give either input or inputs, not both");
  for (std::size_t i = 0; i < list->size(); ++i) {
    auto piece = piece_from(in, (*list)[i], "inputs[" + std::to_string(i) + "]");
    if (!piece) return;
    out.pieces.push_back(std::move(*piece));
  }
  if (!out.pieces.empty()) out.input = out.pieces.front().input;
}

void read_destination(ObjectReader& in, const json::value& value, TaskRequest& out) {
  ObjectReader reader(value, in.path_of("destination"));
  Destination destination;
  destination.storage = reader.text("storage", 64).value_or("");
  destination.endpoint = reader.text("endpoint", 64).value_or("");
  destination.bucket = reader.text("bucket", 255).value_or("");
  destination.prefix = reader.text("prefix", 512).value_or("");
  destination.name = reader.text("name", 900).value_or("");
  if (destination.storage.empty() == destination.endpoint.empty()) {
    reader.refuse("endpoint", "give either endpoint with bucket, or storage");
  }
  if (auto ok = reader.finish(); !ok) in.refuse(ok.error());
  out.destination = std::move(destination);
}

}  // namespace

Result<TaskRequest> task_request_from(const http::Request& request) {
  auto body = parse_json(request.body);
  if (!body) return std::unexpected(body.error());
  ObjectReader in(*body, "");
  TaskRequest out;
  out.kind = in.choice<TaskKind>("kind").value_or(out.kind);
  if (out.kind == TaskKind::kExport) {
    in.refuse("kind", "exports are asked for through the dialect that has them");
  }
  const auto input = in.text("input", kMaxUrl);
  if (const auto* generation = in.any("generation")) {
    auto wanted = generation_from(*generation, "generation");
    if (wanted)
      out.generation = std::move(*wanted);
    else
      in.refuse(wanted.error());
    if (out.kind != TaskKind::kGenerate) {
      in.refuse("generation", "belongs to tasks of the kind \"generate\"");
    }
  }
  if (out.kind == TaskKind::kGenerate) {
    for (const char* key : {"input", "inputs", "template", "outputs"}) {
      if (in.has(key)) in.refuse(key, "does not belong to a task of the kind \"generate\"");
    }
  } else if (in.ok() && !input && !in.has("inputs")) {
    in.refuse("input", "is required: a URL, file://<root>/<path> or file-id:<id>");
  }
  out.input = input.value_or("");
  read_inputs(in, out);
  out.accept_damaged = in.boolean("accept_damaged").value_or(false);
  out.template_name = in.text("template", 64).value_or("");
  if (in.any("outputs") != nullptr) {
    auto outputs = output_list_from(in, "outputs");
    if (outputs)
      out.outputs = std::move(*outputs);
    else
      in.refuse(outputs.error());
  }
  if (const auto* options = in.object("options")) out.options = *options;
  if (const auto* destination = in.any("destination")) read_destination(in, *destination, out);
  out.callback_url = in.text("callback_url", kMaxUrl).value_or("");
  out.priority = static_cast<int>(in.integer("priority", -10, 10).value_or(0));
  out.max_attempts = static_cast<int>(in.integer("max_attempts", 1, 10).value_or(3));
  read_metadata(in, out);
  if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
  out.idempotency_key = request.headers.get("idempotency-key");
  if (out.idempotency_key.size() > 255) {
    return fail(ErrorCode::kInvalidParameter, "may have at most 255 characters", "Idempotency-Key");
  }
  if (!out.idempotency_key.empty()) out.body_hash = hex(sha256(json::serialize(*body)));
  return out;
}

Result<Template> template_request_from(const http::Request& request, std::string_view name) {
  auto body = parse_json(request.body);
  if (!body) return std::unexpected(body.error());
  ObjectReader in(*body, "");
  json::object document{{"name", name}};
  if (const auto* description = in.any("description")) document["description"] = *description;
  if (const auto* outputs = in.any("outputs")) document["outputs"] = *outputs;
  if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
  auto made = template_from(document, "");
  if (!made) return made;
  for (std::size_t i = 0; i < made->outputs.size(); ++i) {
    const auto& encryption = made->outputs[i].encryption;
    if (!encryption || encryption->key.empty()) continue;
    return fail(ErrorCode::kInvalidParameter,
                "stands in a task, where few read it; without it each task makes one",
                "outputs[" + std::to_string(i) + "].encryption.key");
  }
  return made;
}

Result<AccessKey> key_request_from(const http::Request& request, const std::string& account) {
  auto body = request.body.empty() ? Result<json::value>(json::object()) : parse_json(request.body);
  if (!body) return std::unexpected(body.error());
  ObjectReader in(*body, "");
  AccessKey key = Keyring::make(account);
  key.scopes = {Scope::kRead, Scope::kWrite};
  key.id = in.text("id", 128).value_or(key.id);
  key.secret = in.text("secret", 256).value_or(key.secret);
  key.app_id = in.integer("app_id", 0, 9'999'999'999).value_or(0);
  key.rate_per_minute = static_cast<int>(in.integer("rate_per_minute", 0, 10'000'000).value_or(0));
  if (const auto* scopes = in.array("scopes", 3)) {
    key.scopes.clear();
    for (const auto& item : *scopes) {
      const auto* word = item.if_string();
      const auto scope =
          word != nullptr ? value_named<Scope>(std::string_view(*word)) : std::nullopt;
      if (scope)
        key.scopes.push_back(*scope);
      else
        in.refuse("scopes", "must hold only " + names_listed<Scope>());
    }
  }
  if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
  return key;
}

Result<Millis> wait_from(const http::Request& request) {
  constexpr Millis kLongest = 60'000;
  if (const auto text = request.query_parameter("wait")) {
    const auto ms = parse_duration_ms(*text);
    if (!ms) {
      return fail(ErrorCode::kInvalidParameter, "must be a time such as 30s, at most 60s", "wait");
    }
    return std::min(*ms, kLongest);
  }
  const auto preferences = request.headers.find("prefer");
  if (!preferences) return 0;
  for (const auto part : split(*preferences, ',')) {
    const auto word = trim(part);
    if (!word.starts_with("wait=")) continue;
    const auto seconds = parse_int(word.substr(5));
    if (seconds && *seconds >= 0) return std::min(*seconds, kLongest / 1000) * 1000;
  }
  return 0;
}

Result<int> limit_from(const http::Request& request) {
  const auto text = request.query_parameter("limit");
  if (!text) return 50;
  const auto value = parse_int(*text);
  if (!value || *value < 1 || *value > 200) {
    return fail(ErrorCode::kInvalidParameter, "must be from 1 to 200", "limit");
  }
  return static_cast<int>(*value);
}

Result<std::int64_t> cursor_from(const http::Request& request) {
  const auto text = request.query_parameter("cursor");
  if (!text) return 0;
  const auto value = text->starts_with('c') ? parse_int(text->substr(1)) : std::nullopt;
  if (!value || *value < 1) {
    return fail(ErrorCode::kInvalidParameter, "must be a next_cursor of an earlier page", "cursor");
  }
  return *value;
}

std::string cursor_text(std::int64_t key) {
  return "c" + std::to_string(key);
}

}  // namespace telecine::native
