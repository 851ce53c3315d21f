#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "object/media_type.h"
#include "work/generate.h"
#include "work/scratch.h"

namespace telecine {
namespace {

constexpr auto kFetched = "pictures";
constexpr std::size_t kHeadBytes = 12;

Result<std::string> read_whole(int fd, std::int64_t size) {
  std::string bytes(static_cast<std::size_t>(size), '\0');
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto n = ::pread(fd, bytes.data() + at, bytes.size() - at, static_cast<off_t>(at));
    if (n < 0) return std::unexpected(errno_error(errno, "reading a picture"));
    if (n == 0) break;
    at += static_cast<std::size_t>(n);
  }
  bytes.resize(at);
  return bytes;
}

std::int64_t size_of_file(int fd) {
  struct stat facts{};
  return ::fstat(fd, &facts) == 0 ? facts.st_size : 0;
}

std::string field_of(std::size_t index) {
  return "images[" + std::to_string(index) + "]";
}

/// The first remote picture from `index` on.
std::size_t next_remote(const std::vector<Picture>& pictures, std::size_t index) {
  while (index < pictures.size() && !is_remote(pictures[index])) ++index;
  return index;
}

}  // namespace

Result<Fd> open_picture(const WorkContext& context, const Task& task, const Picture& picture) {
  if (const auto object = object::parse_object_url(picture.source)) {
    return context.objects.open(object->task_hex, object->name);
  }
  const std::string_view source = picture.source;
  const auto id = source.starts_with(kFileIdScheme)
                      ? Id::from_hex(source.substr(kFileIdScheme.size()))
                      : std::nullopt;
  const auto file = id ? context.store.get_file(*id)
                       : Result<File>(fail(ErrorCode::kNotFound, "there is no such file"));
  if (!file || file->account != task.account) {
    return fail(ErrorCode::kInputNotFound, "the picture is not there any more", "images");
  }
  auto fd = context.objects.open(file->object, "source");
  if (!fd) return fail(ErrorCode::kInputNotFound, "the picture is not there any more", "images");
  return fd;
}

Status check_picture(const WorkContext& context, int fd, const std::string& field) {
  const auto size = size_of_file(fd);
  if (size > kMaxPictureBytes) {
    return fail(ErrorCode::kInputTooLarge,
                "the picture is larger than " + human_bytes(kMaxPictureBytes), field);
  }
  const auto head = read_whole(fd, std::min<std::int64_t>(size, kHeadBytes));
  if (!head) return std::unexpected(head.error());
  if (object::picture_type_of(*head).empty()) {
    return fail(ErrorCode::kNotMedia, "this is not a JPEG, PNG, WebP or GIF picture", field);
  }
  constexpr std::int64_t kMemory = 4LL << 30;
  auto facts = context.children.probe(fd, {.memory = kMemory, .cpu_seconds = 60});
  if (!facts) {
    Error error = facts.error();
    error.field = field;
    return std::unexpected(std::move(error));
  }
  const VideoFacts* video = facts->main_video();
  if (video == nullptr) return fail(ErrorCode::kNotMedia, "this is not a picture", field);
  if (static_cast<std::int64_t>(video->width) * video->height > kMaxPicturePixels) {
    return fail(ErrorCode::kInputTooLarge, "the picture has more than 40 million pixels", field);
  }
  return {};
}

Result<std::vector<provider::PictureBytes>> read_pictures(const GenerateRun& g) {
  std::vector<provider::PictureBytes> all;
  for (const Picture& picture : g.job.pictures) {
    auto fd = open_picture(g.context, g.task, picture);
    if (!fd) return std::unexpected(fd.error());
    auto bytes = read_whole(fd->get(), std::min(size_of_file(fd->get()), kMaxPictureBytes));
    if (!bytes) return std::unexpected(bytes.error());
    const std::string type(object::picture_type_of(*bytes));
    all.push_back({picture.role, type, std::move(*bytes)});
  }
  return all;
}

/// Copies one picture to the task's objects; the unit that follows takes the next one, or begins.
Result<UnitOutcome> execute_fetch_picture(const WorkContext& context, const Run& run) {
  const Task& task = *run.lease.task;
  const auto pictures = generation_of(task.spec).pictures;
  const LooseReader in(run.lease.payload);
  const auto index = next_remote(pictures, static_cast<std::size_t>(in.integer("index")));
  json::object fetched;
  if (const auto* before = in.at(kFetched); before != nullptr && before->is_object()) {
    fetched = before->get_object();
  }
  UnitOutcome outcome;
  if (index < pictures.size()) {
    Scratch scratch(context, run.lease);
    if (auto ready = scratch.prepare(); !ready) return std::unexpected(ready.error());
    OutputFile file;
    file.name = "picture-" + std::to_string(index);
    auto fd = scratch.create(file.name);
    if (!fd) return std::unexpected(fd.error());
    object::FetchOptions options;
    options.max_bytes = kMaxPictureBytes;
    options.tries = 3;
    options.limits.total = context.options.stall;
    options.stop = run.stop;
    auto copied = context.http.fetch_to(pictures[index].source, fd->get(), options);
    if (!copied) {
      Error error = copied.error();
      error.field = field_of(index);
      return std::unexpected(std::move(error));
    }
    if (auto ok = check_picture(context, fd->get(), field_of(index)); !ok) {
      return std::unexpected(ok.error());
    }
    std::vector<OutputFile> files{std::move(file)};
    if (auto ok = scratch.publish(files, run.stop); !ok) return std::unexpected(ok.error());
    fetched[std::to_string(index)] = files.front().url;
  }
  const auto next = next_remote(pictures, index + 1);
  const bool more = next < pictures.size();
  outcome.progress =
      kGenerateFrom * static_cast<double>(index + 1) / static_cast<double>(pictures.size() + 1);
  NewUnit unit{more ? UnitKind::kFetch : UnitKind::kGenerate, {}, 0};
  unit.payload["index"] = next;
  unit.payload[kFetched] = std::move(fetched);
  outcome.next.push_back(std::move(unit));
  return outcome;
}

}  // namespace telecine
