#include <gtest/gtest.h>

#include "base/crypto.h"
#include "base/text.h"
#include "object/sign.h"

namespace telecine::object {
namespace {

constexpr auto kEmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr auto kKey = "out/中 a+b.mp4";
constexpr auto kPath = "out/%E4%B8%AD%20a%2Bb.mp4";
constexpr auto kDate = "Fri, 21 Nov 2025 12:00:00 GMT";
constexpr Millis kNoon = 1'763'726'400'000;   // 2025-11-21T12:00:00Z
constexpr Millis kS3Day = 1'369'353'600'000;  // 2013-05-24T00:00:00Z
const Credentials kS3{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
const Credentials kOss{"TELECINEOSSAK0001", "telecine-oss-secret-0001", ""};
const Credentials kObs{"TELECINEOBSAK0001", "telecine-obs-secret-0001", ""};
const Credentials kCos{"TELECINECOSID0001", "telecine-cos-secret-0001", ""};

std::string authorization(const Headers& headers) {
  return std::string(find_header(headers, "Authorization"));
}
/// What stands behind the last "Signature=" of a header or a link.
std::string signature_in(const std::string& text, const std::string& name = "Signature=") {
  const auto at = text.rfind(name);
  return at == std::string::npos ? "" : text.substr(at + name.size());
}
/// What stands behind the colon of the short forms.
std::string after_colon(const Headers& headers) {
  const std::string text = authorization(headers);
  return text.substr(text.find(':') + 1);
}

Signable s3_request() {
  return {.host = "examplebucket.s3.amazonaws.com",
          .region = "us-east-1",
          .bucket = "examplebucket",
          .payload_hash = kEmptyHash};
}

Signable vendor_request(std::string method) {
  return {.method = std::move(method),
          .host = "examplebucket.oss-cn-hangzhou.aliyuncs.com",
          .region = "cn-hangzhou",
          .bucket = "examplebucket",
          .key = kKey};
}

struct S3Vector {
  Signable request;
  std::string canonical_hash;
  std::string signature;
};

std::vector<S3Vector> s3_vectors() {
  std::vector<S3Vector> all;
  auto& range = all.emplace_back(
      s3_request(), "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972",
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  range.request.key = "test.txt";
  range.request.headers = {{"Range", "bytes=0-9"}};
  auto& put = all.emplace_back(s3_request(),
                               "9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d",
                               "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  put.request.method = "PUT";
  put.request.key = "test$file.text";
  put.request.headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                         {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  put.request.payload_hash = hex(sha256("Welcome to Amazon S3."));
  EXPECT_EQ(put.request.payload_hash,
            "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
  all.emplace_back(s3_request(), "9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca",
                   "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")
      .request.query = {{"lifecycle"}};
  all.emplace_back(s3_request(), "df57d21db20da04d7fa30298dd4488ba3a2b47ca3a489c74750e0f1e7df1b9b7",
                   "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
      .request.query = {{"prefix", "J"}, {"max-keys", "2"}};
  auto& begin = all.emplace_back(
      s3_request(), "", "42048e2797af5381b35cde2d057833daefc422b469abca8d162ce2d136be127b");
  begin.request.method = "POST";
  begin.request.key = "out/movie.mp4";
  begin.request.query = {{"uploads"}};
  auto& part = all.emplace_back(s3_request(), "",
                                "9fe97fd113a25c4a5fb44ce9a97906dc7d55a512c482ccbec805017bf6b9dd09");
  part.request.method = "PUT";
  part.request.key = "out/movie.mp4";
  part.request.query = {{"partNumber", "2"}, {"uploadId", "VXBsb2FkSUQ="}};
  part.request.payload_hash = "UNSIGNED-PAYLOAD";
  return all;
}

TEST(S3V4, SignsThePublishedRequests) {
  for (const S3Vector& vector : s3_vectors()) {
    const Headers added = sign_headers(Signature::kS3V4, kS3, vector.request, kS3Day);
    EXPECT_EQ(signature_in(authorization(added)), vector.signature) << vector.request.key;
    if (vector.canonical_hash.empty()) continue;
    Headers covered = vector.request.headers;
    covered.push_back({"host", vector.request.host});
    for (const Header& header : added) {
      if (header.name != "Authorization") covered.push_back(header);
    }
    const auto text = canonical_s3_v4(vector.request, covered, vector.request.payload_hash);
    EXPECT_EQ(hex(sha256(text)), vector.canonical_hash);
  }
}

TEST(S3V4, DerivesThePublishedKey) {
  std::string key = hmac_sha256("AWS4" + kS3.secret_key, "20130524");
  for (const char* step : {"us-east-1", "s3", "aws4_request"}) key = hmac_sha256(key, step);
  EXPECT_EQ(hex(key), "dbb893acc010964918f1fd433add87c70e8b0db6be30c1fbeafefa5ec6ba8378");
}

TEST(S3V4, NamesTheHeadersItCovers) {
  Signable request = s3_request();
  request.headers = {{"Range", "bytes=0-9"}};
  EXPECT_NE(authorization(sign_headers(Signature::kS3V4, kS3, request, kS3Day))
                .find("SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"),
            std::string::npos);
}

TEST(S3V4, MakesThePublishedLinks) {
  Signable request = s3_request();
  request.key = "test.txt";
  EXPECT_EQ(signature_in(sign_link(Signature::kS3V4, kS3, request, kS3Day, 86'400)),
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
  request.key = kKey;
  EXPECT_EQ(signature_in(sign_link(Signature::kS3V4, kS3, request, kNoon, 3600)),
            "73b5a6609ac399beba766c01ad063a626e1014e59ebeb5074f21e7512f8c4408");
  EXPECT_EQ(wire_path(request), std::string("/") + kPath);
}

TEST(S3V4, HashesThePublishedLinkRequest) {
  Signable request = s3_request();
  request.key = "test.txt";
  request.query = {{"X-Amz-Algorithm", "AWS4-HMAC-SHA256"},
                   {"X-Amz-Credential", kS3.access_key + "/20130524/us-east-1/s3/aws4_request"},
                   {"X-Amz-Date", "20130524T000000Z"},
                   {"X-Amz-Expires", "86400"},
                   {"X-Amz-SignedHeaders", "host"}};
  EXPECT_EQ(hex(sha256(canonical_s3_v4(request, {{"host", request.host}}, "UNSIGNED-PAYLOAD"))),
            "3bfa292879f6447bbcda7001decf97f4a54dc650c8942174ae0a9121cf58ad04");
}

TEST(S3V4, PutsTheBucketIntoThePathOnlyWhenAsked) {
  Signable request = s3_request();
  request.key = "a/b c";
  EXPECT_EQ(wire_path(request), "/a/b%20c");
  request.path_style = true;
  EXPECT_EQ(wire_path(request), "/examplebucket/a/b%20c");
}

TEST(S3V2, SignsThePublishedRequests) {
  Signable get{.bucket = "johnsmith", .key = "photos/puppy.jpg"};
  get.headers = {{"Date", "Tue, 27 Mar 2007 19:36:42 +0000"}};
  EXPECT_EQ(authorization(sign_headers(Signature::kS3V2, kS3, get, 0)),
            "AWS AKIAIOSFODNN7EXAMPLE:bWq2s1WEIj+Ydj0vQ697zp+IXMU=");
  Signable put = get;
  put.method = "PUT";
  put.headers = {{"Content-Type", "image/jpeg"}, {"Date", "Tue, 27 Mar 2007 21:15:45 +0000"}};
  EXPECT_EQ(after_colon(sign_headers(Signature::kS3V2, kS3, put, 0)),
            "MyyxeRY7whkBe+bq8fHCL/2kKUg=");
  Signable acl{.bucket = "johnsmith", .query = {{"acl"}}};
  acl.headers = {{"Date", "Tue, 27 Mar 2007 19:44:46 +0000"}};
  EXPECT_EQ(after_colon(sign_headers(Signature::kS3V2, kS3, acl, 0)),
            "c2WLPFtWHVgbEmeEG93a4cG37dM=");
}

TEST(S3V2, MakesThePublishedLinks) {
  const Signable puppy{.bucket = "johnsmith", .key = "photos/puppy.jpg"};
  EXPECT_EQ(sign_link(Signature::kS3V2, kS3, puppy, 1'175'139'620'000 - 3'600'000, 3600),
            "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1175139620"
            "&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D");
  Signable ours = s3_request();
  ours.key = kKey;
  EXPECT_EQ(signature_in(sign_link(Signature::kS3V2, kS3, ours, kNoon, 3600)),
            "vpBDPPs4yfQtW4zIeyldQMX5%2BUA%3D");
}

TEST(OssV1, SignsThePublishedRequest) {
  const Credentials published{"44CF9590006BF252F707", "OtxrzxIsfpFjA7SwPzILwy8Bw21TLhquhboDYROV",
                              ""};
  Signable request{.method = "PUT", .bucket = "oss-example", .key = "nelson"};
  request.headers = {{"Content-MD5", "ODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM="},
                     {"Content-Type", "text/html"},
                     {"Date", "Thu, 17 Nov 2005 18:49:58 GMT"},
                     {"X-OSS-Meta-Author", "foo@bar.com"},
                     {"X-OSS-Magic", "abracadabra"}};
  EXPECT_EQ(authorization(sign_headers(Signature::kOssV1, published, request, 0)),
            "OSS 44CF9590006BF252F707:26NBxoKdsyly4EDv6inkoDft/yA=");
}

TEST(OssV1, SignsLikeTheVendorsOwnCode) {
  EXPECT_EQ(signature_in(sign_link(Signature::kOssV1, kOss, vendor_request("GET"), kNoon, 3600)),
            "8FHeWNGm2%2FqgZ6stxdCqAyGfdr0%3D");
  Signable begin = vendor_request("POST");
  begin.query = {{"uploads"}};
  begin.headers = {{"Content-Type", "video/mp4"}, {"x-oss-date", kDate}};
  EXPECT_EQ(after_colon(sign_headers(Signature::kOssV1, kOss, begin, kNoon)),
            "2ro7dxh7v8fBxAN9tAYBMocA5cc=");
  Signable put = vendor_request("PUT");
  put.headers = {
      {"Content-MD5", base64(md5("hello"))}, {"Content-Type", "video/mp4"}, {"x-oss-date", kDate}};
  EXPECT_EQ(after_colon(sign_headers(Signature::kOssV1, kOss, put, kNoon)),
            "qGbCfjiSt73dfQvmr9qHNdghKKE=");
}

TEST(OssV4, SignsLikeTheVendorsOwnCode) {
  constexpr auto kName = "x-oss-signature=";
  Signable get = vendor_request("GET");
  EXPECT_EQ(signature_in(sign_link(Signature::kOssV4, kOss, get, kNoon, 3600), kName),
            "447b4e142c2e5ea861b51565f90effa0266964177bfca2bd2b1c2df43728fcb3");
  get.headers = {{"host", get.host}};
  EXPECT_EQ(signature_in(sign_link(Signature::kOssV4, kOss, get, kNoon, 3600), kName),
            "36e8ddcfaa7221af817036c9ca28f87845bcad49061a4779e2c6018e71a883bf");
  Signable begin = vendor_request("POST");
  begin.query = {{"uploads"}};
  begin.headers = {{"Content-Type", "video/mp4"}};
  EXPECT_EQ(signature_in(authorization(sign_headers(Signature::kOssV4, kOss, begin, kNoon))),
            "bbf9b639b1a0a5663dda6a5ec717184992bb00ed440eaf7477cf205317404621");
  Signable put = vendor_request("PUT");
  put.headers = {{"Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="}, {"Content-Type", "video/mp4"}};
  EXPECT_EQ(signature_in(authorization(sign_headers(Signature::kOssV4, kOss, put, kNoon))),
            "4ae9c2f31b576fa45e55020f8ad3fbb6ab0c71c3736e0db3fde06405b6421132");
}

TEST(Obs, SignsLikeTheVendorsOwnCode) {
  EXPECT_EQ(sign_link(Signature::kObs, kObs, vendor_request("GET"), kNoon, 3600),
            "AccessKeyId=TELECINEOBSAK0001&Expires=1763730000"
            "&Signature=vRRnBN80lKa8VulP7ozyuujyPzg%3D");
  Signable begin = vendor_request("POST");
  begin.query = {{"uploads"}};
  begin.headers = {{"Content-Type", "video/mp4"}};
  const Headers added = sign_headers(Signature::kObs, kObs, begin, kNoon);
  EXPECT_EQ(authorization(added), "OBS TELECINEOBSAK0001:9WX8fsyOYHQPrKbcAn0Brk7JLv8=");
  EXPECT_EQ(find_header(added, "Date"), kDate);
  Signable put = vendor_request("PUT");
  put.headers = {{"Content-Type", "application/json"}};
  EXPECT_EQ(after_colon(sign_headers(Signature::kObs, kObs, put, kNoon)),
            "y532VtGyLb1yaZz6l5F74xJ53WE=");
}

TEST(Obs, SignsTheSameInItsS3Mode) {
  Signable put = vendor_request("PUT");
  put.headers = {{"Content-Type", "application/json"}};
  EXPECT_EQ(after_colon(sign_headers(Signature::kS3V2, kObs, put, kNoon)),
            after_colon(sign_headers(Signature::kObs, kObs, put, kNoon)));
}

TEST(Cos, SignsThePublishedRequest) {
  const Credentials published{"AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q",
                              "BQYIM75p8x0iWVFSIgqEKwFprpRSVHlz", ""};
  Signable request{.host = "examplebucket-1250000000.cos.ap-beijing.myqcloud.com",
                   .key = "exampleobject(腾讯云)"};
  request.query = {{"response-content-type", "application/octet-stream"},
                   {"response-cache-control", "max-age=600"}};
  request.headers = {{"Date", "Thu, 16 May 2019 06:55:53 GMT"}};
  EXPECT_EQ(cos_authorization(published, request, 1557989753, 1557996953),
            "q-sign-algorithm=sha1&q-ak=AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q"
            "&q-sign-time=1557989753;1557996953&q-key-time=1557989753;1557996953"
            "&q-header-list=date;host&q-url-param-list=response-cache-control;response-content-type"
            "&q-signature=01681b8c9d798a678e43b685a9f1bba0f6c0e012");
  EXPECT_EQ(hex(hmac_sha1(published.secret_key, "1557989753;1557996953")),
            "937914bf490e9e8c189836aad2052e4feeb35eaf");
  EXPECT_EQ(hex(sha1("get\n/exampleobject(腾讯云)\nresponse-cache-control=max-age%3D600&"
                     "response-content-type=application%2Foctet-stream\n"
                     "date=Thu%2C%2016%20May%202019%2006%3A55%3A53%20GMT&"
                     "host=examplebucket-1250000000.cos.ap-beijing.myqcloud.com\n")),
            "54ecfe22f59d3514fdc764b87a32d8133ea611e6");
}

TEST(Cos, SignsLikeTheVendorsOwnCode) {
  constexpr auto kName = "q-signature=";
  Signable request{.host = "examplebucket-1250000000.cos.ap-beijing.myqcloud.com", .key = kKey};
  EXPECT_EQ(signature_in(cos_authorization(kCos, request, 1763726399, 1763729999), kName),
            "0be30ed3dd52af035fe19d0863e488b43d651925");
  request.method = "PUT";
  request.query = {{"partNumber", "1"}, {"uploadId", "ABC"}};
  EXPECT_EQ(signature_in(cos_authorization(kCos, request, 1763726400, 1763730000), kName),
            "405e21d2037761d69600f10593d94d65ca2b4037");
}

TEST(CloudLinks, CarryATemporaryToken) {
  Credentials temporary = kS3;
  temporary.session_token = "a/token=";
  Signable request = s3_request();
  request.key = "a";
  EXPECT_NE(sign_link(Signature::kS3V4, temporary, request, kNoon, 60)
                .find("X-Amz-Security-Token=a%2Ftoken%3D&"),
            std::string::npos);
  EXPECT_NE(sign_link(Signature::kOssV1, temporary, request, kNoon, 60)
                .find("&security-token=a%2Ftoken%3D"),
            std::string::npos);
  EXPECT_NE(sign_link(Signature::kCos, temporary, request, kNoon, 60)
                .find("&x-cos-security-token=a%2Ftoken%3D"),
            std::string::npos);
}

}  // namespace
}  // namespace telecine::object
