#include "base/settings.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>

#include "app/config.h"
#include "base/crypto.h"
#include "base/fs.h"

namespace telecine {
namespace {

/// Variables of the tests themselves, which are no settings.
const bool kCleanEnvironment = [] {
  for (const char* name :
       {"TELECINE_TEST_MEDIA", "TELECINE_BIN", "TELECINE_KILLS", "TELECINE_SEED"}) {
    ::unsetenv(name);
  }
  return true;
}();

using ::testing::Test;

SettingSchema small_schema() {
  return {
      .settings =
          {
              {.name = "server.listen", .fallback = "127.0.0.1:8080", .help = "Where"},
              {.name = "server.threads",
               .type = SettingType::kInteger,
               .fallback = "0",
               .help = "How many",
               .most = 64},
              {.name = "server.proxies", .type = SettingType::kList, .help = "Whom"},
              {.name = "data.keep",
               .type = SettingType::kDuration,
               .fallback = "30d",
               .help = "How long",
               .most = 100LL * 86'400'000},
              {.name = "data.largest",
               .type = SettingType::kBytes,
               .fallback = "20G",
               .help = "How large",
               .least = 1024},
              {.name = "data.mode",
               .type = SettingType::kChoice,
               .fallback = "full",
               .help = "How",
               .choices = "full normal"},
              {.name = "data.enabled",
               .type = SettingType::kFlag,
               .fallback = "true",
               .help = "Whether"},
              {.name = "data.password", .help = "Hush", .secret = true},
          },
      .lists = {{"object.root",
                 {{.name = "name", .required = true},
                  {.name = "secret", .secret = true},
                  {.name = "write", .type = SettingType::kFlag, .fallback = "false"}}}},
      .other_variables = {"TELECINE_KEY"},
  };
}

std::string error_of(const Status& status) {
  return status ? "no error" : status.error().message;
}

std::string toml_error(std::string_view text) {
  Settings settings(small_schema());
  return error_of(settings.read_toml(text, "t.toml"));
}

TEST(Settings, HaveTheirDefaultsWhenNothingIsSaid) {
  const Settings settings(small_schema());
  const SettingValues& values = settings.values();
  EXPECT_EQ(values.text("server.listen"), "127.0.0.1:8080");
  EXPECT_EQ(values.integer("data.keep"), 30LL * 86'400'000);
  EXPECT_EQ(values.integer("data.largest"), 20LL << 30);
  EXPECT_TRUE(values.flag("data.enabled"));
  EXPECT_TRUE(values.list("server.proxies").empty());
  EXPECT_EQ(values.origin("data.keep"), "default");
  EXPECT_FALSE(values.given("data.keep"));
}

TEST(Settings, AreReadFromTomlWithTheLineTheyStandOn) {
  Settings settings(small_schema());
  const auto ok = settings.read_toml(
      "[server]\n"
      "listen = \":80\"\n"
      "threads = 4\n"
      "proxies = [\"10.0.0.0/8\", \"::1\"]\n"
      "[data]\n"
      "keep = 3600\n"
      "largest = \"512k\"\n"
      "mode = \"normal\"\n"
      "enabled = false\n",
      "t.toml");
  ASSERT_TRUE(ok) << ok.error().message;
  const SettingValues& values = settings.values();
  EXPECT_EQ(values.text("server.listen"), ":80");
  EXPECT_EQ(values.origin("server.listen"), "t.toml:2");
  EXPECT_EQ(values.integer("server.threads"), 4);
  EXPECT_EQ(values.list("server.proxies"), (std::vector<std::string>{"10.0.0.0/8", "::1"}));
  EXPECT_EQ(values.integer("data.keep"), 3'600'000);
  EXPECT_EQ(values.integer("data.largest"), 512 << 10);
  EXPECT_EQ(values.text("data.mode"), "normal");
  EXPECT_FALSE(values.flag("data.enabled"));
}

TEST(Settings, TakeTheLaterOfFileEnvironmentAndFlag) {
  Settings settings(small_schema());
  ASSERT_TRUE(settings.read_toml("[server]\nlisten = \":1\"\nthreads = 1\n[data]\nkeep = \"1d\"",
                                 "t.toml"));
  const std::array<const char*, 5> environment = {"PATH=/bin", "TELECINE_SERVER_LISTEN=:2",
                                                  "TELECINE_SERVER_THREADS=2",
                                                  "TELECINE_SERVER_PROXIES=a, b,,c", nullptr};
  ASSERT_TRUE(settings.read_environment(environment.data()));
  ASSERT_TRUE(settings.set("server.listen", ":3", "--listen"));
  const SettingValues& values = settings.values();
  EXPECT_EQ(values.text("server.listen"), ":3");
  EXPECT_EQ(values.origin("server.listen"), "--listen");
  EXPECT_EQ(values.integer("server.threads"), 2);
  EXPECT_EQ(values.origin("server.threads"), "TELECINE_SERVER_THREADS");
  EXPECT_EQ(values.list("server.proxies"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(values.integer("data.keep"), 86'400'000);
}

TEST(Settings, AnEmptyVariableCountsAsUnset) {
  Settings settings(small_schema());
  const std::array<const char*, 2> environment = {"TELECINE_SERVER_THREADS=", nullptr};
  EXPECT_TRUE(settings.read_environment(environment.data()));
  EXPECT_FALSE(settings.values().given("server.threads"));
}

TEST(Settings, UnknownNamesAreRefusedWithTheNearestKnownOne) {
  EXPECT_EQ(toml_error("[server]\n\nlistn = \":1\""),
            "t.toml:3: there is no setting \"server.listn\"; did you mean \"server.listen\"?");
  EXPECT_NE(toml_error("[sever]\nlisten = \":1\"").find("did you mean \"server\"?"),
            std::string::npos);
  EXPECT_NE(toml_error("zebra = 1").find("telecine config print"), std::string::npos);
  Settings settings(small_schema());
  const std::array<const char*, 2> environment = {"TELECINE_SERVER_THREAD=1", nullptr};
  EXPECT_EQ(error_of(settings.read_environment(environment.data())),
            "the environment's TELECINE_SERVER_THREAD is no setting; did you mean "
            "TELECINE_SERVER_THREADS?");
}

TEST(Settings, VariablesThatMeanSomethingElseAreLeftAlone) {
  Settings settings(small_schema());
  const std::array<const char*, 2> environment = {"TELECINE_KEY=sk-a.b", nullptr};
  EXPECT_TRUE(settings.read_environment(environment.data()));
}

TEST(Settings, WrongTypesNameTheSettingTheLineAndWhatWouldBeRight) {
  EXPECT_EQ(toml_error("[server]\nthreads = \"many\""),
            "t.toml:2: server.threads must be a whole number");
  EXPECT_EQ(toml_error("[server]\nlisten = 8080"),
            "t.toml:2: server.listen must be a string in quotes");
  EXPECT_EQ(toml_error("[server]\nproxies = \"10.0.0.1\""),
            "t.toml:2: server.proxies must be a list of strings such as [\"a\", \"b\"]");
  EXPECT_EQ(toml_error("[data]\nenabled = \"yes\""),
            "t.toml:2: data.enabled must be true or false");
  EXPECT_EQ(toml_error("[data]\nkeep = \"3 moons\""),
            "t.toml:2: data.keep must be a duration such as 30s, 5m, 2h or 7d, not \"3 moons\"");
  EXPECT_EQ(toml_error("[data]\nlargest = \"lots\""),
            "t.toml:2: data.largest must be a size such as 512M or 20G, not \"lots\"");
  EXPECT_EQ(toml_error("[data]\nmode = \"half\""),
            "t.toml:2: data.mode must be one of full, normal, not \"half\"");
  EXPECT_EQ(toml_error("[server.listen]\nx = 1"),
            "t.toml:1: server.listen must be a string in quotes");
}

TEST(Settings, ValuesOutOfRangeSayTheRangeInTheSettingsOwnUnit) {
  EXPECT_EQ(toml_error("[server]\nthreads = 65"),
            "t.toml:2: server.threads must be between 0 and 64, not 65");
  EXPECT_EQ(toml_error("[data]\nkeep = \"101d\""),
            "t.toml:2: data.keep must be between 0 and 100d, not 101d");
  EXPECT_EQ(toml_error("[data]\nlargest = 10"),
            "t.toml:2: data.largest must be at least 1k, not 10");
  Settings settings(small_schema());
  const auto refused = settings.set("server.threads", "-1", "--server-threads");
  EXPECT_EQ(error_of(refused), "--server-threads: server.threads must be between 0 and 64, not -1");
  EXPECT_EQ(refused.error().field, "server.threads");
}

TEST(Settings, TextThatIsNoTomlIsRefusedWithItsLine) {
  EXPECT_TRUE(toml_error("[server]\nlisten = = 1\n").starts_with("t.toml:2: "));
}

TEST(Settings, ArraysOfTablesBecomeRows) {
  Settings settings(small_schema());
  const auto ok = settings.read_toml(
      "[[object.root]]\nname = \"a\"\n\n[[object.root]]\nname = \"b\"\nwrite = true\n", "t.toml");
  ASSERT_TRUE(ok) << ok.error().message;
  const auto& rows = settings.rows("object.root");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].values.text("name"), "a");
  EXPECT_FALSE(rows[0].values.flag("write"));
  EXPECT_EQ(rows[1].values.text("name"), "b");
  EXPECT_TRUE(rows[1].values.flag("write"));
  EXPECT_EQ(rows[1].origin, "t.toml:4");
  EXPECT_TRUE(settings.rows("nothing").empty());
}

TEST(Settings, RowsAreCheckedLikeSettings) {
  EXPECT_EQ(toml_error("[[object.root]]\nnam = \"a\""),
            "t.toml:2: [[object.root]] has no \"nam\"; did you mean \"name\"?");
  EXPECT_EQ(toml_error("[[object.root]]\nwrite = true"),
            "t.toml:1: this [[object.root]] needs \"name\"");
  EXPECT_EQ(toml_error("[[object.root]]\nname = 1"),
            "t.toml:2: object.root.name must be a string in quotes");
  EXPECT_EQ(toml_error("[object]\nroot = 1"),
            "t.toml:2: object.root must be tables, each begun by [[object.root]]");
}

TEST(Settings, HaveOneNameInThreePlaces) {
  EXPECT_EQ(variable_of("server.max_connections"), "TELECINE_SERVER_MAX_CONNECTIONS");
  EXPECT_EQ(flag_of("server.max_connections"), "--server-max-connections");
}

TEST(Settings, PrintAsTomlThatReadsBackToTheSame) {
  Settings settings(small_schema());
  ASSERT_TRUE(
      settings.read_toml("[data]\nkeep = \"36h\"\nlargest = \"3G\"\n"
                         "[server]\nproxies = [\"a\\\"b\"]\nlisten = \"x\\\\y\"\n"
                         "[[object.root]]\nname = \"a\"\n",
                         "t.toml"));
  const std::string printed = print_settings(settings, true);
  EXPECT_NE(printed.find("keep = \"36h\""), std::string::npos) << printed;
  EXPECT_NE(printed.find("# t.toml:2"), std::string::npos) << printed;
  EXPECT_NE(printed.find("# How long"), std::string::npos) << printed;
  Settings again(small_schema());
  const auto ok = again.read_toml(printed, "printed.toml");
  ASSERT_TRUE(ok) << ok.error().message << "\n" << printed;
  EXPECT_EQ(again.values().integer("data.keep"), settings.values().integer("data.keep"));
  EXPECT_EQ(again.values().integer("data.largest"), 3LL << 30);
  EXPECT_EQ(again.values().text("server.listen"), "x\\y");
  EXPECT_EQ(again.values().list("server.proxies"), (std::vector<std::string>{"a\"b"}));
  EXPECT_EQ(again.rows("object.root").size(), 1U);
}

TEST(Settings, SecretsAreNeverPrinted) {
  Settings settings(small_schema());
  ASSERT_TRUE(
      settings.read_toml("[data]\npassword = \"hunter22\"\n"
                         "[[object.root]]\nname = \"a\"\nsecret = \"hunter22\"\n",
                         "t.toml"));
  const std::string printed = print_settings(settings, false);
  EXPECT_EQ(printed.find("hunter22"), std::string::npos) << printed;
  EXPECT_NE(printed.find("password = \"***\""), std::string::npos) << printed;
}

/// The program's own table, read from a file in a directory of its own.
class Configuration : public Test {
 protected:
  void SetUp() override {
    for (const char* name : {"TELECINE_SERVER_LISTEN", "TELECINE_DATA_DIR"}) ::unsetenv(name);
    directory_ = std::filesystem::temp_directory_path() / ("settings-" + hex(random_bytes(6)));
    ASSERT_TRUE(make_directories(directory_));
  }
  void TearDown() override { remove_tree(directory_); }

