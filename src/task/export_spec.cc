#include "task/export_spec.h"

namespace telecine {

json::object to_json(const ExportSpec& spec) {
  json::array rooms;
  for (const std::string& room : spec.rooms) rooms.emplace_back(room);
  return {{"report", name_of(spec.report)},
          {"english", spec.english},
          {"utc_offset_minutes", spec.utc_offset_minutes},
          {"from", spec.from},
          {"until", spec.until},
          {"status", static_cast<int>(spec.status)},
          {"type", static_cast<int>(spec.type)},
          {"meeting_no", spec.meeting_no},
          {"user",
           json::object{
               {"type", name_of(spec.user.type)}, {"id", spec.user.id}, {"app", spec.user.app}}},
          {"room", spec.room},
          {"instance", spec.instance},
          {"participant", spec.participant},
          {"room_level", spec.room_level},
          {"rooms", std::move(rooms)},
          {"exclude_rooms", spec.exclude_rooms},
          {"topics", spec.topics}};
}

ExportSpec export_spec_from(const json::value& value) {
  const LooseReader in(value);
  ExportSpec spec;
  spec.report = value_named<Report>(in.text("report")).value_or(spec.report);
  spec.english = in.flag("english");
  spec.utc_offset_minutes = in.small("utc_offset_minutes");
  spec.from = in.integer("from");
  spec.until = in.integer("until");
  spec.status = static_cast<MeetingStatus>(in.small("status"));
  spec.type = static_cast<MeetingType>(in.small("type"));
  spec.meeting_no = in.text("meeting_no");
  if (const auto* user = in.at("user")) {
    const LooseReader who(*user);
    spec.user = {value_named<UserIdType>(who.text("type")).value_or(UserIdType::kOpenId),
                 who.text("id"), who.text("app")};
  }
  spec.room = in.text("room");
  spec.instance = in.text("instance");
  spec.participant = in.text("participant");
  spec.room_level = in.text("room_level");
  for (const auto& room : in.list("rooms")) {
    if (const auto* name = room.if_string()) spec.rooms.emplace_back(*name);
  }
  spec.exclude_rooms = in.flag("exclude_rooms");
  spec.topics = in.flag("topics");
  return spec;
}

}  // namespace telecine
