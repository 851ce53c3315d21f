#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

/// In the order of ARCHITECTURE.md: a room includes itself and rooms before it.
const std::vector<std::string> kRooms = {"base",   "task",     "job",   "media", "child",
                                         "object", "provider", "store", "work",  "service",
                                         "http",   "dialect",  "app"};

/// What of a task those may know who know no tasks.
const std::vector<std::string> kPlainValues = {
    "task/analysis.h", "task/carrier.h",   "task/facts.h",     "task/languages.h",
    "task/levels.h",   "task/output.h",    "task/packaging.h", "task/picture.h",
    "task/piece.h",    "task/rendition.h", "task/tracks.h"};

/// Rooms that may not enter, beside the order.
bool is_forbidden(const std::string& from, const std::string& to, const std::string& header) {
  // What is served is not linked with libav.
  if (to == "child" || (to == "media" && from != "media")) return from != "child";
  if (from == "job" || from == "media" || from == "object") {
    if (to == "task") return std::ranges::find(kPlainValues, header) == kPlainValues.end();
    return to == "store" || to == "http" || (from == "object" && to == "job");
  }
  if (from == "provider") return to == "job";
  if (from == "store") return to == "provider" || to == "job" || to == "object";
  if (from == "http") return to != "base" && to != "http";
  return false;
}

std::ptrdiff_t rank(const std::string& room) {
  return std::ranges::find(kRooms, room) - kRooms.begin();
}

TEST(Rooms, IncludeOnlyRoomsAboveThem) {
  const fs::path source = fs::path(TELECINE_SOURCE_DIR) / "src";
  int includes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(source)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".cc" && extension != ".h") continue;
    const fs::path relative = fs::relative(entry.path(), source);
    const std::string room = relative.begin()->string();
    if (rank(room) == static_cast<std::ptrdiff_t>(kRooms.size())) continue;  // main.cc
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with("#include \"")) continue;
      const std::string header = line.substr(10, line.find('"', 10) - 10);
      const std::string included = header.substr(0, header.find('/'));
      if (rank(included) == static_cast<std::ptrdiff_t>(kRooms.size())) continue;  // version.h
      ++includes;
      EXPECT_LE(rank(included), rank(room)) << relative << " includes " << header;
      EXPECT_FALSE(is_forbidden(room, included, header)) << relative << " includes " << header;
    }
  }
  EXPECT_GT(includes, 200);
}

TEST(Rooms, DialectsDoNotKnowEachOther) {
  const fs::path dialects = fs::path(TELECINE_SOURCE_DIR) / "src/dialect";
  for (const auto& entry : fs::recursive_directory_iterator(dialects)) {
    if (!entry.is_regular_file()) continue;
    const std::string own = "dialect/" + fs::relative(entry.path(), dialects).begin()->string();
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with("#include \"dialect/")) continue;
      EXPECT_TRUE(line.find(own + "/") != std::string::npos) << entry.path() << ": " << line;
    }
  }
}

}  // namespace
