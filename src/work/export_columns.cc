#include "work/export_columns.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace telecine {
namespace {

/// A word of a file in both of its languages.
struct Word {
  std::string_view chinese;
  std::string_view english;
  std::string in(bool english_wanted) const {
    return std::string(english_wanted ? english : chinese);
  }
};

constexpr Word kMeetingHeadings[] = {{"会议ID", "Meeting ID"},
                                     {"会议主题", "Topic"},
                                     {"会议组织者", "Organizer"},
                                     {"部门", "Department"},
                                     {"用户ID", "User ID"},
                                     {"工号", "Employee no."},
                                     {"邮箱", "Email"},
                                     {"手机", "Mobile"},
                                     {"会议开始时间", "Start time"},
                                     {"会议结束时间", "End time"},
                                     {"会议持续时间", "Duration"},
                                     {"参会人数量", "Participants"},
                                     {"音频", "Audio"},
                                     {"视频", "Video"},
                                     {"共享", "Sharing"},
                                     {"录制", "Recording"},
                                     {"电话", "Phone"}};

constexpr Word kParticipantHeadings[] = {
    {"参会人", "Participant"},   {"部门", "Department"},
    {"用户ID", "User ID"},       {"工号", "Employee no."},
    {"电话", "Phone"},           {"邮箱", "Email"},
    {"设备", "Device"},          {"客户端版本", "Client version"},
    {"公网IP", "Public IP"},     {"内网IP", "Internal IP"},
    {"代理服务", "Proxy"},       {"位置", "Location"},
    {"网络类型", "Network"},     {"麦克风", "Microphone"},
    {"扬声器", "Speaker"},       {"摄像头", "Camera"},
    {"音频", "Audio"},           {"视频", "Video"},
    {"共享", "Sharing"},         {"入会时间", "Join time"},
    {"离会时间", "Leave time"},  {"参会时长", "Time in meeting"},
    {"离会原因", "Leave reason"}};

constexpr Word kReservationHeadings[] = {{"会议室名称", "Room"},
                                         {"会议主题", "Topic"},
                                         {"预定人", "Booked by"},
                                         {"预定人所属部门", "Department"},
                                         {"邀请人数", "Invited"},
                                         {"接受人数", "Accepted"},
                                         {"会议开始时间", "Start time"},
                                         {"会议结束时间", "End time"},
                                         {"会议时长", "Duration"},
                                         {"会议室预定状态", "Booking status"},
                                         {"签到设备", "Check-in device"},
                                         {"会议室签到状态", "Check-in status"},
                                         {"会议室签到时间", "Check-in time"},
                                         {"释放人", "Released by"},
                                         {"释放时间", "Release time"}};

// The quality report's columns are a medium, a direction and a measure each, in this nesting.
struct Metric {
  std::string_view key;  ///< in the records
  Word word;
  std::string_view unit{};
};
constexpr Metric kMedia[] = {{"audio", {"音频", "Audio"}},
                             {"video", {"视频", "Video"}},
                             {"screen", {"共享屏幕", "Screen sharing"}}};
constexpr Metric kDirections[] = {{"recv", {"接收", "received"}}, {"sent", {"发送", "sent"}}};
constexpr Metric kMeasures[] = {{"bitrate_kbps", {"码率", "bitrate"}, "kbps"},
                                {"latency_ms", {"延迟", "latency"}, "ms"},
                                {"jitter_ms", {"抖动", "jitter"}, "ms"},
                                {"loss_avg_pct", {"丢包平均", "average loss"}, "%"},
                                {"loss_max_pct", {"丢包最大", "maximum loss"}, "%"}};
constexpr Metric kCpu[] = {{"client_min_pct", {"客户端最小 CPU 占用", "Minimum client CPU"}, "%"},
                           {"client_avg_pct", {"客户端平均 CPU 占用", "Average client CPU"}, "%"},
                           {"client_max_pct", {"客户端最大 CPU 占用", "Maximum client CPU"}, "%"},
                           {"system_max_pct", {"系统最大 CPU 占用", "Maximum system CPU"}, "%"}};
constexpr Word kTime = {"时间", "Time"};
constexpr Word kYes = {"是", "Yes"};
constexpr Word kNo = {"否", "No"};

using Codes = std::span<const std::pair<std::string_view, Word>>;
constexpr std::pair<std::string_view, Word> kLeaveReasons[] = {
    {"left", {"主动离会", "Left"}},
    {"ended", {"会议结束", "Meeting ended"}},
    {"host_ended", {"主持人结束会议", "Host ended the meeting"}},
    {"removed", {"被踢出", "Removed"}},
    {"connection_lost", {"连接断开", "Connection lost"}},
    {"other", {"其他", "Other"}}};
constexpr std::pair<std::string_view, Word> kBookingStates[] = {
    {"pending", {"审批中", "Awaiting approval"}},
    {"booked", {"预定成功", "Booked"}},
    {"released_manual", {"已释放（手动释放）", "Released (manually)"}},
    {"released_ended", {"已释放（会议结束后自动释放）", "Released (after the meeting ended)"}},
    {"released_no_checkin", {"已释放（未签到被释放）", "Released (no check-in)"}},
    {"released_sensor", {"已释放（传感器自动释放）", "Released (by a sensor)"}}};
constexpr std::pair<std::string_view, Word> kCheckInDevices[] = {
    {"board", {"签到板", "Check-in board"}},
    {"qr", {"签到二维码", "QR code"}},
    {"controller", {"控制器", "Controller"}},
    {"touch_panel", {"触屏板", "Touch panel"}},
    {"offline_auto", {"设备离线，自动签到", "Device offline, checked in automatically"}}};
constexpr std::pair<std::string_view, Word> kCheckInStates[] = {
    {"not_required_instant", {"无需签到（即时预定）", "Not required (instant booking)"}},
    {"not_required_off", {"无需签到（未开启签到设置）", "Not required (check-in is off)"}},
    {"not_required", {"无需签到", "Not required"}},
    {"timeout", {"超时未签到", "Not checked in in time"}},
    {"open", {"签到时间未结束", "Check-in still open"}},
    {"not_required_no_device", {"无需签到（未安装签到设备）", "Not required (no device)"}},
    {"checked_in", {"已签到", "Checked in"}},
    {"waiting", {"待签到", "Waiting for check-in"}},
    {"disabled", {"不可签到（会议室被禁用）", "Not possible (room disabled)"}}};

/// A code in words; any other text as it is.
std::string word_for(Codes codes, const std::string& code, bool english) {
  for (const auto& [known, word] : codes) {
    if (known == code) return word.in(english);
  }
  return code;
}

std::string yes_no(bool value, const Wording& wording) {
  return (value ? kYes : kNo).in(wording.english);
}

/// A row of what it is given; temporaries are moved, not copied.
template <typename... Cells>
std::vector<std::string> row(Cells&&... cells) {
  std::vector<std::string> out;
  out.reserve(sizeof...(cells));
  (out.emplace_back(std::forward<Cells>(cells)), ...);
  return out;
}

/// Appends a number that is not negative, with zeros in front up to `width` digits.
void append_padded(std::string& out, std::int64_t number, std::size_t width) {
  const std::string digits = std::to_string(number);
  out.append(width - std::min(width, digits.size()), '0').append(digits);
}

std::string time_or_blank(std::optional<Millis> at, const Wording& wording) {
  return at ? time_cell(*at, wording.utc_offset_minutes) : std::string();
}

std::string number_or_blank(std::optional<std::int64_t> number) {
  return number ? std::to_string(*number) : std::string();
}

std::int64_t seconds_between(Millis from, Millis until) {
  return std::max<std::int64_t>(until / 1000 - from / 1000, 0);
}

std::string measure_or_blank(const json::object* group, const Metric& measure) {
  const auto* value = group == nullptr ? nullptr : group->if_contains(measure.key);
  if (value == nullptr || !value->is_number()) return "";
  return measure_cell(value->to_number<double>(), measure.unit);
}

const json::object* group_in(const json::object* parent, std::string_view name) {
  const auto* value = parent == nullptr ? nullptr : parent->if_contains(name);
  return value == nullptr ? nullptr : value->if_object();
}

std::vector<std::string> quality_headings(bool english) {
  std::vector<std::string> out{kTime.in(english)};
  for (const Metric& medium : kMedia) {
    for (const Metric& direction : kDirections) {
      for (const Metric& measure : kMeasures) {
        const std::string what = medium.word.in(english) + (english ? " " : "-");
        const std::string way = direction.word.in(english);
        out.push_back(what + measure.word.in(english) +
                      (english ? " (" + way + ")" : "（" + way + "）"));
      }
    }
  }
  for (const Metric& measure : kCpu) out.push_back(measure.word.in(english));
  return out;
}

/// One character of UTF-8: how many bytes it takes, 0 when they are not one.
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool surrogate = lead == 0xED && second > 0x9F;
  const bool beyond = lead == 0xF4 && second > 0x8F;
  // U+FFFE and U+FFFF cannot stand in XML.
  const bool no_character = lead == 0xEF && second == 0xBF && byte(2) > 0xBD;
  return overlong || surrogate || beyond || no_character ? 0 : size;
}

}  // namespace

