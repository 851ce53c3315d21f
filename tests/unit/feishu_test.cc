#include <gtest/gtest.h>

#include "dialect/feishu/requests.h"
#include "dialect/feishu/tokens.h"
#include "object/links.h"
#include "temporary_directory.h"

namespace telecine::feishu {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;

std::string fault_in(std::string_view body, Report report) {
  const auto parsed = parse_json(body);
  const auto request = export_request_from(parsed->get_object(), report, {}, kNow);
  return request ? "" : request.error().field;
}

TEST(FeishuRequest, TimesAreStringsOfSecondsOrNumbers) {
  EXPECT_EQ(fault_in(R"({"start_time":"100","end_time":200})", Report::kMeetings), "");
  for (const char* bad : {R"("")", R"("1700000000000")", R"("-1")", R"("+1")", R"("1e3")", "1.5",
                          "-1", "true", "null"}) {
    const std::string body = R"({"start_time":)" + std::string(bad) + R"(,"end_time":"200"})";
    EXPECT_EQ(fault_in(body, Report::kMeetings), "start_time") << bad;
  }
}

TEST(FeishuRequest, TheWindowOfMeetingsIsBounded) {
  const auto with = [](std::int64_t from, std::int64_t until, const std::string& more = "") {
    return fault_in("{\"start_time\":\"" + std::to_string(from) + "\",\"end_time\":\"" +
                        std::to_string(until) + "\"" + more + "}",
                    Report::kMeetings);
  };
  constexpr std::int64_t kDay = 86'400;
  EXPECT_EQ(with(kNow - 366 * kDay, kNow), "");
  EXPECT_EQ(with(kNow - 366 * kDay - 1, kNow), "end_time");
  EXPECT_EQ(with(200, 100), "end_time");
  EXPECT_EQ(with(kNow + 1, kNow + 2), "start_time");
  const std::string future = ",\"meeting_status\":3";
  EXPECT_EQ(with(kNow + 1, kNow + 31 * kDay, future), "");
  EXPECT_EQ(with(kNow, kNow + 31 * kDay + 1, future), "end_time");
}

TEST(FeishuRequest, AtMostOneFilterOfMeetingsIsTaken) {
  const std::string window = R"("start_time":"1","end_time":"2")";
  EXPECT_EQ(fault_in("{" + window + R"(,"user_id":"ou_1","meeting_type":3})", Report::kMeetings),
            "");
  EXPECT_EQ(fault_in("{" + window + R"(,"user_id":"ou_1","room_id":"omm_1"})", Report::kMeetings),
            "meeting_no");
  EXPECT_EQ(fault_in("{" + window + R"(,"meeting_no":"12"})", Report::kMeetings), "meeting_no");
  EXPECT_EQ(fault_in("{" + window + R"(,"meeting_status":4})", Report::kMeetings),
            "meeting_status");
  EXPECT_EQ(fault_in("{" + window + R"(,"meeting_type":"1"})", Report::kMeetings), "meeting_type");
}

TEST(FeishuRequest, QualityNeedsExactlyOneParticipant) {
  const std::string meeting =
      R"({"meeting_no":"123456789","meeting_start_time":"1","meeting_end_time":"2","join_time":"1")";
  EXPECT_EQ(fault_in(meeting + R"(,"user_id":"ou_1"})", Report::kQuality), "");
  EXPECT_EQ(fault_in(meeting + "}", Report::kQuality), "user_id");
  EXPECT_EQ(fault_in(meeting + R"(,"user_id":"ou_1","room_id":"omm_1"})", Report::kQuality),
            "user_id");
  EXPECT_EQ(fault_in(R"({"meeting_no":"123456789","meeting_start_time":"1",
                         "meeting_end_time":"86402"})",
                     Report::kParticipants),
            "meeting_end_time");
}

TEST(FeishuRequest, ALevelOfAnotherKindStandsForAllRooms) {
  const auto level = [](const std::string& id) {
    const auto body =
        parse_json(R"({"start_time":"1","end_time":"2","room_level_id":")" + id + "\"}");
    return export_request_from(body->get_object(), Report::kReservations, {}, kNow)
        ->spec.room_level;
  };
  EXPECT_EQ(level("omb_1"), "omb_1");
  EXPECT_EQ(level("0"), "");
}

TEST(FeishuRequest, TaskIdsAreDecimalsOfAtMostTwentyDigits) {
  EXPECT_EQ(task_number_from("42").value_or(-1), 42);
  EXPECT_EQ(task_number_from("99999999999999999999").value_or(-1), 0);
  for (const char* bad : {"", "abc", "-1", "1.5", "999999999999999999999"}) {
    EXPECT_FALSE(task_number_from(bad)) << bad;
  }
}

