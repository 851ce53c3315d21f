#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <thread>

#include "base/crypto.h"
#include "dialect/aliyun/answers.h"
#include "dialect/aliyun/call.h"
#include "dialect/aliyun/documents.h"
#include "dialect/aliyun/nonces.h"
#include "dialect/aliyun/signature.h"

namespace telecine::aliyun {
namespace {

constexpr auto kVideoName = "测试 视频+a*b~(1)'!&=.mp4";

Pairs get_task_result() {
  return {{"AccessKeyId", "testid"},
          {"Action", "GetTaskResult"},
          {"Format", "JSON"},
          {"SignatureMethod", "HMAC-SHA1"},
          {"SignatureNonce", "9e030f6b-03a2-40f0-a6ba-157d44532fd0"},
          {"SignatureVersion", "1.0"},
          {"TaskId", "400000"},
          {"Timestamp", "2019-09-20T06:33:37Z"},
          {"Version", "2019-08-10"}};
}

TEST(AliyunSignature, AgreesWithTheVendorsPublishedExample) {
  const Pairs parameters{{"AccessKeyId", "testid"},
                         {"Action", "DescribeRegions"},
                         {"Format", "XML"},
                         {"SignatureMethod", "HMAC-SHA1"},
                         {"SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"},
                         {"SignatureVersion", "1.0"},
                         {"Timestamp", "2016-02-23T12:46:24Z"},
                         {"Version", "2014-05-26"}};
  EXPECT_EQ(sign_sha1("testsecret", string_to_sign("GET", parameters)),
            "OLeaidS1JvxuMvnyHOwuJ+uX5qY=");
}

TEST(AliyunSignature, SignsAQueryForATask) {
  const std::string text = string_to_sign("GET", get_task_result());
  EXPECT_EQ(text,
            "GET&%2F&AccessKeyId%3Dtestid%26Action%3DGetTaskResult%26Format%3DJSON%26"
            "SignatureMethod%3DHMAC-SHA1%26SignatureNonce%3D9e030f6b-03a2-40f0-a6ba-157d44532fd0"
            "%26SignatureVersion%3D1.0%26TaskId%3D400000%26Timestamp%3D2019-09-20T06%253A33%253A37Z"
            "%26Version%3D2019-08-10");
  EXPECT_EQ(sign_sha1("testsecret", text), "CepGALyJQfmhCiaXqtYMHEHSMQw=");
}

TEST(AliyunSignature, IsNotPartOfWhatIsSigned) {
  Pairs parameters = get_task_result();
  parameters.emplace_back("Signature", "anything");
  EXPECT_EQ(string_to_sign("GET", parameters), string_to_sign("GET", get_task_result()));
}

TEST(AliyunSignature, EscapesEveryCharacterThatClientsDisagreeAbout) {
  const Pairs parameters{{"AccessKeyId", "testid"},
                         {"Action", "CreateLabelTask"},
                         {"Format", "XML"},
                         {"SignatureMethod", "HMAC-SHA1"},
                         {"SignatureNonce", "1b3c6f8e-0001-4f6e-9a55-7d3c2b1a0f00"},
                         {"SignatureVersion", "1.0"},
                         {"Timestamp", "2019-09-20T06:33:38Z"},
                         {"Version", "2019-08-10"},
                         {"RegionId", "cn-beijing"},
                         {"ApplicationId", "app-1"},
                         {"VideoName", kVideoName},
                         {"VideoUrl", "http://127.0.0.1:9000/in/x.mp4?a=1&b=%20c"}};
  const std::string text = string_to_sign("POST", parameters);
  EXPECT_NE(text.find("%25E6%25B5%258B%25E8%25AF%2595%2520%25E8%25A7%2586%25E9%25A2%2591%252Ba%252A"
                      "b~%25281%2529%2527%2521%2526%253D.mp4"),
            std::string::npos);
  EXPECT_EQ(sign_sha1("testsecret", text), "LY/IvS1VML8KyP14xlKbIYzookI=");
}

TEST(AliyunSignature, AnEmptySignatureTypeIsSignedLikeAnyOther) {
  Pairs parameters = get_task_result();
  std::erase_if(parameters, [](const auto& pair) { return pair.first == "Format"; });
  parameters.emplace_back("SignatureType", "");
  EXPECT_EQ(sign_sha1("testsecret", string_to_sign("GET", parameters)),
            "QoAHggIJRb9Pf+OZ9wVEcw+Rvww=");
}

struct V3Case {
  const char* secret;
  Pairs query;
  std::string body;
  std::string host;
  std::string action;
  std::string version;
  std::string date;
  std::string nonce;
  bool form = false;
};

std::string canonical_of(const V3Case& c) {
  const std::string payload = hex(sha256(c.body));
  Headers headers;
  if (c.form) headers.emplace_back("content-type", "application/x-www-form-urlencoded");
  headers.insert(headers.end(), {{"host", c.host},
                                 {"x-acs-action", c.action},
                                 {"x-acs-content-sha256", payload},
                                 {"x-acs-date", c.date},
                                 {"x-acs-signature-nonce", c.nonce},
                                 {"x-acs-version", c.version}});
  return canonical_request("POST", c.query, headers, payload);
}

std::string signature_of(const V3Case& c) {
  return sign_sha256(c.secret, string_to_sign_v3(canonical_of(c)));
}

V3Case task_case() {
  return {"testsecret",
          {{"TaskId", "400000"}},
          "",
          "127.0.0.1:8080",
          "GetTaskResult",
          "2019-08-10",
          "2019-09-20T06:33:37Z",
          "d410180a5abf7fe235dd9b74aca91fc0"};
}

TEST(AliyunSignatureV3, AgreesWithTheVendorsPublishedExample) {
  const V3Case c{"YourAccessKeySecret",
                 {{"ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"},
                  {"RegionId", "cn-shanghai"}},
                 "",
                 "ecs.cn-shanghai.aliyuncs.com",
                 "RunInstances",
                 "2014-05-26",
                 "2023-10-26T10:22:32Z",
                 "3156853299f313e23d1673dc12e1703d"};
  EXPECT_EQ(hex(sha256(canonical_of(c))),
            "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259");
  EXPECT_EQ(signature_of(c), "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0");
}

TEST(AliyunSignatureV3, SignsParametersInTheQuery) {
  EXPECT_EQ(signature_of(task_case()),
            "d98cec8f77cde1a3f94f2739aa48143d6a94cbfbfe8af000cc8c599ae95a3297");
}

TEST(AliyunSignatureV3, SignsAFormByItsHashAndItsType) {
  V3Case c = task_case();
  c.query.clear();
  c.body = "TaskId=400000";
  c.form = true;
  EXPECT_EQ(hex(sha256(c.body)),
            "dcafaf61ad6cc5be180c0a73ed8474d3903259f837216d6ea9f20166a79a5ca2");
  EXPECT_EQ(signature_of(c), "933141cf94b3ec106774cf0638a9f47fd6b2b37792494ffbeb7a963a7dcd8101");
}

TEST(AliyunSignatureV3, EscapesTheQueryAnew) {
  V3Case c = task_case();
  c.action = "CreateLabelTask";
  c.query = {{"VideoName", kVideoName}};
  EXPECT_EQ(canonical_query(c.query),
            "VideoName=%E6%B5%8B%E8%AF%95%20%E8%A7%86%E9%A2%91%2Ba%2Ab~%281%29%27%21%26%3D.mp4");
  EXPECT_EQ(signature_of(c), "de2a2660d30b54f852a6061aeee420c82abd98790e70de27e7fac53b9baa5722");
}

TEST(AliyunSignatureV3, ReadsItsHeaderAndRefusesHalfOnes) {
  const auto good = parse_authorization(
      "ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=host;x-acs-date,Signature=ABCD");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->key, "testid");
  EXPECT_EQ(good->headers, (std::vector<std::string>{"host", "x-acs-date"}));
  EXPECT_EQ(good->signature, "abcd");
  EXPECT_FALSE(parse_authorization("ACS3-HMAC-SHA256 Credential=testid,Signature=ab"));
  EXPECT_FALSE(parse_authorization("ACS3-HMAC-SHA256"));
  EXPECT_EQ(parse_authorization("ACS3-HMAC-SM3 Credential=x")->algorithm, "ACS3-HMAC-SM3");
}

TEST(AliyunTimestamp, IsOfOneFormAndOfTheCalendar) {
  EXPECT_EQ(parse_timestamp("2019-09-20T06:33:37Z"), 1'568'961'217'000);
  for (const char* bad : {"", "2019-09-20 06:33:37Z", "2019-09-20T06:33:37", "2019-13-20T06:33:37Z",
                          "2019-02-30T06:33:37Z", "2019-09-20T06:33:37.5Z", "1568961217",
                          "2019-09-20T24:00:00Z", "2019-09-20T06:60:00Z", "2019-09-20T06:33:60Z"}) {
    EXPECT_FALSE(parse_timestamp(bad)) << bad;
  }
}

TEST(AliyunNonces, CountOnceForEachKeyUntilTheyExpire) {
  Nonces nonces;
  using enum Nonces::Verdict;
  EXPECT_EQ(nonces.take("a", "n", 100, 0), kFresh);
  EXPECT_EQ(nonces.take("a", "n", 100, 50), kUsed);
  EXPECT_EQ(nonces.take("b", "n", 100, 50), kFresh);
  EXPECT_EQ(nonces.take("a", "n", 300, 101), kFresh);
}

TEST(AliyunNonces, AreKeptUpToABound) {
  Nonces nonces;
  using enum Nonces::Verdict;
  int taken = 0;
  while (taken < 1'000'000 && nonces.take("a", std::to_string(taken), 100, 0) == kFresh) ++taken;
  EXPECT_EQ(taken, 200'000);
  EXPECT_EQ(nonces.take("a", "one more", 100, 0), kFull);
  EXPECT_EQ(nonces.take("a", "7", 100, 0), kUsed);
  EXPECT_EQ(nonces.take("b", "7", 100, 0), kFresh);
  EXPECT_EQ(nonces.take("a", "one more", 200, 101), kFresh);
}

TEST(AliyunNonces, OfEqualRequestsThatRaceOnePasses) {
  Nonces nonces;
  std::atomic<int> passed = 0;
  std::vector<std::jthread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      if (nonces.take("a", "n", 100, 0) == Nonces::Verdict::kFresh) ++passed;
    });
  }
  callers.clear();
  EXPECT_EQ(passed, 1);
}