std::vector<std::string> headings_of(Report report, bool english) {
  std::span<const Word> words;
  switch (report) {
    case Report::kMeetings:
      words = kMeetingHeadings;
      break;
    case Report::kParticipants:
      words = kParticipantHeadings;
      break;
    case Report::kQuality:
      return quality_headings(english);
    case Report::kReservations:
      words = kReservationHeadings;
      break;
  }
  std::vector<std::string> out;
  for (const Word& word : words) out.push_back(word.in(english));
  return out;
}

std::vector<std::string> row_of(const MeetingFacts& meeting, const Wording& wording, Millis now) {
  const PersonFacts& who = meeting.organizer;
  return row(meeting.number, meeting.topic, who.name, who.department, who.user_id, who.employee_no,
             who.email, who.mobile, time_cell(meeting.start, wording.utc_offset_minutes),
             time_or_blank(meeting.end, wording),
             duration_cell(seconds_between(meeting.start, meeting.end.value_or(now))),
             std::to_string(meeting.participants), yes_no(meeting.audio, wording),
             yes_no(meeting.video, wording), yes_no(meeting.sharing, wording),
             yes_no(meeting.recording, wording), yes_no(meeting.telephone, wording));
}

std::vector<std::string> row_of(const ParticipantFacts& one, const Wording& wording) {
  return row(one.name, one.user.department, one.user.user_id, one.user.employee_no, one.user.mobile,
             one.user.email, one.device, one.app_version, one.public_ip, one.internal_ip,
             yes_no(one.use_rtc_proxy, wording), one.location, one.network_type, one.microphone,
             one.speaker, one.camera, yes_no(one.audio, wording), yes_no(one.video, wording),
             yes_no(one.sharing, wording), time_cell(one.join, wording.utc_offset_minutes),
             time_or_blank(one.leave, wording), duration_cell(one.seconds),
             word_for(kLeaveReasons, one.leave_reason, wording.english));
}

