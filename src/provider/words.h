#pragma once

#include <cstdint>
#include <string_view>

namespace telecine::provider {

/// What a provider's word for a job's state comes to.
enum class Meaning : std::uint8_t { kWaiting, kWorking, kDone, kFailed, kCancelled, kGone };

/// Trimmed and case-blind. A word that nobody knows means that the provider is still at it: taking
/// it for an end would throw away what is being paid for.
Meaning meaning_of(std::string_view word);

}  // namespace telecine::provider