http::Request request_of(std::string query, std::string body = "") {
  http::Request request;
  request.method = body.empty() ? http::Method::kGet : http::Method::kPost;
  request.method_text = body.empty() ? "GET" : "POST";
  request.query = std::move(query);
  request.body = std::move(body);
  return request;
}

TEST(AliyunCall, TakesParametersFromQueryAndFormTogether) {
  const auto call = read_call(request_of("Action=CreateLabelTask", "VideoName=a+b%2Bc"));
  ASSERT_TRUE(call);
  EXPECT_EQ(call->action, "CreateLabelTask");
  EXPECT_EQ(call->get("VideoName"), "a b+c");
}

TEST(AliyunCall, KnowsItsNamesWhateverWayTheyAreEscaped) {
  EXPECT_TRUE(is_call(request_of("%41ction=GetTaskResult")));
  EXPECT_FALSE(is_call(request_of("Action=GetTaskInfo&Secret%49d=x")));
  EXPECT_TRUE(is_call(request_of("", "Acti%6Fn=GetTaskResult")));
  const auto call = read_call(request_of("%41ction=GetTaskResult&=x&TaskId&VideoName=%E6%B5%8B"));
  ASSERT_TRUE(call);
  EXPECT_EQ(call->action, "GetTaskResult");
  EXPECT_EQ(call->get("TaskId"), "");
  EXPECT_EQ(call->get("VideoName"), "测");
}

