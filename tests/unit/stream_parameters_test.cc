#include "media/stream_parameters.h"

#include <gtest/gtest.h>

#include <string>

namespace telecine::media {
namespace {

/// Bytes of a text of bits; blanks do not count.
Bytes packed(const std::string& bits) {
  Bytes out;
  int count = 0;
  for (const char bit : bits) {
    if (bit == ' ') continue;
    if (count++ % 8 == 0) out.push_back(0);
    if (bit == '1') out.back() |= static_cast<std::uint8_t>(0x80U >> (count - 1) % 8);
  }
  return out;
}

// Marker, profile 0, not an old frame, key, shown, not resilient; sync code; BT.709, limited range.
const std::string kKey = "10 0 0 0 0 1 0 01001001 10000011 01000010 010 0";
// Not a key; no reset, nothing refreshed, three references.
const std::string kInter = "10 0 0 0 1 1 0 00 00000000 000000000000";
// 352 x 288, less 1 each.
const std::string kSize = "0000000101011111 0000000100011111";

using Size = std::pair<unsigned, unsigned>;

TEST(Vp9, KeysStateTheirSize) {
  const auto size = vp9_size(packed(kKey + kSize));
  ASSERT_TRUE(size && *size);
  EXPECT_EQ(**size, Size(352, 288));
}

TEST(Vp9, OtherFramesTakeAnothersSizeOrStateOne) {
  const auto taken = vp9_size(packed(kInter + "001"));
  ASSERT_TRUE(taken);
  EXPECT_FALSE(*taken);
  const auto stated = vp9_size(packed(kInter + "000" + kSize));
  ASSERT_TRUE(stated && *stated);
  EXPECT_EQ(**stated, Size(352, 288));
  const auto shown_again = vp9_size(packed("10 0 0 1 000"));
  ASSERT_TRUE(shown_again);
  EXPECT_FALSE(*shown_again);
}

TEST(Vp9, WhatIsNoHeaderIsSaid) {
  EXPECT_FALSE(vp9_size(packed("00000000")));
  EXPECT_FALSE(vp9_size(packed("10 0 0 0 0 1 0 00000000 00000000 00000000")));
  EXPECT_FALSE(vp9_size({}));
  EXPECT_FALSE(vp9_size(packed(kInter)));
}

TEST(Vp9, PacketsOfSeveralFramesAreTakenApart) {
  const Bytes index = {0xc9, 3, 0, 2, 0, 0xc9};  // two frames, sizes of two bytes
  Bytes packet = {1, 2, 3, 4, 5};
  packet.insert(packet.end(), index.begin(), index.end());
  const auto frames = vp9_frames(packet);
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(Bytes(frames[0].begin(), frames[0].end()), (Bytes{1, 2, 3}));
  EXPECT_EQ(Bytes(frames[1].begin(), frames[1].end()), (Bytes{4, 5}));
  // An index that claims more than there is.
  packet[6] = 200;
  EXPECT_TRUE(vp9_frames(packet).empty());
  EXPECT_EQ(vp9_frames(Bytes{0xc9}).size(), 1U);
}

}  // namespace
}  // namespace telecine::media
