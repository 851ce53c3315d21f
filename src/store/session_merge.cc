#include "store/session_merge.h"

#include <algorithm>

namespace telecine {
namespace {

/// Where a text of the latest session that has one goes.
struct TextField {
  std::string_view name;
  std::string ParticipantFacts::* member;
};
constexpr TextField kTextFields[] = {{"name", &ParticipantFacts::name},
                                     {"device", &ParticipantFacts::device},
                                     {"app_version", &ParticipantFacts::app_version},
                                     {"public_ip", &ParticipantFacts::public_ip},
                                     {"internal_ip", &ParticipantFacts::internal_ip},
                                     {"location", &ParticipantFacts::location},
                                     {"network_type", &ParticipantFacts::network_type},
                                     {"microphone", &ParticipantFacts::microphone},
                                     {"speaker", &ParticipantFacts::speaker},
                                     {"camera", &ParticipantFacts::camera}};

}  // namespace

void SessionMerge::add(Millis joined, std::optional<Millis> left, const json::object& document) {
  if (count_++ == 0) facts_.join = joined;
  const LooseReader in(document);
  for (const auto& [name, member] : kTextFields) {
    if (std::string text = in.text(name); !text.empty()) facts_.*member = std::move(text);
  }
  if (std::string user = in.text("user"); !user.empty()) facts_.user.user_id = std::move(user);
  if (std::string room = in.text("room_id"); !room.empty()) facts_.room = std::move(room);
  facts_.use_rtc_proxy |= in.flag("use_rtc_proxy");
  facts_.audio |= in.flag("audio");
  facts_.video |= in.flag("video");
  facts_.sharing |= in.flag("sharing");
  add_span(joined, left, in.text("leave_reason"));
}

void SessionMerge::finish() {
  if (!inside_) return;
  facts_.leave.reset();
  facts_.leave_reason.clear();
}

void SessionMerge::add_span(Millis joined, std::optional<Millis> left, std::string reason) {
  if (!left && finish_) {
    left = std::max(*finish_, joined);
    if (reason.empty()) reason = "ended";
  }
  inside_ |= !left;
  if (left && (!facts_.leave || *left >= *facts_.leave)) {
    facts_.leave = left;
    facts_.leave_reason = std::move(reason);
  }
  // Whole seconds, as they are shown.
  const std::int64_t from = std::max(joined / 1000, counted_until_);
  const std::int64_t until = left.value_or(now_) / 1000;
  facts_.seconds += std::max<std::int64_t>(until - from, 0);
  counted_until_ = std::max(counted_until_, until);
}

}  // namespace telecine
