#include <gtest/gtest.h>

#include "object/cloud.h"
#include "object/endpoint.h"
#include "object/xml.h"

namespace telecine::object {
namespace {

TEST(Xml, ResolvesEntitiesAndExpandsNothingElse) {
  const auto document = parse_xml(
      "<?xml version=\"1.0\"?>\n<R xmlns=\"http://s3\"><a:ETag x='>'>&quot;5d&#x41;&quot;</a:ETag>"
      "<Empty/><C><![CDATA[<&>]]></C></R>\n");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->name, "R");
  EXPECT_EQ(document->text_of("ETag"), "\"5dA\"");
  EXPECT_EQ(document->text_of("C"), "<&>");
  EXPECT_FALSE(parse_xml("<!DOCTYPE r [<!ENTITY a 'b'>]><r>&a;</r>"));
  EXPECT_EQ(parse_xml("<r>&unknown;</r>")->text, "&unknown;");
  EXPECT_FALSE(parse_xml("<r><a></r>"));
  EXPECT_FALSE(parse_xml(""));
  EXPECT_FALSE(parse_xml("<r>" + std::string(1 << 20, 'x') + "</r>"));
}

TEST(CloudUrl, TakesTheKeyByteForByte) {
  const auto url = CloudUrl::parse("s3://bucket/a%20b?c#d");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->key, "a%20b?c#d");
  EXPECT_EQ(url->text(), "s3://bucket/a%20b?c#d");
  EXPECT_FALSE(CloudUrl::parse("s3://bucket/"));
  EXPECT_FALSE(CloudUrl::parse("s3://bucket"));
  EXPECT_FALSE(CloudUrl::parse("https://bucket/key"));
  EXPECT_FALSE(CloudUrl::parse("s3://bucket/" + std::string(1025, 'k')));
  EXPECT_FALSE(CloudUrl::parse(std::string("s3://bucket/a\0b", 15)));
  EXPECT_FALSE(CloudUrl::parse("s3://10.0.0.1:80/key"));
}

Endpoints lab() {
  return Endpoints::make({{.name = "lab",
                           .region = "us-east-1",
                           .url = "http://127.0.0.1:7480/",
                           .access_key = "a",
                           .secret_key = "s",
                           .buckets = {"media-*"}},
                          {.name = "oss", .type = StoreType::kOss, .region = "oss-cn-hangzhou"}})
      .value();
}

TEST(Endpoints, AreFoundByTypeRegionAndBucket) {
  const Endpoints all = lab();
  EXPECT_EQ(all.find(StoreType::kS3, "us-east-1", "media-out")->options.name, "lab");
  EXPECT_EQ(all.find(StoreType::kS3, "us-east-1", "secrets"), nullptr);
  EXPECT_EQ(all.find(StoreType::kS3, "eu-west-1", "media-out"), nullptr);
  EXPECT_EQ(all.find(StoreType::kOss, "oss-cn-hangzhou", "any")->options.region, "cn-hangzhou");
  EXPECT_NE(all.at_url(StoreType::kS3, "http://127.0.0.1:7480"), nullptr);
  EXPECT_EQ(all.at_url(StoreType::kS3, "http://127.0.0.1:7481"), nullptr);
}

TEST(Endpoints, RefuseWhatCannotWork) {
  EXPECT_FALSE(Endpoints::make({{.name = "a"}}));
  EXPECT_FALSE(Endpoints::make({{.name = "a", .region = "r", .signature = "v9"}}));
  EXPECT_FALSE(Endpoints::make({{.name = "a", .region = "r", .url = "ftp://x"}}));
  EXPECT_FALSE(Endpoints::make({{.name = "a", .region = "r"}, {.name = "a", .region = "r"}}));
}

TEST(Endpoints, PutTheBucketWhereItBelongs) {
  const Endpoints all = lab();
  const Place local{all.named("lab"), "media-out", {}};
  const auto at_address = request_to(local, "a b");
  EXPECT_EQ(origin_of(local, at_address) + wire_path(at_address),
            "http://127.0.0.1:7480/media-out/a%20b");
  const Place cloud{all.named("oss"), "clips", {}};
  const auto at_vendor = request_to(cloud, "a");
  EXPECT_EQ(origin_of(cloud, at_vendor) + wire_path(at_vendor),
            "https://clips.oss-cn-hangzhou.aliyuncs.com/a");
}

TEST(Parts, AreAsFewAndSmallAsTheLimitsAllow) {
  constexpr std::int64_t kMega = 1 << 20;
  EXPECT_EQ(Cloud::part_size(100 * kMega, 16 * kMega), 16 * kMega);
  EXPECT_EQ(Cloud::part_size(160'000 * kMega, 16 * kMega), 16 * kMega);
  EXPECT_EQ(Cloud::part_size(160'000 * kMega + 1, 16 * kMega), 24 * kMega);
  EXPECT_EQ(Cloud::part_size(5'000'000 * kMega, 16 * kMega) % (8 * kMega), 0);
}

}  // namespace
}  // namespace telecine::object
