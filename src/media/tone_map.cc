#include "media/tone_map.h"

#include <cstdio>

#include "media/filter_chain.h"

namespace telecine::media {
namespace {

const char* transfer_name(AVColorTransferCharacteristic transfer) {
  return transfer == AVCOL_TRC_ARIB_STD_B67 ? "arib-std-b67" : "smpte2084";
}

const char* matrix_name(AVColorSpace space) {
  switch (space) {
    case AVCOL_SPC_BT709:
      return "bt709";
    case AVCOL_SPC_BT2020_CL:
      return "bt2020c";
    default:
      return "bt2020nc";
  }
}

HdrLight light_on(const AVFrame& frame) {
  HdrLight light;
  const auto* display = av_frame_get_side_data(&frame, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA);
  if (display != nullptr) {
    light.display = *reinterpret_cast<const AVMasteringDisplayMetadata*>(display->data);
  }
  const auto* content = av_frame_get_side_data(&frame, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL);
  if (content != nullptr) {
    light.content = *reinterpret_cast<const AVContentLightMetadata*>(content->data);
  }
  return light;
}

HdrLight light_on(const AVStream& stream) {
  HdrLight light;
  const auto* display =
      av_stream_get_side_data(&stream, AV_PKT_DATA_MASTERING_DISPLAY_METADATA, nullptr);
  if (display != nullptr) {
    light.display = *reinterpret_cast<const AVMasteringDisplayMetadata*>(display);
  }
  const auto* content = av_stream_get_side_data(&stream, AV_PKT_DATA_CONTENT_LIGHT_LEVEL, nullptr);
  if (content != nullptr) {
    light.content = *reinterpret_cast<const AVContentLightMetadata*>(content);
  }
  return light;
}

FramePtr first_frame(Input& input, int stream) {
  auto decoder = open_decoder(input.stream(stream), 1);
  if (!decoder) return nullptr;
  FramePtr frame = make_frame();
  const auto received = [&] { return avcodec_receive_frame(decoder->get(), frame.get()) >= 0; };
  constexpr int kPackets = 64;
  for (int sent = 0; sent < kPackets;) {
    const PacketPtr packet = input.read();
    if (!packet) break;
    if (packet->stream_index != stream) continue;
    ++sent;
    avcodec_send_packet(decoder->get(), packet.get());
    if (received()) return frame;
  }
  avcodec_send_packet(decoder->get(), nullptr);
  return received() ? std::move(frame) : nullptr;
}

/// How an encoder wants to be told of a source's light.
struct LightForm {
  const char* display;
  const char* content;
  int digits;        // behind the point
  double place;      // factor of chromaticities
  double luminance;  // factor of cd/m2
};

std::string light_text(const HdrLight& light, const LightForm& form) {
  std::string out;
  char text[64];
  if (light.display && light.display->has_primaries && light.display->has_luminance) {
    const AVMasteringDisplayMetadata& d = *light.display;
    const auto pair = [&](const char* name, AVRational a, AVRational b, double factor) {
      std::snprintf(text, sizeof text, "%s(%.*f,%.*f)", name, form.digits, av_q2d(a) * factor,
                    form.digits, av_q2d(b) * factor);
      return std::string(text);
    };
    const auto& p = d.display_primaries;
    out += form.display;
    out += pair("G", p[1][0], p[1][1], form.place) + pair("B", p[2][0], p[2][1], form.place) +
           pair("R", p[0][0], p[0][1], form.place) +
           pair("WP", d.white_point[0], d.white_point[1], form.place) +
           pair("L", d.max_luminance, d.min_luminance, form.luminance);
  }
  if (light.content) {
    std::snprintf(text, sizeof text, "%s%u,%u", form.content, light.content->MaxCLL,
                  light.content->MaxFALL);
    out += text;
  }
  return out;
}

}  // namespace

bool is_hdr(AVColorTransferCharacteristic transfer) {
  return transfer == AVCOL_TRC_SMPTE2084 || transfer == AVCOL_TRC_ARIB_STD_B67;
}

// Light of 100 cd/m2 is white, what is brighter is rolled off by Hable's curve.
std::string tone_map_filters(const ColourTags& source, AVPixelFormat to) {
  const char* depth = av_get_pix_fmt_name(to);
  return std::string("zscale=tin=") + transfer_name(source.transfer) +
         ":pin=bt2020:min=" + matrix_name(source.space) +
         ":rin=tv:t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,"
         "tonemap=tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,format=" +
         depth;
}

// The numbers are those of ITU-T H.273, in both libraries. What lies outside of BT.709 is cut off
// in RGB, where that keeps the hue better.
std::string matrix_filters(const ColourTags& source, AVPixelFormat to) {
  const bool is_wider = source.primaries == AVCOL_PRI_BT2020;
  const std::string from = "zscale=tin=" + std::to_string(source.transfer) +
                           ":min=" + std::to_string(source.space) +
                           ":pin=" + std::to_string(source.primaries) + ":rin=tv:t=bt709:p=bt709";
  return from + (is_wider ? ":m=gbr:r=pc,format=gbrp12,zscale=m=bt709:r=tv" : ":m=bt709:r=tv") +
         ",format=" + av_get_pix_fmt_name(to);
}

Result<FramePtr> as_sdr(FramePtr frame) {
  if (!is_hdr(frame->color_trc)) return frame;
  const ColourTags tags{frame->color_primaries, frame->color_trc, frame->colorspace};
  return filtered(*frame, tone_map_filters(tags, AV_PIX_FMT_YUV420P));
}

HdrLight light_of(const Input& input, int stream) {
  auto again = Input::open(input.fd());
  if (!again) return {};
  HdrLight light = light_on(again->stream(stream));
  if (const FramePtr frame = first_frame(*again, stream)) {
    const HdrLight own = light_on(*frame);
    if (own.display) light.display = own.display;
    if (own.content) light.content = own.content;
  }
  return light;
}

std::string x265_light(const HdrLight& light) {
  // Chromaticity in steps of 0.00002 and luminance in steps of 0.0001 cd/m2, as SEI messages count.
  return light_text(light, {":master-display=", ":max-cll=", 0, 50'000, 10'000});
}

std::string svt_light(const HdrLight& light) {
  return light_text(light, {":mastering-display=", ":content-light=", 4, 1, 1});
}

}  // namespace telecine::media
