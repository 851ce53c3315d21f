#include "provider/openai.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/crypto.h"
#include "base/text.h"
#include "provider/multipart.h"

namespace telecine::provider {
namespace {

constexpr std::size_t kMostAnswer = 4 << 20;
constexpr Millis kPollTimeout = 30'000;
constexpr Millis kCancelTimeout = 10'000;
/// How far the provider's clock may be off ours when a lost job is looked for.
constexpr Millis kClockSlack = 5'000;

bool is_success(int status) {
  return status >= 200 && status < 300;
}

/// Answers that say that nothing was begun.
bool is_not_now(int status) {
  constexpr std::array kStatuses = {408, 425, 429, 503};
  return std::ranges::count(kStatuses, status) > 0;
}

std::string text_of(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  return json::serialize(value);
}

/// The first non-empty string under one of the keys.
std::string first_text(const LooseReader& in, std::initializer_list<std::string_view> keys) {
  for (const auto key : keys) {
    if (auto text = in.text(key); !text.empty()) return text;
  }
  return {};
}

std::string job_of(const json::value& body) {
  const LooseReader in(body);
  std::string job = first_text(in, {"id", "task_id"});
  if (!job.empty()) return job;
  if (const auto* data = in.at("data")) {
    if (data->is_string()) return std::string(data->get_string());
    job = first_text(LooseReader(*data), {"id", "task_id"});
  }
  return job;
}

std::optional<double> progress_of(const json::value* value) {
  if (value == nullptr) return std::nullopt;
  std::optional<double> percent;
  if (value->is_number()) percent = value->to_number<double>();
  if (value->is_string()) {
    std::string_view text = trim(std::string_view(value->get_string()));
    if (text.ends_with('%')) text.remove_suffix(1);
    percent = parse_double(text);
  }
  if (!percent) return std::nullopt;
  return std::clamp(*percent / 100, 0.0, 1.0);
}

Error refusal(int status, const std::string& reason) {
  if (status == 401 || status == 403) {
    return {ErrorCode::kProviderRejected, "it does not accept this server's credentials", {}};
  }
  const bool about_fields = status == 400 || status == 413 || status == 415 || status == 422;
  return {about_fields ? ErrorCode::kInvalidParameter : ErrorCode::kProviderRejected,
          reason.empty() ? "it answered with status " + std::to_string(status) : reason,
          {}};
}

}  // namespace

json::object openai_fields(const Order& order) {
  const Generation& wanted = order.wanted;
  json::object o;
  o["model"] = order.model;
  o["prompt"] = wanted.prompt;
  o["seconds"] = std::to_string(wanted.duration);
  o["size"] = std::to_string(order.size.width) + "x" + std::to_string(order.size.height);
  o["width"] = order.size.width;
  o["height"] = order.size.height;
  o["fps"] = wanted.fps;
  o["num_frames"] = wanted.duration * wanted.fps;
  if (wanted.seed) o["seed"] = *wanted.seed;
  if (!wanted.negative_prompt.empty()) o["negative_prompt"] = wanted.negative_prompt;
  return o;
}

std::string openai_reason(const json::value& body) {
  const LooseReader in(body);
  for (const auto key : {"error", "detail", "message", "fail_reason"}) {
    const auto* value = in.at(key);
    if (value == nullptr) continue;
    if (value->is_string() && !value->get_string().empty()) return text_of(*value);
    if (value->is_object()) {
      auto inner = first_text(LooseReader(*value), {"message", "msg", "code"});
      if (!inner.empty()) return inner;
    }
    if (value->is_array() && !value->get_array().empty()) {
      auto inner = first_text(LooseReader(value->get_array().front()), {"msg", "message"});
      if (!inner.empty()) return inner;
    }
  }
  return {};
}

PollAnswer openai_state(const json::value& body) {
  PollAnswer answer;
  const LooseReader outer(body);
  const auto* data = outer.at("data");
  const bool wrapped = outer.at("status") == nullptr && data != nullptr && data->is_object();
  const LooseReader in(wrapped ? *data : body);
  const std::string word = in.text("status");
  if (word.empty()) return answer;
  answer.end = PollEnd::kState;
  answer.meaning = meaning_of(word);
  answer.progress = progress_of(in.at("progress"));
  if (const auto* cost = in.at("cost"); cost != nullptr && cost->is_number()) {
    answer.cost = cost->to_number<double>();
  }
  answer.result_url = first_text(in, {"video_url", "result_url", "url"});
  if (const auto* metadata = in.at("metadata"); answer.result_url.empty() && metadata != nullptr) {
    answer.result_url = LooseReader(*metadata).text("url");
  }
  if (answer.meaning == Meaning::kDone && answer.result_url.empty()) {
    answer.result_url = in.text("fail_reason");
  }
  const bool is_url =
      answer.result_url.starts_with("http://") || answer.result_url.starts_with("https://");
  if (!is_url) answer.result_url.clear();
  if (answer.meaning == Meaning::kFailed) {
    answer.reason = shown_reason(openai_reason(wrapped ? *data : body));
  }
  return answer;
}

LookupAnswer openai_match(const json::value& body, const std::string& prompt, Millis since,
                          Millis until) {
  constexpr double kLeastMillis = 1e12;  // what is below counts seconds
  LookupAnswer answer{Lookup::kNone, {}};
  int fitting = 0;
  for (const auto& item : LooseReader(body).list("data")) {
    const LooseReader in(item);
    const double stamp = in.number("created_at");
    const auto made = static_cast<Millis>(stamp < kLeastMillis ? stamp * 1000 : stamp);
    if (made < since - kClockSlack || made > until + kClockSlack) continue;
    if (in.text("prompt") != prompt || in.text("id").empty()) continue;
    answer = {Lookup::kFound, in.text("id")};
    ++fitting;
  }
  return fitting == 1 ? answer : LookupAnswer{Lookup::kNone, {}};
}

object::Headers OpenaiProvider::headers() const {
  object::Headers list{{"Accept", "application/json"}};
  if (!config_.key.empty()) list.push_back({"Authorization", "Bearer " + config_.key});
  return list;
}

std::string OpenaiProvider::job_url(const std::string& job) const {
  return config_.url + "/v1/videos/" + percent_encode(job);
}

Result<object::Answer> OpenaiProvider::get(const std::string& url,
                                           const std::stop_token& stop) const {
  object::Call call{.url = url, .headers = headers()};
  call.options.limits.total = kPollTimeout;
  call.options.max_body = kMostAnswer;
  call.options.operator_address = true;
  call.options.stop = stop;
  return http_.request(call);
}

namespace {

std::string multipart_body(const json::object& fields, std::span<const PictureBytes> pictures,
                           std::string& type) {
  Multipart form;
  for (const auto& field : fields) form.add(field.key(), text_of(field.value()));
  for (const PictureBytes& picture : pictures) {
    const auto slash = picture.type.find('/');
    form.add_file("input_reference", "picture." + picture.type.substr(slash + 1), picture.type,
                  picture.bytes);
  }
  type = form.content_type();
  return form.finish();
}

std::string json_body(json::object fields, std::span<const PictureBytes> pictures) {
  for (const PictureBytes& picture : pictures) {
    fields["input_reference"] = "data:" + picture.type + ";base64," + base64(picture.bytes);
  }
  return json::serialize(fields);
}

}  // namespace

SubmitAnswer OpenaiProvider::submit(const Order& order) {
  const json::object fields = openai_fields(order);
  const bool as_json = config_.encoding == Encoding::kJson ||
                       (config_.encoding == Encoding::kAuto && order.pictures.empty());
  if (as_json) {
    const auto answer = post({"application/json", json_body(fields, order.pictures)});
    const bool other_way = config_.encoding == Encoding::kAuto &&
                           answer.end == SubmitEnd::kRefused &&
                           answer.error.code == ErrorCode::kInvalidParameter;
    if (!other_way) return answer;
  }
  Body body;
  body.bytes = multipart_body(fields, order.pictures, body.type);
  return post(body);
}

SubmitAnswer OpenaiProvider::post(const Body& body) const {
  bool issued = false;
  object::Call call{.method = "POST",
                    .url = config_.url + "/v1/videos",
                    .headers = headers(),
                    .body = body.bytes,
                    .issued = &issued};
  call.headers.push_back({"Content-Type", body.type});
  call.options.limits.total = config_.submit_timeout;
  call.options.max_body = kMostAnswer;
  call.options.operator_address = true;
  const auto answer = http_.request(call);
  if (!answer) {
    if (issued) return {};
    return {SubmitEnd::kNotNow, {}, 0, {ErrorCode::kProviderUnavailable, "not reached", {}}};
  }
  const auto document = parse_json(answer->body);
  if (is_success(answer->status)) {
    const std::string job = document ? job_of(*document) : "";
    if (job.empty()) return {};
    return {SubmitEnd::kAccepted, job, 0, {}};
  }
  const std::string reason = document ? shown_reason(openai_reason(*document)) : "";
  if (is_not_now(answer->status)) {
    return {SubmitEnd::kNotNow,
            {},
            answer->retry_after,
            {ErrorCode::kProviderUnavailable, reason.empty() ? "too busy" : reason, {}}};
  }
  if (answer->status >= 500) return {.answered = true};
  return {SubmitEnd::kRefused, {}, 0, refusal(answer->status, reason)};
}

LookupAnswer OpenaiProvider::look_for(const Order& order, Millis since) {
  const auto answer = get(config_.url + "/v1/videos?limit=100&order=desc", {});
  if (!answer || !is_success(answer->status)) return {};
  const auto document = parse_json(answer->body);
  if (!document || LooseReader(*document).at("data") == nullptr) return {};
  return openai_match(*document, order.wanted.prompt, since, since + config_.submit_timeout);
}

PollAnswer OpenaiProvider::poll(const std::string& job, const std::stop_token& stop) {
  const auto answer = get(job_url(job), stop);
  if (!answer) return {};
  if (answer->status == 404 || answer->status == 410) return {.end = PollEnd::kMissing};
  const auto document = parse_json(answer->body);
  if (!is_success(answer->status) || !document) return {.retry_after = answer->retry_after};
  return openai_state(*document);
}

Result<object::Fetched> OpenaiProvider::fetch(const std::string& job, const std::string& result_url,
                                              int fd, const std::stop_token& stop) {
  object::FetchOptions options;
  options.max_bytes = config_.max_result;
  options.redirects = 3;
  options.operator_address = true;
  options.rules_elsewhere = true;
  options.stop = stop;
  if (!config_.key.empty()) options.headers = {{"Authorization", "Bearer " + config_.key}};
  auto fetched = http_.fetch_to(job_url(job) + "/content", fd, options);
  const bool over = fetched || result_url.empty() || stop.stop_requested() ||
                    fetched.error().code == ErrorCode::kOutOfSpace ||
                    fetched.error().code == ErrorCode::kInputTooLarge;
  if (over) return fetched;
  // The other address may be anybody's: no credential, and the rules hold unless it is ours.
  const bool own = result_url.starts_with(config_.url + "/");
  if (!own) {
    options.headers.clear();
    options.operator_address = false;
  }
  if (::ftruncate(fd, 0) != 0) return fetched;
  return http_.fetch_to(result_url, fd, options);
}

bool OpenaiProvider::cancel(const std::string& job) {
  object::Call call{.method = "DELETE", .url = job_url(job), .headers = headers()};
  call.options.limits.total = kCancelTimeout;
  call.options.operator_address = true;
  const auto answer = http_.request(call);
  return answer && is_success(answer->status);
}

}  // namespace telecine::provider
