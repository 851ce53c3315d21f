#include "store/meetings.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "base/fs.h"
#include "service/ingest.h"
#include "service/rate_limit.h"
#include "temporary_directory.h"
#include "work/export_columns.h"
#include "work/xlsx_file.h"

namespace telecine {
namespace {

std::expected<MeetingRecord, RecordProblem> read_record(std::string_view text) {
  return meeting_record_from(*parse_json(text));
}

TEST(MeetingRecord, TimesAreSecondsMillisecondsOrRfc3339) {
  EXPECT_EQ(record_time(1773036000), 1'773'036'000'000);
  EXPECT_EQ(record_time(1773036000.25), 1'773'036'000'250);
  EXPECT_EQ(record_time(1'773'036'000'123), 1'773'036'000'123);
  EXPECT_EQ(record_time("2026-03-09T14:00:00+08:00"), 1'773'036'000'000);
  EXPECT_EQ(record_time("2026-03-09T06:00:00.5Z"), 1'773'036'000'500);
  for (const char* bad : {"2026-03-09T14:00:00", "2026-02-30T00:00:00Z", "now", "1773036000", ""}) {
    EXPECT_FALSE(record_time(bad)) << bad;
  }
  EXPECT_FALSE(record_time(-1));
  EXPECT_FALSE(record_time(nullptr));
}

TEST(MeetingRecord, AProblemNamesTheFieldAndTheKindOfProblem) {
  const auto number = read_record(R"({"kind":"meeting","instance_id":"a","meeting_no":"12"})");
  ASSERT_FALSE(number);
  EXPECT_EQ(number.error().code, "bad_field");
  EXPECT_EQ(number.error().message, "meeting_no must be 9 digits");
  EXPECT_EQ(read_record(R"({"kind":"party"})").error().code, "bad_kind");
  EXPECT_EQ(read_record("[]").error().code, "bad_json");
  EXPECT_EQ(read_record(R"({"kind":"participant","instance_id":"a","join_time":1})").error().field,
            "participant_id");
  EXPECT_EQ(read_record(R"({"kind":"reservation","reservation_id":"r","room_id":"o","start_time":1,
                     "end_time":2,"status":"lost"})")
                .error()
                .field,
            "status");
}

TEST(MeetingRecord, AnInlineUserBecomesARecordOfItsOwn) {
  const auto record = read_record(
      R"({"kind":"participant","instance_id":"a","join_time":5,"user":{"user_id":"u1","name":"Lin"}})");
  ASSERT_TRUE(record);
  ASSERT_EQ(record->users.size(), 1U);
  EXPECT_EQ(record->fields.at("user"), "u1");
  EXPECT_EQ(record->fields.at("participant_id"), "u1");
}

TEST(MeetingRecord, DerivedNumbersAreNineDigitsAndStayTheSame) {
  const std::string number = derived_meeting_no("livekit", "ops-weekly");
  EXPECT_EQ(number.size(), 9U);
  EXPECT_EQ(number, derived_meeting_no("livekit", "ops-weekly"));
  EXPECT_NE(number, derived_meeting_no("native", "ops-weekly"));
  EXPECT_EQ(derived_open_id("cli_a", "u1").size(), 35U);
  EXPECT_NE(derived_open_id("cli_a", "u1"), derived_open_id("cli_b", "u1"));
}

class MeetingStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = open_meeting_store({directory_.path(), true});
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }

  MeetingStore::Verdicts apply(const std::vector<std::string>& lines,
                               const std::string& account = "a") {
    std::vector<MeetingRecord> records;
    for (const std::string& line : lines) {
      auto record = read_record(line);
      EXPECT_TRUE(record) << line;
      if (record) records.push_back(std::move(*record));
    }
    std::promise<Result<MeetingStore::Verdicts>> applied;
    store_->apply(account, std::move(records),
                  [&](auto verdicts) { applied.set_value(std::move(verdicts)); });
    auto verdicts = applied.get_future().get();
    EXPECT_TRUE(verdicts);
    return verdicts.value_or(MeetingStore::Verdicts{});
  }

  std::vector<MeetingFacts> meetings(const ExportSpec& spec, const std::string& account = "a") {
    std::vector<MeetingFacts> found;
    auto snapshot = store_->snapshot();
    EXPECT_TRUE(snapshot);
    auto ok = (*snapshot)->meetings(account, spec, [&](const MeetingFacts& one) -> Status {
      found.push_back(one);
      return {};
    });
    EXPECT_TRUE(ok) << ok.error().message;
    return found;
  }

  std::vector<ParticipantFacts> participants(const std::string& instance, const UserRef& user = {},
                                             const std::string& room = "") {
    std::vector<ParticipantFacts> found;
    auto snapshot = store_->snapshot();
    EXPECT_TRUE(snapshot);
    auto ok = (*snapshot)->participants("a", instance, user, room,
                                        [&](const ParticipantFacts& one) -> Status {
                                          found.push_back(one);
                                          return {};
                                        });
    EXPECT_TRUE(ok);
    return found;
  }

  static ExportSpec window(std::int64_t from, std::int64_t until) {
    ExportSpec spec;
    spec.from = from;
    spec.until = until;
    return spec;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<MeetingStore> store_;
};