class FeishuTokenTest : public ::testing::Test {
 protected:
  explicit FeishuTokenTest(bool development = false) : rules_(*object::AddressRules::parse({})) {
    store_ = *open_sqlite_store({directory_.path(), 15'000, 1000, true});
    objects_.emplace(*object::LocalObjects::open(directory_.path()));
    signer_.emplace(*object::LinkSigner::open(directory_.path()));
    keys_.emplace(*store_, "", std::vector<AccessKey>{});
    ServiceOptions options;
    options.data_dir = directory_.path();
    options.development = development;
    storages_.emplace(*store_, object::Endpoints(), std::string(32, 'k'), StorageOptions{});
    service_.emplace(*store_, *objects_, *signer_, rules_, *keys_, *storages_, options);
    api_.emplace(Api{*service_, {}, {}, "k"});
    api_->options.apps = {{"cli_a00bb11cc22dd33e", "s3cret", "main", all_scopes()}};
    const auto one = std::make_shared<const std::vector<std::string>>(1, "vc:export");
    api_->options.user_tokens = {{"u-lin", "cli_a00bb11cc22dd33e", "u1", one, 0},
                                 {"u-old", "cli_a00bb11cc22dd33e", "u1", one, kNow - 1}};
  }
  ~FeishuTokenTest() override { store_->stop(); }

  std::optional<Fault> fault(const std::string& header, std::int64_t now = kNow) {
    const auto identity = identify(*api_, header, now);
    if (identity) return std::nullopt;
    return identity.error();
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
  std::optional<object::LocalObjects> objects_;
  std::optional<object::LinkSigner> signer_;
  object::AddressRules rules_;
  std::optional<Keyring> keys_;
  std::optional<Storages> storages_;
  std::optional<Service> service_;
  std::optional<Api> api_;
};

TEST_F(FeishuTokenTest, ATokenStaysTheSameUntilHalfAnHourIsLeftOfIt) {
  const App& app = api_->options.apps.front();
  auto token = issue_token(*api_, app, kNow);
  int changes = 0;
  for (std::int64_t now = kNow; now < kNow + 10'000; now += 50) {
    const auto next = issue_token(*api_, app, now);
    EXPECT_GE(next.expires_in, 1800);
    EXPECT_LE(next.expires_in, 7200);
    if (next.text == token.text) continue;
    ++changes;
    // The one before is still good.
    EXPECT_FALSE(fault("Bearer " + token.text, now));
    token = next;
  }
  EXPECT_GE(changes, 1);
  EXPECT_LE(changes, 2);
}

TEST_F(FeishuTokenTest, AnAlteredOrExpiredTokenIsRefused) {
  const App& app = api_->options.apps.front();
  const auto token = issue_token(*api_, app, kNow);
  EXPECT_TRUE(token.text.starts_with("t-"));
  EXPECT_FALSE(fault("Bearer " + token.text));
  for (std::size_t i = 2; i < token.text.size(); ++i) {
    std::string altered = token.text;
    altered[i] = altered[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(fault("Bearer " + altered), Fault::kBadTenantToken) << i;
  }
  EXPECT_EQ(fault("Bearer " + token.text, kNow + token.expires_in), Fault::kBadTenantToken);
  api_->options.apps.front().id = "cli_another000000000";
  EXPECT_EQ(fault("Bearer " + token.text), Fault::kBadTenantToken);
}

TEST_F(FeishuTokenTest, EachKindOfTokenIsRefusedInItsOwnWay) {
  EXPECT_EQ(fault(""), Fault::kMissingToken);
  EXPECT_EQ(fault("Basic abc"), Fault::kMissingToken);
  EXPECT_EQ(fault("t-abc"), Fault::kMissingToken);
  EXPECT_EQ(fault("Bearer t-abc"), Fault::kBadTenantToken);
  EXPECT_EQ(fault("Bearer u-abc"), Fault::kBadUserToken);
  EXPECT_EQ(fault("Bearer eyJabc"), Fault::kBadUserToken);
  EXPECT_EQ(fault("Bearer u-old"), Fault::kUserTokenExpired);
  EXPECT_EQ(fault("Bearer a-abc"), Fault::kBadAppToken);
  EXPECT_EQ(fault("Bearer sk-abc"), Fault::kBadTokenKind);
  const auto person = identify(*api_, "Bearer u-lin", kNow);
  ASSERT_TRUE(person);
  EXPECT_EQ(person->user, "u1");
}

class FeishuDeveloperTest : public FeishuTokenTest {
 protected:
  FeishuDeveloperTest() : FeishuTokenTest(true) {}
};

TEST_F(FeishuDeveloperTest, InDevelopmentModeEverybodyIsOneAppThatMayDoEverything) {
  for (const char* offered : {"", "Basic abc", "Bearer t-abc", "Bearer u-old", "Bearer u-lin"}) {
    const auto identity = identify(*api_, offered, kNow);
    ASSERT_TRUE(identity) << offered;
    EXPECT_EQ(identity->app.id, "developer");
    EXPECT_EQ(identity->app.account, "main");
    EXPECT_EQ(identity->user, "");
    EXPECT_EQ(identity->scopes, all_scopes());
  }
}

TEST_F(FeishuTokenTest, AFileTokenNamesItsTaskAndCannotBeGuessed) {
  const Id task{42, 0x1234'5678'9abc'def0};
  const std::string token = file_token(*api_, task);
  EXPECT_EQ(token.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(task_of_file_token(*api_, token), task);
  std::string altered = token;
  altered.back() = altered.back() == '0' ? '1' : '0';
  EXPECT_FALSE(task_of_file_token(*api_, altered));
  EXPECT_FALSE(task_of_file_token(*api_, token.substr(0, 32)));
  EXPECT_FALSE(task_of_file_token(*api_, ""));
}

TEST_F(FeishuTokenTest, AFailureCarriesTheLogIdOfItsHeader) {
  const auto response =
      failure(*api_, Fault::kBadParameter, {Violation{"start_time", "is required"}, "", {}});
  EXPECT_EQ(response.status, 400);
  const auto body = parse_json(std::get<std::string>(response.body));
  ASSERT_TRUE(body);
  EXPECT_EQ(body->at("code"), 121003);
  const std::string id(response.headers.get("X-Tt-Logid"));
  EXPECT_EQ(id.size(), 34U);
  EXPECT_EQ(std::string_view(body->at("error").at("log_id").get_string()), id);
  EXPECT_FALSE(body->get_object().contains("data"));
}

}  // namespace
}  // namespace telecine::feishu