std::vector<std::string> row_of(const MeetingSnapshot::Sample& sample, const Wording& wording) {
  std::vector<std::string> out{time_cell(sample.minute, wording.utc_offset_minutes)};
  for (const Metric& medium : kMedia) {
    const json::object* group = group_in(&sample.metrics, medium.key);
    for (const Metric& direction : kDirections) {
      const json::object* values = group_in(group, direction.key);
      for (const Metric& measure : kMeasures) out.push_back(measure_or_blank(values, measure));
    }
  }
  const json::object* cpu = group_in(&sample.metrics, "cpu");
  for (const Metric& measure : kCpu) out.push_back(measure_or_blank(cpu, measure));
  return out;
}

std::vector<std::string> row_of(const ReservationFacts& booking, const Wording& wording,
                                bool topics) {
  const bool english = wording.english;
  return row(booking.room_name, topics ? booking.topic : std::string(), booking.reserver.name,
             booking.reserver.department, number_or_blank(booking.guests),
             number_or_blank(booking.accepted),
             time_cell(booking.start, wording.utc_offset_minutes),
             time_cell(booking.end, wording.utc_offset_minutes),
             duration_cell(seconds_between(booking.start, booking.end)),
             word_for(kBookingStates, booking.status, english),
             word_for(kCheckInDevices, booking.checkin_device, english),
             word_for(kCheckInStates, booking.checkin_status, english),
             time_or_blank(booking.checkin_time, wording), booking.released_by,
             time_or_blank(booking.released_at, wording));
}