TEST_F(MeetingStoreTest, AMeetingAddsUpWhatItsParticipantsDid) {
  apply({R"({"kind":"meeting","instance_id":"m","meeting_no":"402917355","topic":"Ops",
             "organizer":{"user_id":"u1","name":"Lin Mei"},"start_time":1000,"end_time":2000})",
         R"({"kind":"participant","instance_id":"m","user":"u1","join_time":1000,"audio":true})",
         R"({"kind":"participant","instance_id":"m","user":"u1","join_time":1500,"video":true})",
         R"({"kind":"participant","instance_id":"m","participant_id":"guest","join_time":1100})"});
  const auto found = meetings(window(1000, 1000));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].organizer.name, "Lin Mei");
  EXPECT_EQ(found[0].participants, 2);
  EXPECT_TRUE(found[0].audio);
  EXPECT_TRUE(found[0].video);
  EXPECT_FALSE(found[0].sharing);
  EXPECT_TRUE(meetings(window(1001, 5000)).empty());
  EXPECT_TRUE(meetings(window(0, 5000), "b").empty());
}

TEST_F(MeetingStoreTest, AnAbsentFieldKeepsWhatIsStoredAndNullClearsIt) {
  apply({R"({"kind":"meeting","instance_id":"m","topic":"Ops","start_time":10,"end_time":20})"});
  apply({R"({"kind":"meeting","instance_id":"m","recording":true})"});
  auto found = meetings(window(0, 100));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].topic, "Ops");
  EXPECT_TRUE(found[0].recording);
  EXPECT_EQ(found[0].number, derived_meeting_no("native", "m"));
  apply({R"({"kind":"meeting","instance_id":"m","end_time":null})"});
  EXPECT_TRUE(meetings(window(0, 100)).empty());
  ExportSpec running = window(0, 100);
  running.status = MeetingStatus::kRunning;
  EXPECT_EQ(meetings(running).size(), 1U);
}

TEST_F(MeetingStoreTest, ANewMeetingNeedsAStartUnlessAParticipantBroughtOne) {
  const auto verdicts = apply({R"({"kind":"meeting","instance_id":"m","topic":"Ops"})",
                               R"({"kind":"participant","instance_id":"m","room_id":"omm_1",
                                   "join_time":50})",
                               R"({"kind":"meeting","instance_id":"m","topic":"Ops"})"});
  ASSERT_EQ(verdicts.size(), 3U);
  ASSERT_TRUE(verdicts[0]);
  EXPECT_EQ(verdicts[0]->field, "start_time");
  EXPECT_FALSE(verdicts[1]);
  EXPECT_FALSE(verdicts[2]);
}

