#include "work/webhook.h"

#include <array>

#include "base/crypto.h"

namespace telecine {

namespace {
constexpr std::string_view kPrefix = "whsec_";
}

object::Headers sign_webhook(std::span<const std::string> secrets, std::string_view message_id,
                             Millis now, std::string_view body) {
  const std::string seconds = std::to_string(now / 1000);
  std::string content(message_id);
  content += '.';
  content += seconds;
  content += '.';
  content += body;
  std::string signatures;
  for (const std::string& secret : secrets) {
    std::string_view text = secret;
    if (text.starts_with(kPrefix)) text.remove_prefix(kPrefix.size());
    const auto key = unbase64(text);
    if (!key) continue;
    if (!signatures.empty()) signatures += ' ';
    signatures += "v1," + base64(hmac_sha256(*key, content));
  }
  return {{"webhook-id", std::string(message_id)},
          {"webhook-timestamp", seconds},
          {"webhook-signature", signatures}};
}

std::string make_webhook_secret() {
  return std::string(kPrefix) + base64(random_bytes(24));
}

Millis next_delivery_delay(int made) {
  constexpr Millis kSecond = 1000;
  constexpr Millis kMinute = 60 * kSecond;
  constexpr Millis kHour = 60 * kMinute;
  // The example schedule of the specification: 75 h 35 min in all.
  constexpr std::array<Millis, 9> kDelays = {5 * kSecond, 5 * kMinute, 30 * kMinute,
                                             2 * kHour,   5 * kHour,   10 * kHour,
                                             14 * kHour,  20 * kHour,  24 * kHour};
  if (made < 1 || made > static_cast<int>(kDelays.size())) return 0;
  return kDelays[static_cast<std::size_t>(made - 1)];
}

}  // namespace telecine
