#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "media/pipeline.h"
#include "media/probe.h"
#include "media/span.h"
#include "media/still.h"
#include "media/synth.h"

namespace telecine::media {
namespace {

/// Files in memory, by name.
class MemoryFiles final : public OutputFiles {
 public:
  Result<Fd> create(const std::string& name) override {
    Fd file(::memfd_create(name.c_str(), MFD_CLOEXEC));
    Fd ours(::dup(file.get()));
    files_.insert_or_assign(name, std::move(ours));
    return file;
  }
  int fd(const std::string& name) const {
    const auto at = files_.find(name);
    return at == files_.end() ? -1 : at->second.get();
  }
  std::string text(const std::string& name) const {
    const auto size = file_size(fd(name));
    std::string out(static_cast<std::size_t>(size.value_or(0)), '\0');
    EXPECT_EQ(::pread(fd(name), out.data(), out.size(), 0), static_cast<ssize_t>(out.size()));
    return out;
  }

 private:
  std::map<std::string, Fd> files_;
};

/// The synthesised clip: its first picture in every second is white. Made once for each length.
int clip(double seconds) {
  static MemoryFiles files;
  const std::string name = std::to_string(seconds) + ".mp4";
  if (files.fd(name) >= 0) return files.fd(name);
  SynthOptions options;
  options.seconds = seconds;
  options.width = 160;
  options.height = 120;
  const auto ok = synthesise(options, files, name);
  EXPECT_TRUE(ok) << ok.error().message;
  return files.fd(name);
}
constexpr double kShort = 6;
constexpr Millis kFrame = 40;

struct Outcome {
  MemoryFiles files;
  Made made;
};

/// Runs a job of outputs given as JSON.
Outcome run_outputs(int input, std::string_view outputs) {
  Outcome out;
  Job job;
  job.threads = 2;
  const auto list = parse_json(outputs);
  for (const auto& each : list->as_array()) {
    auto spec = output_spec_from(each, "");
    EXPECT_TRUE(spec) << spec.error().field << ": " << spec.error().message;
    if (spec) job.outputs.push_back(std::move(*spec));
  }
  Observer nobody;
  auto made = run(input, job, out.files, nobody);
  EXPECT_TRUE(made) << made.error().message;
  if (!made) return out;
  for (const MadeOutput& output : made->outputs) {
    if (output.error) continue;
    EXPECT_FALSE(output.files.empty());
    EXPECT_TRUE(output.facts);
  }
  out.made = std::move(*made);
  return out;
}

MediaFacts facts_of(const Outcome& outcome, const std::string& name) {
  auto facts = probe(outcome.files.fd(name));
  EXPECT_TRUE(facts) << name << ": " << facts.error().message;
  return facts.value_or(MediaFacts{});
}

/// Mean brightness of the picture shown at a time.
double brightness(int file, Millis at) {
  auto input = Input::open(file);
  EXPECT_TRUE(input);
  const MediaFacts facts = probe(*input);
  auto frame = grab_frame(*input, input->stream(facts.main_video()->index), at);
  EXPECT_TRUE(frame) << frame.error().message;
  double sum = 0;
  for (int y = 0; y < (*frame)->height; ++y) {
    const std::uint8_t* line =
        (*frame)->data[0] + static_cast<std::ptrdiff_t>(y) * (*frame)->linesize[0];
    sum = std::accumulate(line, line + (*frame)->width, sum);
  }
  return sum / (*frame)->width / (*frame)->height;
}
constexpr double kWhite = 200;

// --- codecs and containers ---

TEST(Encode, H265HasEveryPictureAndPlaysOnApplesPlayers) {
  const Outcome run = run_outputs(clip(kShort), R"([
    {"name":"v","video":{"codec":"h265","preset":"ultrafast"}}])");
  const MediaFacts facts = facts_of(run, "v.mp4");
  ASSERT_NE(facts.main_video(), nullptr);
  EXPECT_EQ(facts.main_video()->codec, "hevc");
  EXPECT_EQ(facts.main_video()->profile, "Main");
  EXPECT_EQ(facts.main_video()->pixel_format, "yuv420p");
  EXPECT_EQ(run.made.outputs[0].facts->main_video()->frames, 150);
  EXPECT_EQ(facts.main_video()->duration, 6000);
  EXPECT_EQ(facts.main_audio()->codec, "aac");
  EXPECT_NE(run.files.text("v.mp4").find("hvc1"), std::string::npos);
}

TEST(Encode, FlvHoldsH264WithAacOrMp3) {
  const Outcome run = run_outputs(clip(kShort), R"([
    {"name":"a","container":"flv","video":{"preset":"ultrafast"}},
    {"name":"b","container":"flv","video":{"preset":"ultrafast"},"audio":{"codec":"mp3"}}])");
  const MediaFacts aac = facts_of(run, "a.flv");
  const MediaFacts mp3 = facts_of(run, "b.flv");
  for (const MediaFacts* facts : {&aac, &mp3}) {
    EXPECT_EQ(facts->container, "flv");
    EXPECT_EQ(facts->main_video()->codec, "h264");
    // Times begin at 0 with the first decoding time, so that reordering comes on top.
    EXPECT_NEAR(static_cast<double>(facts->duration), 6000, 3 * kFrame);
  }
  EXPECT_EQ(aac.main_audio()->codec, "aac");
  EXPECT_EQ(mp3.main_audio()->codec, "mp3");
  EXPECT_EQ(mp3.main_audio()->sample_rate, 44'100);
  EXPECT_EQ(run.made.outputs[0].files[0].type, "video/x-flv");
  // Players find keyframes without reading the whole file.
  EXPECT_NE(run.files.text("a.flv").substr(0, 4096).find("keyframes"), std::string::npos);
}

TEST(Encode, SoundAloneGoesIntoM4aAndMp3) {
  const Outcome run = run_outputs(clip(kShort), R"([
    {"name":"a","container":"m4a"},{"name":"b","container":"mp3","audio":{"bitrate":96000}}])");
  const MediaFacts m4a = facts_of(run, "a.m4a");
  EXPECT_TRUE(m4a.video.empty());
  EXPECT_EQ(m4a.main_audio()->codec, "aac");
  EXPECT_NEAR(static_cast<double>(m4a.duration), 6000, 25);
  EXPECT_EQ(run.files.text("a.m4a").substr(4, 7), "ftypM4A");
  const MediaFacts mp3 = facts_of(run, "b.mp3");
  EXPECT_EQ(mp3.container, "mp3");
  EXPECT_TRUE(mp3.video.empty());
  EXPECT_EQ(mp3.main_audio()->codec, "mp3");
  EXPECT_EQ(mp3.main_audio()->bitrate, 96'000);
  // Known from the frame count in front, which is patched at the end.
  EXPECT_NEAR(static_cast<double>(mp3.duration), 6000, 60);
  EXPECT_EQ(run.made.outputs[1].files[0].type, "audio/mpeg");
}

// --- HLS ---

TEST(Hls, TransportStreamSegmentsStandAloneAndGoOnWhereTheLastOneEnded) {
  const Outcome run = run_outputs(clip(kShort), R"([
    {"name":"h","type":"hls","segments":"ts","segment":2,
     "renditions":[{"name":"a","video":{"preset":"ultrafast"}}]}])");
  const std::string playlist = run.files.text("h/a/index.m3u8");
  EXPECT_EQ(playlist.find("EXT-X-MAP"), std::string::npos);
  EXPECT_NE(playlist.find("#EXTINF:2.000000,\nseg-00002.ts\n"), std::string::npos);
  EXPECT_NE(playlist.find("seg-00003.ts\n#EXT-X-ENDLIST"), std::string::npos);
  EXPECT_NE(run.files.text("h/master.m3u8").find("mp4a.40.2"), std::string::npos);
  EXPECT_NE(run.files.text("h/master.m3u8").find("avc1."), std::string::npos);
  EXPECT_EQ(run.files.fd("h/a/init.mp4"), -1);
  Millis due = 10'000;
  for (const char* name : {"h/a/seg-00001.ts", "h/a/seg-00002.ts", "h/a/seg-00003.ts"}) {
    const std::string bytes = run.files.text(name);
    ASSERT_GT(bytes.size(), 3 * 188U);
    EXPECT_EQ(bytes.size() % 188, 0U);
    // The program tables come first: service description, association (PID 0) and map.
    const auto pid = [&](std::size_t packet) {
      return (bytes[packet * 188 + 1] & 0x1F) << 8 |
             static_cast<std::uint8_t>(bytes[packet * 188 + 2]);
    };
    const std::vector<int> first{pid(0), pid(1), pid(2)};
    EXPECT_NE(std::ranges::find(first, 0), first.end());
    EXPECT_NE(std::ranges::find(first, 0x1000), first.end());
    const MediaFacts facts = facts_of(run, name);
    ASSERT_NE(facts.main_video(), nullptr) << name;
    ASSERT_NE(facts.main_audio(), nullptr) << name;
    EXPECT_NEAR(static_cast<double>(facts.main_video()->start), static_cast<double>(due), 2);
    due += 2000;
  }
  const MediaFacts& whole = *run.made.outputs[0].facts;
  EXPECT_EQ(whole.main_video()->frames, 150);
  EXPECT_NEAR(static_cast<double>(whole.duration), 6000, 22);  // the sound ends with a whole frame
  EXPECT_EQ(run.made.outputs[0].files.back().type, "video/mp2t");
}

