#include "media/nal_units.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/crypto.h"

namespace telecine::media {
namespace {

Bytes joined(std::initializer_list<Bytes> units) {
  Bytes out;
  for (const Bytes& unit : units) {
    out.insert(out.end(), {0, 0, 0, 1});
    out.insert(out.end(), unit.begin(), unit.end());
  }
  return out;
}

Bytes copy_of(BytesView view) {
  return {view.begin(), view.end()};
}

TEST(NalUnits, UnitsAreFoundBehindShortAndLongStartCodes) {
  const Bytes stream{0, 0, 1, 0x65, 7, 0, 0, 0, 1, 0x41, 8, 0, 0, 3, 1, 0, 0, 1};
  const auto units = nal_units(stream);
  ASSERT_EQ(units.size(), 2U);
  EXPECT_EQ(copy_of(units[0]), (Bytes{0x65, 7}));
  EXPECT_EQ(copy_of(units[1]), (Bytes{0x41, 8, 0, 0, 3, 1}));
  EXPECT_TRUE(nal_units(Bytes{1, 2, 3}).empty());
  EXPECT_TRUE(nal_units({}).empty());
}

TEST(NalUnits, AGroupStartsAsItsFirstPictureSays) {
  EXPECT_EQ(group_start(AV_CODEC_ID_H264, joined({{0x67, 1}, {0x65, 1}})), GroupStart::kClosed);
  EXPECT_EQ(group_start(AV_CODEC_ID_H264, joined({{0x06, 1}, {0x41, 1}})), GroupStart::kNone);
  EXPECT_EQ(group_start(AV_CODEC_ID_HEVC, joined({{0x40, 1}, {19 << 1, 1}})), GroupStart::kClosed);
  EXPECT_EQ(group_start(AV_CODEC_ID_HEVC, joined({{21 << 1, 1, 9}})), GroupStart::kOpen);
  EXPECT_EQ(group_start(AV_CODEC_ID_HEVC, {}), GroupStart::kNone);
}

TEST(NalUnits, AKeyframeThatIsWholeLaterIsNoStart) {
  AVCodecParameters codec{};
  const auto is_start = [&](AVCodecID id, const Bytes& bytes, int flags = AV_PKT_FLAG_KEY) {
    codec.codec_id = id;
    const PacketPtr packet = make_packet();
    EXPECT_EQ(av_new_packet(packet.get(), static_cast<int>(bytes.size())), 0);
    std::ranges::copy(bytes, packet->data);
    packet->flags = flags;
    return is_whole_start(*packet, codec);
  };
  const Bytes slice{0x41, 9};
  const Bytes at_once{6, 6, 1, 0x84, 0x80};
  const Bytes after_9{6, 5, 2, 0xff, 0xff, 6, 1, 0x14, 0x80};
  EXPECT_TRUE(is_start(AV_CODEC_ID_H264, joined({{0x65, 1}})));
  EXPECT_TRUE(is_start(AV_CODEC_ID_H264, joined({at_once, slice})));
  EXPECT_FALSE(is_start(AV_CODEC_ID_H264, joined({after_9, slice})));
  EXPECT_FALSE(is_start(AV_CODEC_ID_H264, joined({{0x65, 1}}), 0));
  EXPECT_TRUE(is_start(AV_CODEC_ID_MPEG2VIDEO, joined({after_9, slice})));
  // Cut off anywhere, it is passed over.
  for (std::size_t size = 0; size < after_9.size() - 2; ++size) {
    EXPECT_TRUE(is_start(
        AV_CODEC_ID_H264,
        joined({Bytes(after_9.begin(), after_9.begin() + static_cast<std::ptrdiff_t>(size))})));
  }
}

TEST(NalUnits, AnOpenGroupIsClosedByItsTypeAlone) {
  Bytes picture = joined({{35 << 1, 1}, {21 << 1, 1, 0xaf, 2}, {21 << 1, 1, 0x2f}});
  make_closed(picture);
  EXPECT_EQ(picture, joined({{35 << 1, 1}, {18 << 1, 1, 0xaf, 2}, {18 << 1, 1, 0x2f}}));
}

TEST(NalUnits, PicturesOfH265PointToTheirOwnSetsAndKeepTheirData) {
  // A trailing picture: first slice, picture set 0; then data with a byte against start codes.
  const Bytes slice{1 << 1, 1, 0xd5, 0x12, 0, 0, 3, 1, 0x80};
  const auto own = renumbered_h265(joined({slice}));
  ASSERT_TRUE(own);
  const auto units = nal_units(*own);
  ASSERT_EQ(units.size(), 1U);
  // 1, then 16 as 000010001, then what followed the old number: a whole byte later.
  EXPECT_EQ(copy_of(units[0]), (Bytes{1 << 1, 1, 0x84, 0x55, 0x12, 0, 0, 3, 1, 0x80}));
  EXPECT_FALSE(renumbered_h265(joined({{1 << 1, 1, 0x20}})));  // not number 0
}

TEST(NalUnits, NumbersInUseAreSeen) {
  // Picture set 0 of sequence set 0; then set 31 (000000100000) of sequence set 0.
  EXPECT_FALSE(has_sets(AV_CODEC_ID_H264, joined({{0x68, 0xc0}}), 31, 31));
  EXPECT_TRUE(has_sets(AV_CODEC_ID_H264, joined({{0x68, 0x04, 0x18}}), 31, 31));
  EXPECT_TRUE(has_sets(AV_CODEC_ID_H264, joined({{0x68, 0xc0}}), 0, 31));
}

TEST(NalUnits, LengthsBecomeStartCodesAndMustAddUp) {
  const auto packet_of = [](const Bytes& bytes) {
    PacketPtr packet = make_packet();
    EXPECT_EQ(av_new_packet(packet.get(), static_cast<int>(bytes.size())), 0);
    std::ranges::copy(bytes, packet->data);
    packet->pts = 7;
    return packet;
  };
  const auto made = with_start_codes(*packet_of({0, 2, 0x65, 1, 0, 1, 0x41}), 2);
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)->pts, 7);
  EXPECT_EQ(copy_of({(*made)->data, static_cast<std::size_t>((*made)->size)}),
            joined({{0x65, 1}, {0x41}}));
  EXPECT_FALSE(with_start_codes(*packet_of({0, 9, 0x65}), 2));
  EXPECT_FALSE(with_start_codes(*packet_of({0xff, 0xff, 0xff, 0xff, 1}), 4));
}

TEST(NalUnits, ASequenceSetTellsWhetherThereMayBeFields) {
  const auto set = [](const char* hexadecimal) {
    const auto bytes = unhex(hexadecimal);
    return Bytes(bytes->begin(), bytes->end());
  };
  // By x264: High, High interlaced, Baseline.
  EXPECT_FALSE(may_have_fields(set("6764000cacd941419f9f011000000300100000030320f1429960")));
  EXPECT_TRUE(may_have_fields(set("67640015acd941433f260220000003002000000643e28532c0")));
  EXPECT_FALSE(may_have_fields(set("6742c00cd901419f9f011000000300100000030320f142a480")));
  // With scaling lists, one of them cut short, and the first order type.
  EXPECT_FALSE(may_have_fields(set("6764000cad98c6318c6318c6318c634220508da3a05066")));
  EXPECT_TRUE(may_have_fields(set("6764000cad98c6318c6318c6318c634220508da3a05062")));
  EXPECT_TRUE(may_have_fields(set("6764000cac")));
  EXPECT_TRUE(may_have_fields({}));
}

}  // namespace
}  // namespace telecine::media
