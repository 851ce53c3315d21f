#include <fcntl.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "work/generate.h"
#include "work/scratch.h"

namespace telecine {
namespace {

constexpr auto kVideoName = "video.mp4";
constexpr int kMostFetches = 8;
/// Shapes closer than this are stretched to the asked size; encoders round sides to their blocks.
constexpr double kSameShape = 0.03;

ChildLimits child_limits(const WorkContext& context) {
  // Address space is more than memory: libraries, thread stacks and arenas count in full.
  return {.memory = std::min<std::int64_t>(context.options.memory, 64LL << 30) + (2LL << 30),
          .cpu_seconds = context.options.wall / 1000 * context.options.cores,
          .file_bytes = context.options.max_output};
}

media::AnimaticShape shape_of(const std::vector<Picture>& pictures) {
  using media::AnimaticShape;
  const auto has = [&](PictureRole role) {
    return std::ranges::count(pictures, role, &Picture::role) > 0;
  };
  if (has(PictureRole::kLast)) return AnimaticShape::kFromTo;
  return has(PictureRole::kFirst) ? AnimaticShape::kMove : AnimaticShape::kCards;
}

media::AnimaticOptions options_of(const GenerateRun& g) {
  const Generation& wanted = g.wanted;
  const Dimensions size = size_of(wanted);
  return {.prompt = wanted.prompt,
          .model = wanted.model,
          .version = g.context.options.version,
          .shape = shape_of(g.job.pictures),
          .pictures = static_cast<int>(g.job.pictures.size()),
          .width = size.width,
          .height = size.height,
          .fps = wanted.fps,
          .seconds = wanted.duration,
          .seed = wanted.seed.value_or(0),
          .sound = wanted.audio != SoundWish::kOff,
          .ticks = wanted.audio == SoundWish::kOn};
}

/// First, last, references: the order in which an animatic asks for its pictures.
std::vector<Picture> in_order(std::vector<Picture> pictures) {
  std::ranges::stable_sort(pictures, {}, &Picture::role);
  return pictures;
}

UnitOutcome succeed(GenerateRun& g, Output output) {
  UnitOutcome outcome;
  output.state = OutputState::kSucceeded;
  output.progress = 1;
  if (output.facts && !output.files.empty()) output.facts->md5 = output.files.front().md5;
  outcome.outputs = {std::move(output)};
  outcome.result[kGenerationMember] = record_of(g.job);
  return outcome;
}

/// Publishes what a child made as the task's one output.
Result<UnitOutcome> publish(GenerateRun& g, media::Made& made, Scratch& scratch) {
  if (made.outputs.empty() || g.task.outputs.empty()) {
    return fail(ErrorCode::kInternal, "the media process made nothing");
  }
  media::MadeOutput& got = made.outputs.front();
  if (got.error) return std::unexpected(*got.error);
  if (auto ok = scratch.publish(got.files, g.run.stop); !ok) return std::unexpected(ok.error());
  Output output = g.task.outputs.front();
  output.files = std::move(got.files);
  output.facts = std::move(got.facts);
  if (!output.files.empty()) g.job.copy = output.files.front();
  return succeed(g, std::move(output));
}

/// Shows a child's progress within [from, from + share].
std::function<void(std::span<const double>, double)> shown(const GenerateRun& g, double from,
                                                           double share) {
  return [&g, from, share](std::span<const double> done, double speed) {
    const double part = done.empty() ? 0 : done.front();
    g.run.report({g.task.id, from + share * part, speed, {part}, {}});
  };
}

/// The result is what was asked for, byte for byte.
bool fits(const GenerateRun& g, const MediaFacts& facts) {
  const VideoFacts* video = facts.main_video();
  const Dimensions size = size_of(g.wanted);
  const bool sound_fits =
      std::ranges::all_of(facts.audio, [](const AudioFacts& a) { return a.codec == "aac"; }) &&
      (g.wanted.audio != SoundWish::kOff || facts.audio.empty());
  return video != nullptr && facts.container.find("mp4") != std::string::npos &&
         video->codec == "h264" && video->pixel_format == "yuv420p" && video->rotation == 0 &&
         !video->mirrored && Dimensions{video->width, video->height} == size && sound_fits;
}

/// The task's output with the size that brings this source to what was asked for.
std::vector<OutputSpec> encode_specs(const GenerateRun& g, const MediaFacts& facts) {
  std::vector<OutputSpec> outputs = g.task.spec.outputs;
  const VideoFacts* video = facts.main_video();
  if (outputs.empty() || outputs.front().renditions.empty() || video == nullptr) return outputs;
  Rendition& rendition = outputs.front().renditions.front();
  const Dimensions size = size_of(g.wanted);
  const double source = static_cast<double>(video->width) / std::max(1, video->height);
  const double asked = static_cast<double>(size.width) / size.height;
  if (rendition.video) {
    const bool same_shape = std::abs(source / asked - 1) <= kSameShape;
    rendition.video->size = {.width = size.width,
                             .height = size.height,
                             .enlarge = true,
                             .fit = same_shape ? Fit::kStretch : Fit::kInside};
  }
  if (g.wanted.audio == SoundWish::kOff) rendition.audio.reset();
  return outputs;
}

Error no_video() {
  return {ErrorCode::kNotMedia, "the provider's result is not a video", {}};
}

/// A copy that failed: most of these pass, and the job is paid for. Waits `first` and longer.
Result<UnitOutcome> fetch_again(GenerateRun& g, Millis first, const Error& error) {
  const bool ours = error.code == ErrorCode::kOutOfSpace ||
                    error.code == ErrorCode::kStorageUnavailable ||
                    error.code == ErrorCode::kCancelled;
  if (ours) return std::unexpected(error);
  if (error.code == ErrorCode::kInputTooLarge) {
    return give_up(
        g.job,
        {ErrorCode::kResourceLimit, "the provider's result is larger than this server takes", {}});
  }
  if (++g.job.fetches >= kMostFetches) {
    return give_up(
        g.job, {ErrorCode::kProviderUnavailable, "the provider's result could not be fetched", {}});
  }
  constexpr Millis kLongest = 30'000;
  return go_on(g.job, std::min(kLongest, first << (g.job.fetches - 1)));
}

}  // namespace

Result<UnitOutcome> draw_animatic(GenerateRun& g) {
  if (auto room = check_disk(g.context); !room) return std::unexpected(room.error());
  Scratch scratch(g.context, g.run.lease);
  if (auto ready = scratch.prepare(); !ready) return std::unexpected(ready.error());
  MediaJob job;
  job.animatic = options_of(g);
  job.limits = child_limits(g.context);
  const auto share = g.context.admission.enter(
      {g.context.options.cores, media::animatic_memory(*job.animatic)}, g.run.stop);
  if (!share) return std::unexpected(share.error());
  const auto pictures = in_order(g.job.pictures);
  RunHooks hooks;
  hooks.create = [&](const std::string& name) { return scratch.create(name); };
  hooks.open = [&](const std::string& name) -> Result<Fd> {
    const auto index = parse_int(name);
    if (!index || *index < 0 || static_cast<std::size_t>(*index) >= pictures.size()) {
      return fail(ErrorCode::kInternal, "there is no such picture");
    }
    return open_picture(g.context, g.task, pictures[static_cast<std::size_t>(*index)]);
  };
  hooks.progress = shown(g, kGenerateFrom, kGenerateShare);
  auto made = g.context.children.run(-1, job, {g.context.options.wall, g.context.options.stall},
                                     hooks, g.run.stop);
  if (!made) return std::unexpected(made.error());
  g.job.enter(GenerateStage::kCopied, now_ms());
  return publish(g, *made, scratch);
}

Result<UnitOutcome> copy_result(GenerateRun& g) {
  if (auto room = check_disk(g.context); !room) return std::unexpected(room.error());
  const auto* config = g.context.options.generation.find(g.job.choice.provider);
  const auto provider =
      config != nullptr ? provider::make_provider(*config, g.context.http) : nullptr;
  if (!provider) {
    return give_up(
        g.job, {ErrorCode::kProviderUnavailable, "the provider is not configured any more", {}});
  }
  Scratch scratch(g.context, g.run.lease);
  if (auto ready = scratch.prepare(); !ready) return std::unexpected(ready.error());
  auto fd = scratch.create(kVideoName);
  if (!fd) return std::unexpected(fd.error());
  const auto fetched = provider->fetch(g.job.job, g.job.result_url, fd->get(), g.run.stop);
  if (!fetched) return fetch_again(g, config->backoff, fetched.error());
  auto facts = g.context.children.probe(fd->get(), child_limits(g.context));
  if (!facts && facts.error().code != ErrorCode::kNotMedia) {
    return std::unexpected(facts.error());
  }
  if (!facts || facts->main_video() == nullptr) return give_up(g.job, no_video());
  std::vector<OutputFile> files(1);
  files.front().name = kVideoName;
  files.front().type = "video/mp4";
  files.front().size = fetched->size;
  if (auto ok = scratch.publish(files, g.run.stop); !ok) return std::unexpected(ok.error());
  g.job.copy = files.front();
  g.job.facts = std::move(*facts);
  g.job.enter(GenerateStage::kCopied, now_ms());
  return go_on(g.job);
}

Result<UnitOutcome> finish_result(GenerateRun& g) {
  if (!g.job.copy || !g.job.facts || g.task.outputs.empty()) {
    return fail(ErrorCode::kInternal, "a copied generation has no copy");
  }
  if (fits(g, *g.job.facts)) {
    Output output = g.task.outputs.front();
    output.files = {*g.job.copy};
    output.facts = g.job.facts;
    return succeed(g, std::move(output));
  }
  if (auto room = check_disk(g.context); !room) return std::unexpected(room.error());
  const auto object = object::parse_object_url(g.job.copy->url);
  const auto copy = object ? g.context.objects.open(object->task_hex, object->name)
                           : Result<Fd>(fail(ErrorCode::kInternal, "the copy has no address"));
  if (!copy) return std::unexpected(copy.error());
  Scratch scratch(g.context, g.run.lease);
  if (auto ready = scratch.prepare(); !ready) return std::unexpected(ready.error());
  MediaJob job;
  job.job.outputs = encode_specs(g, *g.job.facts);
  job.job.threads = g.context.options.cores;
  job.limits = child_limits(g.context);
  Admission::Share share;
  RunHooks hooks;
  hooks.create = [&](const std::string& name) { return scratch.create(name); };
  hooks.source = [&](const MediaFacts& found) -> Status {
    auto entered = g.context.admission.enter(
        needs_of(found, job.job.outputs, g.context.options.cores), g.run.stop);
    if (!entered) return std::unexpected(entered.error());
    share = std::move(*entered);
    return {};
  };
  const double from = kGenerateFrom + kGenerateShare;
  hooks.progress = shown(g, from, 0.99 - from);
  auto made = g.context.children.run(
      copy->get(), job, {g.context.options.wall, g.context.options.stall}, hooks, g.run.stop);
  if (!made) return std::unexpected(made.error());
  return publish(g, *made, scratch);
}

}  // namespace telecine
