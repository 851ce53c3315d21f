#include "app/config_tencent.h"

#include "app/config.h"
#include "base/text.h"
#include "dialect/tencent/presets.h"
#include "dialect/tencent/procedure.h"

namespace telecine::app {
namespace {

using enum SettingType;

Status read_definitions(const SettingValues& values, std::vector<int>& definitions) {
  constexpr auto kName = "tencent.convert_definitions";
  definitions.clear();
  for (const std::string& text : values.list(kName)) {
    const auto number = parse_int(trim(text));
    const bool known = number && *number > 0 && *number < 1'000'000 &&
                       tencent::transcode_output(static_cast<int>(*number)).has_value();
    if (!known) {
      return refuse_setting(values.origin(kName), kName,
                            "holds \"" + printable(text, 40) + "\", which is no template's number");
    }
    definitions.push_back(static_cast<int>(*number));
  }
  return {};
}

Status read_type_names(const SettingValues& values, std::map<std::string, std::string>& names) {
  constexpr auto kName = "tencent.task_type_names";
  for (const std::string& text : values.list(kName)) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
      return refuse_setting(values.origin(kName), kName,
                            "must be pairs such as Procedure=procedure");
    }
    names[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return {};
}

}  // namespace

std::vector<Setting> tencent_settings() {
  return {
      {.name = "tencent.app_id",
       .type = kInteger,
       .fallback = "1250000000",
       .help = "Begins the task ids of keys that have no app_id",
       .least = 1,
       .most = 9'999'999'999},
      {.name = "tencent.max_skew_s",
       .type = kInteger,
       .fallback = "7200",
       .help = "Seconds that a request's Timestamp may be from the server's time",
       .least = 1,
       .most = 365LL * 86'400},
      {.name = "tencent.replay_check",
       .type = kFlag,
       .fallback = "false",
       .help = "Whether a request that was sent before is refused"},
      {.name = "tencent.rate_per_minute",
       .type = kInteger,
       .fallback = "100",
       .help = "Calls of one key and action in any minute; 0: no limit",
       .most = 1'000'000},
      {.name = "tencent.error_style",
       .type = kChoice,
       .fallback = "documented",
       .help = "documented: an error's number is the code; observed: 4000, the number in the text",
       .choices = "documented observed"},
      {.name = "tencent.sign_hosts",
       .type = kList,
       .fallback = "vod.api.qcloud.com",
       .help = "Host names that clients may have signed, beside the request's own"},
      {.name = "tencent.sign_path_prefix",
       .help = "What a proxy takes off the path that clients have signed"},
      {.name = "tencent.convert_definitions",
       .type = kList,
       .fallback = "10,20,30",
       .help = "Templates of ConvertVodFile"},
      {.name = "tencent.task_type_names",
       .type = kList,
       .help = "Other spellings of task types: Procedure=procedure,clipVideo=clip_media"},
      {.name = "tencent.callback_url", .help = "Where ended tasks are reported; empty: nowhere"},
  };
}

std::vector<SettingList> tencent_lists() {
  return {{"tencent.callback",
           {{.name = "account", .help = "An account with an address of its own", .required = true},
            {.name = "url", .help = "Where its tasks are reported", .required = true}}},
          {"tencent.procedure",
           {{.name = "name", .help = "What clients call it", .required = true},
            {.name = "steps",
             .help = "What it stands for: QCVB_SimpleProcessFile({10,20}, 0, 10, 10)",
             .required = true}}}};
}

Status read_tencent(const Settings& settings, tencent::Options& options) {
  const SettingValues& values = settings.values();
  options.app_id = values.integer("tencent.app_id");
  options.max_skew_s = values.integer("tencent.max_skew_s");
  options.replay_check = values.flag("tencent.replay_check");
  options.rate_per_minute = limit_of(values, "tencent.rate_per_minute");
  options.error_style = values.text("tencent.error_style") == "observed"
                            ? tencent::ErrorStyle::kObserved
                            : tencent::ErrorStyle::kDocumented;
  options.sign_hosts = values.list("tencent.sign_hosts");
  options.sign_path_prefix = values.text("tencent.sign_path_prefix");
  options.callback_url = values.text("tencent.callback_url");
  if (auto ok = read_definitions(values, options.convert_definitions); !ok) return ok;
  if (auto ok = read_type_names(values, options.task_type_names); !ok) return ok;
  for (const SettingRow& row : settings.rows("tencent.callback")) {
    options.callback_urls[row.values.text("account")] = row.values.text("url");
  }
  for (const SettingRow& row : settings.rows("tencent.procedure")) {
    const std::string& steps = row.values.text("steps");
    if (!tencent::wishes_of(steps, options)) {
      return refuse_setting(row.origin, "tencent.procedure.steps",
                            "is no call of a built-in procedure");
    }
    options.procedures[row.values.text("name")] = steps;
  }
  return {};
}

}  // namespace telecine::app
