#include "store/meeting_records.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/crypto.h"
#include "base/text.h"

namespace telecine {
namespace {

enum class FieldType : std::uint8_t {
  kText,  ///< at most `most` bytes
  kFlag,
  kTime,
  kCount,      ///< a whole number, `least` to `most`
  kCode,       ///< one of the words in `codes`
  kMeetingNo,  ///< nine digits
  kUser,       ///< a user id or an inline user
  kTexts,      ///< a list of texts
  kMetrics,    ///< numbers, in groups of groups
};

struct Field {
  std::string_view name;
  FieldType type = FieldType::kText;
  std::int64_t most = 1024;
  std::int64_t least = 0;
  bool required = false;
  std::string_view codes{};
};

using enum FieldType;
constexpr std::int64_t kMaxId = 64;
constexpr std::int64_t kMaxInstance = 128;

constexpr Field kUserFields[] = {
    {.name = "user_id", .most = kMaxId, .required = true},
    {.name = "open_id", .most = 128},
    {.name = "union_id", .most = 128},
    {.name = "name"},
    {.name = "department"},
    {.name = "employee_no"},
    {.name = "email"},
    {.name = "mobile"},
    {.name = "external", .type = kFlag},
};
constexpr Field kRoomFields[] = {
    {.name = "room_id", .most = kMaxId, .required = true},
    {.name = "name"},
    {.name = "room_level_id", .most = kMaxId},
    {.name = "room_level_path", .type = kTexts},
    {.name = "capacity", .type = kCount, .most = 1'000'000},
};
constexpr Field kMeetingFields[] = {
    {.name = "instance_id", .most = kMaxInstance, .required = true},
    {.name = "meeting_no", .type = kMeetingNo},
    {.name = "topic", .most = 200'000},
    {.name = "type", .type = kCode, .codes = "video screencast"},
    {.name = "organizer", .type = kUser},
    {.name = "start_time", .type = kTime},
    {.name = "end_time", .type = kTime},
    {.name = "status", .type = kCode, .codes = "scheduled"},
    {.name = "recording", .type = kFlag},
    {.name = "external", .type = kFlag},
    {.name = "webinar", .type = kFlag},
    {.name = "audio", .type = kFlag},
    {.name = "video", .type = kFlag},
    {.name = "sharing", .type = kFlag},
    {.name = "telephone", .type = kFlag},
    {.name = "participant_count", .type = kCount, .most = 1'000'000'000},
    {.name = "reserved_rooms", .type = kTexts},
};
constexpr Field kParticipantFields[] = {
    {.name = "instance_id", .most = kMaxInstance, .required = true},
    {.name = "participant_id", .most = kMaxInstance},
    {.name = "user", .type = kUser},
    {.name = "room_id", .most = kMaxId},
    {.name = "name"},
    {.name = "join_time", .type = kTime, .required = true},
    {.name = "leave_time", .type = kTime},
    {.name = "leave_reason"},
    {.name = "device"},
    {.name = "app_version"},
    {.name = "public_ip"},
    {.name = "internal_ip"},
    {.name = "location"},
    {.name = "network_type"},
    {.name = "protocol"},
    {.name = "microphone"},
    {.name = "speaker"},
    {.name = "camera"},
    {.name = "use_rtc_proxy", .type = kFlag},
    {.name = "audio", .type = kFlag},
    {.name = "video", .type = kFlag},
    {.name = "sharing", .type = kFlag},
    {.name = "telephone", .type = kFlag},
    {.name = "external", .type = kFlag},
    {.name = "accept_status", .type = kCount, .most = 4, .least = 1},
};
constexpr Field kQualityFields[] = {
    {.name = "instance_id", .most = kMaxInstance, .required = true},
    {.name = "participant_id", .most = kMaxInstance, .required = true},
    {.name = "time", .type = kTime, .required = true},
    {.name = "audio", .type = kMetrics},
    {.name = "video", .type = kMetrics},
    {.name = "screen", .type = kMetrics},
    {.name = "network", .type = kMetrics},
    {.name = "cpu", .type = kMetrics},
    {.name = "volume", .type = kMetrics},
};
constexpr Field kReservationFields[] = {
    {.name = "reservation_id", .most = kMaxInstance, .required = true},
    {.name = "room_id", .most = kMaxId, .required = true},
    {.name = "topic", .most = 200'000},
    {.name = "reserver", .type = kUser},
    {.name = "guests", .type = kCount, .most = 1'000'000'000},
    {.name = "accepted", .type = kCount, .most = 1'000'000'000},
    {.name = "start_time", .type = kTime, .required = true},
    {.name = "end_time", .type = kTime, .required = true},
    {.name = "status",
     .type = kCode,
     .codes = "pending booked released_manual released_ended released_no_checkin released_sensor"},
    {.name = "checkin_device",
     .type = kCode,
     .codes = "board qr controller touch_panel offline_auto"},
    {.name = "checkin_status",
     .type = kCode,
     .codes = "not_required_instant not_required_off not_required timeout open "
              "not_required_no_device checked_in waiting disabled"},
    {.name = "checkin_time", .type = kTime},
    {.name = "released_by", .type = kUser},
    {.name = "released_at", .type = kTime},
};
constexpr Field kDeleteFields[] = {
    {.name = "target", .type = kCode, .required = true, .codes = "meeting user"},
    {.name = "instance_id", .most = kMaxInstance},
    {.name = "user_id", .most = kMaxId},
};

std::span<const Field> fields_of(RecordKind kind) {
  switch (kind) {
    case RecordKind::kUser:
      return kUserFields;
    case RecordKind::kRoom:
      return kRoomFields;
    case RecordKind::kMeeting:
      return kMeetingFields;
    case RecordKind::kParticipant:
      return kParticipantFields;
    case RecordKind::kQuality:
      return kQualityFields;
    case RecordKind::kReservation:
      return kReservationFields;
    case RecordKind::kDelete:
      return kDeleteFields;
  }
  return {};
}

constexpr std::string_view kMetricNames[] = {"recv",           "sent",           "bitrate_kbps",
                                             "latency_ms",     "jitter_ms",      "loss_avg_pct",
                                             "loss_max_pct",   "max_height",     "fps",
                                             "delay_ms",       "client_min_pct", "client_avg_pct",
                                             "client_max_pct", "system_avg_pct", "system_max_pct",
                                             "mic_db",         "speaker_db"};

using Checked = std::expected<json::value, std::string>;
Checked wrong(std::string message) {
  return std::unexpected(std::move(message));
}

Checked check_text(const json::value& value, const Field& field) {
  const auto* text = value.if_string();
  if (text == nullptr) return wrong("must be a string");
  if (std::ssize(*text) > field.most) {
    return wrong("must be at most " + std::to_string(field.most) + " bytes long");
  }
  if (field.required && text->empty()) return wrong("must not be empty");
  return *text;
}

Checked check_meeting_no(const json::value& value) {
  const auto* text = value.if_string();
  const bool good =
      text != nullptr && text->size() == 9 &&
      std::string_view(*text).find_first_not_of("0123456789") == std::string_view::npos;
  if (!good) return wrong("must be 9 digits");
  return *text;
}

Checked check_count(const json::value& value, const Field& field) {
  json::error_code error;
  const auto number = value.is_number() ? value.to_number<std::int64_t>(error) : 0;
  if (!value.is_number() || error || number < field.least || number > field.most) {
    return wrong("must be a whole number from " + std::to_string(field.least) + " to " +
                 std::to_string(field.most));
  }
  return number;
}

Checked check_code(const json::value& value, const Field& field) {
  const auto* text = value.if_string();
  if (text != nullptr && !text->empty()) {
    for (const auto word : split(field.codes, ' ')) {
      if (word == std::string_view(*text)) return *text;
    }
  }
  return wrong("must be one of: " + std::string(field.codes));
}

Checked check_texts(const json::value& value) {
  constexpr std::size_t kMaxItems = 1000;
  const auto* list = value.if_array();
  if (list == nullptr || list->size() > kMaxItems) return wrong("must be a list of strings");
  for (const auto& item : *list) {
    const auto* text = item.if_string();
    if (text == nullptr || std::ssize(*text) > kMaxId) {
      return wrong("must hold only strings of at most 64 bytes");
    }
  }
  return *list;
}

Checked check_metrics(const json::value& value) {
  const auto* group = value.if_object();
  if (group == nullptr) return wrong("must be an object of numbers");
  json::object known;
  for (const auto& item : *group) {
    if (std::ranges::find(kMetricNames, std::string_view(item.key())) == std::end(kMetricNames)) {
      continue;
    }
    if (item.value().is_object()) {
      auto inner = check_metrics(item.value());
      if (!inner) return inner;
      known[item.key()] = std::move(*inner);
    } else if (item.value().is_null() ||
               (item.value().is_number() && std::isfinite(item.value().to_number<double>()))) {
      known[item.key()] = item.value();
    } else {
      return wrong("holds \"" + std::string(item.key()) + "\", which must be a number");
    }
  }
  return known;
}

std::expected<MeetingRecord, RecordProblem> read_fields(RecordKind kind,
                                                        const json::object& object);

/// An inline user becomes a record of its own and leaves its id behind.
Checked check_user(const json::value& value, MeetingRecord& record) {
  if (const auto* id = value.if_string()) {
    if (id->empty() || std::ssize(*id) > kMaxId) return wrong("must be 1 to 64 bytes long");
    return *id;
  }
  const auto* object = value.if_object();
  if (object == nullptr) return wrong("must be a user id or a user object");
  auto user = read_fields(RecordKind::kUser, *object);
  if (!user) return wrong("is not a user: " + user.error().message);
  json::value id = user->fields.at("user_id");
  record.users.push_back(std::move(user->fields));
  return id;
}

Checked check_field(const Field& field, const json::value& value, MeetingRecord& record) {
  switch (field.type) {
    case kText:
      return check_text(value, field);
    case kFlag:
      if (!value.is_bool()) return wrong("must be true or false");
      return value;
    case kTime: {
      const auto time = record_time(value);
      if (!time) return wrong("must be Unix seconds or RFC 3339 with an offset");
      return *time;
    }
    case kCount:
      return check_count(value, field);
    case kCode:
      return check_code(value, field);
    case kMeetingNo:
      return check_meeting_no(value);
    case kUser:
      return check_user(value, record);
    case kTexts:
      return check_texts(value);
    case kMetrics:
      return check_metrics(value);
  }
  return wrong("cannot be read");
}

std::unexpected<RecordProblem> bad_field(std::string_view field, const std::string& message) {
  return std::unexpected(
      RecordProblem{"bad_field", std::string(field), std::string(field) + " " + message});
}

std::expected<MeetingRecord, RecordProblem> read_fields(RecordKind kind,
                                                        const json::object& object) {
  MeetingRecord record;
  record.kind = kind;
  for (const Field& field : fields_of(kind)) {
    const auto* value = object.if_contains(field.name);
    if (value == nullptr || value->is_null()) {
      if (field.required) return bad_field(field.name, "is required");
      if (value != nullptr) record.fields[field.name] = nullptr;
      continue;
    }
    auto checked = check_field(field, *value, record);
    if (!checked) return bad_field(field.name, checked.error());
    record.fields[field.name] = std::move(*checked);
  }
  return record;
}

bool has_text(const json::object& fields, std::string_view name) {
  const auto* value = fields.if_contains(name);
  return value != nullptr && value->is_string() && !value->get_string().empty();
}

/// What one field alone does not tell.
std::expected<void, RecordProblem> check_whole(MeetingRecord& record) {
  json::object& fields = record.fields;
  switch (record.kind) {
    case RecordKind::kMeeting:
      if (const auto* start = fields.if_contains("start_time"); start && start->is_null()) {
        return bad_field("start_time", "cannot be cleared");
      }
      return {};
    case RecordKind::kParticipant:
      for (const char* source : {"participant_id", "user", "room_id"}) {
        if (!has_text(fields, source)) continue;
        const json::string id = fields.at(source).get_string();
        fields["participant_id"] = id;
        return {};
      }
      return bad_field("participant_id", "is required, or user or room_id");
    case RecordKind::kQuality: {
      constexpr Millis kMinute = 60'000;
      fields["time"] = fields.at("time").get_int64() / kMinute * kMinute;
      return {};
    }
    case RecordKind::kDelete: {
      const bool user = fields.at("target").get_string() == "user";
      const char* key = user ? "user_id" : "instance_id";
      if (!has_text(fields, key)) return bad_field(key, "is required");
      return {};
    }
    default:
      return {};
  }
}

std::string id_of(std::string_view prefix, std::string_view text) {
  return std::string(prefix) + hex(sha256(text)).substr(0, 32);
}

}  // namespace

std::expected<MeetingRecord, RecordProblem> meeting_record_from(const json::value& value) {
  const auto* object = value.if_object();
  if (object == nullptr) {
    return std::unexpected(RecordProblem{"bad_json", "", "the line must be a JSON object"});
  }
  const auto* word = object->if_contains("kind");
  const auto kind = word != nullptr && word->is_string()
                        ? value_named<RecordKind>(std::string_view(word->get_string()))
                        : std::nullopt;
  if (!kind) {
    return std::unexpected(
        RecordProblem{"bad_kind", "kind", "kind must be " + names_listed<RecordKind>()});
  }
  auto record = read_fields(*kind, *object);
  if (!record) return record;
  if (auto ok = check_whole(*record); !ok) return std::unexpected(ok.error());
  return record;
}

std::string derived_meeting_no(std::string_view source, std::string_view name) {
  const std::string digest = sha256(std::string(source) + "|" + std::string(name));
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) bits = bits << 8 | static_cast<unsigned char>(digest[i]);
  return std::to_string(100'000'000 + (bits >> 4) % 900'000'000);  // the first 60 bits
}

std::string derived_open_id(std::string_view app, std::string_view user) {
  return id_of("ou_", "open|" + std::string(app) + "|" + std::string(user));
}

std::string derived_union_id(std::string_view user) {
  return id_of("on_", "union|" + std::string(user));
}

}  // namespace telecine
