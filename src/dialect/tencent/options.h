#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace telecine::tencent {

/// How a business error is written: its number as the code, or 4000 with the number in the text.
enum class ErrorStyle : std::uint8_t { kDocumented, kObserved };

/// The operator's settings of this dialect.
struct Options {
  std::int64_t app_id = 1'250'000'000;  ///< begins task ids of keys without a number of their own
  std::int64_t max_skew_s = 7200;       ///< between a request's Timestamp and now, either way
  bool replay_check = false;
  int rate_per_minute = 100;  ///< of one key and action; 0: no limit
  ErrorStyle error_style = ErrorStyle::kDocumented;
  std::vector<std::string> sign_hosts{"vod.api.qcloud.com"};  ///< names clients may have signed
  std::string sign_path_prefix;                               ///< what a proxy takes off the path
  std::vector<int> convert_definitions{10, 20, 30};
  std::map<std::string, std::string> task_type_names;  ///< other spellings of task types
  std::string callback_url;                            ///< of accounts without one of their own
  std::map<std::string, std::string> callback_urls;    ///< by account
  std::map<std::string, std::string> procedures;       ///< names that stand for a built-in call
};

}  // namespace telecine::tencent
