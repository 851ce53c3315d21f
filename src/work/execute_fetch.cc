#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "work/executor.h"

namespace telecine {

std::string WorkContext::fetched_path(Id task) const {
  return options.data_dir + "/fetched/" + task.hex();
}

Status check_disk(const WorkContext& context) {
  const std::int64_t left = free_bytes(context.options.data_dir);
  if (left >= context.options.min_free) return {};
  return fail(ErrorCode::kOutOfSpace, "the server's disk is nearly full: " + human_bytes(left) +
                                          " left; free some or lower worker.min_free");
}

Result<UnitOutcome> execute(const WorkContext& context, const Run& run) {
  if (auto room = check_disk(context); !room) return std::unexpected(room.error());
  switch (run.lease.kind) {
    case UnitKind::kFetch:
      return execute_fetch(context, run);
    case UnitKind::kEncode:
      return execute_encode(context, run);
    case UnitKind::kExport:
      return execute_export(context, run);
    case UnitKind::kAnalyse:
      return execute_analyse(context, run);
  }
  return fail(ErrorCode::kInternal, "no executor for this unit");
}

Result<UnitOutcome> execute_fetch(const WorkContext& context, const Run& run) {
  const Task& task = *run.lease.task;
  // Each attempt has a name of its own; the last rename wins, and all fetched the same input.
  const std::string final_path = context.fetched_path(task.id);
  const std::string path = final_path + "." + std::to_string(run.lease.attempt);
  auto fd = open_file(path, O_RDWR | O_CREAT | O_TRUNC);
  if (!fd) return std::unexpected(fd.error());

  object::FetchOptions options;
  options.max_bytes = context.options.max_input;
  options.limits.total = context.options.wall;
  // The unit is tried again as a whole; here it is about connections that break on the way.
  options.tries = 3;
  constexpr Millis kSilence = 30'000;
  options.limits.stall = std::min(kSilence, context.options.stall);
  options.stop = run.stop;
  auto fetched = context.http.fetch_to(
      task.spec.input, fd->get(), options, [&](std::int64_t received, std::int64_t total) {
        Progress progress;
        progress.task = task.id;
        if (total > 0) {
          progress.done = kFetchShare * static_cast<double>(received) / static_cast<double>(total);
        }
        run.report(std::move(progress));
      });
  if (!fetched) {
    ::unlink(path.c_str());
    Error error = fetched.error();
    if (error.field.empty() && error.code == ErrorCode::kInvalidParameter) error.field = "input";
    return std::unexpected(std::move(error));
  }
  // The next unit may run after a power loss, so the bytes must be there.
  if (::fsync(fd->get()) != 0 || ::rename(path.c_str(), final_path.c_str()) != 0) {
    return std::unexpected(errno_error(errno, "storing the input"));
  }
  if (auto synced = sync_directory(context.options.data_dir + "/fetched"); !synced) {
    return std::unexpected(synced.error());
  }
  UnitOutcome outcome;
  NewUnit next{media_unit(task.spec.kind), {}};
  next.payload["fetched"] = json::object{{"md5", fetched->md5}, {"name", fetched->name}};
  outcome.next.push_back(std::move(next));
  return outcome;
}

}  // namespace telecine
