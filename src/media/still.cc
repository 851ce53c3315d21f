#include "media/still.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "media/describe.h"
#include "media/encoders.h"
#include "media/io.h"
#include "media/nal_units.h"
#include "media/normalise.h"
#include "media/scale.h"
#include "media/still_picture.h"

namespace telecine::media {
namespace {

constexpr double kDefaultPercent = 10;
// Every snapshot is a file, a row of the task's document and a signed link.
constexpr std::size_t kMaxSnapshots = 2000;
// Of sprites only the sheets are.
constexpr std::size_t kMaxSprites = 40'000;
// Packets of one group of pictures held to find the one wanted; beyond this all are decoded.
constexpr std::size_t kMaxHeldPackets = 3000;
constexpr std::size_t kMaxHeldBytes = 64 << 20;

// How much further back to look when the container's idea of a place to start was wrong.
constexpr auto kStepsBack = std::to_array<Millis>({0, 3000, 15'000, 60'000});

struct StillGroup {
  std::vector<PacketPtr> packets;        // of the stream, in decoding order, from a keyframe
  std::int64_t target = AV_NOPTS_VALUE;  // pts of the picture wanted; none when it can't be told
};

// Reads on from a seek until every picture shown at `at` must have passed.
StillGroup read_group(Input& input, int stream, std::int64_t at) {
  StillGroup group;
  std::size_t bytes = 0;
  bool has_times = true;
  while (group.packets.size() < kMaxHeldPackets && bytes < kMaxHeldBytes) {
    PacketPtr packet = input.read();
    if (!packet) break;
    if (packet->stream_index != stream) continue;
    const bool is_key = is_whole_start(*packet, *input.stream(stream).codecpar);
    if (group.packets.empty() && !is_key) continue;
    has_times = has_times && packet->pts != AV_NOPTS_VALUE && packet->dts != AV_NOPTS_VALUE;
    const bool past = packet->dts != AV_NOPTS_VALUE && packet->dts > at;
    if (past && !group.packets.empty()) break;
    // A later keyframe not after the moment: nothing before it is needed.
    if (is_key && packet->pts != AV_NOPTS_VALUE && packet->pts <= at) {
      group.packets.clear();
      bytes = 0;
    }
    bytes += static_cast<std::size_t>(packet->size);
    group.packets.push_back(std::move(packet));
  }
  if (!has_times) return group;
  for (const auto& packet : group.packets) {
    if ((packet->flags & AV_PKT_FLAG_DISCARD) != 0) continue;
    if (packet->pts <= at) group.target = std::max(group.target, packet->pts);
  }
  return group;
}

// Decodes up to the target and no further; pictures nothing depends on are skipped on the way.
class GroupDecoder {
 public:
  explicit GroupDecoder(CodecContextPtr context) : context_(std::move(context)) {}

  FramePtr find(const StillGroup& group, std::int64_t at) {
    at_ = at;
    target_ = group.target;
    const bool exact = target_ != AV_NOPTS_VALUE;
    for (const auto& packet : group.packets) {
      const bool is_target = exact && packet->pts == target_;
      context_->skip_frame = exact && !is_target ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
      avcodec_send_packet(context_.get(), packet.get());
      if (receive()) return std::move(best_);
      if (is_target) break;
    }
    context_->skip_frame = AVDISCARD_DEFAULT;
    avcodec_send_packet(context_.get(), nullptr);
    receive();
    return best_ ? std::move(best_) : std::move(first_);
  }

 private:
  // True once what comes later cannot be better.
  bool receive() {
    while (true) {
      FramePtr frame = make_frame();
      if (avcodec_receive_frame(context_.get(), frame.get()) < 0) return false;
      const std::int64_t pts = frame->best_effort_timestamp;
      if (pts != AV_NOPTS_VALUE && pts > at_) {
        if (!first_) first_ = std::move(frame);
        return best_ != nullptr && target_ == AV_NOPTS_VALUE;
      }
      best_ = std::move(frame);
      if (target_ != AV_NOPTS_VALUE && pts == target_) return true;
    }
  }