std::string time_cell(Millis at, int utc_offset_minutes) {
  using namespace std::chrono;
  const sys_seconds local{floor<seconds>(milliseconds(at)) + minutes(utc_offset_minutes)};
  const auto day = floor<days>(local);
  const year_month_day date(day);
  const hh_mm_ss time(local - day);
  const int offset = std::abs(utc_offset_minutes);
  std::string out;
  out.reserve(32);
  append_padded(out, static_cast<int>(date.year()), 4);
  append_padded(out += '.', static_cast<unsigned>(date.month()), 2);
  append_padded(out += '.', static_cast<unsigned>(date.day()), 2);
  append_padded(out += ' ', time.hours().count(), 2);
  append_padded(out += ':', time.minutes().count(), 2);
  append_padded(out += ':', time.seconds().count(), 2);
  append_padded(out += utc_offset_minutes < 0 ? " (GMT-" : " (GMT+", offset / 60, 2);
  append_padded(out += ':', offset % 60, 2);
  return out += ')';
}

std::string duration_cell(std::int64_t seconds) {
  std::string out;
  append_padded(out, seconds / 3600, 2);
  append_padded(out += ':', seconds / 60 % 60, 2);
  append_padded(out += ':', seconds % 60, 2);
  return out;
}

std::string measure_cell(double value, std::string_view unit) {
  std::array<char, 400> text;  // the longest double has 309 digits before the point
  std::snprintf(text.data(), text.size(), "%.1f", value);
  std::string out = text.data();
  if (out.ends_with(".0")) out.resize(out.size() - 2);
  if (out == "-0") out = "0";
  return out.append(unit);
}

std::string cell_text(std::string_view text) {
  constexpr std::size_t kMaxUnits = 32'767;
  const auto is_plain = [](char c) { return c >= 0x20 && c < 0x7F; };
  std::string out;
  std::size_t units = 0;
  while (!text.empty() && units < kMaxUnits) {
    // Most text is long runs of this.
    const auto run_end = std::ranges::find_if_not(text.substr(0, kMaxUnits - units), is_plain);
    if (const auto run = static_cast<std::size_t>(run_end - text.begin()); run > 0) {
      out.append(text.substr(0, run));
      units += run;
      text.remove_prefix(run);
      continue;
    }
    const std::size_t size = character_size(text);
    const char first = text.front();
    const std::string_view character = size == 0 ? "\xEF\xBF\xBD" : text.substr(0, size);
    text.remove_prefix(std::max<std::size_t>(size, 1));
    const bool control = static_cast<unsigned char>(first) < 0x20 || first == 0x7F ||
                         (size == 2 && first == '\xC2' && character[1] < '\xA0');
    if (control && first != '\t' && first != '\n' && first != '\r') continue;
    units += character.size() == 4 ? 2 : 1;
    if (units > kMaxUnits) break;
    out += character;
  }
  return out;
}

}  // namespace telecine
