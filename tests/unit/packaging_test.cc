#include "task/packaging.h"

#include <gtest/gtest.h>

#include "base/crypto.h"
#include "object/links.h"
#include "task/languages.h"
#include "temporary_directory.h"

namespace telecine {
namespace {

Result<OutputSpec> spec_of(std::string_view text) {
  return output_spec_from(parse_json(text).value(), "");
}

std::string refused_field(std::string_view text) {
  const auto spec = spec_of(text);
  return spec ? "accepted" : spec.error().field;
}

TEST(Languages, AreNamedAsPlaylistsNameThem) {
  EXPECT_EQ(language_tag("eng"), "en");
  EXPECT_EQ(language_tag("ger"), "de");
  EXPECT_EQ(language_tag("DEU"), "de");
  EXPECT_EQ(language_tag("por-BR"), "pt-br");
  EXPECT_EQ(language_tag("gsw"), "gsw");
  EXPECT_EQ(language_tag("und"), "");
  EXPECT_EQ(language_tag(""), "");
}

TEST(Languages, AreFoundByAnyOfTheirNames) {
  EXPECT_TRUE(speaks("eng", "en"));
  EXPECT_TRUE(speaks("en-GB", "eng"));
  EXPECT_FALSE(speaks("eng", "en-GB"));
  EXPECT_FALSE(speaks("", "en"));
  EXPECT_FALSE(speaks("deu", "en"));
}

TrackChoice tracks_of(std::string_view text) {
  const auto document = parse_json(std::string(R"({"tracks":)") + std::string(text) + "}").value();
  ObjectReader in(document, "");
  return read_tracks(in, "tracks").value();
}

TEST(Tracks, AreChosenByPlaceAndByLanguage) {
  const std::vector<TrackTraits> tracks = {
      {"eng", false}, {"deu", false}, {"eng", true}, {"", false}};
  using List = std::vector<std::size_t>;
  EXPECT_EQ(chosen(tracks_of("\"first\""), tracks, "sound").value(), List({2}));
  EXPECT_EQ(chosen(tracks_of("\"all\""), tracks, "sound").value(), List({0, 1, 2, 3}));
  EXPECT_EQ(chosen(tracks_of("[3,0,3]"), tracks, "sound").value(), List({3, 0}));
  EXPECT_EQ(chosen(tracks_of(R"(["de","fr","en"])"), tracks, "sound").value(), List({1, 2}));
  EXPECT_EQ(chosen(tracks_of("[4]"), tracks, "sound").error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(chosen(tracks_of(R"(["fr"])"), tracks, "sound").error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(chosen(tracks_of("\"all\""), {}, "sound").value(), List());
}

TEST(Packaging, IsReadStrictly) {
  const auto ladder = [](const std::string& more) {
    return R"({"type":"hls","renditions":[{}],)" + more + "}";
  };
  EXPECT_EQ(refused_field(ladder(R"("manifests":["hls","dash"])")), "accepted");
  EXPECT_EQ(refused_field(ladder(R"("manifests":[])")), "manifests");
  EXPECT_EQ(refused_field(ladder(R"("manifests":["hls","hls"])")), "manifests");
  EXPECT_EQ(refused_field(ladder(R"("segments":"ts","manifests":["dash"])")), "manifests");
  EXPECT_EQ(refused_field(ladder(R"("encryption":{})")), "accepted");
  EXPECT_EQ(refused_field(ladder(R"("encryption":{"key":"00"})")), "encryption.key");
  EXPECT_EQ(refused_field(ladder(R"("encryption":{"key_url":"https://k"})")), "encryption.key");
  EXPECT_EQ(refused_field(ladder(R"("manifests":["dash"],"encryption":{})")), "encryption");
  EXPECT_EQ(refused_field(R"({"fragmented":true})"), "accepted");
  EXPECT_EQ(refused_field(R"({"container":"mkv","fragmented":true})"), "fragmented");
  EXPECT_EQ(refused_field(R"({"container":"webm","subtitles":"all"})"), "subtitles");
  EXPECT_EQ(refused_field(R"({"container":"mp3","audio":{"tracks":"all"}})"), "audio.tracks");
  EXPECT_EQ(refused_field(R"({"audio":{"tracks":[]}})"), "audio.tracks");
  EXPECT_EQ(refused_field(R"({"audio":{"tracks":[0,"en"]}})"), "audio.tracks");
  EXPECT_EQ(refused_field(R"({"type":"subtitles","tracks":["en"]})"), "accepted");
  EXPECT_EQ(refused_field(R"({"type":"subtitles","tracks":false})"), "tracks");
}

TEST(Packaging, SurvivesStorage) {
  for (const auto* text : {
           R"({"name":"a","fragmented":true,"subtitles":["en"],"audio":{"tracks":[1,0]}})",
           R"({"name":"b","type":"hls","renditions":[{}],"manifests":["dash","hls"]})",
           R"({"name":"c","type":"hls","renditions":[{}],
               "encryption":{"key":"000102030405060708090a0b0c0d0e0f","key_url":"https://k/1"}})",
           R"({"name":"d","type":"subtitles","tracks":[1]})",
       }) {
    const auto spec = spec_of(text);
    ASSERT_TRUE(spec) << text;
    const json::object stored = to_json(*spec);
    const auto again = output_spec_from(stored, "");
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(to_json(*again), stored);
    EXPECT_EQ(again->encryption, spec->encryption);
    EXPECT_EQ(again->subtitles, spec->subtitles);
  }
}

TEST(Aes128Cbc, GivesWhatTheStandardSays) {
  // NIST SP 800-38A, F.2.1, in uneven pieces; the padding is a block of its own.
  const auto bytes = [](std::string_view text) { return unhex(text).value(); };
  Aes128Cbc cipher(bytes("2b7e151628aed2a6abf7158809cf4f3c"),
                   bytes("000102030405060708090a0b0c0d0e0f"));
  const std::string plain =
      bytes("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
  std::string out = cipher.update(plain.substr(0, 5));
  EXPECT_TRUE(out.empty());
  out += cipher.update(plain.substr(5));
  out += cipher.finish();
  EXPECT_EQ(hex(out.substr(0, 32)),
            "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2");
  EXPECT_EQ(out.size(), 48U);
}

constexpr std::string_view kManifest =
    "<MPD>\n<SegmentTemplate initialization=\"720p/init.mp4\" "
    "media=\"720p/seg-$Number%05d$.m4s\"></SegmentTemplate>\n"
    "<BaseURL>text/1/text.vtt</BaseURL>\n</MPD>\n";

TEST(LinkSigner, SignsWhatAManifestNames) {
  const TemporaryDirectory directory;
  const auto signer = object::LinkSigner::open(directory.path()).value();
  const std::string signed_text =
      signer.sign_playlist(kManifest, "/objects/aa/1/show/manifest.mpd", 5000, "acme");
  // What a player asks for in place of the pattern.
  const auto query_after = [&](std::string_view name) {
    const auto at = signed_text.find(std::string(name) + "?");
    EXPECT_NE(at, std::string::npos) << name;
    const auto begin = at + name.size() + 1;
    return signed_text.substr(begin, signed_text.find_first_of("\"<", begin) - begin);
  };
  const auto verify = [&](const std::string& query, std::string_view path) {
    const auto amp = query.find("&amp;Signature=");
    EXPECT_EQ(query.substr(0, amp), "Expires=5000");
    return signer.verify("GET", path, "5000", query.substr(amp + 15), "acme", 1000).has_value();
  };
  const std::string segments = query_after("720p/seg-$Number%05d$.m4s");
  EXPECT_TRUE(verify(segments, "/objects/aa/1/show/720p/seg-00001.m4s"));
  EXPECT_TRUE(verify(segments, "/objects/aa/1/show/720p/seg-01234.m4s"));
  EXPECT_FALSE(verify(segments, "/objects/aa/1/show/360p/seg-00001.m4s"));
  EXPECT_FALSE(verify(segments, "/objects/aa/1/show/720p/deeper/seg-00001.m4s"));
  EXPECT_FALSE(verify(segments, "/objects/aa/1/show/segments.key"));
  EXPECT_TRUE(verify(query_after("720p/init.mp4"), "/objects/aa/1/show/720p/init.mp4"));
  EXPECT_FALSE(verify(query_after("720p/init.mp4"), "/objects/aa/1/show/720p/seg-00001.m4s"));
  EXPECT_TRUE(verify(query_after("text/1/text.vtt"), "/objects/aa/1/show/text/1/text.vtt"));
}

}  // namespace
}  // namespace telecine