  CodecContextPtr context_;
  std::int64_t at_ = 0;
  std::int64_t target_ = AV_NOPTS_VALUE;
  FramePtr best_;
  FramePtr first_;  // the first one after the moment, should none be before it
};

Result<FramePtr> upright(FramePtr frame, const AVStream& stream, bool keeps_alpha) {
  Normaliser normaliser(orientation_of(stream), Deinterlace::kAuto, keeps_alpha);
  frame->pts = 0;
  auto out = normaliser.push(std::move(frame));
  if (!out) return std::unexpected(out.error());
  auto rest = normaliser.finish();
  if (!rest) return std::unexpected(rest.error());
  for (auto& each : *rest) out->push_back(std::move(each));
  if (out->empty()) return fail(ErrorCode::kDecodeFailed, "the picture could not be deinterlaced");
  return std::move(out->front());
}

// libjpeg's quality curve gives a scale in percent of the standard tables. mjpeg's own tables,
// which are MPEG-1's intra matrix times qscale / 8, are of that size at qscale 8: 12.5 % a step.
int mjpeg_qscale(int quality) {
  const double q = std::clamp(quality, 1, 100);
  const double scale = q < 50 ? 5000 / q : 200 - 2 * q;
  return static_cast<int>(std::clamp(std::round(scale / 12.5), 2.0, 31.0));
}

Result<PacketPtr> encode_picture(AVFrame& picture, const ImageEntry& entry, int quality) {
  const AVCodec* codec = avcodec_find_encoder_by_name(entry.encoder);
  CodecContextPtr context(codec == nullptr ? nullptr : avcodec_alloc_context3(codec));
  if (!context) return fail(ErrorCode::kUnsupported, "this picture format cannot be written");
  context->width = picture.width;
  context->height = picture.height;
  context->pix_fmt = entry.pixels;
  context->color_range = entry.range;
  context->time_base = {1, 25};
  context->thread_count = 1;
  if (entry.format == ImageFormat::kJpeg) {
    const int scale = mjpeg_qscale(quality);
    context->flags |= AV_CODEC_FLAG_QSCALE;
    context->qmin = context->qmax = scale;
    context->global_quality = picture.quality = scale * FF_QP2LAMBDA;
  } else {
    context->compression_level = 3;  // zlib's: time counts more here than the last bytes
  }
  picture.pts = 0;
  picture.pict_type = AV_PICTURE_TYPE_I;
  PacketPtr packet = make_packet();
  int code = avcodec_open2(context.get(), codec, nullptr);
  if (code >= 0) code = avcodec_send_frame(context.get(), &picture);
  if (code >= 0) code = avcodec_send_frame(context.get(), nullptr);
  if (code >= 0) code = avcodec_receive_packet(context.get(), packet.get());
  if (code < 0) {
    return std::unexpected(
        av_error(code, "the picture could not be encoded", ErrorCode::kInternal));
  }
  return packet;
}

// YUV of another matrix than the format's goes by way of RGB: swscale alone would keep the numbers
// and shift the colours.
Result<FramePtr> to_image(const AVFrame& frame, Dimensions size, const ImageEntry& entry) {
  const auto* pixels = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  const bool is_yuv =
      pixels != nullptr && (pixels->flags & AV_PIX_FMT_FLAG_RGB) == 0 && pixels->nb_components >= 3;
  const AVColorSpace matrix = matrix_of(frame);
  const bool is_601 = matrix == AVCOL_SPC_SMPTE170M || matrix == AVCOL_SPC_BT470BG;
  Scaler last(size, {entry.pixels, entry.range, entry.space});
  if (entry.space == AVCOL_SPC_UNSPECIFIED || !is_yuv || is_601) return last.scale(frame);
  Scaler first(size, {AV_PIX_FMT_RGB24, AVCOL_RANGE_JPEG, AVCOL_SPC_UNSPECIFIED});
  auto rgb = first.scale(frame);
  if (!rgb) return rgb;
  return last.scale(**rgb);
}

Millis share_of(Millis duration, double percent) {
  return std::llround(static_cast<double>(duration) * std::clamp(percent, 0.0, 100.0) / 100);
}

std::vector<Millis> moments_of_cover(const Position& at, Millis duration) {
  if (at.time) return {std::max<Millis>(0, *at.time)};
  if (!at.best || duration <= 0) return {share_of(duration, at.percent.value_or(kDefaultPercent))};
  // Not the very ends, where titles fade in and out.
  constexpr int kCandidates = 10;
  std::vector<Millis> moments;
  for (int i = 0; i < kCandidates; ++i) {
    moments.push_back(share_of(duration, (i + 0.5) * 100 / kCandidates));
  }
  return moments;
}

}  // namespace

Result<std::vector<Millis>> moments_of(const OutputSpec& spec, Millis duration) {
  if (spec.type == OutputType::kCover) return moments_of_cover(spec.still.at, duration);
  const Sampling& sampling = spec.sampling;
  if (!sampling.times.empty()) return sampling.times;
  const double step = sampling.every > 0
                          ? static_cast<double>(sampling.every)
                          : static_cast<double>(duration) * sampling.every_percent / 100;
  // The end of the source is no moment of it, however a share of it was rounded.
  const double count = duration > 0 && step > 0
                           ? std::max(1.0, std::ceil(static_cast<double>(duration) / step - 1e-6))
                           : 1;
  const std::size_t most = spec.type == OutputType::kSprites ? kMaxSprites : kMaxSnapshots;
  const double sheets =
      std::ceil(count / static_cast<double>(spec.sprites.columns * spec.sprites.rows));
  if (spec.type == OutputType::kSprites && sheets > static_cast<double>(kMaxSnapshots)) {
    return fail(ErrorCode::kResourceLimit, "these would be more than " +
                                               std::to_string(kMaxSnapshots) +
                                               " sheets; give each more columns and rows");
  }
  if (count > static_cast<double>(most)) {
    return fail(ErrorCode::kResourceLimit, "these would be more than " + std::to_string(most) +
                                               " pictures; take them further apart");
  }
  std::vector<Millis> moments;
  for (int i = 0; i < static_cast<int>(count); ++i) moments.push_back(std::llround(i * step));
  return moments;
}

Result<FramePtr> grab_frame(Input& input, const AVStream& stream, Millis at, bool keeps_alpha) {
  const std::int64_t start =
      input.format().start_time == AV_NOPTS_VALUE
          ? 0
          : av_rescale_q(input.format().start_time, kMicroseconds, stream.time_base);
  const std::int64_t moment =
      start + av_rescale_q_rnd(at, kMilliseconds, stream.time_base, AV_ROUND_DOWN);
  for (const Millis back : kStepsBack) {
    const std::int64_t from = moment - av_rescale_q(back, kMilliseconds, stream.time_base);
    // A container that cannot seek is read from where it stands: the start, for the first still.
    input.seek(stream.index, std::max(from, start));
    const StillGroup group = read_group(input, stream.index, moment);
    const bool at_start = from <= start;
    const bool found =
        group.target != AV_NOPTS_VALUE ||
        (!group.packets.empty() && (at_start || group.packets.front()->pts == AV_NOPTS_VALUE));
    if (!found && !at_start) continue;
    auto decoder = open_decoder(stream, 1);
    if (!decoder) return std::unexpected(decoder.error());
    if (FramePtr frame = GroupDecoder(std::move(*decoder)).find(group, moment)) {
      return upright(std::move(frame), stream, keeps_alpha);
    }
    if (at_start) break;
  }
  return fail(ErrorCode::kDecodeFailed,
              "no picture could be decoded at " + std::to_string(at / 1000) + " s");
}

FramePicker::FramePicker(const std::vector<Ticks>& moments) {
  for (std::size_t i = 0; i < moments.size(); ++i) order_.emplace_back(moments[i], i);
  std::ranges::sort(order_);
}

Status FramePicker::offer(const AVFrame& frame, const Take& take) {
  while (!settled() && order_[next_].first < frame.pts) {
    const std::size_t place = order_[next_++].second;
    if (auto ok = take(place, last_ ? *last_ : frame); !ok) return ok;
  }
  if (settled())
    last_.reset();
  else
    last_ = share(frame);
  return {};
}

Status FramePicker::finish(const Take& take) {
  if (settled()) return {};
  if (!last_) {
    return fail(ErrorCode::kDecodeFailed, "decoding failed at 0.0 s: no picture was decoded");
  }
  while (!settled()) {
    const std::size_t place = order_[next_++].second;
    if (auto ok = take(place, *last_); !ok) return ok;
  }
  return {};
}

std::string still_name(const OutputSpec& spec, std::size_t place) {
  if (spec.type == OutputType::kCover) return spec.name;
  char number[32];
  std::snprintf(number, sizeof number, "/%05zu", place + 1);
  return spec.name + number;
}

Result<StillMade> write_still(const AVFrame& frame, const StillOptions& options, Dimensions display,
                              Images& images, OutputFiles& files, const std::string& name) {
  const ImageEntry& entry = entry_of(options.format);
  const auto wanted = still_size(options, display);
  if (!wanted) return std::unexpected(wanted.error());
  const Dimensions size = *wanted;
  auto shown = still_picture(frame, options, display, images);
  if (!shown) return std::unexpected(shown.error());
  auto picture = to_image(**shown, size, entry);
  if (!picture) return std::unexpected(picture.error());
  auto packet = encode_picture(**picture, entry, options.quality);
  if (!packet) return std::unexpected(packet.error());

  const std::string file_name = name + "." + entry.extension;
  auto fd = files.create(file_name);
  if (!fd) return std::unexpected(fd.error());
  const std::string_view bytes(reinterpret_cast<const char*>((*packet)->data),
                               static_cast<std::size_t>((*packet)->size));
  if (auto ok = write_whole(fd->get(), bytes); !ok) return std::unexpected(ok.error());

  StillMade made;
  made.file = {file_name, {}, entry.media_type, static_cast<std::int64_t>(bytes.size()), {}};
  made.facts.container = entry.extension;
  made.facts.size = made.file.size;
  VideoFacts video;
  video.codec = entry.encoder;
  video.coded_width = video.width = size.width;
  video.coded_height = video.height = size.height;
  video.frames = 1;
  video.pixel_format = av_get_pix_fmt_name(entry.pixels);
  video.color_range = "pc";
  made.facts.video.push_back(video);
  return made;
}

}  // namespace telecine::media