  Result<app::Config> config(std::string_view toml,
                             const std::vector<std::pair<std::string, std::string>>& flags = {}) {
    const std::string file = directory_ + "/telecine.toml";
    if (auto ok = write_file_durably(file, toml); !ok) return std::unexpected(ok.error());
    const auto settings = app::read_settings(file, flags);
    if (!settings) return std::unexpected(settings.error());
    return app::make_config(*settings);
  }
  std::string refusal(std::string_view toml) {
    const auto made = config(toml);
    return made ? "no error" : made.error().message;
  }

  std::string directory_;
};

TEST_F(Configuration, WorksWithNothingSaid) {
  const auto made = config("");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->server.host, "127.0.0.1");
  EXPECT_EQ(made->server.port, 8080);
  EXPECT_EQ(made->data.dir, "./telecine-data");
  EXPECT_GT(made->worker.cores, 0);
  EXPECT_EQ(made->worker.slots, made->worker.cores + 2);
  EXPECT_GT(made->worker.memory, 0);
  EXPECT_EQ(made->worker.max_input, 20LL << 30);
  EXPECT_EQ(made->lease, 15'000);
  EXPECT_TRUE(made->keys.empty());
}

TEST_F(Configuration, ListensOnNamesBracketsAndEveryAddress) {
  const auto every = config("", {{"server.listen", ":9000"}});
  ASSERT_TRUE(every);
  EXPECT_EQ(every->server.host, "");
  EXPECT_EQ(every->server.port, 9000);
  const auto six = config("", {{"server.listen", "[::1]:80"}});
  ASSERT_TRUE(six);
  EXPECT_EQ(six->server.host, "::1");
  EXPECT_FALSE(config("", {{"server.listen", "::1:80"}}));
  EXPECT_FALSE(config("", {{"server.listen", "8080"}}));
  EXPECT_FALSE(config("", {{"server.listen", "localhost:70000"}}));
}

TEST_F(Configuration, KeysTakeTheirSecretFromTheFileOrBesideIt) {
  ASSERT_TRUE(write_file_durably(directory_ + "/secret", "from-a-file\n"));
  const auto made = config(
      "[[key]]\nid = \"a\"\nsecret = \"in-the-open\"\napp_id = 7\n"
      "scopes = [\"read\"]\n"
      "[[key]]\nid = \"b\"\nsecret_file = \"" +
      directory_ + "/secret\"\n");
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(made->keys.size(), 2U);
  EXPECT_EQ(made->keys[0].account, "app-7");
  EXPECT_EQ(made->keys[0].scopes, std::vector<Scope>{Scope::kRead});
  EXPECT_EQ(made->keys[1].secret, "from-a-file");
  EXPECT_EQ(made->keys[1].account, "main");
}

TEST_F(Configuration, RefusalsNameTheSettingAndItsPlace) {
  EXPECT_NE(
      refusal("[server]\nlisten = \"nowhere\"").find("telecine.toml:2: server.listen must be"),
      std::string::npos);
  EXPECT_NE(refusal("[network]\nallow_addresses = [\"here\"]").find("network.allow_addresses"),
            std::string::npos);
  EXPECT_NE(refusal("[[key]]\nid = \"a\"\n").find("telecine.toml:1: key needs either secret"),
            std::string::npos);
  EXPECT_NE(refusal("[[key]]\nid = \"a\"\nsecret = \"12345678\"\n[[key]]\nid = \"a\"\n"
                    "secret = \"12345678\"\n")
                .find("has the id a already"),
            std::string::npos);
  EXPECT_NE(refusal("[[object.root]]\nname = \"x\"\npath = \"/does/not/exist\"")
                .find("is not a directory"),
            std::string::npos);
  EXPECT_NE(refusal("[data]\nmaster_key_file = \"/does/not/exist\"")
                .find("data.master_key_file cannot be used"),
            std::string::npos);
}

TEST_F(Configuration, AFileThatIsMissingIsAnError) {
  const auto settings = app::read_settings(directory_ + "/absent.toml", {});
  ASSERT_FALSE(settings);
  EXPECT_NE(settings.error().message.find("absent.toml"), std::string::npos);
}

}  // namespace
}  // namespace telecine
