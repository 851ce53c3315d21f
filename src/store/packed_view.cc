#include "store/packed_view.h"

#include <lz4.h>

#include <array>

#include "base/embed.h"
#include "store/sqlite.h"

TELECINE_EMBED(view_words, TELECINE_SOURCE_DIR "/src/store/view_words.txt")

namespace telecine::sqlite {
namespace {

// In front of the compressed bytes: the number of the text that they were compressed against, and
// the size they had, least byte first. A text that has been released is never edited; a better one
// gets a number of its own. What begins with a brace is a view as it is.
constexpr char kWords = 1;
constexpr char kAsItIs = '{';
constexpr std::size_t kHead = 5;
constexpr std::size_t kMostBytes = 256 << 20;
// LZ4 never makes more of a byte.
constexpr std::size_t kMostOfOne = 255;

/// A compressor that has read the text. LZ4 documents that its state may be copied.
const LZ4_stream_t& prepared() {
  static const LZ4_stream_t state = [] {
    LZ4_stream_t made;
    LZ4_initStream(&made, sizeof made);
    LZ4_loadDict(&made, view_words().data(), static_cast<int>(view_words().size()));
    return made;
  }();
  return state;
}

}  // namespace

std::string pack_view(const std::string& view) {
  if (view.size() > kMostBytes) throw Failure{SQLITE_TOOBIG, "a task's document is too large"};
  LZ4_stream_t state = prepared();
  const auto size = static_cast<int>(view.size());
  std::string packed(kHead + static_cast<std::size_t>(LZ4_compressBound(size)), '\0');
  packed[0] = kWords;
  for (std::size_t i = 1; i < kHead; ++i) {
    packed[i] = static_cast<char>(view.size() >> (8 * (i - 1)) & 0xff);
  }
  const int written = LZ4_compress_fast_continue(&state, view.data(), packed.data() + kHead, size,
                                                 static_cast<int>(packed.size() - kHead), 1);
  packed.resize(kHead + static_cast<std::size_t>(written));
  return packed;
}

Result<std::string> unpack_view(std::string_view packed) {
  const auto damaged = [] { return fail(ErrorCode::kInternal, "a stored task is damaged"); };
  if (packed.starts_with(kAsItIs)) return std::string(packed);
  if (packed.size() < kHead || packed[0] != kWords) return damaged();
  std::size_t size = 0;
  for (std::size_t i = kHead - 1; i > 0; --i) {
    size = size << 8 | static_cast<unsigned char>(packed[i]);
  }
  if (size > kMostBytes || size / kMostOfOne > packed.size()) return damaged();
  std::string view(size, '\0');
  const int got = LZ4_decompress_safe_usingDict(
      packed.data() + kHead, view.data(), static_cast<int>(packed.size() - kHead),
      static_cast<int>(size), view_words().data(), static_cast<int>(view_words().size()));
  if (got < 0 || static_cast<std::size_t>(got) != size) return damaged();
  return view;
}

}  // namespace telecine::sqlite
