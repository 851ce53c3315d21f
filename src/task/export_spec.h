#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/names.h"
#include "base/time.h"

namespace telecine {

/// What an export task writes.
enum class Report : std::uint8_t { kMeetings, kParticipants, kQuality, kReservations };
template <>
inline constexpr auto kNames<Report> =
    std::to_array<Named<Report>>({{Report::kMeetings, "meeting_list"},
                                  {Report::kParticipants, "participant_list"},
                                  {Report::kQuality, "participant_quality_list"},
                                  {Report::kReservations, "resource_reservation_list"}});

/// Which of a person's ids a filter holds.
enum class UserIdType : std::uint8_t { kOpenId, kUnionId, kUserId };
template <>
inline constexpr auto kNames<UserIdType> =
    std::to_array<Named<UserIdType>>({{UserIdType::kOpenId, "open_id"},
                                      {UserIdType::kUnionId, "union_id"},
                                      {UserIdType::kUserId, "user_id"}});

enum class MeetingStatus : std::uint8_t { kRunning = 1, kEnded = 2, kScheduled = 3 };
enum class MeetingType : std::uint8_t { kAny = 1, kVideo = 2, kScreencast = 3 };

/// Somebody as a caller named them. An open id differs from app to app.
struct UserRef {
  UserIdType type = UserIdType::kOpenId;
  std::string id;   ///< empty: nobody in particular
  std::string app;  ///< whose open ids are meant
  bool operator==(const UserRef&) const = default;
};

/// Where an export task's spec lies in its options.
inline constexpr std::string_view kExportOption = "export";

/// The whole of an export. Which members count depends on the report.
struct ExportSpec {
  Report report = Report::kMeetings;
  bool english = false;        ///< language of headings and words; Chinese otherwise
  int utc_offset_minutes = 0;  ///< in which times are shown

  /// Window on the start of meetings or reservations, in Unix seconds, both ends included.
  std::int64_t from = 0;
  std::int64_t until = 0;
  MeetingStatus status = MeetingStatus::kEnded;
  MeetingType type = MeetingType::kAny;
  std::string meeting_no;  ///< empty: any
  UserRef user;            ///< kMeetings, kParticipants: only with, only this one
  std::string room;        ///< likewise

  std::string instance;     ///< kParticipants, kQuality: the meeting
  std::string participant;  ///< kQuality: who

  std::string room_level;          ///< kReservations: a branch of the room tree; empty: all rooms
  std::vector<std::string> rooms;  ///< kReservations: these rooms of it; empty: all
  bool exclude_rooms = false;      ///< all rooms of it but `rooms`
  bool topics = false;             ///< kReservations: show what bookings are about
};

json::object to_json(const ExportSpec& spec);
/// For documents this engine wrote.
ExportSpec export_spec_from(const json::value& value);

}  // namespace telecine
