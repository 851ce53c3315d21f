#include "work/source.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "work/pieces.h"
#include "work/segments.h"

namespace telecine {
namespace {

Result<Source> find_source(const WorkContext& context, const Run& run) {
  const Task& task = *run.lease.task;
  const std::string& input = task.spec.input;
  if (joined_share(run.lease.payload) > 0) {
    auto fd = open_left(context, run, media::kJoinedName);
    if (!fd) return std::unexpected(fd.error());
    return Source{std::move(*fd), "", false};
  }
  if (const auto* fetched = run.lease.payload.if_contains("fetched")) {
    const LooseReader found(*fetched);
    const std::string kept = found.text("object");
    if (!kept.empty()) {
      auto fd = context.objects.open(kept, kFileBytes);
      if (!fd) return fail(ErrorCode::kInputNotFound, "the fetched file was deleted", "input");
      return Source{std::move(*fd), found.text("md5"), true};
    }
    auto fd = open_file(context.fetched_folder() + "/" + found.text("file"), O_RDONLY);
    if (!fd) return fail(ErrorCode::kInternal, "the fetched input is gone");
    return Source{std::move(*fd), found.text("md5"), true};
  }
  return open_stored(context, task, input);
}

}  // namespace

bool is_left(std::string_view name) {
  return name.starts_with(kSegmentNames) || name.starts_with(kScriptNames) ||
         name.starts_with(kPieceNames);
}

Result<Fd> open_left(const WorkContext& context, const Run& run, const std::string& name) {
  const auto url = left_object(run.lease.parts, name);
  if (!url) return std::unexpected(url.error());
  const auto object = object::parse_object_url(*url);
  if (!object || object->task_hex != run.lease.task->id.hex()) {
    return fail(ErrorCode::kInternal, name + " lies at an unknown place");
  }
  auto fd = context.objects.open(object->task_hex, object->name);
  if (!fd) return fail(ErrorCode::kInternal, name + " was made and is gone");
  return fd;
}

Result<Source> open_stored(const WorkContext& context, const Task& task, const std::string& name) {
  if (name.starts_with(kFileIdScheme)) {
    const auto id = Id::from_hex(std::string_view(name).substr(kFileIdScheme.size()));
    if (!id) return fail(ErrorCode::kInputNotFound, "there is no such file", "input");
    auto file = context.store.get_file(*id);
    if (!file || file->account != task.account) {
      return fail(ErrorCode::kInputNotFound, "the uploaded file is not there any more", "input");
    }
    auto fd = context.objects.open(file->object, kFileBytes);
    if (!fd) return fail(ErrorCode::kInputNotFound, "the uploaded file is not there any more");
    return Source{std::move(*fd), file->md5, false};
  }
  auto fd = context.roots.open_input(name);
  if (!fd) return std::unexpected(fd.error());
  return Source{std::move(*fd), "", false};
}

Result<Source> open_source(const WorkContext& context, const Run& run) {
  auto source = find_source(context, run);
  // What was made here is no input of the caller's.
  if (!source || joined_share(run.lease.payload) > 0) return source;
  struct stat facts{};
  if (::fstat(source->fd.get(), &facts) == 0 && facts.st_size > context.options.max_input) {
    return fail(ErrorCode::kInputTooLarge,
                "the input is larger than " + human_bytes(context.options.max_input), "input");
  }
  return source;
}

}  // namespace telecine
