#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/names.h"
#include "base/time.h"
#include "task/generation.h"

namespace telecine::provider {

enum class Encoding : std::uint8_t {
  kAuto,  ///< multipart with a picture; else JSON, and multipart where JSON is refused
  kJson,
  kMultipart
};

/// One provider as configured.
struct ProviderConfig {
  std::string name;
  ProviderKind kind = ProviderKind::kOpenai;
  std::string url{};  ///< base address without "/v1" and without a slash at the end
  std::string key{};  ///< bearer token; empty: none is sent
  Encoding encoding = Encoding::kAuto;
  Millis poll_first = 5'000;
  Millis poll_every = 10'000;
  Millis backoff = 1'000;               ///< before a call is repeated; longer with each time
  Millis deadline = 3'600'000;          ///< from acceptance to a result
  Millis submit_timeout = 60'000;       ///< for the answer to a submit
  std::int64_t max_result = 4LL << 30;  ///< bytes
  std::vector<int> durations{};         ///< s it can make; empty: any
  std::vector<Dimensions> sizes{};      ///< px it can make; empty: any
};

/// "veo*" → a provider, and the name it knows the model by (empty: the client's).
struct ModelRule {
  std::string match;  ///< '*' stands for any text
  std::string provider;
  std::string as;
};

/// When the built-in animatic may answer.
enum class AnimaticUse : std::uint8_t {
  kOn,        ///< wherever the model map says so, and for everything when there is no map
  kExplicit,  ///< for its own model names only
  kOff
};

/// All providers and the map from the models that clients name to them. An immutable value.
struct Catalogue {
  std::vector<ProviderConfig> providers;  ///< without the built-in one
  std::vector<ModelRule> models;          ///< the first match counts
  AnimaticUse animatic = AnimaticUse::kOn;
  bool resubmit_ambiguous = false;   ///< submit again when nobody knows whether it arrived
  Millis submit_patience = 600'000;  ///< how long a busy provider is asked again

  /// The configured provider of that name, or the built-in "animatic"; null for no other.
  const ProviderConfig* find(const std::string& name) const;
  /// Who makes it. kUnsupported with the field "model" when nobody does, with another field when
  /// the one who would cannot make this. Nothing falls through to the animatic unless the map or
  /// the lack of one says so.
  Result<ProviderChoice> choose(const Generation& wanted) const;
  /// Requests for any model would be answered with animatics.
  bool only_animatics() const;
};

/// Whether `text` fits a pattern in which '*' stands for any text.
bool matches(std::string_view pattern, std::string_view text);

/// The size to ask the provider for: the wanted one if it has it or says nothing, else the one
/// nearest in shape and then in area.
Dimensions nearest_size(const ProviderConfig& provider, Dimensions wanted);

}  // namespace telecine::provider

namespace telecine {

template <>
inline constexpr auto kNames<provider::Encoding> =
    std::to_array<Named<provider::Encoding>>({{provider::Encoding::kAuto, "auto"},
                                              {provider::Encoding::kJson, "json"},
                                              {provider::Encoding::kMultipart, "multipart"}});
template <>
inline constexpr auto kNames<provider::AnimaticUse> =
    std::to_array<Named<provider::AnimaticUse>>({{provider::AnimaticUse::kOn, "on"},
                                                 {provider::AnimaticUse::kExplicit, "explicit"},
                                                 {provider::AnimaticUse::kOff, "off"}});

}  // namespace telecine