TEST(AliyunAnswers, HaveRandomRequestIds) {
  const std::regex form("[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}");
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = make_request_id();
    EXPECT_TRUE(std::regex_match(id, form)) << id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1000U);
}

TEST(AliyunCall, RefusesDoubledNamesAndBrokenEscapes) {
  EXPECT_EQ(read_call(request_of("A=1&A=2")).error().code, Code::kInvalidParameter);
  EXPECT_EQ(read_call(request_of("A=1", "A=1")).error().about, "A");
  EXPECT_EQ(read_call(request_of("A=%zz")).error().code, Code::kMalformedParameters);
  EXPECT_EQ(read_call(request_of("A=%C0%AF")).error().code, Code::kMalformedParameters);
  EXPECT_EQ(read_call(request_of("A=\xC0\xAF")).error().code, Code::kMalformedParameters);
  EXPECT_EQ(read_call(request_of("Format=yaml")).error().code, Code::kInvalidFormat);
}

TEST(AliyunCall, TellsItsFormatWhateverElseIsWrong) {
  EXPECT_EQ(format_of(request_of("A=%zz&Format=json")), Format::kJson);
  EXPECT_EQ(format_of(request_of("Action=X")), Format::kXml);
  auto v3 = request_of("");
  v3.headers.set("Authorization", "ACS3-HMAC-SHA256 x");
  EXPECT_EQ(format_of(v3), Format::kJson);
}

TEST(AliyunCall, LeavesItsNeighboursRequestsAlone) {
  EXPECT_TRUE(is_call(request_of("Action=GetTaskResult")));
  EXPECT_FALSE(is_call(request_of("Action=GetTaskInfo&SecretId=x&Nonce=1")));
  EXPECT_FALSE(is_call(request_of("")));
  auto tencent = request_of("Action=DescribeTaskDetail");
  tencent.headers.set("X-TC-Action", "DescribeTaskDetail");
  EXPECT_FALSE(is_call(tencent));
}

