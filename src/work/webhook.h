#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/time.h"
#include "object/exchange.h"

namespace telecine {

/// The three headers of the Standard Webhooks specification (standardwebhooks.com) for these exact
/// bytes: webhook-id, webhook-timestamp (seconds) and webhook-signature, one "v1,<base64>" for each
/// secret, so that a receiver with either secret of a rotation can verify. Secrets have the form
/// "whsec_<base64>".
object::Headers sign_webhook(std::span<const std::string> secrets, std::string_view message_id,
                             Millis now, std::string_view body);

/// A new secret: "whsec_" and the base64 of 24 random bytes.
std::string make_webhook_secret();

/// When attempt `made` + 1 follows attempt `made` (1-based); 0 when none does. Ten attempts over
/// 75 hours.
Millis next_delivery_delay(int made);

}  // namespace telecine
