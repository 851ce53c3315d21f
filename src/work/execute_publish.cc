#include <sys/stat.h>

#include <algorithm>

#include "base/crypto.h"
#include "base/fs.h"
#include "base/text.h"
#include "object/cloud.h"
#include "work/executor.h"
#include "work/uploads.h"

namespace telecine {
namespace {

bool is_playlist(const OutputFile& file) {
  return file.name.ends_with(".m3u8") || file.name.ends_with(".mpd");
}

/// Where each file of an output goes.
class Keys {
 public:
  explicit Keys(const Destination& destination) : destination_(destination) {
    if (destination.name.empty()) return;
    const auto slash = destination.name.rfind('/');
    const auto dot = destination.name.rfind('.');
    const bool has_extension =
        dot != std::string::npos && (slash == std::string::npos || dot > slash);
    folder_ = destination.name.substr(0, has_extension ? dot : std::string::npos);
  }

  bool renames() const { return !destination_.name.empty(); }
  /// The folder beside the first file, as that file refers to it.
  std::string folder_reference() const {
    return percent_encode(folder_.substr(folder_.rfind('/') + 1)) + "/";
  }

  std::string of(const OutputFile& file, bool is_first) const {
    if (!renames()) return destination_.prefix + file.name;
    if (is_first) return destination_.prefix + destination_.name;
    return destination_.prefix + folder_ + "/" + file.name.substr(file.name.find('/') + 1);
  }

 private:
  const Destination& destination_;
  std::string folder_;
};

/// A playlist or manifest whose relative references lie in a folder beside it.
std::string moved_playlist(std::string_view text, const std::string& folder) {
  constexpr std::string_view kPeriod = "<Period ";
  constexpr std::string_view kUri = ",URI=\"";
  if (const auto period = text.find(kPeriod); period != std::string_view::npos) {
    std::string out(text);
    return out.insert(period, "<BaseURL>" + folder + "</BaseURL>\n");
  }
  std::string out;
  for (const std::string_view line : split(text, '\n')) {
    const bool is_reference = !line.empty() && line.front() != '#';
    const auto uri = line.find(kUri);
    if (is_reference) out += folder;
    out += line;
    if (uri != std::string_view::npos) {
      out.insert(out.size() - line.size() + uri + kUri.size(), folder);
    }
    out += '\n';
  }
  // `split` gives an empty piece after the last line feed.
  if (text.ends_with('\n')) out.pop_back();
  return out;
}

/// Nothing refers to what is not there yet: media first, then variants, then the first file.
std::vector<std::size_t> publishing_order(const std::vector<OutputFile>& files) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < files.size(); ++i) order.push_back(i);
  const auto playlists =
      std::ranges::stable_partition(order, [&](std::size_t i) { return !is_playlist(files[i]); });
  std::ranges::reverse(playlists);
  return order;
}

class Publisher {
 public:
  Publisher(const WorkContext& context, const Run& run, object::Cloud cloud)
      : context_(context),
        run_(run),
        task_(*run.lease.task),
        destination_(*task_.spec.destination),
        keys_(destination_),
        cloud_(std::move(cloud)) {
    for (const Output& output : task_.outputs) {
      for (const OutputFile& file : output.files) total_ += file.size;
    }
  }

  Status publish(Output& output) {
    for (const std::size_t i : publishing_order(output.files)) {
      if (auto done = publish(output, output.files[i], i == 0); !done) return done;
    }
    output.state = OutputState::kSucceeded;
    return {};
  }

 private:
  Status publish(const Output& output, OutputFile& file, bool is_first) {
    const auto object = object::parse_object_url(file.url);
    if (!object) return fail(ErrorCode::kInternal, "an output lies at an unknown place");
    auto fd = context_.objects.open(object->task_hex, object->name);
    if (!fd) return fail(ErrorCode::kInternal, "an output that was made is gone");
    const std::string key = keys_.of(file, is_first);
    Status done;
    if (is_first && keys_.renames() && output.type == OutputType::kHls)
      done = send_moved(file, fd->get(), key);
    else
      done = send(file, fd->get(), key);
    if (!done) return done;
    sent_ += file.size;
    const auto type = value_named<object::StoreType>(destination_.type);
    file.url =
        object::CloudUrl{type.value_or(object::StoreType::kS3), destination_.bucket, key}.text();
    return {};
  }

  Status send_moved(OutputFile& file, int fd, const std::string& key) {
    constexpr std::size_t kMostBytes = 16 << 20;
    auto text = read_file("/proc/self/fd/" + std::to_string(fd), kMostBytes);
    if (!text) return std::unexpected(text.error());
    const std::string moved = moved_playlist(*text, keys_.folder_reference());
    file.size = static_cast<std::int64_t>(moved.size());
    file.md5 = hex(md5(moved));
    return cloud_.put_text(key, file.type, moved);
  }

  Status send(const OutputFile& file, int fd, const std::string& key) {
    struct stat facts{};
    if (::fstat(fd, &facts) != 0) return std::unexpected(errno_error(errno, "an output"));
    const Lease& lease = run_.lease;
    const std::string record = task_.id.hex() + "-" + std::to_string(lease.unit) + "-" +
                               std::to_string(lease.attempt) + "-" + std::to_string(++uploads_);
    bool begun = false;
    object::UploadHooks hooks;
    hooks.begun = [&](const std::string& upload_id) {
      begun = true;
      return remember_upload(context_.store, {record, task_.id, lease.unit, lease.attempt,
                                              task_.account, destination_, key, upload_id});
    };
    hooks.sent = [&](std::int64_t sent) { report(sent_ + sent); };
    const Status done = cloud_.upload(key, file.type, fd, facts.st_size, hooks);
    // A failed one was aborted by the upload itself; if that failed too, the record is needed.
    if (begun && done) forget_upload(context_.store, record);
    return done;
  }

  void report(std::int64_t sent) {
    // Encoding ends at 99 %.
    constexpr double kBase = 0.99;
    const double share = total_ > 0 ? static_cast<double>(sent) / static_cast<double>(total_) : 1.0;
    run_.report({task_.id, kBase + (1 - kBase) * std::min(1.0, share), 0, {}, {}});
  }

  const WorkContext& context_;
  const Run& run_;
  const Task& task_;
  const Destination& destination_;
  const Keys keys_;
  const object::Cloud cloud_;
  std::int64_t total_ = 0;
  std::int64_t sent_ = 0;
  int uploads_ = 0;
};

}  // namespace

Result<UnitOutcome> execute_publish(const WorkContext& context, const Run& run) {
  const Task& task = *run.lease.task;
  if (!task.spec.destination) return fail(ErrorCode::kInternal, "a task without a destination");
  abort_uploads(context.store, context.storages, task.id, run.lease.unit, run.lease.attempt);
  auto place = context.storages.publishing_place(task.account, *task.spec.destination);
  if (!place) {
    // It was there when the task was submitted.
    return fail(ErrorCode::kStorageDenied, place.error().message);
  }
  Publisher publisher(context, run,
                      object::Cloud(std::move(*place), object::CloudUse::kWrite,
                                    context.storages.cloud_options(run.stop)));
  UnitOutcome outcome;
  outcome.outputs = task.outputs;
  for (Output& output : outcome.outputs) {
    if (output.state != OutputState::kRunning) continue;
    if (auto done = publisher.publish(output); !done) return std::unexpected(done.error());
  }
  return outcome;
}

}  // namespace telecine
