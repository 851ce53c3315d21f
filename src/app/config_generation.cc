#include <algorithm>

#include "app/config.h"
#include "base/fs.h"
#include "base/text.h"

namespace telecine::app {
namespace {

using provider::ProviderConfig;

std::unexpected<Error> refuse(const SettingRow& row, std::string_view field, std::string message) {
  return refuse_setting(row.origin, "generation." + std::string(field), std::move(message));
}

Status read_address(const SettingRow& row, ProviderConfig& provider) {
  provider.url = row.values.text("url");
  const auto drop = [&](std::string_view end) {
    if (provider.url.ends_with(end)) provider.url.resize(provider.url.size() - end.size());
  };
  while (provider.url.ends_with('/')) provider.url.pop_back();
  drop("/v1");
  while (provider.url.ends_with('/')) provider.url.pop_back();
  if (provider.url.starts_with("http://") || provider.url.starts_with("https://")) return {};
  return refuse(row, "provider.url", "must begin with https:// or http://");
}

Status read_key(const SettingRow& row, ProviderConfig& provider) {
  constexpr std::size_t kMostBytes = 4096;
  provider.key = row.values.text("key");
  const std::string& file = row.values.text("key_file");
  if (file.empty()) return {};
  if (!provider.key.empty()) return refuse(row, "provider.key", "give key or key_file, not both");
  auto key = read_file(file, kMostBytes);
  if (!key) return refuse(row, "provider.key_file", "cannot be read: " + key.error().message);
  provider.key = trim(*key);
  return {};
}

Status read_abilities(const SettingRow& row, ProviderConfig& provider) {
  for (const std::string& text : row.values.list("durations")) {
    const auto seconds = parse_int(text);
    if (!seconds || *seconds < 1 || *seconds > 60) {
      return refuse(row, "provider.durations", "must hold whole seconds from 1 to 60");
    }
    provider.durations.push_back(static_cast<int>(*seconds));
  }
  for (const std::string& text : row.values.list("sizes")) {
    const auto cross = text.find('x');
    const auto width = parse_int(std::string_view(text).substr(0, cross));
    const auto height = cross == std::string::npos
                            ? std::nullopt
                            : parse_int(std::string_view(text).substr(cross + 1));
    if (!width || !height || *width < 16 || *height < 16 || *width > 8192 || *height > 8192) {
      return refuse(row, "provider.sizes", "must hold sizes such as 1280x720");
    }
    provider.sizes.push_back({static_cast<int>(*width), static_cast<int>(*height)});
  }
  return {};
}

Result<ProviderConfig> read_provider(const SettingRow& row) {
  const SettingValues& values = row.values;
  ProviderConfig provider;
  provider.name = values.text("name");
  provider.kind = value_named<ProviderKind>(values.text("kind")).value_or(provider.kind);
  provider.encoding =
      value_named<provider::Encoding>(values.text("encoding")).value_or(provider.encoding);
  provider.poll_first = values.integer("poll_first");
  provider.poll_every = values.integer("poll_every");
  provider.backoff = values.integer("backoff");
  provider.deadline = values.integer("deadline");
  provider.submit_timeout = values.integer("submit_timeout");
  provider.max_result = values.integer("max_result");
  if (provider.name.empty() || provider.name == kAnimaticShort) {
    return refuse(row, "provider.name", "must be a name of its own; animatic is built in");
  }
  Status ok = read_address(row, provider);
  if (ok) ok = read_key(row, provider);
  if (ok) ok = read_abilities(row, provider);
  if (!ok) return std::unexpected(ok.error());
  return provider;
}

}  // namespace

Status read_generation(const Settings& settings, provider::Catalogue& catalogue) {
  const SettingValues& values = settings.values();
  catalogue.animatic = value_named<provider::AnimaticUse>(values.text("generation.animatic"))
                           .value_or(catalogue.animatic);
  catalogue.resubmit_ambiguous = values.flag("generation.resubmit_ambiguous");
  catalogue.submit_patience = values.integer("generation.submit_patience");
  for (const SettingRow& row : settings.rows("generation.provider")) {
    auto provider = read_provider(row);
    if (!provider) return std::unexpected(provider.error());
    if (std::ranges::count(catalogue.providers, provider->name, &ProviderConfig::name) > 0) {
      return refuse(row, "provider.name", "names another provider already");
    }
    catalogue.providers.push_back(std::move(*provider));
  }
  for (const SettingRow& row : settings.rows("generation.model")) {
    provider::ModelRule rule{row.values.text("match"), row.values.text("provider"),
                             row.values.text("as")};
    if (catalogue.find(rule.provider) == nullptr) {
      return refuse(row, "model.provider",
                    "there is no [[generation.provider]] called \"" + rule.provider + "\"");
    }
    catalogue.models.push_back(std::move(rule));
  }
  return {};
}

}  // namespace telecine::app
