#include "dialect/feishu/requests.h"

#include <algorithm>

#include "base/text.h"

namespace telecine::feishu {
namespace {

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kLongestWindow = 366 * kDay;
constexpr std::int64_t kLongestFuture = 31 * kDay;  ///< of meetings to come
constexpr std::size_t kMaxRooms = 1000;
constexpr std::size_t kMaxId = 256;

bool is_digits(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Reads the fields of a body and keeps the first that is at fault.
class Fields {
 public:
  explicit Fields(const json::object& body) : body_(body) {}

  std::string text(std::string_view name, bool required = false) {
    const auto* value = find(name);
    if (value == nullptr) return missing(name, required);
    const auto* text = value->if_string();
    if (text == nullptr) {
      refuse(name, "must be a string");
      return {};
    }
    if (text->empty()) return missing(name, required);
    if (text->size() > kMaxId) refuse(name, "is too long");
    return {text->data(), text->size()};
  }

  /// Unix seconds, as a string of at most 11 digits or a number.
  std::int64_t seconds(std::string_view name) {
    constexpr std::size_t kDigits = 11;
    const auto* value = find(name);
    std::string digits;
    if (value == nullptr) {
      missing(name, true);
      return 0;
    }
    if (value->is_string())
      digits = value->get_string();
    else if (value->is_int64() || value->is_uint64())
      digits = json::serialize(*value);
    if (digits.empty() && value->is_string()) {
      missing(name, true);
    } else if (!is_digits(digits, kDigits)) {
      refuse(name, "must be Unix seconds");
    } else {
      return *parse_int(digits);
    }
    return 0;
  }

  int one_to(int most, std::string_view name, int fallback) {
    const auto* value = find(name);
    if (value == nullptr) return fallback;
    const std::int64_t number = value->is_int64() ? value->get_int64() : 0;
    if (number >= 1 && number <= most) return static_cast<int>(number);
    refuse(name, "must be from 1 to " + std::to_string(most));
    return fallback;
  }

  bool flag(std::string_view name) {
    const auto* value = find(name);
    if (value == nullptr) return false;
    if (!value->is_bool()) refuse(name, "must be true or false");
    return value->is_bool() && value->get_bool();
  }

  std::vector<std::string> texts(std::string_view name) {
    std::vector<std::string> out;
    const auto* value = find(name);
    if (value == nullptr) return out;
    const auto* list = value->if_array();
    if (list == nullptr || list->size() > kMaxRooms) {
      refuse(name, "must be a list of at most 1000 strings");
      return out;
    }
    for (const auto& item : *list) {
      if (!item.is_string() || item.get_string().size() > kMaxId)
        refuse(name, "must hold only strings");
      else
        out.emplace_back(item.get_string());
    }
    return out;
  }

  std::string meeting_no(bool required) {
    std::string number = text("meeting_no", required);
    if (!number.empty() && !(number.size() == 9 && is_digits(number, 9))) {
      refuse("meeting_no", "must be 9 digits");
    }
    return number;
  }

  void refuse(std::string_view field, std::string description) {
    if (!violation_) violation_ = Violation{std::string(field), std::move(description)};
  }
  const std::optional<Violation>& violation() const { return violation_; }

 private:
  const json::value* find(std::string_view name) const {
    const auto* value = body_.if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  std::string missing(std::string_view name, bool required) {
    if (required) refuse(name, "is required");
    return {};
  }

  const json::object& body_;
  std::optional<Violation> violation_;
};

void read_window(Fields& in, ExportSpec& spec, std::int64_t longest) {
  spec.from = in.seconds("start_time");
  spec.until = in.seconds("end_time");
  if (in.violation()) return;
  if (spec.until < spec.from) in.refuse("end_time", "must not be before start_time");
  if (spec.until - spec.from > longest) {
    in.refuse("end_time",
              "must be at most " + std::to_string(longest / kDay) + " days after start_time");
  }
}

void read_meetings(Fields& in, ExportRequest& out, std::int64_t now_s) {
  ExportSpec& spec = out.spec;
  spec.status = static_cast<MeetingStatus>(in.one_to(3, "meeting_status", 2));
  spec.type = static_cast<MeetingType>(in.one_to(3, "meeting_type", 1));
  spec.meeting_no = in.meeting_no(false);
  spec.user.id = in.text("user_id");
  spec.room = in.text("room_id");
  const bool future = spec.status == MeetingStatus::kScheduled;
  read_window(in, spec, future ? kLongestFuture : kLongestWindow);
  if (!future && spec.from > now_s) in.refuse("start_time", "must not lie in the future");
  const int filters = !spec.meeting_no.empty() + !spec.user.id.empty() + !spec.room.empty();
  if (filters > 1) in.refuse("meeting_no", "give at most one of meeting_no, user_id and room_id");
}

Lookup read_lookup(Fields& in) {
  Lookup lookup;
  lookup.meeting_no = in.meeting_no(true);
  lookup.start = in.seconds("meeting_start_time");
  lookup.end = in.seconds("meeting_end_time");
  if (!in.violation() && (lookup.end < lookup.start || lookup.end - lookup.start > kDay)) {
    in.refuse("meeting_end_time", "must be 0 to 86400 s after meeting_start_time");
  }
  return lookup;
}

void read_participants(Fields& in, ExportRequest& out) {
  Lookup lookup = read_lookup(in);
  lookup.status = static_cast<MeetingStatus>(in.one_to(3, "meeting_status", 2));
  out.lookup = std::move(lookup);
  out.spec.user.id = in.text("user_id");
  out.spec.room = in.text("room_id");
  if (!out.spec.user.id.empty() && !out.spec.room.empty()) {
    in.refuse("user_id", "give at most one of user_id and room_id");
  }
}

void read_quality(Fields& in, ExportRequest& out) {
  out.lookup = read_lookup(in);
  out.lookup->join = in.seconds("join_time");
  out.spec.user.id = in.text("user_id");
  out.spec.room = in.text("room_id");
  if (out.spec.user.id.empty() == out.spec.room.empty()) {
    in.refuse("user_id", "give exactly one of user_id and room_id");
  }
}

void read_reservations(Fields& in, ExportRequest& out) {
  ExportSpec& spec = out.spec;
  const std::string level = in.text("room_level_id", true);
  // An id of another kind stands for every room there is.
  if (level.starts_with("omb_")) spec.room_level = level;
  spec.topics = in.flag("need_topic");
  spec.rooms = in.texts("room_ids");
  spec.exclude_rooms = in.flag("is_exclude");
  read_window(in, spec, kLongestWindow);
}

}  // namespace

std::expected<ExportRequest, Violation> export_request_from(const json::object& body, Report report,
                                                            const UserRef& who,
                                                            std::int64_t now_s) {
  Fields in(body);
  ExportRequest out;
  out.spec.report = report;
  out.spec.user = who;
  switch (report) {
    case Report::kMeetings:
      read_meetings(in, out, now_s);
      break;
    case Report::kParticipants:
      read_participants(in, out);
      break;
    case Report::kQuality:
      read_quality(in, out);
      break;
    case Report::kReservations:
      read_reservations(in, out);
      break;
  }
  if (in.violation()) return std::unexpected(*in.violation());
  return out;
}

std::expected<UserIdType, Violation> user_id_type_from(const http::Request& request) {
  const auto word = request.query_parameter("user_id_type");
  if (!word || word->empty()) return UserIdType::kOpenId;
  if (const auto type = value_named<UserIdType>(*word)) return *type;
  return std::unexpected(Violation{"user_id_type", "must be " + names_listed<UserIdType>()});
}

std::expected<std::int64_t, Violation> task_number_from(std::string_view text) {
  constexpr std::size_t kDigits = 20;
  if (!is_digits(text, kDigits)) {
    return std::unexpected(Violation{"task_id", "must be a number of at most 20 digits"});
  }
  const auto number = parse_int(text);
  return number && *number <= kMaxIdKey ? *number : 0;
}

}  // namespace telecine::feishu
