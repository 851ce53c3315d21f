#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "store/session_merge.h"
#include "store/sqlite_meetings.h"

namespace telecine::sqlite {
namespace {

constexpr std::size_t kMaxCached = 4096;

std::optional<Millis> time_at(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.integer(column);
}

std::optional<std::int64_t> number_in(const json::object& document, std::string_view name) {
  const auto* value = document.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return LooseReader(document).integer(name);
}

class Snapshot final : public MeetingSnapshot {
 public:
  explicit Snapshot(const std::string& path) : db_(path, Database::Mode::kReadOnly) {
    db_.execute("BEGIN");
    // The transaction's view is that of its first read.
    db_.prepare("SELECT 1 FROM meeting LIMIT 1").step();
  }

  Status meetings(const std::string& account, const ExportSpec& spec,
                  const Visit<MeetingFacts>& visit) override {
    return guarded([&] { return read_meetings(account, spec, visit); });
  }
  Result<std::string> find_meeting(const std::string& account, const std::string& number,
                                   MeetingStatus status, std::int64_t start,
                                   std::int64_t end) override {
    std::string instance;
    auto ok =
        guarded([&]() -> Status { return find(account, number, status, start, end, instance); });
    if (!ok) return std::unexpected(ok.error());
    return instance;
  }
  Status participants(const std::string& account, const std::string& instance, const UserRef& user,
                      const std::string& room, const Visit<ParticipantFacts>& visit) override {
    return guarded([&] { return read_participants(account, instance, user, room, visit); });
  }
  Status samples(const std::string& account, const std::string& instance,
                 const std::string& participant, const Visit<Sample>& visit) override {
    return guarded([&]() -> Status {
      auto rows = db_.prepare(
          "SELECT s.minute, s.doc FROM sample s JOIN meeting m ON m.key = s.meeting "
          "WHERE m.account = ?1 AND m.instance = ?2 AND s.participant = ?3 ORDER BY s.minute");
      rows.bind(1, account).bind(2, instance).bind(3, participant);
      while (rows.step()) {
        if (auto ok = visit({rows.integer(0), document_of(rows.text(1))}); !ok) return ok;
      }
      return {};
    });
  }
  Status reservations(const std::string& account, const ExportSpec& spec,
                      const Visit<ReservationFacts>& visit) override {
    return guarded([&] { return read_reservations(account, spec, visit); });
  }

 private:
  template <typename Body>
  Status guarded(Body body) {
    try {
      return body();
    } catch (const Failure& failure) {
      return std::unexpected(to_error(failure));
    }
  }

  Status read_meetings(const std::string& account, const ExportSpec& spec,
                       const Visit<MeetingFacts>& visit);
  Status find(const std::string& account, const std::string& number, MeetingStatus status,
              std::int64_t start, std::int64_t end, std::string& instance);
  void add_sessions(std::int64_t key, MeetingFacts& facts);
  Status read_participants(const std::string& account, const std::string& instance,
                           const UserRef& user, const std::string& room,
                           const Visit<ParticipantFacts>& visit);
  Status read_reservations(const std::string& account, const ExportSpec& spec,
                           const Visit<ReservationFacts>& visit);

  const PersonFacts& person(const std::string& account, const std::string& user);
  const std::string& room_name(const std::string& account, const std::string& room);
  std::vector<std::string> users_of(const std::string& account, const UserRef& who);
  json::array users_in(const std::string& account, std::int64_t meeting, const UserRef& who);
  bool is_user(const std::string& account, const std::string& user, const UserRef& who);
  std::unordered_set<std::string> rooms_below(const std::string& account, const std::string& level);