TEST(Hls, H265IsNamedAsAppleNamesIt) {
  const Outcome run = run_outputs(clip(kShort), R"([
    {"name":"h","type":"hls","segment":2,"renditions":[{"name":"a","video":{"codec":"h265",
     "preset":"ultrafast"}}]}])");
  EXPECT_NE(run.files.text("h/master.m3u8").find("CODECS=\"hvc1.1.6.L"), std::string::npos);
  // Keyframes stand where H.264's do.
  EXPECT_NE(run.files.text("h/a/index.m3u8").find("#EXTINF:2.000000,\nseg-00002.m4s"),
            std::string::npos);
}

// --- parts of a source ---

TEST(Parts, AreCutToTheFrameAndBeginAtZero) {
  const Outcome run = run_outputs(clip(kShort), R"([
    {"name":"a","start":2,"end":4.4,"video":{"preset":"ultrafast","crf":15}},
    {"name":"b","start":2.04,"end":4.4,"video":{"preset":"ultrafast","crf":15}}])");
  const MediaFacts facts = facts_of(run, "a.mp4");
  EXPECT_EQ(run.made.outputs[0].facts->main_video()->frames, 60);
  EXPECT_EQ(facts.main_video()->duration, 2400);
  EXPECT_EQ(facts.main_video()->start, 0);
  EXPECT_NEAR(static_cast<double>(facts.main_audio()->duration), 2400, 1);
  EXPECT_EQ(run.made.outputs[1].facts->main_video()->frames, 59);
  EXPECT_GT(brightness(run.files.fd("a.mp4"), 0), kWhite);
  EXPECT_GT(brightness(run.files.fd("a.mp4"), 1000), kWhite);
  EXPECT_LT(brightness(run.files.fd("b.mp4"), 0), kWhite);
  EXPECT_GT(brightness(run.files.fd("b.mp4"), 960), kWhite);
}

