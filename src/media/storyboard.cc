#include "media/storyboard.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace telecine::media {
namespace {

constexpr std::size_t kWordsPerCard = 12;
/// What counts as long where words are not separated by spaces, in characters.
constexpr std::size_t kCharactersPerCard = 30;

struct CameraRow {
  std::string_view word;
  CameraMove move;
};
using enum CameraMove;
// Longer phrases stand before the words they hold.
constexpr auto kCameraWords = std::to_array<CameraRow>({
    {"pan left", kLeft},   {"pans left", kLeft},   {"panning left", kLeft},
    {"pan right", kRight}, {"pans right", kRight}, {"panning right", kRight},
    {"tilt up", kUp},      {"tilts up", kUp},      {"tilt down", kDown},
    {"tilts down", kDown}, {"crane down", kDown},  {"zoom out", kOut},
    {"zooms out", kOut},   {"zooming out", kOut},  {"pull back", kOut},
    {"pulls back", kOut},  {"dolly out", kOut},    {"track left", kLeft},
    {"zoom", kIn},         {"zooms", kIn},         {"zooming", kIn},
    {"push in", kIn},      {"pushes in", kIn},     {"push", kIn},
    {"pull", kOut},        {"pulls", kOut},        {"dolly", kIn},
    {"pan", kRight},       {"pans", kRight},       {"panning", kRight},
    {"tilt", kUp},         {"tilts", kUp},         {"track", kRight},
    {"tracking", kRight},  {"orbit", kAround},     {"orbits", kAround},
    {"crane", kUp},        {"左移", kLeft},        {"向左", kLeft},
    {"右移", kRight},      {"向右", kRight},       {"上摇", kUp},
    {"下摇", kDown},       {"拉远", kOut},         {"拉镜", kOut},
    {"镜头拉", kOut},      {"推近", kIn},          {"推进", kIn},
    {"推镜", kIn},         {"镜头推", kIn},        {"放大", kIn},
    {"缩小", kOut},        {"环绕", kAround},      {"升降", kUp},
    {"升起", kUp},         {"摇镜", kRight},       {"平移", kRight},
    {"跟拍", kRight},      {"跟镜", kRight},
});

constexpr auto kSentenceEnds =
    std::to_array<std::string_view>({".", "!", "?", "…", "。", "！", "？", "؟", "۔", "।", "\n"});
constexpr auto kClauseEnds = std::to_array<std::string_view>(
    {",", ";", ":", "，", "；", "：", "、", "،", "؛", " – ", " — "});

bool is_ascii_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// The mark that begins at `at`, or nothing. An ASCII mark counts only before a space or the end:
/// "3.5" and "e.g" are no ends.
template <std::size_t N>
std::size_t mark_at(std::string_view text, std::size_t at,
                    const std::array<std::string_view, N>& marks) {
  for (const auto mark : marks) {
    if (!text.substr(at).starts_with(mark)) continue;
    const std::size_t end = at + mark.size();
    const bool ascii = static_cast<unsigned char>(mark.front()) < 0x80 && mark != "\n";
    if (ascii && end < text.size() && text[end] != ' ' && text[end] != '\n' &&
        mark_at(text, end, marks) == 0) {
      continue;
    }
    return mark.size();
  }
  return 0;
}

template <std::size_t N>
std::vector<std::string> cut(std::string_view text, const std::array<std::string_view, N>& marks) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t size = mark_at(text, at, marks);
    if (size == 0) {
      ++at;
      continue;
    }
    // Marks in a row belong together: "?!", "...".
    while (size > 0) {
      at += size;
      size = at < text.size() ? mark_at(text, at, marks) : 0;
    }
    if (const auto part = trim(text.substr(begin, at - begin)); !part.empty()) {
      parts.emplace_back(part);
    }
    begin = at;
  }
  if (const auto rest = trim(text.substr(begin)); !rest.empty()) parts.emplace_back(rest);
  return parts;
}

std::size_t words_in(std::string_view text) {
  std::size_t words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t' || c == '\n';
    if (!space && !inside) ++words;
    inside = !space;
  }
  return words;
}

std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool is_long(std::string_view text) {
  if (words_in(text) > kWordsPerCard) return true;
  return words_in(text) * 8 < characters_in(text) && characters_in(text) > kCharactersPerCard;
}

std::vector<std::string> by_words(std::string_view text) {
  std::vector<std::string> parts;
  std::string part;
  std::size_t words = 0;
  for (const auto word : split(text, ' ')) {
    if (word.empty()) continue;
    if (words++ % kWordsPerCard == 0 && !part.empty()) parts.push_back(std::exchange(part, {}));
    if (!part.empty()) part += ' ';
    part += word;
  }
  if (!part.empty()) parts.push_back(std::move(part));
  return parts;
}

}  // namespace

CameraMove camera_move_in(std::string_view text) {
  const std::string folded = lower(text);
  for (const auto& [word, move] : kCameraWords) {
    for (auto at = folded.find(word); at != std::string::npos; at = folded.find(word, at + 1)) {
      const bool ascii = is_ascii_letter(word.front());
      const bool starts = !ascii || at == 0 || !is_ascii_letter(folded[at - 1]);
      const std::size_t end = at + word.size();
      const bool ends = !ascii || end == folded.size() || !is_ascii_letter(folded[end]);
      if (starts && ends) return move;
    }
  }
  return kNone;
}

std::vector<std::string> cards_of(std::string_view prompt, int most) {
  std::vector<std::string> parts = cut(prompt, kSentenceEnds);
  if (parts.size() == 1 && is_long(parts.front())) parts = cut(prompt, kClauseEnds);
  if (parts.size() == 1 && is_long(parts.front())) parts = by_words(prompt);
  const auto count = std::min<std::size_t>(parts.size(), static_cast<std::size_t>(most));
  if (count == 0) return {""};
  // Too many are joined, as evenly as they go.
  std::vector<std::string> cards(count);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::string& card = cards[i * count / parts.size()];
    if (!card.empty()) card += ' ';
    card += parts[i];
  }
  return cards;
}

}  // namespace telecine::media