  Database db_;
  std::unordered_map<std::string, PersonFacts> people_;
  std::unordered_map<std::string, std::string> rooms_;
};

const PersonFacts& Snapshot::person(const std::string& account, const std::string& user) {
  static const PersonFacts kNobody;
  if (user.empty()) return kNobody;
  if (const auto at = people_.find(user); at != people_.end()) return at->second;
  if (people_.size() >= kMaxCached) people_.clear();
  PersonFacts& facts = people_[user];
  facts.user_id = user;
  auto row = db_.prepare("SELECT doc FROM user WHERE account = ?1 AND id = ?2");
  row.bind(1, account).bind(2, user);
  if (!row.step()) return facts;
  const json::object document = document_of(row.text(0));
  const LooseReader in(document);
  facts = {user,
           in.text("name"),
           in.text("department"),
           in.text("employee_no"),
           in.text("email"),
           in.text("mobile")};
  return facts;
}

const std::string& Snapshot::room_name(const std::string& account, const std::string& room) {
  static const std::string kNone;
  if (room.empty()) return kNone;
  if (const auto at = rooms_.find(room); at != rooms_.end()) return at->second;
  if (rooms_.size() >= kMaxCached) rooms_.clear();
  std::string& name = rooms_[room];
  auto row = db_.prepare("SELECT doc FROM room WHERE account = ?1 AND id = ?2");
  row.bind(1, account).bind(2, room);
  if (row.step()) name = LooseReader(document_of(row.text(0))).text("name");
  return name;
}

/// The internal ids of the users that a filter names.
std::vector<std::string> Snapshot::users_of(const std::string& account, const UserRef& who) {
  std::vector<std::string> users;
  if (who.type == UserIdType::kUserId) return {who.id};
  if (who.type == UserIdType::kUnionId) {
    auto rows = db_.prepare("SELECT id FROM user WHERE account = ?1 AND union_id = ?2");
    rows.bind(1, account).bind(2, who.id);
    while (rows.step()) users.emplace_back(rows.text(0));
    return users;
  }
  auto rows = db_.prepare(
      "SELECT id, open_id FROM user WHERE account = ?1 AND (open_id = ?2 OR open_id IS NULL)");
  rows.bind(1, account).bind(2, who.id);
  while (rows.step()) {
    if (rows.is_null(1) && derived_open_id(who.app, rows.text(0)) != who.id) continue;
    users.emplace_back(rows.text(0));
  }
  return users;
}

bool Snapshot::is_user(const std::string& account, const std::string& user, const UserRef& who) {
  if (user.empty()) return false;
  if (who.type == UserIdType::kUserId) return user == who.id;
  auto row = db_.prepare("SELECT open_id, union_id FROM user WHERE account = ?1 AND id = ?2");
  row.bind(1, account).bind(2, user);
  if (!row.step()) return false;
  if (who.type == UserIdType::kUnionId) return row.text(1) == who.id;
  return row.is_null(0) ? derived_open_id(who.app, user) == who.id : row.text(0) == who.id;
}

/// The internal ids of those in a meeting whom a filter names.
json::array Snapshot::users_in(const std::string& account, std::int64_t meeting,
                               const UserRef& who) {
  json::array users;
  auto rows =
      db_.prepare("SELECT DISTINCT user FROM session WHERE meeting = ?1 AND user IS NOT NULL");
  rows.bind(1, meeting);
  while (rows.step()) {
    const std::string user(rows.text(0));
    if (is_user(account, user, who)) users.emplace_back(user);
  }
  return users;
}

Status Snapshot::read_meetings(const std::string& account, const ExportSpec& spec,
                               const Visit<MeetingFacts>& visit) {
  json::array users;
  if (!spec.user.id.empty()) {
    for (const std::string& id : users_of(account, spec.user)) users.emplace_back(id);
  }
  const std::string user_list = json::serialize(users);
  auto rows = db_.prepare(
      "SELECT key, instance, number, start, finish, doc FROM meeting m INDEXED BY meeting_start "
      "WHERE account = ?1 AND start >= ?2 AND start < ?3 "
      "AND CASE WHEN scheduled OR start > ?4 THEN 3 WHEN finish IS NOT NULL THEN 2 ELSE 1 END = ?5 "
      "AND (?6 = 1 OR screencast = ?6 - 2) AND (?7 = '' OR number = ?7) "
      "AND (?8 = 0 OR EXISTS(SELECT 1 FROM session s WHERE s.meeting = m.key "
      "  AND s.user IN (SELECT value FROM json_each(?9)))) "
      "AND (?10 = '' OR EXISTS(SELECT 1 FROM session s WHERE s.meeting = m.key AND s.room = ?10)) "
      "ORDER BY start, instance");
  rows.bind(1, account).bind(2, spec.from * 1000).bind(3, (spec.until + 1) * 1000);
  rows.bind(4, now_ms()).bind(5, static_cast<int>(spec.status));
  rows.bind(6, static_cast<int>(spec.type)).bind(7, spec.meeting_no);
  rows.bind(8, spec.user.id.empty() ? 0 : 1).bind(9, user_list).bind(10, spec.room);
  while (rows.step()) {
    const json::object document = document_of(rows.text(5));
    const LooseReader in(document);
    MeetingFacts facts;
    facts.instance = rows.text(1);
    facts.number = rows.text(2);
    facts.topic = in.text("topic");
    facts.organizer = person(account, in.text("organizer"));
    facts.start = rows.integer(3);
    facts.end = time_at(rows, 4);
    facts.audio = in.flag("audio");
    facts.video = in.flag("video");
    facts.sharing = in.flag("sharing");
    facts.telephone = in.flag("telephone");
    facts.recording = in.flag("recording");
    add_sessions(rows.integer(0), facts);
    facts.participants = number_in(document, "participant_count").value_or(facts.participants);
    if (auto ok = visit(facts); !ok) return ok;
  }
  return {};
}

void Snapshot::add_sessions(std::int64_t key, MeetingFacts& facts) {
  auto sums = db_.prepare(
      "SELECT count(DISTINCT participant), max(flags & 1), max(flags & 2), max(flags & 4), "
      "max(flags & 8) FROM session WHERE meeting = ?1");
  static_assert(kHasAudio == 1 && kHasVideo == 2 && kHasSharing == 4 && kHasTelephone == 8);
  sums.bind(1, key);
  if (!sums.step()) return;
  facts.participants = sums.integer(0);
  facts.audio |= sums.integer(1) != 0;
  facts.video |= sums.integer(2) != 0;
  facts.sharing |= sums.integer(3) != 0;
  facts.telephone |= sums.integer(4) != 0;
}

Status Snapshot::find(const std::string& account, const std::string& number, MeetingStatus status,
                      std::int64_t start, std::int64_t end, std::string& instance) {
  constexpr Millis kNear = 60'000;
  auto row = db_.prepare(
      "SELECT instance FROM meeting WHERE account = ?1 AND number = ?2 "
      "AND start > ?3 - ?5 AND start < ?3 + ?5 "
      "AND CASE WHEN scheduled OR start > ?6 THEN 3 WHEN finish IS NOT NULL THEN 2 ELSE 1 END = ?7 "
      "AND (?7 <> 2 OR (finish > ?4 - ?5 AND finish < ?4 + ?5)) "
      "ORDER BY start DESC, instance DESC LIMIT 1");
  static_assert(static_cast<int>(MeetingStatus::kEnded) == 2);
  row.bind(1, account).bind(2, number).bind(3, start * 1000).bind(4, end * 1000).bind(5, kNear);
  row.bind(6, now_ms()).bind(7, static_cast<int>(status));
  if (!row.step()) return fail(ErrorCode::kNotFound, "there is no such meeting");
  instance = row.text(0);
  return {};
}

Status Snapshot::read_participants(const std::string& account, const std::string& instance,
                                   const UserRef& user, const std::string& room,
                                   const Visit<ParticipantFacts>& visit) {
  std::int64_t key = 0;
  std::optional<Millis> finish;
  {
    auto meeting = db_.prepare(
        "SELECT key, CASE WHEN scheduled THEN NULL ELSE finish END FROM meeting "
        "WHERE account = ?1 AND instance = ?2");
    meeting.bind(1, account).bind(2, instance);
    if (!meeting.step()) return {};
    key = meeting.integer(0);
    finish = time_at(meeting, 1);
  }
  const bool one_user = !user.id.empty();
  const std::string users =
      json::serialize(one_user ? users_in(account, key, user) : json::array());
  // Only those who match in some session are merged; whether they match as a whole is seen then.
  auto ids = db_.prepare(
      "SELECT participant, min(joined) AS first FROM session WHERE meeting = ?1 "
      "AND (?2 = 0 OR participant IN (SELECT participant FROM session WHERE meeting = ?1 "
      "  AND user IN (SELECT value FROM json_each(?3)))) "
      "AND (?4 = '' OR participant IN (SELECT participant FROM session WHERE meeting = ?1 "
      "  AND room = ?4)) "
      "GROUP BY participant ORDER BY first, participant");
  ids.bind(1, key).bind(2, one_user ? 1 : 0).bind(3, users).bind(4, room);
  while (ids.step()) {
    ParticipantFacts facts;
    facts.id = ids.text(0);
    SessionMerge merge(facts, finish);
    {
      auto sessions = db_.prepare(
          "SELECT joined, left_at, doc FROM session WHERE meeting = ?1 AND participant = ?2 "
          "ORDER BY joined, slot");
      sessions.bind(1, key).bind(2, facts.id);
      while (sessions.step()) {
        merge.add(sessions.integer(0), time_at(sessions, 1), document_of(sessions.text(2)));
      }
    }
    merge.finish();
    if (one_user && !is_user(account, facts.user.user_id, user)) continue;
    if (!room.empty() && facts.room != room) continue;
    facts.user = person(account, facts.user.user_id);
    if (facts.name.empty()) facts.name = facts.user.name;
    if (facts.name.empty()) facts.name = room_name(account, facts.room);
    if (auto ok = visit(facts); !ok) return ok;
  }
  return {};
}

/// The rooms of a level and of the levels below it.
std::unordered_set<std::string> Snapshot::rooms_below(const std::string& account,
                                                      const std::string& level) {
  std::unordered_set<std::string> found;
  auto rows = db_.prepare("SELECT id, doc FROM room WHERE account = ?1");
  rows.bind(1, account);
  while (rows.step()) {
    const json::object document = document_of(rows.text(1));
    const LooseReader in(document);
    const auto is_level = [&](const json::value& v) {
      return v.is_string() && std::string_view(v.get_string()) == level;
    };
    const bool below = in.text("room_level_id") == level ||
                       std::ranges::any_of(in.list("room_level_path"), is_level);
    if (below) found.emplace(rows.text(0));
  }
  return found;
}

Status Snapshot::read_reservations(const std::string& account, const ExportSpec& spec,
                                   const Visit<ReservationFacts>& visit) {
  std::unordered_set<std::string> level;
  if (!spec.room_level.empty()) level = rooms_below(account, spec.room_level);
  const auto is_wanted = [&](const std::string& room) {
    if (!spec.room_level.empty() && !level.contains(room)) return false;
    if (spec.rooms.empty()) return true;
    return (std::ranges::find(spec.rooms, room) == spec.rooms.end()) == spec.exclude_rooms;
  };
  auto rows = db_.prepare(
      "SELECT id, room, start, doc FROM reservation WHERE account = ?1 AND start >= ?2 "
      "AND start < ?3 ORDER BY start, id");
  rows.bind(1, account).bind(2, spec.from * 1000).bind(3, (spec.until + 1) * 1000);
  while (rows.step()) {
    const std::string room(rows.text(1));
    if (!is_wanted(room)) continue;
    const json::object document = document_of(rows.text(3));
    const LooseReader in(document);
    ReservationFacts facts;
    facts.id = rows.text(0);
    facts.room_name = room_name(account, room);
    facts.topic = in.text("topic");
    facts.reserver = person(account, in.text("reserver"));
    facts.guests = number_in(document, "guests");
    facts.accepted = number_in(document, "accepted");
    facts.start = rows.integer(2);
    facts.end = in.integer("end_time");
    facts.status = document.contains("status") ? in.text("status") : "booked";
    facts.checkin_device = in.text("checkin_device");
    facts.checkin_status = in.text("checkin_status");
    facts.checkin_time = number_in(document, "checkin_time");
    facts.released_by = person(account, in.text("released_by")).name;
    facts.released_at = number_in(document, "released_at");
    if (auto ok = visit(facts); !ok) return ok;
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<MeetingSnapshot>> open_snapshot(const std::string& path) {
  try {
    return std::make_unique<Snapshot>(path);
  } catch (const Failure& failure) {
    return std::unexpected(to_error(failure));
  }
}

}  // namespace telecine::sqlite