TEST(AliyunErrors, StandInTheTableInTheOrderOfTheirNames) {
  for (std::size_t i = 0; i < code_table().size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(code_table()[i].code), i);
  }
}

TEST(AliyunErrors, HaveTheDocumentedStatusesAndTexts) {
  const auto expect = [](Refusal refusal, int status, std::string_view name,
                         std::string_view message) {
    EXPECT_EQ(row_of(refusal.code).status, status) << name;
    EXPECT_EQ(name_of(refusal), name);
    EXPECT_EQ(message_of(refusal), message);
  };
  constexpr auto kFault = "An error occurred while processing your request.";
  expect({Code::kInternalError}, 500, "InternalError", kFault);
  expect({Code::kServiceUnavailable}, 500, "ServiceUnavailable", kFault);
  expect({Code::kUnknownError}, 500, "UnknownError", kFault);
  expect({Code::kInvalidApi}, 404, "InvalidApiNotFound",
         "The specified API operation does not exist. Please check the URL and method.");
  expect({Code::kInvalidParameter, "TaskId"}, 400, "InvalidParameter",
         "The specified parameter TaskId is invalid.");
  expect({Code::kInvalidTimestamp, "Timestamp"}, 400, "InvalidTimeStamp",
         "The specified TimeStamp is invalid. Please check parameter Timestamp.");
  expect({Code::kMissingParameter, "TaskId"}, 400, "MissingParameter",
         "You must specify the parameter TaskId.");
  expect({Code::kResourceNotFound, "TaskId"}, 404, "ResourceNotFound",
         "The requested resource does not exist. Please check the parameter TaskId.");
  expect({Code::kUnauthorized}, 401, "Unauthorized",
         "You are not authorized to perform the operation.");
  expect({Code::kServiceNotSelected}, 406, "ServiceNotSelected", "The service is not activated.");
  expect({Code::kServiceNotOpened}, 401, "ServiceNotOpened", "You have not purchased the service.");
  expect({Code::kBalanceNotEnough}, 401, "BalanceNotEnough",
         "The account balance is insufficient and you cannot perform the request.");
  expect({Code::kTooManyFaces}, 406, "FaceImageCountLimit",
         "The maximum number of face images is exceeded.");
  expect({Code::kMissing, "SignatureNonce"}, 400, "MissingSignatureNonce",
         "SignatureNonce is mandatory for this action.");
  expect({Code::kSignatureMismatch, "GET&%2F&x"}, 400, "SignatureDoesNotMatch",
         "Specified signature is not matched with our calculation. server string to sign "
         "is:GET&%2F&x");
}

constexpr auto kRequestId = "75D919F1-FEB6-40A4-9676-5EA4EBD3A010";
constexpr auto kLink = "http://host/processResult/400000.txt?Expires=1571392620&Signature=9NTf%3D";