TEST_F(MeetingStoreTest, SessionsOfOneParticipantAreMergedAndOverlapsCountOnce) {
  apply({R"({"kind":"meeting","instance_id":"m","start_time":0,"end_time":1000})",
         R"({"kind":"participant","instance_id":"m","user":"u1","join_time":100,"leave_time":200,
             "leave_reason":"left","device":"MAC"})",
         R"({"kind":"participant","instance_id":"m","user":"u1","join_time":150,"leave_time":300,
             "leave_reason":"removed"})",
         R"({"kind":"participant","instance_id":"m","user":"u2","join_time":50})"});
  const auto found = participants("m");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].id, "u2");
  EXPECT_EQ(found[0].leave, 1'000'000);
  EXPECT_EQ(found[0].leave_reason, "ended");
  EXPECT_EQ(found[1].join, 100'000);
  EXPECT_EQ(found[1].leave, 300'000);
  EXPECT_EQ(found[1].seconds, 200);
  EXPECT_EQ(found[1].leave_reason, "removed");
  EXPECT_EQ(found[1].device, "MAC");
}

TEST_F(MeetingStoreTest, PeopleAreFoundByEachOfTheirIds) {
  apply({R"({"kind":"participant","instance_id":"m","user":"u1","join_time":1})",
         R"({"kind":"user","user_id":"u2","open_id":"ou_given","union_id":"on_given"})",
         R"({"kind":"participant","instance_id":"m","user":"u2","join_time":2})"});
  const auto count = [&](UserIdType type, const std::string& id) {
    return participants("m", {type, id, "cli_a"}).size();
  };
  EXPECT_EQ(count(UserIdType::kUserId, "u1"), 1U);
  EXPECT_EQ(count(UserIdType::kOpenId, derived_open_id("cli_a", "u1")), 1U);
  EXPECT_EQ(count(UserIdType::kOpenId, derived_open_id("cli_b", "u1")), 0U);
  EXPECT_EQ(count(UserIdType::kUnionId, derived_union_id("u1")), 1U);
  EXPECT_EQ(count(UserIdType::kOpenId, "ou_given"), 1U);
  EXPECT_EQ(count(UserIdType::kUnionId, "on_given"), 1U);
  EXPECT_EQ(count(UserIdType::kOpenId, "u1"), 0U);
  ExportSpec spec = window(0, 10);
  spec.status = MeetingStatus::kRunning;
  spec.user = {UserIdType::kOpenId, derived_open_id("cli_a", "u1"), "cli_a"};
  EXPECT_EQ(meetings(spec).size(), 1U);
  spec.user.id = "ou_nobody";
  EXPECT_TRUE(meetings(spec).empty());
}

TEST_F(MeetingStoreTest, TheLatestMeetingOfANumberNearTheTimesIsFound) {
  apply({R"({"kind":"meeting","instance_id":"one","meeting_no":"111111111","start_time":1000,
             "end_time":2000})",
         R"({"kind":"meeting","instance_id":"two","meeting_no":"111111111","start_time":1030,
             "end_time":2030})"});
  auto snapshot = store_->snapshot();
  ASSERT_TRUE(snapshot);
  const auto find = [&](std::int64_t start, std::int64_t end) {
    return (*snapshot)->find_meeting("a", "111111111", MeetingStatus::kEnded, start, end);
  };
  EXPECT_EQ(find(1000, 2000).value_or(""), "two");
  EXPECT_EQ(find(970, 2000).value_or(""), "one");
  EXPECT_FALSE(find(940, 2000));
  EXPECT_FALSE(find(1000, 2100));
}

TEST_F(MeetingStoreTest, ALevelHoldsTheRoomsBelowIt) {
  apply({R"({"kind":"room","room_id":"omm_1","name":"Fuji","room_level_id":"omb_floor",
             "room_level_path":["omb_house"]})",
         R"({"kind":"room","room_id":"omm_2","name":"Etna","room_level_id":"omb_other"})",
         R"({"kind":"reservation","reservation_id":"r1","room_id":"omm_1","start_time":10,
             "end_time":20,"topic":"Planning"})",
         R"({"kind":"reservation","reservation_id":"r2","room_id":"omm_2","start_time":5,
             "end_time":20})"});
  auto snapshot = store_->snapshot();
  ASSERT_TRUE(snapshot);
  const auto rooms = [&](const ExportSpec& spec) {
    std::string names;
    EXPECT_TRUE((*snapshot)->reservations("a", spec, [&](const ReservationFacts& one) -> Status {
      names += one.room_name + " ";
      return {};
    }));
    return names;
  };
  ExportSpec spec = window(0, 100);
  EXPECT_EQ(rooms(spec), "Etna Fuji ");
  spec.room_level = "omb_house";
  EXPECT_EQ(rooms(spec), "Fuji ");
  spec.room_level = "omb_unknown";
  EXPECT_EQ(rooms(spec), "");
  spec.room_level.clear();
  spec.rooms = {"omm_2"};
  EXPECT_EQ(rooms(spec), "Etna ");
  spec.exclude_rooms = true;
  EXPECT_EQ(rooms(spec), "Fuji ");
}

