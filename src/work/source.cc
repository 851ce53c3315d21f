#include "work/source.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"

namespace telecine {
namespace {

Result<Source> find_source(const WorkContext& context, const Run& run) {
  const Task& task = *run.lease.task;
  const std::string& input = task.spec.input;
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
  if (!source) return source;
  struct stat facts{};
  if (::fstat(source->fd.get(), &facts) == 0 && facts.st_size > context.options.max_input) {
    return fail(ErrorCode::kInputTooLarge,
                "the input is larger than " + human_bytes(context.options.max_input), "input");
  }
  return source;
}

}  // namespace telecine
