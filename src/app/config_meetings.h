#pragma once

#include <vector>

#include "base/settings.h"
#include "dialect/feishu/feishu.h"
#include "service/service.h"

/// Settings of the meeting store and of the dialect that exports from it.
namespace telecine::app {

struct MeetingsConfig {
  std::vector<IngestKey> keys;
  Millis retention = 0;  ///< of meetings, from their start; 0 for ever
};

std::vector<Setting> meeting_settings();
std::vector<SettingList> meeting_lists();

Result<MeetingsConfig> read_meetings(const Settings& settings);
/// Apps and tokens without an account of their own belong to "main".
Result<feishu::Options> read_feishu(const Settings& settings);

}  // namespace telecine::app
