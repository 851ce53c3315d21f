#include "provider/words.h"

#include <array>
#include <utility>

#include "base/text.h"

namespace telecine::provider {
namespace {

using enum Meaning;

constexpr auto kWords = std::to_array<std::pair<std::string_view, Meaning>>({
    {"queued", kWaiting},
    {"pending", kWaiting},
    {"submitted", kWaiting},
    {"not_start", kWaiting},
    {"notstarted", kWaiting},
    {"created", kWaiting},
    {"starting", kWaiting},
    {"preparing", kWaiting},
    {"unknown", kWaiting},
    {"in_queue", kWaiting},
    {"ready", kWaiting},
    {"processing", kWorking},
    {"in_progress", kWorking},
    {"running", kWorking},
    {"generating", kWorking},
    {"executing", kWorking},
    {"image_downloading", kWorking},
    {"video_generating", kWorking},
    {"video_upsampling", kWorking},
    {"video_generation_completed", kWorking},
    {"completed", kDone},
    {"complete", kDone},
    {"succeeded", kDone},
    {"succeed", kDone},
    {"success", kDone},
    {"finished", kDone},
    {"done", kDone},
    {"video_upsampling_completed", kDone},
    {"failed", kFailed},
    {"failure", kFailed},
    {"fail", kFailed},
    {"error", kFailed},
    {"video_generation_failed", kFailed},
    {"video_upsampling_failed", kFailed},
    {"rejected", kFailed},
    {"moderated", kFailed},
    {"cancelled", kCancelled},
    {"canceled", kCancelled},
    {"expired", kGone},
});

}  // namespace

Meaning meaning_of(std::string_view word) {
  const std::string folded = lower(trim(word));
  for (const auto& [known, meaning] : kWords) {
    if (known == folded) return meaning;
  }
  return kWorking;
}

}  // namespace telecine::provider
