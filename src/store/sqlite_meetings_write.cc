#include <algorithm>

#include "store/sqlite_meetings.h"

namespace telecine::sqlite {
namespace {

/// Lays `fields` over `document`: null clears, an object is laid over an object.
void overlay(json::object& document, const json::object& fields) {
  for (const auto& item : fields) {
    if (item.value().is_null()) {
      document.erase(item.key());
      continue;
    }
    auto* below = document.if_contains(item.key());
    if (below != nullptr && below->is_object() && item.value().is_object()) {
      overlay(below->get_object(), item.value().get_object());
    } else {
      document[item.key()] = item.value();
    }
  }
}

void bind_optional(Statement& statement, int at, const json::object& document,
                   std::string_view name) {
  const auto* value = document.if_contains(name);
  if (value != nullptr && value->is_int64())
    statement.bind(at, value->get_int64());
  else if (value != nullptr && value->is_string() && !value->get_string().empty())
    statement.bind(at, std::string_view(value->get_string()));
  else
    statement.bind_null(at);
}

int flags_of(const json::object& document) {
  constexpr std::pair<std::string_view, int> kFlags[] = {{"audio", kHasAudio},
                                                         {"video", kHasVideo},
                                                         {"sharing", kHasSharing},
                                                         {"telephone", kHasTelephone}};
  int flags = 0;
  const LooseReader in(document);
  for (const auto& [name, bit] : kFlags) {
    if (in.flag(name)) flags |= bit;
  }
  return flags;
}

/// The fields that say who somebody is in the world, as opposed to in the records.
constexpr std::string_view kPersonal[] = {"name", "department", "employee_no", "email", "mobile"};

}  // namespace

void erase_meeting(Database& db, std::int64_t key) {
  db.prepare("DELETE FROM sample WHERE meeting = ?1").bind(1, key).run();
  db.prepare("DELETE FROM session WHERE meeting = ?1").bind(1, key).run();
  db.prepare("DELETE FROM meeting WHERE key = ?1").bind(1, key).run();
}

std::optional<RecordProblem> MeetingWriter::write(const MeetingRecord& record) {
  // A meeting may be refused, and then its organizer is not taken either.
  if (record.kind == RecordKind::kMeeting) {
    if (auto problem = write_meeting(record.fields)) return problem;
  }
  for (const json::object& user : record.users) write_user(user);
  switch (record.kind) {
    case RecordKind::kUser:
      write_user(record.fields);
      break;
    case RecordKind::kRoom:
      write_room(record.fields);
      break;
    case RecordKind::kMeeting:
      break;
    case RecordKind::kParticipant:
      write_session(record.fields);
      break;
    case RecordKind::kQuality:
      write_sample(record.fields);
      break;
    case RecordKind::kReservation:
      write_reservation(record.fields);
      break;
    case RecordKind::kDelete:
      erase(record.fields);
      break;
  }
  return std::nullopt;
}

void MeetingWriter::write_user(const json::object& fields) {
  const std::string id = LooseReader(fields).text("user_id");
  json::object document;
  {
    auto known = db_.prepare("SELECT doc FROM user WHERE account = ?1 AND id = ?2");
    known.bind(1, account_).bind(2, id);
    if (known.step()) document = document_of(known.text(0));
  }
  overlay(document, fields);
  const LooseReader in(document);
  const std::string given = in.text("union_id");
  const std::string union_id = given.empty() ? derived_union_id(id) : given;
  const std::string text = json::serialize(document);
  auto put = db_.prepare(
      "INSERT OR REPLACE INTO user(account, id, open_id, union_id, doc) VALUES(?1,?2,?3,?4,?5)");
  put.bind(1, account_).bind(2, id).bind(4, union_id).bind(5, text);
  bind_optional(put, 3, document, "open_id");
  put.run();
}

/// Every id that occurs has a row, so that filters find it by its other ids.
void MeetingWriter::mention_user(const json::object& fields, std::string_view field) {
  const std::string id = LooseReader(fields).text(field);
  if (id.empty()) return;
  const std::string union_id = derived_union_id(id);
  const std::string text = json::serialize(json::object{{"user_id", id}});
  db_.prepare("INSERT OR IGNORE INTO user(account, id, union_id, doc) VALUES(?1, ?2, ?3, ?4)")
      .bind(1, account_)
      .bind(2, id)
      .bind(3, union_id)
      .bind(4, text)
      .run();
}

void MeetingWriter::write_room(const json::object& fields) {
  const std::string id = LooseReader(fields).text("room_id");
  json::object document;
  {
    auto known = db_.prepare("SELECT doc FROM room WHERE account = ?1 AND id = ?2");
    known.bind(1, account_).bind(2, id);
    if (known.step()) document = document_of(known.text(0));
  }
  overlay(document, fields);
  const std::string text = json::serialize(document);
  db_.prepare("INSERT OR REPLACE INTO room(account, id, doc) VALUES(?1, ?2, ?3)")
      .bind(1, account_)
      .bind(2, id)
      .bind(3, text)
      .run();
}

MeetingWriter::StoredMeeting MeetingWriter::meeting_of(const std::string& instance) {
  StoredMeeting meeting;
  {
    auto known =
        db_.prepare("SELECT key, doc, start FROM meeting WHERE account = ?1 AND instance = ?2");
    known.bind(1, account_).bind(2, instance);
    if (known.step()) {
      meeting = {known.integer(0), document_of(known.text(1)), !known.is_null(2)};
      return meeting;
    }
  }
  const std::string number = derived_meeting_no("native", instance);
  db_.prepare(
         "INSERT INTO meeting(account, instance, number, scheduled, screencast, doc) "
         "VALUES(?1, ?2, ?3, 0, 0, '{}')")
      .bind(1, account_)
      .bind(2, instance)
      .bind(3, number)
      .run();
  meeting.key = db_.last_id();
  return meeting;
}

void MeetingWriter::save(const StoredMeeting& meeting, const std::string& instance) {
  const LooseReader in(meeting.document);
  std::string number = in.text("meeting_no");
  if (number.empty()) number = derived_meeting_no("native", instance);
  const std::string text = json::serialize(meeting.document);
  auto put = db_.prepare(
      "UPDATE meeting SET number = ?2, start = ?3, finish = ?4, scheduled = ?5, screencast = ?6, "
      "doc = ?7 WHERE key = ?1");
  put.bind(1, meeting.key).bind(2, number).bind(7, text);
  bind_optional(put, 3, meeting.document, "start_time");
  bind_optional(put, 4, meeting.document, "end_time");
  put.bind(5, in.text("status") == "scheduled" ? 1 : 0);
  put.bind(6, in.text("type") == "screencast" ? 1 : 0);
  put.run();
}

std::optional<RecordProblem> MeetingWriter::write_meeting(const json::object& fields) {
  const std::string instance = LooseReader(fields).text("instance_id");
  bool started = fields.contains("start_time");
  if (!started) {
    auto known = db_.prepare("SELECT start FROM meeting WHERE account = ?1 AND instance = ?2");
    known.bind(1, account_).bind(2, instance);
    started = known.step() && !known.is_null(0);
  }
  if (!started) {
    return RecordProblem{"bad_field", "start_time", "start_time is required for a new meeting"};
  }
  StoredMeeting meeting = meeting_of(instance);
  overlay(meeting.document, fields);
  save(meeting, instance);
  mention_user(fields, "organizer");
  return std::nullopt;
}

void MeetingWriter::write_session(const json::object& fields) {
  const LooseReader in(fields);
  const std::string instance = in.text("instance_id");
  const std::string participant = in.text("participant_id");
  const Millis joined = in.integer("join_time");
  StoredMeeting meeting = meeting_of(instance);
  if (!meeting.started) {
    meeting.document["start_time"] = joined;
    save(meeting, instance);
  }
  mention_user(fields, "user");
  const std::string slot = std::to_string(joined / 1000);
  json::object document;
  {
    auto known = db_.prepare(
        "SELECT doc FROM session WHERE meeting = ?1 AND participant = ?2 AND slot = ?3");
    known.bind(1, meeting.key).bind(2, participant).bind(3, slot);
    if (known.step()) document = document_of(known.text(0));
  }
  overlay(document, fields);
  const std::string text = json::serialize(document);
  auto put = db_.prepare(
      "INSERT OR REPLACE INTO session(meeting, participant, slot, joined, left_at, user, room, "
      "flags, doc) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
  put.bind(1, meeting.key).bind(2, participant).bind(3, slot).bind(4, joined);
  bind_optional(put, 5, document, "leave_time");
  bind_optional(put, 6, document, "user");
  bind_optional(put, 7, document, "room_id");
  put.bind(8, flags_of(document)).bind(9, text).run();
}

void MeetingWriter::write_sample(const json::object& fields) {
  const LooseReader in(fields);
  const std::string participant = in.text("participant_id");
  const Millis minute = in.integer("time");
  const StoredMeeting meeting = meeting_of(in.text("instance_id"));
  json::object document;
  {
    auto known = db_.prepare(
        "SELECT doc FROM sample WHERE meeting = ?1 AND participant = ?2 AND minute = ?3");
    known.bind(1, meeting.key).bind(2, participant).bind(3, minute);
    if (known.step()) document = document_of(known.text(0));
  }
  overlay(document, fields);
  for (const char* key : {"instance_id", "participant_id", "time"}) document.erase(key);
  const std::string text = json::serialize(document);
  db_.prepare(
         "INSERT OR REPLACE INTO sample(meeting, participant, minute, doc) VALUES(?1,?2,?3,?4)")
      .bind(1, meeting.key)
      .bind(2, participant)
      .bind(3, minute)
      .bind(4, text)
      .run();
}

void MeetingWriter::write_reservation(const json::object& fields) {
  const std::string id = LooseReader(fields).text("reservation_id");
  json::object document;
  {
    auto known = db_.prepare("SELECT doc FROM reservation WHERE account = ?1 AND id = ?2");
    known.bind(1, account_).bind(2, id);
    if (known.step()) document = document_of(known.text(0));
  }
  overlay(document, fields);
  const LooseReader in(document);
  const std::string room = in.text("room_id");
  const std::string text = json::serialize(document);
  db_.prepare(
         "INSERT OR REPLACE INTO reservation(account, id, room, start, doc) "
         "VALUES(?1, ?2, ?3, ?4, ?5)")
      .bind(1, account_)
      .bind(2, id)
      .bind(3, room)
      .bind(4, in.integer("start_time"))
      .bind(5, text)
      .run();
  mention_user(fields, "reserver");
  mention_user(fields, "released_by");
}

void MeetingWriter::erase(const json::object& fields) {
  const LooseReader in(fields);
  if (in.text("target") == "user") {
    json::object cleared{{"user_id", in.text("user_id")}};
    for (const auto field : kPersonal) cleared[field] = nullptr;
    write_user(cleared);
    return;
  }
  std::optional<std::int64_t> key;
  {
    const std::string instance = in.text("instance_id");
    auto known = db_.prepare("SELECT key FROM meeting WHERE account = ?1 AND instance = ?2");
    known.bind(1, account_).bind(2, instance);
    if (known.step()) key = known.integer(0);
  }
  if (key) erase_meeting(db_, *key);
}

}  // namespace telecine::sqlite
