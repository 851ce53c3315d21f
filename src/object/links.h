#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "object/url.h"

namespace telecine::object {

/// How long a link may live at most, and so how long a replaced key still counts. Seconds.
inline constexpr std::int64_t kLongestLinkLife = 7 * 24 * 3600;

/// Whether the file's text names other files of its task, and so is served with a signature at each
/// name: playlists, manifests, and the WebVTT of sprites, which names pictures.
bool names_others(std::string_view name);

/// Makes and checks the links by which anybody who holds one may read one object for a while:
///
///     /objects/<task hex>/<name>?Expires=<unix seconds>&Signature=<base64url HMAC-SHA256>
///
/// The signature covers the method, the path (or that of its folder, see `sign_playlist`), the
/// expiry and the account that owns the object. A link made for GET serves HEAD too. Paths here are
/// always the decoded ones: how a client escapes them makes no difference. Use from any thread. A
/// key replaced by another process counts here within a second.
class LinkSigner {
 public:
  /// Reads <data>/link.key, or makes it at the first start; processes that start together agree
  /// on one key.
  static Result<LinkSigner> open(const std::string& data_dir);

  /// "Expires=…&Signature=…". `expires` is the Unix time in seconds.
  std::string sign(std::string_view path, std::int64_t expires, std::string_view account) const;

  /// `expires` and `signature` as they stand in the query. kForbidden for anything but an intact
  /// link that has not expired.
  Status verify(std::string_view method, std::string_view path, std::string_view expires,
                std::string_view signature, std::string_view account, Millis now) const;

  /// An HLS playlist or DASH manifest in which every relative reference (segment lines and URI="…"
  /// attributes) carries a signed query of its own: players do not pass on that of the playlist.
  /// Likewise the pictures named in a WebVTT file. `path` is where the playlist itself is served.
  /// References with a scheme, a host or a leading '/' stay as they are. The segments of a
  /// SegmentTemplate share one query: it holds for all that lies in their folder, and nothing
  /// deeper.
  std::string sign_playlist(std::string_view playlist, std::string_view path, std::int64_t expires,
                            std::string_view account) const;

  enum class Rotation : std::uint8_t {
    kKeepLinks,  ///< links under the old key stay good for kLongestLinkLife
    kVoidLinks,  ///< no link given out so far is good any more
  };
  /// Replaces the key, durably. Only the last replaced key is kept.
  Status rotate(Millis now, Rotation rotation = Rotation::kKeepLinks);

 private:
  struct Keys;
  struct Shared;
  explicit LinkSigner(std::shared_ptr<Shared> shared);
  static Result<Keys> read(const std::string& file);
  static std::string format(const Keys& keys);
  std::shared_ptr<const Keys> keys() const;
  static bool is_signed(const Keys& keys, std::string_view path, std::int64_t until,
                        std::string_view account, std::string_view signature, Millis now);
  std::string sign_manifest(std::string_view manifest, const Url& base, std::int64_t expires,
                            std::string_view account) const;
  std::string sign_reference(const Url& base, std::string_view reference, std::int64_t expires,
                             std::string_view account) const;

  std::shared_ptr<Shared> shared_;
};

}  // namespace telecine::object
