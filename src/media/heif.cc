#include "media/heif.h"

#include <libheif/heif.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "media/allow.h"
#include "media/io.h"

namespace telecine::media {
namespace {

constexpr std::int64_t kMostHeifBytes = 256 << 20;

struct FreeHeif {
  void operator()(heif_context* context) const { heif_context_free(context); }
  void operator()(heif_image_handle* handle) const { heif_image_handle_release(handle); }
  void operator()(heif_image* image) const { heif_image_release(image); }
};
template <class T>
using Heif = std::unique_ptr<T, FreeHeif>;

std::unexpected<Error> broken_heif(const heif_error& error) {
  const std::string why = error.message == nullptr ? "" : std::string(": ") + error.message;
  return std::unexpected(
      Error{ErrorCode::kDecodeFailed, "the HEIC picture cannot be decoded" + why, {}});
}

Result<std::vector<std::uint8_t>> heif_bytes(int fd) {
  const auto size = file_size(fd);
  if (!size) return std::unexpected(size.error());
  if (*size > kMostHeifBytes) return fail(ErrorCode::kResourceLimit, "the picture is over 256 MiB");
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(*size));
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto got = ::pread(fd, bytes.data() + at, bytes.size() - at, static_cast<off_t>(at));
    if (got <= 0) return fail(ErrorCode::kInternal, "the picture cannot be read");
    at += static_cast<std::size_t>(got);
  }
  return bytes;
}

/// A file that is open, and its picture.
struct Opened {
  std::vector<std::uint8_t> bytes;  // which the context reads from
  Heif<heif_context> context;
  Heif<heif_image_handle> picture;
};

Result<Opened> open_heif(int fd) {
  auto bytes = heif_bytes(fd);
  if (!bytes) return std::unexpected(bytes.error());
  Opened opened{std::move(*bytes), Heif<heif_context>(heif_context_alloc()), nullptr};
  heif_context* context = opened.context.get();
  if (context == nullptr) return fail(ErrorCode::kResourceLimit, "out of memory");
  heif_context_set_maximum_image_size_limit(context, kMaxSide);
  heif_error error = heif_context_read_from_memory_without_copy(context, opened.bytes.data(),
                                                                opened.bytes.size(), nullptr);
  if (error.code != heif_error_Ok) return broken_heif(error);
  heif_image_handle* picture = nullptr;
  error = heif_context_get_primary_image_handle(context, &picture);
  opened.picture.reset(picture);
  if (error.code != heif_error_Ok) return broken_heif(error);
  const std::int64_t width = heif_image_handle_get_width(picture);
  const std::int64_t height = heif_image_handle_get_height(picture);
  if (width > kMaxSide || height > kMaxSide || width * height > kMaxPixels) {
    return fail(ErrorCode::kResourceLimit, "the picture is " + std::to_string(width) + "x" +
                                               std::to_string(height) + " px, too large");
  }
  return opened;
}

/// With turns and mirrors applied, as RGB or RGBA of 8 bit.
Result<Heif<heif_image>> decode_heif(const heif_image_handle& picture) {
  const heif_chroma chroma = heif_image_handle_has_alpha_channel(&picture) != 0
                                 ? heif_chroma_interleaved_RGBA
                                 : heif_chroma_interleaved_RGB;
  heif_image* image = nullptr;
  const heif_error error =
      heif_decode_image(&picture, &image, heif_colorspace_RGB, chroma, nullptr);
  Heif<heif_image> decoded(image);
  if (error.code != heif_error_Ok) return broken_heif(error);
  return decoded;
}

Result<FramePtr> heif_frame(const heif_image& image) {
  int stride = 0;
  const std::uint8_t* from =
      heif_image_get_plane_readonly(&image, heif_channel_interleaved, &stride);
  const bool has_alpha = heif_image_get_chroma_format(&image) == heif_chroma_interleaved_RGBA;
  FramePtr frame = make_frame();
  frame->format = has_alpha ? AV_PIX_FMT_RGBA : AV_PIX_FMT_RGB24;
  frame->width = heif_image_get_width(&image, heif_channel_interleaved);
  frame->height = heif_image_get_height(&image, heif_channel_interleaved);
  if (from == nullptr || frame->width <= 0 || frame->height <= 0) {
    return fail(ErrorCode::kDecodeFailed, "the HEIC picture is empty");
  }
  if (av_frame_get_buffer(frame.get(), 0) < 0) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
  const auto row = static_cast<std::size_t>(frame->width) * (has_alpha ? 4 : 3);
  for (int y = 0; y < frame->height; ++y) {
    std::copy_n(from + static_cast<std::ptrdiff_t>(y) * stride, row,
                frame->data[0] + static_cast<std::ptrdiff_t>(y) * frame->linesize[0]);
  }
  frame->pts = 0;
  return frame;
}