TEST(Parts, SideBySideShareOutThePicturesOfTheSource) {
  const Outcome run = run_outputs(clip(kShort), R"([
    {"name":"a","end":1.23,"video":{"preset":"ultrafast"}},
    {"name":"b","start":1.23,"end":-2.71,"video":{"preset":"ultrafast"}},
    {"name":"c","start":-2.71,"video":{"preset":"ultrafast"}}])");
  std::int64_t frames = 0;
  Millis length = 0;
  for (const MadeOutput& output : run.made.outputs) {
    ASSERT_FALSE(output.error) << output.error->message;
    frames += output.facts->main_video()->frames;
    length += output.facts->main_video()->duration;
    EXPECT_EQ(output.facts->main_video()->start, 0);
  }
  EXPECT_EQ(frames, 150);
  EXPECT_NEAR(static_cast<double>(length), 6000, 3);
}

TEST(Parts, FarIntoALongSourceAreReachedBySeekingAndStayExact) {
  const Outcome run = run_outputs(clip(30), R"([
    {"name":"v","start":21,"end":23,"video":{"preset":"ultrafast","crf":15}},
    {"name":"s","container":"mp3","start":22,"end":23},
    {"name":"h","type":"hls","segments":"ts","start":-8,"end":-2,
     "renditions":[{"video":{"preset":"ultrafast"}}]},
    {"name":"c","type":"cover","at":25}])");
  EXPECT_EQ(run.made.outputs[0].facts->main_video()->frames, 50);
  EXPECT_EQ(facts_of(run, "v.mp4").duration, 2000);
  EXPECT_GT(brightness(run.files.fd("v.mp4"), 0), kWhite);
  EXPECT_LT(brightness(run.files.fd("v.mp4"), kFrame), kWhite);
  EXPECT_NEAR(static_cast<double>(facts_of(run, "s.mp3").duration), 1000, 60);
  EXPECT_EQ(run.made.outputs[2].facts->main_video()->frames, 150);
  EXPECT_EQ(run.made.outputs[2].facts->duration, 6000);
  EXPECT_GT(brightness(run.files.fd("c.jpg"), 0), kWhite);
}

