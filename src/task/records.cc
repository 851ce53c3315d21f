#include "task/records.h"

#include <algorithm>
#include <stdexcept>

namespace telecine {
bool AccessKey::may(Scope scope) const {
  return std::ranges::any_of(scopes, [&](Scope s) { return s == scope || s == Scope::kAdmin; });
}

json::object to_json(const AccessKey& key) {
  json::array scopes;
  for (const Scope scope : key.scopes) scopes.emplace_back(name_of(scope));
  return {{"id", key.id},
          {"secret", key.secret},
          {"account", key.account},
          {"app_id", key.app_id},
          {"scopes", std::move(scopes)},
          {"rate_per_minute", key.rate_per_minute},
          {"disabled", key.disabled},
          {"created", key.created}};
}

AccessKey access_key_from(const json::value& value) {
  AccessKey key;
  const LooseReader in(value);
  key.id = in.text("id");
  key.secret = in.text("secret");
  key.account = in.text("account");
  key.app_id = in.integer("app_id");
  key.scopes.clear();
  for (const auto& item : in.list("scopes")) {
    const auto* word = item.if_string();
    const auto scope = word != nullptr ? value_named<Scope>(std::string_view(*word)) : std::nullopt;
    if (scope) key.scopes.push_back(*scope);
  }
  key.rate_per_minute = in.small("rate_per_minute");
  key.disabled = in.flag("disabled");
  key.created = in.integer("created");
  return key;
}

json::object to_json(const File& file) {
  json::object o{{"account", file.account}, {"name", file.name}, {"object", file.object},
                 {"size", file.size},       {"md5", file.md5},   {"created", file.created}};
  if (file.facts) o["facts"] = to_json(*file.facts);
  return o;
}

File file_from(const json::value& value) {
  File file;
  const LooseReader in(value);
  file.account = in.text("account");
  file.name = in.text("name");
  file.object = in.text("object");
  file.size = in.integer("size");
  file.md5 = in.text("md5");
  file.created = in.integer("created");
  if (const auto* facts = in.at("facts")) file.facts = media_facts_from(*facts);
  return file;
}

json::object to_json(const Template& made) {
  json::array outputs;
  for (const OutputSpec& spec : made.outputs) outputs.emplace_back(to_json(spec));
  return {{"name", made.name},
          {"description", made.description},
          {"built_in", made.built_in},
          {"outputs", std::move(outputs)}};
}

Result<Template> template_from(const json::value& value, const std::string& path) {
  ObjectReader in(value, path);
  Template made;
  made.name = in.text("name", 64).value_or("");
  constexpr auto kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  if (made.name.empty() || made.name.find_first_not_of(kAllowed) != std::string::npos) {
    in.refuse("name", "must be 1 to 64 letters, digits, '.', '_' or '-'");
  }
  made.description = in.text("description", 500).value_or("");
  made.built_in = in.boolean("built_in").value_or(false);
  auto outputs = output_list_from(in, "outputs");
  if (outputs)
    made.outputs = std::move(*outputs);
  else
    in.refuse(outputs.error());
  if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
  return made;
}

Result<std::vector<OutputSpec>> output_list_from(ObjectReader& in, std::string_view key) {
  constexpr std::size_t kMaxOutputs = 64;
  std::vector<OutputSpec> outputs;
  const auto* list = in.array(key, kMaxOutputs);
  if (list == nullptr || list->empty()) {
    return fail(ErrorCode::kInvalidParameter, "must be a list of 1 to 64 outputs", in.path_of(key));
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string path = in.path_of(key) + "[" + std::to_string(i) + "]";
    auto spec = output_spec_from((*list)[i], path);
    if (!spec) return std::unexpected(spec.error());
    const auto same = [&](const OutputSpec& other) { return other.name == spec->name; };
    if (std::ranges::any_of(outputs, same)) {
      return fail(ErrorCode::kInvalidParameter,
                  "two outputs are called \"" + spec->name + "\"; give each a name of its own",
                  path + ".name");
    }
    outputs.push_back(std::move(*spec));
  }
  return outputs;
}

json::object to_json(const Delivery& delivery) {
  json::array attempts;
  for (const auto& a : delivery.attempts) {
    attempts.emplace_back(
        json::object{{"at", a.at}, {"status", a.status}, {"detail", a.detail}, {"took", a.took}});
  }
  return {{"message_id", delivery.message_id},
          {"url", delivery.url},
          {"type", delivery.type},
          {"created", delivery.created},
          {"delivered", delivery.delivered},
          {"attempts", std::move(attempts)}};
}

Delivery delivery_from(const json::value& value) {
  Delivery delivery;
  const LooseReader in(value);
  delivery.message_id = in.text("message_id");
  delivery.url = in.text("url");
  delivery.type = in.text("type");
  delivery.created = in.integer("created");
  delivery.delivered = in.flag("delivered");
  for (const auto& item : in.list("attempts")) {
    const LooseReader a(item);
    delivery.attempts.push_back(
        {a.integer("at"), a.small("status"), a.text("detail"), a.integer("took")});
  }
  return delivery;
}

}  // namespace telecine
