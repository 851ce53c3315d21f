#include "dialect/visionular/summary.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>

namespace telecine::visionular {
namespace {

constexpr std::array<std::string_view, 3> kSizeClasses = {"sd", "hd", "4k"};
constexpr std::array<std::string_view, 2> kCountedCodecs = {"h264", "h265"};
constexpr int kLeastHd = 720;
constexpr int kLeast4k = 2160;
/// Where what stays on this machine is.
constexpr auto kHere = "local";

/// One video that was made.
struct Made {
  std::int64_t hour = 0;  ///< its start, in seconds
  std::string region;
  std::string codec;
  std::string_view size;
  Millis duration = 0;
};

std::optional<Made> made_by(const Task& task) {
  for (const Output& output : task.outputs) {
    const VideoFacts* video = output.facts ? output.facts->main_video() : nullptr;
    const bool is_video = output.type == OutputType::kVideo || output.type == OutputType::kHls;
    if (video == nullptr || !is_video) continue;
    const int side = std::min(video->width, video->height);
    Made made;
    made.hour = task.created / 1000 / kHour * kHour;
    const auto& to = task.spec.destination;
    made.region = to && !to->region.empty() ? to->region : kHere;
    made.codec = video->codec == "hevc" ? "h265" : video->codec;
    made.size = side >= kLeast4k   ? kSizeClasses[2]
                : side >= kLeastHd ? kSizeClasses[1]
                                   : kSizeClasses[0];
    made.duration = output.facts->duration;
    return made;
  }
  return std::nullopt;
}

/// The sums of an hour under their names: "count_total", "duration_cn-north_h264_sd".
using Sums = std::map<std::string, std::int64_t>;

void count_made(Sums& count, Sums& duration, const Made& made) {
  const std::string size(made.size);
  for (const std::string& name :
       {std::string("total"), size, made.region + "_" + made.codec + "_" + size}) {
    count[name] += 1;
    duration[name] += made.duration;
  }
}

std::vector<std::string> names_of(const std::set<std::string>& regions) {
  std::vector<std::string> names = {"total"};
  for (const auto size : kSizeClasses) names.emplace_back(size);
  for (const std::string& region : regions) {
    for (const auto codec : kCountedCodecs) {
      for (const auto size : kSizeClasses) {
        names.push_back(region + "_" + std::string(codec) + "_" + std::string(size));
      }
    }
  }
  return names;
}

}  // namespace

json::object summary_document(const std::vector<TaskPtr>& tasks) {
  std::map<std::int64_t, std::pair<Sums, Sums>> hours;
  std::set<std::string> regions;
  for (const TaskPtr& task : tasks) {
    const auto made = made_by(*task);
    if (!made) continue;
    regions.insert(made->region);
    auto& [count, duration] = hours[made->hour];
    count_made(count, duration, *made);
  }
  json::array items;
  for (auto& [hour, sums] : hours) {
    json::object& item = items.emplace_back(json::object{{"time_stamp", hour}}).get_object();
    for (const std::string& name : names_of(regions)) {
      item["count_" + name] = sums.first[name];
      item["duration_" + name] = (sums.second[name] + 500) / 1000;
    }
  }
  const auto count = items.size();
  return {{"list", std::move(items)},
          {"num", count},
          {"regions", json::array(regions.begin(), regions.end())},
          {"resolution_types", json::array(kSizeClasses.begin(), kSizeClasses.end())}};
}

}  // namespace telecine::visionular