TEST(Parts, BeyondTheSourceFailAlone) {
  const Outcome run = run_outputs(clip(kShort), R"([
    {"name":"a","start":7,"video":{"preset":"ultrafast"}},
    {"name":"b","start":5,"end":60,"video":{"preset":"ultrafast"}}])");
  ASSERT_TRUE(run.made.outputs[0].error);
  EXPECT_EQ(run.made.outputs[0].error->code, ErrorCode::kUnsupported);
  EXPECT_NE(run.made.outputs[0].error->message.find("7.000 s"), std::string::npos);
  ASSERT_FALSE(run.made.outputs[1].error);
  EXPECT_EQ(run.made.outputs[1].facts->main_video()->frames, 25);
}

TEST(Parts, CountNegativeTimesFromTheEnd) {
  OutputSpec spec;
  spec.start = -10'000;
  spec.end = -1500;
  EXPECT_EQ(*part_of(spec, 60'000), (Part{50'000, 58'500}));
  EXPECT_EQ(*part_of(spec, 5000), (Part{0, 3500}));
  EXPECT_FALSE(part_of(spec, 0));
  spec = {};
  spec.start = 4000;
  spec.end = -4000;
  EXPECT_FALSE(part_of(spec, 8000));
  spec.end = 9000;
  EXPECT_EQ(*part_of(spec, 8000), (Part{4000, 0}));
}

FramePtr frame_at(Ticks at, Ticks shown) {
  FramePtr frame = make_frame();
  frame->pts = at;
  frame->pkt_duration = shown;
  return frame;
}

TEST(PictureCut, LongPicturesAreShownOnBothSidesOfACut) {
  // Slides: pictures of ten seconds.
  constexpr Ticks kSlide = 10 * kTicksPerSecond;
  PictureCut cut(Span{17 * kTicksPerSecond, 32 * kTicksPerSecond});
  std::vector<FramePtr> out;
  for (int i = 0; i < 5; ++i) {
    for (auto& each : cut.take(frame_at(i * kSlide, kSlide))) out.push_back(std::move(each));
  }
  EXPECT_TRUE(cut.finish().empty());
  ASSERT_EQ(out.size(), 3U);
  EXPECT_EQ(out[0]->pts, 0);
  EXPECT_EQ(out[0]->pkt_duration, 3 * kTicksPerSecond);
  EXPECT_EQ(out[1]->pts, 3 * kTicksPerSecond);
  EXPECT_EQ(out[2]->pts, 13 * kTicksPerSecond);
  EXPECT_EQ(out[2]->pkt_duration, 2 * kTicksPerSecond);
  EXPECT_EQ(cut.reached(), 15 * kTicksPerSecond);
}

TEST(PictureCut, APictureThatStaysLongerThanItSaysIsStillThere) {
  constexpr Ticks kNominal = kTicksPerSecond / 25;
  PictureCut cut(Span{6 * kTicksPerSecond, 9 * kTicksPerSecond});
  EXPECT_TRUE(cut.take(frame_at(0, kNominal)).empty());
  const auto out = cut.take(frame_at(8 * kTicksPerSecond, kNominal));
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0]->pts, 0);
  EXPECT_EQ(out[0]->pkt_duration, 2 * kTicksPerSecond);
  EXPECT_EQ(out[1]->pts, 2 * kTicksPerSecond);

  PictureCut empty(Span{6 * kTicksPerSecond, 8 * kTicksPerSecond});
  EXPECT_TRUE(empty.take(frame_at(0, kNominal)).empty());
  EXPECT_TRUE(empty.take(frame_at(10 * kTicksPerSecond, kNominal)).empty());
  const auto rest = empty.finish();
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0]->pts, 0);
  EXPECT_EQ(rest[0]->pkt_duration, 2 * kTicksPerSecond);
}

