#include "work/unit_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/text.h"

namespace telecine {
namespace {

Result<Source> find_source(const WorkContext& context, const Run& run) {
  const Task& task = *run.lease.task;
  const std::string& input = task.spec.input;
  if (const auto* fetched = run.lease.payload.if_contains("fetched")) {
    auto fd = open_file(context.fetched_path(task.id), O_RDONLY);
    if (!fd) return fail(ErrorCode::kInternal, "the fetched input is gone");
    return Source{std::move(*fd), LooseReader(*fetched).text("md5"), true};
  }
  if (input.starts_with(kFileIdScheme)) {
    const auto id = Id::from_hex(std::string_view(input).substr(kFileIdScheme.size()));
    if (!id) return fail(ErrorCode::kInputNotFound, "there is no such file", "input");
    auto file = context.store.get_file(*id);
    if (!file || file->account != task.account) {
      return fail(ErrorCode::kInputNotFound, "the uploaded file is not there any more", "input");
    }
    auto fd = context.objects.open(file->object, "source");
    if (!fd) return fail(ErrorCode::kInputNotFound, "the uploaded file is not there any more");
    return Source{std::move(*fd), file->md5, false};
  }
  auto fd = context.roots.open_input(input);
  if (!fd) return std::unexpected(fd.error());
  return Source{std::move(*fd), "", false};
}

}  // namespace

Result<Source> open_source(const WorkContext& context, const Run& run) {
  auto source = find_source(context, run);
  if (!source) return source;
  struct stat facts{};
  if (::fstat(source->fd.get(), &facts) == 0 && facts.st_size > context.options.max_input) {
    return fail(ErrorCode::kInputTooLarge,
                "the input is larger than " + human_bytes(context.options.max_input), "input");
  }
  return source;
}

Result<std::string> md5_of(int fd, const std::stop_token& stop) {
  Digest digest = Digest::md5();
  std::string buffer(1 << 20, '\0');
  std::int64_t at = 0;
  while (!stop.stop_requested()) {
    const auto n = ::pread(fd, buffer.data(), buffer.size(), at);
    if (n < 0) return std::unexpected(errno_error(errno, "reading", ErrorCode::kInternal));
    if (n == 0) return digest.finish_hex();
    digest.update(std::string_view(buffer).substr(0, static_cast<std::size_t>(n)));
    at += n;
  }
  return fail(ErrorCode::kCancelled, "the work was stopped");
}

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
  std::vector<std::string> names;
  for (OutputFile& file : files) {
    names.push_back(prefix_ + file.name);
    if (&file != &files.front() && !file.type.starts_with("image/")) continue;
    auto fd = open_file(directory_ + "/" + names.back(), O_RDONLY);
    if (!fd) return std::unexpected(fd.error());
    auto md5 = md5_of(fd->get(), stop);
    if (!md5) return std::unexpected(md5.error());
    file.md5 = std::move(*md5);
  }
  auto urls = context_.objects.publish(directory_, attempt_.task_hex, names);
  if (!urls) return std::unexpected(urls.error());
  for (std::size_t i = 0; i < files.size(); ++i) files[i].url = std::move((*urls)[i]);
  return {};
}

}  // namespace telecine
