#pragma once

#include "base/json.h"
#include "provider/provider.h"

namespace telecine::provider {

/// Any server with OpenAI's /v1/videos: vLLM-Omni, SGLang, new-api, LiteLLM.
class OpenaiProvider final : public Provider {
 public:
  OpenaiProvider(const ProviderConfig& config, const object::HttpClient& http)
      : config_(config), http_(http) {}

  SubmitAnswer submit(const Order& order) override;
  LookupAnswer look_for(const Order& order, Millis since) override;
  PollAnswer poll(const std::string& job, const std::stop_token& stop) override;
  Result<object::Fetched> fetch(const std::string& job, const std::string& result_url, int fd,
                                const std::stop_token& stop) override;
  bool cancel(const std::string& job) override;

 private:
  struct Body {
    std::string type;
    std::string bytes;
  };
  SubmitAnswer post(const Body& body) const;
  std::string job_url(const std::string& job) const;
  object::Headers headers() const;
  Result<object::Answer> get(const std::string& url, const std::stop_token& stop) const;

  const ProviderConfig& config_;
  const object::HttpClient& http_;
};

/// The fields of a create, the same in both encodings. Seconds and size are texts, as the form
/// has them; frames and sides are said too, since some servers make one frame otherwise.
json::object openai_fields(const Order& order);
/// What a job document says; `body` is any of the shapes these servers give it.
PollAnswer openai_state(const json::value& body);
/// Why a call was refused, out of the shapes errors come in; empty when it does not say.
std::string openai_reason(const json::value& body);
/// The one job of a list that was made in [since, until] for this prompt.
LookupAnswer openai_match(const json::value& body, const std::string& prompt, Millis since,
                          Millis until);

}  // namespace telecine::provider