TEST_F(MeetingStoreTest, ErasingTakesMeetingsWholeAndOfUsersWhatIsPersonal) {
  apply({R"({"kind":"user","user_id":"u1","name":"Lin","email":"lin@example.com"})",
         R"({"kind":"participant","instance_id":"m","user":"u1","join_time":1})",
         R"({"kind":"participant","instance_id":"n","user":"u1","join_time":1})"});
  apply({R"({"kind":"delete","target":"meeting","instance_id":"m"})",
         R"({"kind":"delete","target":"user","user_id":"u1"})"});
  EXPECT_TRUE(participants("m").empty());
  const auto left = participants("n");
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].user.user_id, "u1");
  EXPECT_EQ(left[0].user.name, "");
  EXPECT_EQ(left[0].user.email, "");
}

TEST_F(MeetingStoreTest, LinesAreTakenInPiecesOfAnySizeAndEachOnItsOwn) {
  const std::string body =
      "{\"kind\":\"user\",\"user_id\":\"u1\"}\r\n"
      "\n"
      "nonsense\n"
      "{\"kind\":\"meeting\",\"instance_id\":\"m\"}\n"
      "{\"kind\":\"user\",\"user_id\":\"u2\"}";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, body.size()}) {
    Ingest ingest(*store_, "a");
    for (std::size_t at = 0; at < body.size(); at += piece) {
      ASSERT_TRUE(ingest.write(std::string_view(body).substr(at, piece)));
    }
    std::promise<Result<IngestReport>> finished;
    ingest.finish([&](auto report) { finished.set_value(std::move(report)); });
    const auto report = finished.get_future().get();
    ASSERT_TRUE(report);
    EXPECT_EQ(report->accepted, 2);
    EXPECT_EQ(report->rejected, 2);
    ASSERT_EQ(report->problems.size(), 2U);
    EXPECT_EQ(report->problems[0].line, 3);
    EXPECT_EQ(report->problems[0].problem.code, "bad_json");
    EXPECT_EQ(report->problems[1].line, 4);
    EXPECT_EQ(report->problems[1].problem.field, "start_time");
  }
}

TEST_F(MeetingStoreTest, TheFirstHundredProblemsAreThoseOfTheFirstLines) {
  Ingest ingest(*store_, "a");
  // The store refuses the first lines, after the parser has refused the last ones.
  for (int i = 0; i < 1500; ++i) {
    const std::string line = i < 900 ? R"({"kind":"meeting","instance_id":"m"})" : "nonsense";
    ASSERT_TRUE(ingest.write(line + "\n"));
  }
  std::promise<Result<IngestReport>> finished;
  ingest.finish([&](auto report) { finished.set_value(std::move(report)); });
  const auto report = finished.get_future().get();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->rejected, 1500);
  ASSERT_EQ(report->problems.size(), 100U);
  EXPECT_EQ(report->problems.front().line, 1);
  EXPECT_EQ(report->problems.back().line, 100);
}

TEST(ExportColumns, HaveTheirHeadingsInBothLanguages) {
  const std::pair<Report, std::size_t> kCounts[] = {{Report::kMeetings, 17},
                                                    {Report::kParticipants, 23},
                                                    {Report::kQuality, 35},
                                                    {Report::kReservations, 15}};
  for (const auto& [report, count] : kCounts) {
    EXPECT_EQ(headings_of(report, false).size(), count);
    EXPECT_EQ(headings_of(report, true).size(), count);
  }
  EXPECT_EQ(headings_of(Report::kQuality, false)[1], "音频-码率（接收）");
  EXPECT_EQ(headings_of(Report::kQuality, false)[30], "共享屏幕-丢包最大（发送）");
  EXPECT_EQ(headings_of(Report::kQuality, true)[1], "Audio bitrate (received)");
}

