#include <sys/stat.h>

#include <algorithm>

#include "base/crypto.h"
#include "base/text.h"
#include "object/media_type.h"
#include "service/service.h"

/// Signed links to objects and files, and what their holders get.
namespace telecine {
namespace {

/// By what is in the file, else by what it is called.
std::string_view extension_of(const File& file) {
  constexpr std::pair<std::string_view, std::string_view> kByContainer[] = {
      {"mov,mp4,m4a,3gp,3g2,mj2", ".mp4"},
      {"matroska,webm", ".mkv"},
      {"mpegts", ".ts"},
      {"flv", ".flv"},
      {"mp3", ".mp3"},
      {"avi", ".avi"},
      {"wav", ".wav"},
      {"ogg", ".ogg"},
      {"flac", ".flac"}};
  for (const auto& [container, extension] : kByContainer) {
    if (file.facts && file.facts->container == container) return extension;
  }
  const auto dot = file.name.rfind('.');
  if (dot == std::string::npos || file.name.size() - dot > 6) return "";
  // Nothing that a browser would run or that names other objects.
  const auto extension = std::string_view(file.name).substr(dot);
  const auto type = object::media_type_of(extension);
  return type.starts_with("video/") || type.starts_with("audio/") ? extension : "";
}

}  // namespace

/// Expiries lie on a grid of half a link's life, so that a link, and the document it stands in,
/// stays the same for a while; a new one lives between one and one and a half lives.
std::int64_t Service::link_expiry() const {
  const Millis grid = std::max<Millis>(options_.link_life / 2, 1000);
  return (now_ms() / grid + 3) * grid / 1000;
}

Millis Service::links_change() const {
  const Millis grid = std::max<Millis>(options_.link_life / 2, 1000);
  return (now_ms() / grid + 1) * grid;
}

std::string Service::link(const std::string& object_url, const std::string& account) const {
  const auto object = object::parse_object_url(object_url);
  if (!object) return object_url;
  const std::string path = "/objects/" + object->task_hex + "/" + object->name;
  std::string link = percent_encode(path, true);
  link += '?';
  link += signer_.sign(path, link_expiry(), account);
  return link;
}

std::string Service::url_of(const Task& task, const std::string& file_url,
                            const std::string& base) const {
  const auto url = object::CloudUrl::parse(file_url);
  if (!url) return base + link(file_url, task.account);
  return storages_.link(task.account, *url, task.spec.destination).value_or("");
}

std::string Service::lasting_url_of(const Task& task, const std::string& file_url,
                                    const std::string& base) const {
  constexpr std::int64_t kForEver = 253'402'300'799;  // the last second of the year 9999
  constexpr std::int64_t kDay = 86'400;
  const auto object = object::parse_object_url(file_url);
  if (!object) return url_of(task, file_url, base);
  const std::string path = "/objects/" + object->task_hex + "/" + object->name;
  const std::int64_t until =
      options_.retention > 0 ? (task.finished + options_.retention) / 1000 + kDay : kForEver;
  return base + percent_encode(path, true) + "?" + signer_.sign(path, until, task.account);
}

std::string Service::input_url(const Task& task) const {
  const std::string& input = task.spec.input;
  if (input.starts_with("http://") || input.starts_with("https://")) return input;
  const auto url = object::CloudUrl::parse(input);
  if (!url) return {};
  return storages_.link(task.account, *url, std::nullopt).value_or("");
}

std::string Service::link(const File& file) const {
  const std::string path =
      "/objects/" + file.id.hex() + "/" + kFileBytes + std::string(extension_of(file));
  return path + "?" + signer_.sign(path, link_expiry(), file.account);
}

/// What a link stands for, and whose it is.
struct Service::Located {
  std::string account;
  bool placeholder = false;
  object::ObjectName object;
};

/// A link begins with the id of a task, or with that of a file, whose bytes are one object whatever
/// the link's last part is.
Result<Service::Located> Service::locate(const std::string& hex, const std::string& name) {
  if (const auto id = Id::from_hex(hex)) {
    if (const auto task = store_.get(*id))
      return Located{(*task)->account, is_placeholder((*task)->spec), {hex, name}};
    if (auto file = store_.get_file(*id)) {
      return Located{std::move(file->account), false, {std::move(file->object), kFileBytes}};
    }
  }
  return fail(ErrorCode::kNotFound, "there is no such object");
}

Result<OpenObject> Service::open_object(std::string_view method, const std::string& task_hex,
                                        const std::string& name, std::string_view expires,
                                        std::string_view signature) {
  auto located = locate(task_hex, name);
  if (!located) return std::unexpected(located.error());
  const std::string path = "/objects/" + task_hex + "/" + name;
  auto valid = signer_.verify(method, path, expires, signature, located->account, now_ms());
  if (!valid) return std::unexpected(valid.error());
  auto object = open_checked(located->object);
  if (object) object->placeholder = located->placeholder;
  if (!object || !object::names_others(name)) return object;
  constexpr std::size_t kMaxPlaylist = 16 << 20;
  auto text = read_file("/proc/self/fd/" + std::to_string(object->fd.get()), kMaxPlaylist);
  if (!text) return std::unexpected(text.error());
  const auto until = parse_int(expires).value_or(0);
  object->playlist = signer_.sign_playlist(*text, path, until, located->account);
  object->fd.reset();
  return object;
}

/// For callers who have shown that they may.
Result<OpenObject> Service::open_checked(const object::ObjectName& name) {
  auto fd = objects_.open(name.task_hex, name.name);
  if (!fd) return std::unexpected(fd.error());
  struct stat facts{};
  if (::fstat(fd->get(), &facts) != 0) {
    return std::unexpected(errno_error(errno, "the object", ErrorCode::kInternal));
  }
  OpenObject object;
  object.size = facts.st_size;
  object.modified = facts.st_mtim.tv_sec * 1000;
  // An object is never changed, and its name carries the attempt that made it.
  const std::string path = "/objects/" + name.task_hex + "/" + name.name;
  object.etag = hex(sha256(path).substr(0, 12)) + "-" + std::to_string(facts.st_size);
  object.type = object::media_type_of(name.name);
  object.fd = std::move(*fd);
  return object;
}

std::string Service::sign_path(const std::string& path, Millis life,
                               const std::string& account) const {
  const std::int64_t expires = (now_ms() + life) / 1000;
  return percent_encode(path, true) + "?" + signer_.sign(path, expires, account);
}

Result<OpenObject> Service::open_result(std::string_view method, const std::string& path,
                                        std::int64_t key, std::string_view expires,
                                        std::string_view signature) {
  auto task = store_.get_by_key(key);
  // Without a task no signature is good: a stranger does not learn which numbers are taken.
  if (!task && task.error().code != ErrorCode::kNotFound) return std::unexpected(task.error());
  const std::string account = task ? (*task)->account : std::string();
  auto valid = signer_.verify(method, path, expires, signature, account, now_ms());
  if (!valid) return std::unexpected(valid.error());
  if (!task) return std::unexpected(task.error());
  for (const Output& output : (*task)->outputs) {
    if (output.state != OutputState::kSucceeded || output.files.empty()) continue;
    if (const auto name = object::parse_object_url(output.files.front().url)) {
      return open_checked(*name);
    }
  }
  return fail(ErrorCode::kNotFound, "there is no result");
}

}  // namespace telecine
