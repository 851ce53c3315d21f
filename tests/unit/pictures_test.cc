#include <gtest/gtest.h>

#include "media/font_choice.h"
#include "media/font_files.h"
#include "media/frame_grid.h"
#include "media/loudness.h"
#include "media/treatment.h"
#include "task/output.h"
#include "task/spec.h"

namespace telecine::media {
namespace {

constexpr Dimensions kHd{1920, 1080};

PictureSize box(int width, int height, Fit fit) {
  return {.width = width, .height = height, .fit = fit};
}

TEST(Treatment, FitsInsideAsBefore) {
  const auto made = treatment_of({.short_side = 720}, {}, kHd);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->size, (Dimensions{1280, 720}));
  EXPECT_EQ(made->scaled, made->size);
  EXPECT_TRUE(made->window.is_whole());
  EXPECT_FALSE(made->turns() || made->pads());
}

TEST(Treatment, CropsEvenlyToTheShapeAskedFor) {
  const auto made = treatment_of(box(1000, 1000, Fit::kCrop), {}, kHd);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->size, (Dimensions{1000, 1000}));
  EXPECT_NEAR(made->window.width, 0.5625, 1e-9);
  EXPECT_NEAR(made->window.x, 0.21875, 1e-9);
  EXPECT_EQ(made->window.height, 1);
}

TEST(Treatment, PadsWhatIsTurnedFirst) {
  Framing framing;
  framing.rotate = 90;
  const auto made = treatment_of(box(1000, 1000, Fit::kPad), framing, kHd);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->inner, (Dimensions{562, 1000}));
  EXPECT_EQ(made->scaled, (Dimensions{1000, 562}));
  EXPECT_EQ(made->size, (Dimensions{1000, 1000}));
  EXPECT_EQ(turning_filters(*made), "transpose=clock");
}

TEST(Treatment, RefusesACropOutsideOfThePicture) {
  Framing framing;
  framing.crop = Area{{1919, false}, {}, {}, {}};
  const auto made = treatment_of({}, framing, kHd);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kInvalidParameter);
}

TEST(Treatment, ACropReachesAtMostToTheEdge) {
  Framing framing;
  framing.crop = Area{{50, true}, {540, false}, {1920, false}, {}};
  const auto made = treatment_of({}, framing, kHd);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->window, (Window{0.5, 0.5, 0.5, 0.5}));
  EXPECT_EQ(made->size, (Dimensions{960, 540}));
}

/// The places at which pictures shown from these moments (ms) stand, by picture.
std::vector<std::vector<Millis>> on_grid(AVRational rate, const std::vector<Millis>& moments,
                                         Millis end) {
  FrameGrid grid(rate);
  std::vector<std::vector<Millis>> out;
  const auto note = [&](const std::optional<FrameGrid::Shown>& shown) {
    if (!shown) return;
    auto& places = out.emplace_back();
    for (const Ticks at : shown->places) places.push_back(ticks_to_ms(at));
  };
  for (const Millis moment : moments) {
    FramePtr frame = make_frame();
    frame->pts = ms_to_ticks(moment);
    note(grid.take(std::move(frame)));
  }
  note(grid.finish(ms_to_ticks(end)));
  return out;
}

TEST(FrameGrid, ShowsAgainAndLeavesOut) {
  EXPECT_EQ(on_grid({10, 1}, {0, 200, 500}, 600),
            (std::vector<std::vector<Millis>>{{0, 100}, {200, 300, 400}, {500}}));
  EXPECT_EQ(on_grid({5, 1}, {0, 100, 200, 300}, 400),
            (std::vector<std::vector<Millis>>{{0}, {}, {200}, {}}));
}

TEST(FrameGrid, BeginsAtThePlaceOfTheFirstPictureAndHasAtLeastThatOne) {
  EXPECT_EQ(on_grid({10, 1}, {270}, 275), (std::vector<std::vector<Millis>>{{200}}));
  EXPECT_EQ(on_grid({10, 1}, {295}, 299), (std::vector<std::vector<Millis>>{{300}}));
  EXPECT_EQ(on_grid({10, 1}, {70, 169, 270}, 370),
            (std::vector<std::vector<Millis>>{{0, 100}, {200}, {300}}));
}

TEST(FrameGrid, IsTheSameWhereverOneBegins) {
  const std::vector<Millis> moments{0, 33, 67, 100, 133, 167, 200, 233, 267, 300};
  const auto all = on_grid({25, 1}, moments, 333);
  for (std::size_t skipped = 1; skipped < 8; ++skipped) {
    const auto rest = on_grid({25, 1}, {moments.begin() + skipped, moments.end()}, 333);
    for (std::size_t i = 1; i < rest.size(); ++i) EXPECT_EQ(rest[i], all[i + skipped]);
  }
}

TEST(Loudness, OneFactorUntilPeaksGoOver) {
  Loudness measured;
  measured.integrated = -30;
  measured.true_peak = -10;
  EXPECT_EQ(levelling_for(-23, measured).factor, 7);
  EXPECT_FALSE(levelling_for(-23, measured).limits);
  EXPECT_TRUE(levelling_for(-16, measured).limits);
}

TEST(FontChoice, NamesAFamilyOnlyForWhatTheUsualOneLacks) {
  load_font_files();
  const FontChoice fonts;
  const std::string front = "0,0,Default,,0,0,0,,";
  EXPECT_EQ(fonts.with_families(front + "plain {\\i1}text{\\i0}\\Nhere"),
            front + "plain {\\i1}text{\\i0}\\Nhere");
  ASSERT_GE(font_files().size(), 3U) << "scripts/packages.sh names the fonts";
  const std::string mixed = fonts.with_families(front + "a \xE5\xAD\x97 b");
  EXPECT_NE(mixed.find("a {\\fn"), std::string::npos) << mixed;
  EXPECT_NE(mixed.find("{\\fn}b"), std::string::npos) << mixed;
}

TEST(PictureOptions, SurviveTheirDocument) {
  const auto value = parse_json(R"({"name":"v","type":"video","container":"mkv",
    "video":{"codec":"h265","width":100,"height":50,"fit":"pad","background":"#102030",
      "crop":{"x":"10%","width":320},"rotate":270,"flip":"vertical","frame_rate":29.97,
      "pixel_depth":10,"hdr":"keep","deinterlace":"on",
      "watermarks":[{"image":"file://r/a.png","corner":"centre","x":-4,"width":"12.5%",
        "opacity":0.5,"start":1.5,"end":2}],
      "subtitles":{"language":"en","size":30,"colour":"#ffee00"}},
    "audio":{"gain":-3.5,"loudness":true}})");
  ASSERT_TRUE(value);
  const auto spec = output_spec_from(*value, "");
  ASSERT_TRUE(spec) << spec.error().field << spec.error().message;
  const auto again = output_spec_from(to_json(*spec), "");
  ASSERT_TRUE(again) << again.error().field << again.error().message;
  EXPECT_EQ(spec->renditions, again->renditions);
  EXPECT_EQ(spec->renditions.front().audio->loudness, -23);
  EXPECT_EQ(assets_of({*spec, *again}), std::vector<std::string>{"file://r/a.png"});
}

}  // namespace
}  // namespace telecine::media