TEST(ExportColumns, CellsHaveTheirForms) {
  EXPECT_EQ(time_cell(1'773'036'300'999, 480), "2026.03.09 14:05:00 (GMT+08:00)");
  EXPECT_EQ(time_cell(1'773'036'300'000, -210), "2026.03.09 02:35:00 (GMT-03:30)");
  EXPECT_EQ(duration_cell(1820), "00:30:20");
  EXPECT_EQ(duration_cell(360'001), "100:00:01");
  EXPECT_EQ(duration_cell(0), "00:00:00");
  EXPECT_EQ(time_cell(0, 0), "1970.01.01 00:00:00 (GMT+00:00)");
  EXPECT_EQ(measure_cell(48, "kbps"), "48kbps");
  EXPECT_EQ(measure_cell(12.34, "kbps"), "12.3kbps");
  EXPECT_EQ(measure_cell(0.04, "%"), "0%");
}

TEST(ExportColumns, AMeetingOfALifetimeReadsAsARow) {
  MeetingFacts meeting;
  meeting.number = "402917355";
  meeting.topic = "ops-weekly";
  meeting.start = 1'767'225'600'000;
  meeting.end = 1'767'227'420'000;
  meeting.participants = 1;
  meeting.audio = true;
  const std::vector<std::string> expected = {"402917355",
                                             "ops-weekly",
                                             "",
                                             "",
                                             "",
                                             "",
                                             "",
                                             "",
                                             "2026.01.01 08:00:00 (GMT+08:00)",
                                             "2026.01.01 08:30:20 (GMT+08:00)",
                                             "00:30:20",
                                             "1",
                                             "是",
                                             "否",
                                             "否",
                                             "否",
                                             "否"};
  EXPECT_EQ(row_of(meeting, {false, 480}, 0), expected);
}

TEST(ExportColumns, TextFromOutsideCannotBreakTheFile) {
  EXPECT_EQ(cell_text("a\x01"
                      "b\tc\r\n\x7F"),
            "ab\tc\r\n");
  EXPECT_EQ(cell_text("a\xFF"
                      "b"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(cell_text("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(cell_text("=1+1"), "=1+1");
  EXPECT_EQ(cell_text("Lin 王\xC2\x85 \xF0\x9F\x98\x80!"), "Lin 王 \xF0\x9F\x98\x80!");
  EXPECT_EQ(cell_text(std::string(40'000, 'x')).size(), 32'767U);
  // A pair that would be cut in two is left out whole.
  const std::string pairs = std::string(32'766, 'x') + "\xF0\x9F\x98\x80";
  EXPECT_EQ(cell_text(pairs).size(), 32'766U);
}

TEST(XlsxFile, AFullSheetIsFollowedByAnotherWithTheSameHeading) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/a.xlsx";
  auto file = XlsxFile::create(path, {"one", "two"}, {.rows = 3});
  ASSERT_TRUE(file);
  for (int row = 0; row < 5; ++row) ASSERT_TRUE((*file)->add({"x", ""}));
  ASSERT_TRUE((*file)->close());
  const auto bytes = read_file(path, 1 << 20);
  ASSERT_TRUE(bytes);
  // Names stand in a zip as they are.
  EXPECT_NE(bytes->find("xl/worksheets/sheet3.xml"), std::string::npos);
  EXPECT_EQ(bytes->find("xl/worksheets/sheet4.xml"), std::string::npos);
}

TEST(XlsxFile, ASheetOfAsManyBytesAsAZipCanHoldIsFull) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/a.xlsx";
  auto file = XlsxFile::create(path, {"one"}, {.bytes = 100'000});
  ASSERT_TRUE(file);
  for (int row = 0; row < 10; ++row) ASSERT_TRUE((*file)->add({std::string(30'000, 'x')}));
  ASSERT_TRUE((*file)->close());
  const auto bytes = read_file(path, 1 << 20);
  ASSERT_TRUE(bytes);
  EXPECT_NE(bytes->find("xl/worksheets/sheet2.xml"), std::string::npos);
}

TEST(XlsxFile, TextThatLooksEscapedIsTakenHoweverLongItIs) {
  const TemporaryDirectory directory;
  auto file = XlsxFile::create(directory.path() + "/a.xlsx", {"one"});
  ASSERT_TRUE(file);
  std::string text;
  while (text.size() < 32'767) text += "_x0041_";
  EXPECT_TRUE((*file)->add({text}));
  EXPECT_TRUE((*file)->close());
}

TEST(XlsxFile, OneThatIsGivenUpLeavesNoFile) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/a.xlsx";
  {
    auto file = XlsxFile::create(path, {"one"});
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->add({"x"}));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(MinuteWindow, CountsCallsOfAMinuteAndSaysWhenItEnds) {
  for (const Minute minute : {Minute::kFixed, Minute::kSliding}) {
    MinuteWindow window;
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(window.take("a", 3, minute).allowed);
    const auto refused = window.take("a", 3, minute);
    EXPECT_FALSE(refused.allowed);
    EXPECT_GE(refused.reset_s, 1);
    EXPECT_LE(refused.reset_s, 60);
    EXPECT_TRUE(window.take("b", 3, minute).allowed);
    for (int i = 0; i < 500; ++i) EXPECT_TRUE(window.take("c", 0, minute).allowed);
  }
}

}  // namespace
}  // namespace telecine
