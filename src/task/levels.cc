#include "task/levels.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/text.h"

namespace telecine {
namespace {

constexpr auto kH264Levels = std::to_array<Level>({
    {10, 99, 1'485, 396, 64'000, 175'000},
    {11, 396, 3'000, 900, 192'000, 500'000},
    {12, 396, 6'000, 2'376, 384'000, 1'000'000},
    {13, 396, 11'880, 2'376, 768'000, 2'000'000},
    {20, 396, 11'880, 2'376, 2'000'000, 2'000'000},
    {21, 792, 19'800, 4'752, 4'000'000, 4'000'000},
    {22, 1'620, 20'250, 8'100, 4'000'000, 4'000'000},
    {30, 1'620, 40'500, 8'100, 10'000'000, 10'000'000},
    {31, 3'600, 108'000, 18'000, 14'000'000, 14'000'000},
    {32, 5'120, 216'000, 20'480, 20'000'000, 20'000'000},
    {40, 8'192, 245'760, 32'768, 20'000'000, 25'000'000},
    {41, 8'192, 245'760, 32'768, 50'000'000, 62'500'000},
    {42, 8'704, 522'240, 34'816, 50'000'000, 62'500'000},
    {50, 22'080, 589'824, 110'400, 135'000'000, 135'000'000},
    {51, 36'864, 983'040, 184'320, 240'000'000, 240'000'000},
    {52, 36'864, 2'073'600, 184'320, 240'000'000, 240'000'000},
});

constexpr auto kH265Levels = std::to_array<Level>({
    {10, 36'864, 552'960, 0, 128'000, 350'000},
    {20, 122'880, 3'686'400, 0, 1'500'000, 1'500'000},
    {21, 245'760, 7'372'800, 0, 3'000'000, 3'000'000},
    {30, 552'960, 16'588'800, 0, 6'000'000, 6'000'000},
    {31, 983'040, 33'177'600, 0, 10'000'000, 10'000'000},
    {40, 2'228'224, 66'846'720, 0, 12'000'000, 12'000'000},
    {41, 2'228'224, 133'693'440, 0, 20'000'000, 20'000'000},
    {50, 8'912'896, 267'386'880, 0, 25'000'000, 25'000'000},
    {51, 8'912'896, 534'773'760, 0, 40'000'000, 40'000'000},
    {52, 8'912'896, 1'069'547'520, 0, 60'000'000, 60'000'000},
    {60, 35'651'584, 1'069'547'520, 0, 60'000'000, 60'000'000},
    {61, 35'651'584, 2'139'095'040, 0, 120'000'000, 120'000'000},
    {62, 35'651'584, 4'278'190'080, 0, 240'000'000, 240'000'000},
});

std::span<const Level> levels_of(VideoCodec codec) {
  if (codec == VideoCodec::kH264) return kH264Levels;
  if (codec == VideoCodec::kH265) return kH265Levels;
  return {};
}

}  // namespace

const Level* level_of(VideoCodec codec, int number) {
  const auto all = levels_of(codec);
  const auto found = std::ranges::find(all, number, &Level::number);
  return found == all.end() ? nullptr : &*found;
}

std::string levels_listed(VideoCodec codec) {
  std::vector<std::string> names;
  for (const Level& level : levels_of(codec)) names.push_back(level_name(level.number));
  return join(names, ", ");
}

std::string level_name(int number) {
  const std::string whole = std::to_string(number / 10);
  return number % 10 == 0 ? whole : whole + "." + std::to_string(number % 10);
}

}  // namespace telecine
