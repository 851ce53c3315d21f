#include "object/links.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <optional>

#include "base/crypto.h"
#include "base/fs.h"
#include "base/text.h"

namespace telecine::object {
namespace {

constexpr std::size_t kKeyBytes = 32;
/// How often the file is looked at for a key replaced by another process.
constexpr Millis kCheckEvery = 500;

/// What tells a file from the one that is renamed over it.
struct FileStamp {
  ino_t inode = 0;
  std::int64_t changed = 0;  ///< ns
  bool operator==(const FileStamp&) const = default;
};

FileStamp stamp_of(const std::string& file) {
  struct stat facts{};
  if (::stat(file.c_str(), &facts) != 0) return {};
  return {facts.st_ino, facts.st_ctim.tv_sec * 1'000'000'000 + facts.st_ctim.tv_nsec};
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

/// Lines keep the parts apart: a path holds no control characters, an expiry only digits.
std::string signature_of(std::string_view key, std::string_view path, std::int64_t expires,
                         std::string_view account) {
  std::string text = "GET\n";
  text += path;
  text += '\n' + std::to_string(expires) + '\n';
  text += account;
  return base64url(hmac_sha256(key, text));
}

/// Puts the file there unless another process was faster.
Status write_new(const std::string& file, const std::string& text) {
  const std::string own = file + "." + std::to_string(::getpid());
  if (auto written = write_file_durably(own, text, 0600); !written) return written;
  const int failed = ::link(own.c_str(), file.c_str()) == 0 ? 0 : errno;
  ::unlink(own.c_str());
  if (failed != 0 && failed != EEXIST) return std::unexpected(errno_error(failed, file));
  const auto slash = file.rfind('/');
  return sync_directory(file.substr(0, slash));
}

/// What stands for everything in the folder of `path`. No object is called so.
std::string folder_of(std::string_view path) {
  return std::string(path.substr(0, path.rfind('/') + 1)) + "*";
}

/// Whether it stands for many names, as in "seg-$Number%05d$.m4s".
bool is_pattern(std::string_view reference) {
  return reference.find('$') != std::string_view::npos;
}

bool is_relative(std::string_view reference) {
  if (reference.empty() || reference.front() == '/') return false;
  return reference.substr(0, reference.find_first_of("/?#")).find(':') == std::string_view::npos;
}

/// Where the value of the attribute URI stands in "#EXT-X-MAP:URI="init.mp4",BYTERANGE="1@2"".
struct Span {
  std::size_t at = 0;
  std::size_t size = 0;
};

std::optional<Span> uri_attribute(std::string_view line) {
  std::size_t at = line.find(':');
  while (at != std::string_view::npos && at + 1 < line.size()) {
    const std::size_t name = at + 1;
    const std::size_t equals = line.find('=', name);
    if (equals == std::string_view::npos) return std::nullopt;
    const std::size_t value = equals + 1;
    const bool quoted = value < line.size() && line[value] == '"';
    const std::size_t close = quoted ? line.find('"', value + 1) : value;
    if (close == std::string_view::npos) return std::nullopt;
    if (quoted && trim(line.substr(name, equals - name)) == "URI") {
      return Span{value + 1, close - value - 1};
    }
    at = line.find(',', close);
  }
  return std::nullopt;
}

/// What WebVTT has beside its texts, which in a file of pictures are their names.
bool is_vtt_frame(std::string_view line) {
  return line.starts_with("WEBVTT") || line.find(" --> ") != std::string_view::npos;
}

}  // namespace

struct LinkSigner::Keys {
  std::string current;
  std::string previous;             ///< empty: none
  std::int64_t previous_until = 0;  ///< Unix seconds
};

struct LinkSigner::Shared {
  const std::string file;
  std::mutex mutex;
  std::shared_ptr<const Keys> keys;
  FileStamp stamp;     ///< of the file that `keys` were read from
  Millis checked = 0;  ///< when that was compared last
};

bool names_others(std::string_view name) {
  return name.ends_with(".m3u8") || name.ends_with(".mpd") || name.ends_with("/index.vtt");
}

LinkSigner::LinkSigner(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

Result<LinkSigner> LinkSigner::open(const std::string& data_dir) {
  const std::string file = data_dir + "/link.key";
  if (::access(file.c_str(), F_OK) != 0) {
    if (auto made = make_directories(data_dir); !made) return std::unexpected(made.error());
    const Keys fresh{random_bytes(kKeyBytes), {}, 0};
    if (auto made = write_new(file, format(fresh)); !made) return std::unexpected(made.error());
  }
  auto shared = std::make_shared<Shared>(file);
  shared->stamp = stamp_of(file);
  auto keys = read(file);
  if (!keys) return std::unexpected(keys.error());
  shared->keys = std::make_shared<const Keys>(std::move(*keys));
  return LinkSigner(std::move(shared));
}

/// Line 1: the key in hex. Line 2, after a rotation: the key before it, a space, until when.
std::string LinkSigner::format(const Keys& keys) {
  std::string text = hex(keys.current) + "\n";
  if (!keys.previous.empty()) {
    text += hex(keys.previous) + " " + std::to_string(keys.previous_until) + "\n";
  }
  return text;
}

Result<LinkSigner::Keys> LinkSigner::read(const std::string& file) {
  const auto text = read_file(file, 4096);
  if (!text) return std::unexpected(text.error());
  const auto lines = split(trim(*text), '\n');
  const auto damaged = [&] {
    return fail(ErrorCode::kInvalidParameter,
                file + " is damaged: restore it, or delete it to void all links given out");
  };
  Keys keys;
  keys.current = unhex(trim(lines[0])).value_or("");
  if (keys.current.size() != kKeyBytes) return damaged();
  if (lines.size() == 1) return keys;
  const auto words = split(trim(lines[1]), ' ');
  if (words.size() != 2) return damaged();
  keys.previous = unhex(words[0]).value_or("");
  keys.previous_until = parse_int(words[1]).value_or(0);
  if (keys.previous.size() != kKeyBytes) return damaged();
  return keys;
}

/// A file that cannot be read leaves the keys as they are.
std::shared_ptr<const LinkSigner::Keys> LinkSigner::keys() const {
  const Millis now = steady_ms();
  const std::scoped_lock lock(shared_->mutex);
  if (now - shared_->checked >= kCheckEvery) {
    shared_->checked = now;
    const FileStamp stamp = stamp_of(shared_->file);
    if (stamp != shared_->stamp) {
      if (auto found = read(shared_->file)) {
        shared_->keys = std::make_shared<const Keys>(std::move(*found));
        shared_->stamp = stamp;
      }
    }
  }
  return shared_->keys;
}

std::string LinkSigner::sign(std::string_view path, std::int64_t expires,
                             std::string_view account) const {
  return "Expires=" + std::to_string(expires) +
         "&Signature=" + signature_of(keys()->current, path, expires, account);
}

Status LinkSigner::verify(std::string_view method, std::string_view path, std::string_view expires,
                          std::string_view signature, std::string_view account, Millis now) const {
  const auto refuse = [] {
    return fail(ErrorCode::kForbidden,
                "The link has expired or was altered. Query the task again for a new one.");
  };
  const auto until = parse_int(expires);
  if (method != "GET" && method != "HEAD") return refuse();
  if (!until || *until <= now / 1000 || has_control(path)) return refuse();
  const auto keys = this->keys();
  const bool good = is_signed(*keys, path, *until, account, signature, now) ||
                    is_signed(*keys, folder_of(path), *until, account, signature, now);
  if (!good) return refuse();
  return {};
}

bool LinkSigner::is_signed(const Keys& keys, std::string_view path, std::int64_t until,
                           std::string_view account, std::string_view signature, Millis now) {
  bool good = equal_constant_time(signature_of(keys.current, path, until, account), signature);
  if (!keys.previous.empty() && keys.previous_until > now / 1000) {
    good |= equal_constant_time(signature_of(keys.previous, path, until, account), signature);
  }
  return good;
}

std::string LinkSigner::sign_reference(const Url& base, std::string_view reference,
                                       std::int64_t expires, std::string_view account) const {
  std::string out(reference);
  if (!is_relative(reference)) return out;
  const std::string named = is_pattern(reference) ? folder_of(reference) : std::string(reference);
  const auto target = resolve(base, named);
  const auto path = target ? percent_decode(target->path) : std::nullopt;
  if (!path || has_control(*path)) return out;
  const auto fragment = std::min(out.find('#'), out.size());
  const bool has_query = out.find('?') < fragment;
  out.insert(fragment, (has_query ? "&" : "?") + sign(*path, expires, account));
  return out;
}

std::string LinkSigner::sign_playlist(std::string_view playlist, std::string_view path,
                                      std::int64_t expires, std::string_view account) const {
  // The host is only there to have something to resolve against.
  const auto base = parse_url("http://localhost" + percent_encode(path, true));
  if (!base) return std::string(playlist);
  if (path.ends_with(".mpd")) return sign_manifest(playlist, *base, expires, account);
  std::string out;
  out.reserve(playlist.size() * 4);
  while (!playlist.empty()) {
    const auto end = std::min(playlist.find('\n'), playlist.size());
    const std::string_view line = playlist.substr(0, end);
    const std::string_view ending = playlist.substr(end, 1);
    playlist.remove_prefix(std::min(end + 1, playlist.size()));
    const std::string_view body = trim(line);
    const auto uri = line.starts_with("#EXT") ? uri_attribute(line) : std::nullopt;
    if (uri) {
      out += line.substr(0, uri->at);
      out += sign_reference(*base, line.substr(uri->at, uri->size), expires, account);
      out += line.substr(uri->at + uri->size);
    } else if (body.empty() || body.starts_with('#') || is_vtt_frame(body)) {
      out += line;
    } else {
      out += sign_reference(*base, body, expires, account);
      if (line.ends_with('\r')) out += '\r';
    }
    out += ending;
  }
  return out;
}

std::string LinkSigner::sign_manifest(std::string_view manifest, const Url& base,
                                      std::int64_t expires, std::string_view account) const {
  constexpr std::pair<std::string_view, char> kReferences[] = {
      {" initialization=\"", '"'}, {" media=\"", '"'}, {"<BaseURL>", '<'}};
  std::string out(manifest);
  for (const auto& [before, after] : kReferences) {
    for (auto at = out.find(before); at != std::string::npos; at = out.find(before, at)) {
      at += before.size();
      const auto end = out.find(after, at);
      if (end == std::string::npos) break;
      std::string made = sign_reference(base, out.substr(at, end - at), expires, account);
      const auto joint = made.find('&');
      if (joint != std::string::npos) made.replace(joint, 1, "&amp;");
      out.replace(at, end - at, made);
    }
  }
  return out;
}

Status LinkSigner::rotate(Millis now, Rotation rotation) {
  const auto replaced = keys();
  Keys next{random_bytes(kKeyBytes), {}, 0};
  if (rotation == Rotation::kKeepLinks) {
    next.previous = replaced->current;
    next.previous_until = now / 1000 + kLongestLinkLife;
  }
  const std::scoped_lock lock(shared_->mutex);
  if (auto written = write_file_durably(shared_->file, format(next), 0600); !written) {
    return written;
  }
  shared_->keys = std::make_shared<const Keys>(std::move(next));
  shared_->stamp = stamp_of(shared_->file);
  return {};
}

}  // namespace telecine::object