// --- frame rates ---

TEST(FrameRate, ACapKeepsTheLengthOfTheSource) {
  const Outcome run = run_outputs(clip(kShort), R"([
    {"name":"v","video":{"preset":"ultrafast","max_frame_rate":4}},
    {"name":"h","type":"hls","renditions":[{"video":{"preset":"ultrafast","max_frame_rate":4}},
      {"video":{"preset":"ultrafast","max_frame_rate":4,"short_side":60}}]}])");
  const VideoFacts video = *facts_of(run, "v.mp4").main_video();
  EXPECT_EQ(run.made.outputs[0].facts->main_video()->frames, 24);
  EXPECT_EQ(video.duration, 6000);
  for (const MediaFacts& facts : run.made.outputs[1].rendition_facts) {
    EXPECT_EQ(facts.main_video()->frames, 24);
    EXPECT_EQ(facts.main_video()->duration, 6000);
    EXPECT_NEAR(static_cast<double>(facts.duration), 6000, 22);
  }
}

// --- snapshots ---

TEST(Snapshots, AreTakenAtTheTimesAskedForInTheirOrder) {
  const Outcome run = run_outputs(clip(kShort), R"([
    {"name":"s","type":"snapshots","times":[3,1.5,600,1],"format":"png"}])");
  const auto& files = run.made.outputs[0].files;
  ASSERT_EQ(files.size(), 4U);
  EXPECT_EQ(files[0].name, "s/00001.png");
  EXPECT_EQ(files[3].name, "s/00004.png");
  EXPECT_GT(brightness(run.files.fd("s/00001.png"), 0), kWhite);
  EXPECT_LT(brightness(run.files.fd("s/00002.png"), 0), kWhite);
  EXPECT_LT(brightness(run.files.fd("s/00003.png"), 0), kWhite);
  EXPECT_GT(brightness(run.files.fd("s/00004.png"), 0), kWhite);
}

TEST(Snapshots, AreTheSameBySeekingAndInPassing) {
  const std::string stills =
      R"({"name":"s","type":"snapshots","every":7,"short_side":60},{"name":"c","type":"cover"})";
  const Outcome seeking = run_outputs(clip(30), "[" + stills + "]");
  const Outcome passing =
      run_outputs(clip(30), "[" + stills + R"(,{"name":"v","video":{"preset":"ultrafast"}}])");
  const auto& files = seeking.made.outputs[0].files;
  EXPECT_EQ(files.size(), 5U);
  ASSERT_EQ(passing.made.outputs[0].files.size(), files.size());
  for (const OutputFile& file : files) {
    EXPECT_TRUE(seeking.files.text(file.name) == passing.files.text(file.name)) << file.name;
  }
  EXPECT_TRUE(seeking.files.text("c.jpg") == passing.files.text("c.jpg"));
}

TEST(Snapshots, AShareOfTheDurationGivesAsManyAsItGoesInto) {
  OutputSpec spec;
  spec.type = OutputType::kSnapshots;
  spec.sampling.every_percent = 10;
  EXPECT_EQ(moments_of(spec, 12'000)->size(), 10U);
  EXPECT_EQ(moments_of(spec, 12'345)->back(), 11'111);
  spec.sampling.every_percent = 100.0 / 3;
  EXPECT_EQ(moments_of(spec, 12'000)->size(), 3U);
  spec.sampling = {};
  spec.sampling.every = 5000;
  EXPECT_EQ(*moments_of(spec, 10'000), (std::vector<Millis>{0, 5000}));
  EXPECT_EQ(*moments_of(spec, 0), std::vector<Millis>{0});
  spec.sampling.every = 100;
  EXPECT_EQ(moments_of(spec, 3'600'000).error().code, ErrorCode::kResourceLimit);
}

}  // namespace
}  // namespace telecine::media
