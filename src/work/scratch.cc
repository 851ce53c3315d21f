#include "work/scratch.h"

#include <fcntl.h>

#include "base/file_digest.h"

namespace telecine {

Scratch::Scratch(const WorkContext& context, const Lease& lease)
    : context_(context),
      attempt_{lease.task->id.hex(), lease.unit, lease.attempt},
      prefix_(std::to_string(lease.unit) + "-" + std::to_string(lease.attempt) + "/") {}

Scratch::~Scratch() {
  context_.objects.discard(attempt_);
}

Status Scratch::prepare() {
  auto directory = context_.objects.prepare(attempt_);
  if (!directory) return std::unexpected(directory.error());
  directory_ = std::move(*directory);
  return {};
}

Result<Fd> Scratch::create(const std::string& name) {
  constexpr auto kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/";
  constexpr std::size_t kMaxFiles = 200'000;
  const bool safe = !name.empty() && name.size() < 256 && name.front() != '/' &&
                    name.find("..") == std::string::npos && name.find("//") == std::string::npos &&
                    name.find_first_not_of(kAllowed) == std::string::npos;
  if (!safe || ++files_ > kMaxFiles) return fail(ErrorCode::kInternal, "a bad file name");
  if (files_ % 64 == 0) {
    if (auto room = check_disk(context_); !room) return std::unexpected(room.error());
  }
  const std::string path = directory_ + "/" + prefix_ + name;
  if (auto made = make_directories(path.substr(0, path.rfind('/'))); !made) {
    return std::unexpected(made.error());
  }
  return open_file(path, O_RDWR | O_CREAT | O_TRUNC);
}

Status Scratch::publish(std::vector<OutputFile>& files, const std::stop_token& stop) {
  for (OutputFile& file : files) {
    if (&file != &files.front() && !file.type.starts_with("image/")) continue;
    auto fd = open_file(directory_ + "/" + prefix_ + file.name, O_RDONLY);
    if (!fd) return std::unexpected(fd.error());
    auto md5 = md5_of(fd->get(), stop);
    if (!md5) return std::unexpected(md5.error());
    file.md5 = std::move(*md5);
  }
  return leave(files);
}

Status Scratch::leave(std::vector<OutputFile>& files) {
  std::vector<std::string> names;
  for (const OutputFile& file : files) names.push_back(prefix_ + file.name);
  auto urls = context_.objects.publish(directory_, attempt_.task_hex, names);
  if (!urls) return std::unexpected(urls.error());
  for (std::size_t i = 0; i < files.size(); ++i) files[i].url = std::move((*urls)[i]);
  return {};
}

}  // namespace telecine
