#include "provider/provider.h"

#include "base/text.h"
#include "provider/openai.h"

namespace telecine::provider {

std::unique_ptr<Provider> make_provider(const ProviderConfig& config,
                                        const object::HttpClient& http) {
  switch (config.kind) {
    case ProviderKind::kOpenai:
      return std::make_unique<OpenaiProvider>(config, http);
    case ProviderKind::kAnimatic:
      break;
  }
  return nullptr;
}

std::string shown_reason(std::string_view text) {
  constexpr std::size_t kMostBytes = 300;
  constexpr std::string_view kEnds = " \t\r\n\"'<>()[]{},;";
  std::string out;
  while (!text.empty()) {
    const auto scheme = text.find("://");
    if (scheme == std::string_view::npos) {
      out += text;
      break;
    }
    const auto before = text.find_last_of(kEnds, scheme);
    const auto begin = before == std::string_view::npos ? 0 : before + 1;
    out += text.substr(0, begin);
    out += "(address)";
    const auto end = text.find_first_of(kEnds, scheme);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end);
  }
  return printable(trim(out), kMostBytes);
}

}  // namespace telecine::provider
