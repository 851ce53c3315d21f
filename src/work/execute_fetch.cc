#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/crypto.h"
#include "base/text.h"
#include "object/cloud.h"
#include "work/assets.h"
#include "work/executor.h"

namespace telecine {

Status check_disk(const WorkContext& context) {
  const std::int64_t left = free_bytes(context.options.data_dir);
  if (left >= context.options.min_free) return {};
  return fail(ErrorCode::kOutOfSpace, "the server's disk is nearly full: " + human_bytes(left) +
                                          " left; free some or lower worker.min_free");
}

Result<UnitOutcome> execute(const WorkContext& context, const Run& run) {
  // Publishing writes nothing here, and makes room when it is done. A generation looks where it is
  // about to write: what it has sent must not come to nothing here.
  const bool writes = run.lease.kind != UnitKind::kPublish && run.lease.kind != UnitKind::kGenerate;
  if (auto room = check_disk(context); writes && !room) return std::unexpected(room.error());
  switch (run.lease.kind) {
    case UnitKind::kFetch:
      if (run.lease.task->spec.kind == TaskKind::kGenerate) {
        return execute_fetch_picture(context, run);
      }
      return execute_fetch(context, run);
    case UnitKind::kEncode:
    case UnitKind::kPackage:
      return execute_encode(context, run);
    case UnitKind::kExport:
      return execute_export(context, run);
    case UnitKind::kAnalyse:
      return execute_analyse(context, run);
    case UnitKind::kPublish:
      return execute_publish(context, run);
    case UnitKind::kGenerate:
      return execute_generate(context, run);
  }
  return fail(ErrorCode::kInternal, "no executor for this unit");
}

namespace {

/// Where an attempt writes the input, and what becomes of it once it is whole.
class Arrival {
 public:
  Arrival(const WorkContext& context, const Lease& lease, std::optional<std::size_t> asset)
      : context_(context),
        task_(*lease.task),
        payload_(lease.payload),
        asset_(asset),
        attempt_{task_.id.hex(), lease.unit, lease.attempt},
        keeps_(!asset && !task_.spec.keep.input.empty()) {}
  ~Arrival() {
    fd_.reset();
    if (keeps_)
      context_.objects.discard(attempt_);
    else if (!settled_)
      ::unlink(path_.c_str());
  }

  Status open() {
    if (keeps_) {
      auto directory = context_.objects.prepare(attempt_);
      if (!directory) return std::unexpected(directory.error());
      directory_ = std::move(*directory);
      path_ = directory_ + "/" + kFileBytes;
    } else {
      path_ = context_.fetched_folder() + "/" + name();
    }
    auto fd = open_file(path_, O_RDWR | O_CREAT | O_TRUNC);
    if (!fd) return std::unexpected(fd.error());
    fd_ = std::move(*fd);
    return {};
  }

  int fd() const { return fd_.get(); }

  /// The next unit may run after a power loss, so the bytes must be there when this returns.
  Result<UnitOutcome> settle(const object::Fetched& fetched) {
    UnitOutcome outcome;
    json::object found{{"md5", fetched.md5}, {"name", fetched.name}};
    if (keeps_) {
      const std::string object = hex(random_bytes(16));
      const std::string name = kFileBytes;
      auto published = context_.objects.publish(directory_, object, std::span(&name, 1));
      if (!published) return std::unexpected(published.error());
      found["object"] = object;
      File file;
      file.account = task_.account;
      file.name = task_.spec.keep.input;
      file.object = object;
      file.size = fetched.size;
      file.md5 = fetched.md5;
      outcome.files.push_back({"", std::move(file)});
    } else {
      if (::fsync(fd_.get()) != 0) return std::unexpected(errno_error(errno, "storing the input"));
      if (auto synced = sync_directory(context_.fetched_folder()); !synced) {
        return std::unexpected(synced.error());
      }
      settled_ = true;
      found["file"] = name();
    }
    outcome.next.push_back(next_unit(std::move(found)));
    return outcome;
  }

 private:
  NewUnit next_unit(json::object found) const {
    NewUnit next{media_unit(task_.spec.kind), payload_};
    if (asset_)
      note_asset(next.payload, task_.spec, *asset_, name());
    else
      next.payload["fetched"] = std::move(found);
    if (next_asset(task_.spec, next.payload)) next.kind = UnitKind::kFetch;
    return next;
  }

  std::string name() const {
    return attempt_.task_hex + "." + std::to_string(attempt_.unit) + "-" +
           std::to_string(attempt_.number);
  }

  const WorkContext& context_;
  const Task& task_;
  const json::object& payload_;
  std::optional<std::size_t> asset_;  ///< among the further inputs; none: it is the input
  object::Attempt attempt_;
  bool keeps_;
  bool settled_ = false;  ///< what lies in the folder is the next unit's
  std::string directory_;
  std::string path_;
  Fd fd_;
};

Result<object::Fetched> fetch(const WorkContext& context, const Run& run, const std::string& from,
                              int fd) {
  const Task& task = *run.lease.task;
  const auto report = [&](std::int64_t received, std::int64_t total) {
    Progress progress;
    progress.task = task.id;
    if (total > 0) {
      progress.done = kFetchShare * static_cast<double>(received) / static_cast<double>(total);
    }
    run.report(std::move(progress));
  };
  if (object::has_cloud_scheme(from)) {
    const auto url = object::CloudUrl::parse(from);
    if (!url) return fail(ErrorCode::kInvalidParameter, "is not the URL of an object");
    auto place = context.storages.input_place(task.account, *url);
    if (!place) return std::unexpected(place.error());
    const object::Cloud cloud(std::move(*place), object::CloudUse::kRead,
                              context.storages.cloud_options(run.stop));
    return cloud.fetch(url->key, fd, context.options.max_input, report);
  }
  object::FetchOptions options;
  options.max_bytes = context.options.max_input;
  options.limits.total = context.options.wall;
  // The unit is tried again as a whole; here it is about connections that break on the way.
  options.tries = 3;
  constexpr Millis kSilence = 30'000;
  options.limits.stall = std::min(kSilence, context.options.stall);
  options.stop = run.stop;
  return context.http.fetch_to(from, fd, options, report);
}

}  // namespace

Result<UnitOutcome> execute_fetch(const WorkContext& context, const Run& run) {
  const Task& task = *run.lease.task;
  std::optional<std::size_t> asset;
  if (!is_remote(task.spec.input) || run.lease.payload.contains("fetched")) {
    asset = next_asset(task.spec, run.lease.payload);
    if (!asset) return fail(ErrorCode::kInternal, "there is nothing to fetch");
  }
  Arrival arrival(context, run.lease, asset);
  if (auto opened = arrival.open(); !opened) return std::unexpected(opened.error());
  const std::string from = asset ? further_inputs(task.spec).at(*asset) : task.spec.input;
  auto fetched = fetch(context, run, from, arrival.fd());
  if (!fetched) {
    Error error = fetched.error();
    if (asset) error.message = "a file the outputs need: " + error.message;
    if (error.field.empty() && error.code == ErrorCode::kInvalidParameter && !asset) {
      error.field = "input";
    }
    return std::unexpected(std::move(error));
  }
  if (!asset && !task.spec.input_md5.empty() && task.spec.input_md5 != fetched->md5) {
    return fail(ErrorCode::kInvalidParameter,
                "the input's MD5 is " + fetched->md5 + ", not " + task.spec.input_md5, "input");
  }
  return arrival.settle(*fetched);
}

}  // namespace telecine
