#include "provider/catalogue.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace telecine::provider {
namespace {

std::unexpected<Error> nobody(const std::string& model) {
  return fail(ErrorCode::kUnsupported,
              "no provider is configured for the model \"" + printable(model, 100) + "\"", "model");
}

bool names_animatic(std::string_view model) {
  return model == kAnimaticModel || model == kAnimaticShort;
}

/// What the provider is known to be unable to make, so that the caller hears of it at once.
Status check_limits(const ProviderConfig& provider, const Generation& wanted) {
  if (provider.kind == ProviderKind::kAnimatic) return {};
  const auto beyond_first = [](const Picture& p) { return p.role != PictureRole::kFirst; };
  if (std::ranges::any_of(wanted.pictures, beyond_first)) {
    return fail(ErrorCode::kUnsupported, "this model takes one picture, as the first frame",
                "images");
  }
  if (provider.durations.empty() || std::ranges::count(provider.durations, wanted.duration) > 0) {
    return {};
  }
  std::vector<std::string> seconds;
  for (const int duration : provider.durations) seconds.push_back(std::to_string(duration));
  return fail(ErrorCode::kUnsupported,
              "this model makes videos of " + join(seconds, ", ") + " seconds", "duration");
}

ProviderChoice animatic() {
  return {std::string(kAnimaticShort), ProviderKind::kAnimatic, std::string(kAnimaticModel)};
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  text.remove_prefix(star);
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t at = 0; at <= text.size(); ++at) {
    if (matches(rest, text.substr(at))) return true;
  }
  return false;
}

const ProviderConfig* Catalogue::find(const std::string& name) const {
  static const ProviderConfig kBuiltIn{.name = std::string(kAnimaticShort),
                                       .kind = ProviderKind::kAnimatic};
  const auto at = std::ranges::find(providers, name, &ProviderConfig::name);
  if (at != providers.end()) return &*at;
  return name == kAnimaticShort ? &kBuiltIn : nullptr;
}

Result<ProviderChoice> Catalogue::choose(const Generation& wanted) const {
  const bool by_name = !wanted.provider.empty();
  if (names_animatic(by_name ? wanted.provider : wanted.model)) {
    if (animatic == AnimaticUse::kOff) return nobody(wanted.model);
    return provider::animatic();
  }
  if (by_name && find(wanted.provider) == nullptr) {
    return fail(ErrorCode::kInvalidParameter, "there is no provider of this name", "provider");
  }
  std::optional<ProviderChoice> choice;
  for (const ModelRule& rule : models) {
    if (!matches(rule.match, wanted.model)) continue;
    if (by_name && rule.provider != wanted.provider) continue;
    const ProviderConfig* provider = find(rule.provider);
    if (provider == nullptr) continue;
    const bool placeholder = provider->kind == ProviderKind::kAnimatic;
    if (placeholder && animatic != AnimaticUse::kOn) continue;
    if (placeholder) return provider::animatic();
    choice = {provider->name, provider->kind, rule.as.empty() ? wanted.model : rule.as};
    break;
  }
  if (!choice && by_name) {
    const ProviderConfig& provider = *find(wanted.provider);
    choice = {provider.name, provider.kind, wanted.model};
  }
  if (!choice && models.empty() && animatic == AnimaticUse::kOn) return provider::animatic();
  if (!choice) return nobody(wanted.model);
  if (auto ok = check_limits(*find(choice->provider), wanted); !ok) {
    return std::unexpected(ok.error());
  }
  return *choice;
}

bool Catalogue::only_animatics() const {
  if (animatic != AnimaticUse::kOn) return false;
  for (const ModelRule& rule : models) {
    if (rule.match == "*") return rule.provider == kAnimaticShort;
  }
  return models.empty();
}

Dimensions nearest_size(const ProviderConfig& provider, Dimensions wanted) {
  if (provider.sizes.empty()) return wanted;
  const auto distance = [&](Dimensions size) {
    const double shape = std::log(static_cast<double>(size.width) / size.height) -
                         std::log(static_cast<double>(wanted.width) / wanted.height);
    const double area = std::log(static_cast<double>(size.width) * size.height) -
                        std::log(static_cast<double>(wanted.width) * wanted.height);
    // Shapes within a hundredth of each other count as one: encoders want multiples of 16.
    return std::pair(std::lround(std::abs(shape) * 100), std::abs(area));
  };
  return *std::ranges::min_element(provider.sizes, {}, distance);
}

}  // namespace telecine::provider
