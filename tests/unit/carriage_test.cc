// How streams are put into containers, and pictures into sheets, where libav leaves it to us.

#include <gtest/gtest.h>

#include "media/copy.h"
#include "media/hevc_in_flv.h"
#include "media/still.h"

namespace telecine::media {
namespace {

PacketPtr packet_of(const std::vector<std::uint8_t>& bytes) {
  PacketPtr packet = make_packet();
  EXPECT_GE(av_new_packet(packet.get(), static_cast<int>(bytes.size())), 0);
  std::copy(bytes.begin(), bytes.end(), packet->data);
  packet->pts = 7;
  return packet;
}

TEST(HevcInFlv, StartCodesOfBothLengthsBecomeLengths) {
  const auto made = with_lengths(packet_of({0, 0, 0, 1, 0x40, 1, 9, 0, 0, 1, 0x42, 1, 0, 0, 3, 5}));
  ASSERT_TRUE(made);
  const std::vector<std::uint8_t> got((*made)->data, (*made)->data + (*made)->size);
  EXPECT_EQ(got,
            (std::vector<std::uint8_t>{0, 0, 0, 3, 0x40, 1, 9, 0, 0, 0, 6, 0x42, 1, 0, 0, 3, 5}));
  EXPECT_EQ((*made)->pts, 7);
}

TEST(HevcInFlv, ARecordIsMadeOfParameterSetsAndARecordPasses) {
  std::vector<std::uint8_t> sets = {0, 0, 0, 1, 0x40, 1, 0xAA, 0, 0, 0, 1, 0x42, 1, 1};
  const std::vector<std::uint8_t> ptl = {1, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 0x3C};
  sets.insert(sets.end(), ptl.begin(), ptl.end());
  sets.insert(sets.end(), {0xA0, 0, 0, 0, 1, 0x44, 1, 0xC1});
  AVCodecParameters codec{};
  codec.format = AV_PIX_FMT_YUV420P;
  codec.extradata = sets.data();
  codec.extradata_size = static_cast<int>(sets.size());
  const auto record = hevc_record(codec);
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ((*record)[0], 1);
  EXPECT_EQ((*record)[1], 1);      // profile Main
  EXPECT_EQ((*record)[12], 0x3C);  // level 2, emulation prevention taken out
  EXPECT_EQ((*record)[21], 0x0F);
  EXPECT_EQ((*record)[22], 3);

  std::vector<std::uint8_t> own = *record;
  codec.extradata = own.data();
  codec.extradata_size = static_cast<int>(own.size());
  EXPECT_EQ(*hevc_record(codec), own);

  codec.extradata = sets.data();
  codec.extradata_size = static_cast<int>(sets.size());
  codec.format = AV_PIX_FMT_YUV420P10LE;
  EXPECT_EQ(hevc_record(codec).error().code, ErrorCode::kUnsupported);
}

TEST(Copies, FitWhatTheContainerIsKnownToHold) {
  AVCodecParameters codec{};
  AVStream stream{};
  stream.codecpar = &codec;
  const auto fits = [&](AVCodecID id, const char* muxer) {
    codec.codec_id = id;
    return !cannot_copy(stream, muxer);
  };
  EXPECT_TRUE(fits(AV_CODEC_ID_H264, "mp4"));
  EXPECT_TRUE(fits(AV_CODEC_ID_MP3, "mp3"));
  EXPECT_TRUE(fits(AV_CODEC_ID_OPUS, "ogg"));
  EXPECT_TRUE(fits(AV_CODEC_ID_FLAC, "ogg"));
  EXPECT_TRUE(fits(AV_CODEC_ID_HEVC, "flv"));
  EXPECT_TRUE(fits(AV_CODEC_ID_HEVC, "mpegts"));
  EXPECT_FALSE(fits(AV_CODEC_ID_H264, "webm"));
  EXPECT_FALSE(fits(AV_CODEC_ID_VP9, "mpegts"));
  EXPECT_FALSE(fits(AV_CODEC_ID_NONE, "mp4"));
}

OutputSpec sprites(std::string_view fields) {
  const std::string text = R"({"type":"sprites")" + std::string(fields) + "}";
  return *output_spec_from(*parse_json(text), "");
}

TEST(Sprites, HaveAtLeastOnePictureAndAtMostWhatSheetsHold) {
  EXPECT_EQ(moments_of(sprites(R"(,"every":604800)"), 500)->size(), 1U);
  EXPECT_EQ(moments_of(sprites(""), 25'000)->size(), 3U);
  constexpr Millis kHour = 3'600'000;
  EXPECT_EQ(moments_of(sprites(R"(,"every":0.1)"), kHour)->size(), 36'000U);
  const auto loose = moments_of(sprites(R"(,"every":0.1,"columns":1,"rows":1)"), kHour);
  ASSERT_FALSE(loose);
  EXPECT_NE(loose.error().message.find("sheets"), std::string::npos);
}

TEST(Sprites, SidesAreEven) {
  const auto odd = output_spec_from(*parse_json(R"({"type":"sprites","width":161})"), "");
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().field, "width");
}

}  // namespace
}  // namespace telecine::media
