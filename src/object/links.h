#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "object/url.h"

namespace telecine::object {

/// How long a link may live at most, and so how long a replaced key still counts. Seconds.
inline constexpr std::int64_t kLongestLinkLife = 7 * 24 * 3600;

/// Makes and checks the links by which anybody who holds one may read one object for a while:
///
///     /objects/<task hex>/<name>?Expires=<unix seconds>&Signature=<base64url HMAC-SHA256>
///
/// The signature covers the method, the path, the expiry and the account that owns the object. A
/// link made for GET serves HEAD too. Paths here are always the decoded ones: how a client
/// escapes them makes no difference. Use from any thread.
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

  /// An HLS playlist in which every relative reference (segment lines and URI="…" attributes)
  /// carries a signed query of its own: players do not pass on that of the playlist. Likewise the
  /// pictures named in a WebVTT file. `path` is where the playlist itself is served. References
  /// with a scheme, a host or a leading '/' stay as they are.
  std::string sign_playlist(std::string_view playlist, std::string_view path, std::int64_t expires,
                            std::string_view account) const;

  /// Replaces the key, durably. Links under the old one stay good until they expire, but only the
  /// last replaced key is kept.
  Status rotate(Millis now);

 private:
  struct Keys {
    std::string current;
    std::string previous;             ///< empty: none
    std::int64_t previous_until = 0;  ///< Unix seconds
  };
  LinkSigner(std::string file, Keys keys);
  static Result<Keys> parse(std::string_view text);
  static std::string format(const Keys& keys);
  Keys keys() const;
  std::string sign_reference(const Url& base, std::string_view reference, std::int64_t expires,
                             std::string_view account) const;

  std::string file_;
  std::unique_ptr<std::mutex> mutex_;
  Keys keys_;  ///< guarded by mutex_
};

}  // namespace telecine::object
