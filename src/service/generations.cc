#include <algorithm>
#include <atomic>

#include "object/media_type.h"
#include "service/service.h"

namespace telecine {
namespace {

/// Pictures on their way into the store, and the task that waits for them.
struct Storing {
  Submission submission;
  Store::Done<Submitted> done;
  std::mutex mutex;
  std::size_t left = 0;
  std::optional<Error> error;
};

std::string field_of(std::size_t index) {
  return "generation.images[" + std::to_string(index) + "]";
}

/// The result of a generation: one MP4 of H.264 and AAC.
OutputSpec video_output() {
  OutputSpec output;
  output.name = "video";
  VideoOptions video;
  video.profile = Profile::kHigh;
  video.rate.crf = 20;
  output.renditions = {Rendition{"video", video, AudioOptions{}}};
  return output;
}

Status check_bytes(const std::string& bytes, std::size_t index) {
  if (static_cast<std::int64_t>(bytes.size()) > kMaxPictureBytes) {
    return fail(ErrorCode::kInvalidParameter, "is larger than 20 MiB", field_of(index));
  }
  if (object::picture_type_of(bytes).empty()) {
    return fail(ErrorCode::kInvalidParameter, "is not a JPEG, PNG, WebP or GIF picture",
                field_of(index));
  }
  return {};
}

}  // namespace

Status Service::make_generation(const Caller& caller, TaskRequest& request, TaskSpec& spec) {
  if (!request.generation) {
    return fail(ErrorCode::kInvalidParameter, "is required for a task of this kind",
                std::string(kGenerationMember));
  }
  Generation wanted = std::move(*request.generation);
  for (std::size_t i = 0; i < wanted.pictures.size(); ++i) {
    Picture& picture = wanted.pictures[i];
    picture.own = i < request.pictures.size() && !request.pictures[i].empty();
    if (picture.own) {
      if (auto ok = check_bytes(request.pictures[i], i); !ok) return ok;
      continue;
    }
    auto ok = check_input(caller, picture.source);
    if (!ok) return fail(ok.error().code, ok.error().message, field_of(i));
    if (picture.source.starts_with("file://") || object::has_cloud_scheme(picture.source)) {
      return fail(ErrorCode::kInvalidParameter,
                  "must be an http:// or https:// URL, or file-id:<id> of an uploaded file",
                  field_of(i));
    }
  }
  if (auto ok = telecine::check_generation(wanted, std::string(kGenerationMember)); !ok) return ok;
  auto choice = options_.generation.choose(wanted);
  if (!choice) {
    Error error = choice.error();
    error.field = std::string(kGenerationMember) + "." + error.field;
    return std::unexpected(std::move(error));
  }
  wanted.choice = std::move(*choice);
  spec.options[kGenerationMember] = to_json(wanted);
  spec.outputs = {video_output()};
  return {};
}

/// All bytes are written on the caller's thread; the task is submitted when the last of them are
/// durable, so that an answer never promises a picture that is not there.
void Service::submit_with_pictures(const Caller& caller, Submission submission,
                                   std::vector<std::string> pictures, Store::Done<Submitted> done) {
  auto storing = std::make_shared<Storing>();
  storing->done = std::move(done);
  std::vector<std::pair<std::size_t, std::unique_ptr<Files::Upload>>> uploads;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    if (pictures[i].empty()) continue;
    auto upload = files_.receive(caller.account(), "picture-" + std::to_string(i),
                                 static_cast<std::int64_t>(pictures[i].size()));
    if (!upload) return storing->done(std::unexpected(upload.error()));
    if (auto ok = (*upload)->write(pictures[i]); !ok) {
      return storing->done(std::unexpected(ok.error()));
    }
    uploads.emplace_back(i, std::move(*upload));
  }
  storing->submission = std::move(submission);
  storing->left = uploads.size() + 1;
  const std::string& account = caller.account();
  const auto arrived = [this, storing, account](std::optional<std::size_t> index,
                                                Result<UploadState> state) {
    std::unique_lock lock(storing->mutex);
    TaskSpec& spec = storing->submission.task.spec;
    if (!state) {
      storing->error = state.error();
    } else if (index && state->file) {
      spec.options[kGenerationMember].at("images").at(*index).as_object()["source"] =
          std::string(kFileIdScheme) + state->file->hex();
    }
    if (--storing->left > 0) return;
    lock.unlock();
    if (storing->error) {
      remove_pictures(account, spec);
      return storing->done(std::unexpected(*storing->error));
    }
    storing->submission.units = {first_unit(spec)};
    const TaskSpec kept = spec;
    store_.submit(std::move(storing->submission),
                  [this, storing, account, kept](Result<Submitted> submitted) {
                    // Another task is the answer, or none: nobody will ask for these.
                    if (!submitted || submitted->replayed) remove_pictures(account, kept);
                    storing->done(std::move(submitted));
                  });
  };
  for (auto& [index, upload] : uploads) {
    upload->finish(
        [arrived, i = index](Result<UploadState> state) { arrived(i, std::move(state)); });
  }
  arrived(std::nullopt, UploadState{});
}

void Service::remove_pictures(const std::string& account, const TaskSpec& spec) {
  for (const Id& id : picture_files(spec)) {
    files_.remove(account, id, [](const Result<bool>&) {});
  }
}

}  // namespace telecine
