#pragma once

#include <vector>

#include "base/settings.h"
#include "dialect/tencent/options.h"

namespace telecine::app {

/// The [tencent] table and its lists.
std::vector<Setting> tencent_settings();
std::vector<SettingList> tencent_lists();
Status read_tencent(const Settings& settings, tencent::Options& options);

}  // namespace telecine::app
