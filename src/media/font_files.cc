#include "media/font_files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <array>
#include <vector>

#include "base/fs.h"

namespace telecine::media {
namespace {

/// Where Debian and its relatives put them. Of each group the first that is there serves.
struct FontGroup {
  bool emoji;
  std::array<const char*, 4> paths;
};
constexpr auto kGroups = std::to_array<FontGroup>({
    {false,
     {"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
      "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
      "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
      "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf"}},
    {false,
     {"/usr/share/fonts/truetype/noto/NotoNaskhArabic-Regular.ttf",
      "/usr/share/fonts/truetype/noto/NotoSansArabic-Regular.ttf"}},
    {false,
     {"/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
      "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
      "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
      "/usr/share/fonts/truetype/arphic/uming.ttc"}},
    {false,
     {"/usr/share/fonts/truetype/nanum/NanumGothic.ttf",
      "/usr/share/fonts/truetype/unfonts-core/UnDotum.ttf"}},
    {false, {"/usr/share/fonts/truetype/noto/NotoSansDevanagari-Regular.ttf"}},
    {false, {"/usr/share/fonts/truetype/noto/NotoSansThai-Regular.ttf"}},
    {true,
     {"/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf",
      "/usr/share/fonts/truetype/ancient-scripts/Symbola_hint.ttf"}},
});

std::vector<FontBytes>& loaded() {
  static std::vector<FontBytes> fonts;
  return fonts;
}

std::string_view map_file(const char* path) {
  const auto fd = open_file(path, O_RDONLY);
  if (!fd) return {};
  struct stat facts{};
  if (::fstat(fd->get(), &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size <= 0) return {};
  const auto size = static_cast<std::size_t>(facts.st_size);
  void* bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd->get(), 0);
  if (bytes == MAP_FAILED) return {};
  return {static_cast<const char*>(bytes), size};
}

}  // namespace

void load_font_files() {
  if (!loaded().empty()) return;
  for (const FontGroup& group : kGroups) {
    for (const char* path : group.paths) {
      if (path == nullptr) break;
      const auto bytes = map_file(path);
      if (bytes.empty()) continue;
      loaded().push_back({bytes, group.emoji});
      break;
    }
  }
}

std::span<const FontBytes> font_files() {
  return loaded();
}

}  // namespace telecine::media