Task harbour() {
  Task task;
  task.id = {400'000, 7};
  task.origin = "aliyun";
  task.spec.kind = TaskKind::kAnalyse;
  task.spec.input = "http://src/harbour.mp4";
  task.spec.options["dialect"] = json::object{{"VideoName", "harbour"}, {"ApplicationId", "app-1"}};
  task.state = TaskState::kSucceeded;
  task.started = 1000;
  task.finished = 31'500;
  return task;
}

TEST(AliyunDocuments, AFinishedTaskInJson) {
  EXPECT_EQ(json::serialize(result_document(harbour(), kRequestId, kLink, {Format::kJson, false})),
            R"({"Status":2,"Result":{"ProcessResultUrl":)"
            R"("http://host/processResult/400000.txt?Expires=1571392620&Signature=9NTf%3D",)"
            R"("VideoName":"harbour","ApplicationId":"app-1","AnalysisUseTime":31,)"
            R"("VideoUrl":"http://src/harbour.mp4"},)"
            R"("RequestId":"75D919F1-FEB6-40A4-9676-5EA4EBD3A010","Code":"OK"})");
}

TEST(AliyunDocuments, AFinishedTaskInXml) {
  EXPECT_EQ(
      xml_document("GetTaskResultResponse",
                   result_document(harbour(), kRequestId, kLink, {Format::kXml, false})),
      "<?xml version='1.0' encoding='UTF-8'?><GetTaskResultResponse><Result><ProcessResultUrl>"
      "http://host/processResult/400000.txt?Expires=1571392620&amp;Signature=9NTf%3D"
      "</ProcessResultUrl><VideoName>harbour</VideoName><ApplicationId>app-1</ApplicationId>"
      "<AnalysisUseTime>31</AnalysisUseTime><VideoUrl>http://src/harbour.mp4</VideoUrl></Result>"
      "<Status>2</Status><RequestId>75D919F1-FEB6-40A4-9676-5EA4EBD3A010</RequestId>"
      "</GetTaskResultResponse>");
}

TEST(AliyunDocuments, TheOldestXmlHasTheUrlInAnElementOfItsName) {
  const std::string text = xml_document(
      "GetTaskResultResponse", result_document(harbour(), kRequestId, "u", {Format::kXml, true}));
  EXPECT_NE(text.find("<ProcessResultUrl><ProcessResultUrl>u</ProcessResultUrl>"
                      "</ProcessResultUrl>"),
            std::string::npos);
}

TEST(AliyunDocuments, AWaitingTaskLeavesOutWhatIsNotThere) {
  Task task = harbour();
  task.state = TaskState::kQueued;
  EXPECT_EQ(json::serialize(result_document(task, "R", "", {Format::kJson, false})),
            R"({"Status":0,"Result":{"VideoName":"harbour","ApplicationId":"app-1",)"
            R"("VideoUrl":"http://src/harbour.mp4"},"RequestId":"R","Code":"OK"})");
}

TEST(AliyunDocuments, AFailedTaskSaysWhyInFourFields) {
  Task task = harbour();
  task.state = TaskState::kFailed;
  task.error = Error{ErrorCode::kInputNotFound, "There is nothing at this URL.", ""};
  EXPECT_EQ(json::serialize(result_document(task, "R", "", {Format::kJson, false})),
            R"({"Status":3,"Result":{"VideoName":"harbour","ApplicationId":"app-1",)"
            R"("VideoUrl":"http://src/harbour.mp4","ErrorCode":"1000","ErrorName":"Download fail",)"
            R"("ErrorReason":"input_not_found: There is nothing at this URL.",)"
            R"("ErrorMessage":"Download fail"},"RequestId":"R","Code":"OK"})");
}

TEST(AliyunDocuments, StatesAreFourNumbers) {
  EXPECT_EQ(status_of(TaskState::kQueued), 0);
  for (const auto state : {TaskState::kDownloading, TaskState::kRunning, TaskState::kUploading}) {
    EXPECT_EQ(status_of(state), 1);
  }
  EXPECT_EQ(status_of(TaskState::kSucceeded), 2);
  EXPECT_EQ(status_of(TaskState::kFailed), 3);
  EXPECT_EQ(status_of(TaskState::kCancelled), 3);
}

TEST(AliyunDocuments, CreationAnswersTheNumberAsANumber) {
  EXPECT_EQ(json::serialize(created_document(harbour(), "R")),
            R"({"RequestId":"R","TaskId":400000,"Code":"OK"})");
  EXPECT_EQ(xml_document("GetTaskStatusResponse", status_document(harbour(), "R")),
            "<?xml version='1.0' encoding='UTF-8'?><GetTaskStatusResponse><Status>2</Status>"
            "<RequestId>R</RequestId></GetTaskStatusResponse>");
}

TEST(AliyunDocuments, ErrorsHaveOneEnvelopeInBothFormats) {
  const Refusal refusal{Code::kResourceNotFound, "TaskId"};
  EXPECT_EQ(error_document(refusal, Format::kJson, "R", "host:1", "http://h/e?a&b"),
            R"({"RequestId":"R","HostId":"host:1","Code":"ResourceNotFound","Message":)"
            R"("The requested resource does not exist. Please check the parameter TaskId.",)"
            R"("Recommend":"http://h/e?a&b"})");
  EXPECT_EQ(error_document(refusal, Format::kXml, "R", "host:1", "http://h/e?a&b"),
            "<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>R</RequestId>"
            "<HostId>host:1</HostId><Code>ResourceNotFound</Code><Message>The requested resource "
            "does not exist. Please check the parameter TaskId.</Message>"
            "<Recommend><![CDATA[http://h/e?a&b]]></Recommend></Error>");
}

TEST(AliyunXml, RepeatsListsAndReplacesWhatXmlCannotHold) {
  EXPECT_EQ(xml_document("R", {{"Tasks", {1, 2}}, {"Name", std::string("a<&>\x01", 5)}}),
            "<?xml version='1.0' encoding='UTF-8'?><R><Tasks>1</Tasks><Tasks>2</Tasks>"
            "<Name>a&lt;&amp;&gt;\xEF\xBF\xBD</Name></R>");
}

}  // namespace
}  // namespace telecine::aliyun
