#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/names.h"
#include "base/time.h"
#include "task/export_spec.h"

namespace telecine {

enum class RecordKind : std::uint8_t {
  kUser,
  kRoom,
  kMeeting,      ///< one instance of a meeting
  kParticipant,  ///< one session: from a join to the next leave
  kQuality,      ///< one minute of one participant
  kReservation,  ///< one booking of a room
  kDelete,       ///< takes away a meeting, or a user's personal fields
};
template <>
inline constexpr auto kNames<RecordKind> =
    std::to_array<Named<RecordKind>>({{RecordKind::kUser, "user"},
                                      {RecordKind::kRoom, "room"},
                                      {RecordKind::kMeeting, "meeting"},
                                      {RecordKind::kParticipant, "participant"},
                                      {RecordKind::kQuality, "quality"},
                                      {RecordKind::kReservation, "reservation"},
                                      {RecordKind::kDelete, "delete"}});

/// One record as it arrived, checked: times are milliseconds, people are user ids, unknown fields
/// are gone. A member that is null clears what is stored, an absent one keeps it.
struct MeetingRecord {
  RecordKind kind = RecordKind::kUser;
  json::object fields;
  std::vector<json::object> users;  ///< people who were given inline: records of their own
};

/// Why a record cannot be taken.
struct RecordProblem {
  std::string_view code;  ///< bad_json, bad_kind, bad_field
  std::string field;
  std::string message;
};

std::expected<MeetingRecord, RecordProblem> meeting_record_from(const json::value& value);

/// A whole or fractional number of Unix seconds (of milliseconds, above 10^11), or RFC 3339 with
/// an offset.
std::optional<Millis> record_time(const json::value& value);

/// The nine digits of a meeting that came without: the same for the same source and name.
std::string derived_meeting_no(std::string_view source, std::string_view name);
std::string derived_open_id(std::string_view app, std::string_view user);
std::string derived_union_id(std::string_view user);

}  // namespace telecine