Result<FramePtr> decoded_frame(const Opened& opened) {
  const auto image = decode_heif(*opened.picture);
  if (!image) return std::unexpected(image.error());
  return heif_frame(**image);
}

/// PNG, packed in haste: it is read once.
Result<PacketPtr> packed_png(const AVFrame& frame) {
  const AVCodec* codec = avcodec_find_encoder(AV_CODEC_ID_PNG);
  CodecContextPtr context(codec == nullptr ? nullptr : avcodec_alloc_context3(codec));
  if (!context) return fail(ErrorCode::kResourceLimit, "out of memory");
  context->width = frame.width;
  context->height = frame.height;
  context->pix_fmt = static_cast<AVPixelFormat>(frame.format);
  context->time_base = {1, 25};
  context->compression_level = 1;
  PacketPtr packet = make_packet();
  int code = avcodec_open2(context.get(), codec, nullptr);
  if (code >= 0) code = avcodec_send_frame(context.get(), &frame);
  if (code >= 0) code = avcodec_send_frame(context.get(), nullptr);
  if (code >= 0) code = avcodec_receive_packet(context.get(), packet.get());
  if (code < 0) {
    return std::unexpected(av_error(code, "the picture cannot be kept", ErrorCode::kInternal));
  }
  return packet;
}

MediaFacts heif_facts(const Opened& opened) {
  const heif_image_handle* picture = opened.picture.get();
  MediaFacts facts;
  facts.container = "heif";
  facts.size = static_cast<std::int64_t>(opened.bytes.size());
  VideoFacts& video = facts.video.emplace_back();
  video.codec = "hevc";
  video.width = video.coded_width = heif_image_handle_get_width(picture);
  video.height = video.coded_height = heif_image_handle_get_height(picture);
  video.frames = 1;
  video.bit_depth = std::max(8, heif_image_handle_get_luma_bits_per_pixel(picture));
  return facts;
}

}  // namespace

bool is_heif(int fd) {
  std::array<std::uint8_t, 64> head{};
  const auto got = ::pread(fd, head.data(), head.size(), 0);
  if (got < 16) return false;
  const heif_brand2 brand = heif_read_main_brand(head.data(), static_cast<int>(got));
  constexpr auto kBrands = std::to_array<const char*>({"heic", "heix", "heim", "heis", "mif1"});
  const auto is_it = [&](const char* name) { return brand == heif_fourcc_to_brand(name); };
  if (std::ranges::none_of(kBrands, is_it)) return false;
  return heif_has_compatible_brand(head.data(), static_cast<int>(got), "avif") != 1;
}

Result<FramePtr> heif_picture(int fd) {
  const auto opened = open_heif(fd);
  if (!opened) return std::unexpected(opened.error());
  return decoded_frame(*opened);
}

Result<UnwrappedPicture> unwrap_heif(int fd, OutputFiles& files, const std::string& name) {
  const auto opened = open_heif(fd);
  if (!opened) return std::unexpected(opened.error());
  const auto frame = decoded_frame(*opened);
  if (!frame) return std::unexpected(frame.error());
  const auto packet = packed_png(**frame);
  if (!packet) return std::unexpected(packet.error());
  auto file = files.create(name);
  if (!file) return std::unexpected(file.error());
  const std::string_view content(reinterpret_cast<const char*>((*packet)->data),
                                 static_cast<std::size_t>((*packet)->size));
  if (auto ok = write_whole(file->get(), content); !ok) return std::unexpected(ok.error());
  return UnwrappedPicture{std::move(*file), heif_facts(*opened)};
}

Result<MediaFacts> probe_heif(int fd) {
  const auto opened = open_heif(fd);
  if (!opened) return std::unexpected(opened.error());
  return heif_facts(*opened);
}

}  // namespace telecine::media
