#include "app/config.h"
#include "app/config_meetings.h"
#include "app/config_tencent.h"

namespace telecine::app {
namespace {

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kMega = 1 << 20;
constexpr std::int64_t kTera = 1LL << 40;

using enum SettingType;

std::vector<Setting> data_settings() {
  return {
      {.name = "data.dir",
       .fallback = kDefaultDataDir,
       .help = "Directory of the database, uploads and results; made if it is missing"},
      {.name = "data.retention",
       .type = kDuration,
       .fallback = "30d",
       .help = "How long ended tasks and their results are kept; 0 keeps them for ever",
       .most = 36'500 * kDay},
      {.name = "data.upload_retention",
       .type = kDuration,
       .fallback = "7d",
       .help = "How long an unfinished upload waits to be continued; 0 for ever",
       .most = 36'500 * kDay},
      {.name = "data.master_key_file",
       .help = "File with 64 hex digits that seal stored secrets (openssl rand -hex 32)"},
      {.name = "data.synchronous",
       .type = kChoice,
       .fallback = "full",
       .help = "full: what was answered survives a power loss; normal: faster, survives a crash",
       .choices = "full normal"},
      {.name = "data.cached_tasks",
       .type = kInteger,
       .fallback = "20000",
       .help = "Task documents kept in memory, about 4 KiB each",
       .least = 100,
       .most = 10'000'000},
  };
}

std::vector<Setting> server_settings() {
  return {
      {.name = "server.listen",
       .fallback = "127.0.0.1:8080",
       .help = "Address and port: 127.0.0.1:8080, [::1]:8080, :8080 for every address"},
      {.name = "server.public_url",
       .help = "How clients reach this server (https://video.example.com); for links in answers"},
      {.name = "server.trusted_proxies",
       .type = kList,
       .help = "Addresses and ranges whose X-Forwarded-* headers count"},
      {.name = "server.tls_certificate", .help = "PEM file with the certificate chain"},
      {.name = "server.tls_key", .help = "PEM file with the key; empty: in the certificate's file"},
      {.name = "server.threads",
       .type = kInteger,
       .fallback = "0",
       .help = "Threads that answer requests; 0: one a core",
       .most = 256},
      {.name = "server.max_connections",
       .type = kInteger,
       .fallback = "10000",
       .help = "Connections at once; more are refused",
       .least = 1,
       .most = 1'000'000},
      {.name = "server.header_bytes",
       .type = kBytes,
       .fallback = "16k",
       .help = "Largest request line and headers together",
       .least = 1024,
       .most = kMega},
      {.name = "server.body_bytes",
       .type = kBytes,
       .fallback = "1M",
       .help = "Largest JSON request; uploads are bounded by worker.max_input",
       .least = 1024,
       .most = 64 * kMega},
      {.name = "server.dev",
       .type = kFlag,
       .fallback = "false",
       .help = "Development mode, on loopback only: any credentials or none are good, inputs and "
               "callbacks may be on loopback, and limits that are not set are off"},
      {.name = "server.rate_per_minute",
       .type = kInteger,
       .fallback = "0",
       .help = "Calls a minute of one key that has no rate of its own; 0: no limit",
       .most = 10'000'000},
      {.name = "server.link_life",
       .type = kDuration,
       .fallback = "1h",
       .help = "How long links to results work",
       .least = kSecond,
       .most = 7 * kDay},
      {.name = "server.drain",
       .type = kDuration,
       .fallback = "30s",
       .help = "How long a stopping server finishes answers",
       .most = kHour},
  };
}

std::vector<Setting> worker_settings() {
  return {
      {.name = "worker.enabled",
       .type = kFlag,
       .fallback = "true",
       .help = "Whether `serve` also works on tasks; false: only `telecine worker` does"},
      {.name = "worker.cores",
       .type = kInteger,
       .fallback = "0",
       .help = "Cores shared out to running tasks; 0: all",
       .most = 1024},
      {.name = "worker.memory",
       .type = kBytes,
       .fallback = "0",
       .help = "Memory shared out to running tasks; 0: three quarters of what there is",
       .most = 64 * kTera},
      {.name = "worker.slots",
       .type = kInteger,
       .fallback = "0",
       .help = "Units in hand at once, those that wait for data included; 0: cores + 2",
       .most = 4096},
      {.name = "worker.stall",
       .type = kDuration,
       .fallback = "2m",
       .help = "A unit without progress for this long is ended",
       .least = kSecond,
       .most = kDay},
      {.name = "worker.segment",
       .type = kDuration,
       .fallback = "30s",
       .help = "Videos of four times this length or more are encoded in segments of about it, each "
               "a unit of its own, but for animations; so are several sources that are joined, if "
               "they have to be encoded for it; 0: never",
       .most = kDay},
      {.name = "worker.wall",
       .type = kDuration,
       .fallback = "12h",
       .help = "Longest run of one unit",
       .least = kSecond,
       .most = 30 * kDay},
      {.name = "worker.warm",
       .type = kDuration,
       .fallback = "1m",
       .help = "How long the media process is kept ready after its last work: the next then starts "
               "about 0.1 s sooner, and meanwhile it takes tens of MB",
       .least = kSecond,
       .most = 365 * kDay},
      {.name = "worker.lease",
       .type = kDuration,
       .fallback = "15s",
       .help = "A worker silent for this long loses its units to others",
       .least = 2 * kSecond,
       .most = kHour},
      {.name = "worker.max_input",
       .type = kBytes,
       .fallback = "20G",
       .help = "Largest input",
       .least = 1024,
       .most = 64 * kTera},
      {.name = "worker.max_output",
       .type = kBytes,
       .fallback = "64G",
       .help = "Largest file of an output",
       .least = 1024,
       .most = 64 * kTera},
      {.name = "worker.min_free",
       .type = kBytes,
       .fallback = "256M",
       .help = "Free disk space below which nothing new is written",
       .most = 64 * kTera},
      {.name = "worker.drain",
       .type = kDuration,
       .fallback = "30s",
       .help = "How long a stopping worker lets its units go on before it gives them back",
       .most = kDay},
      {.name = "network.allow_addresses",
       .type = kList,
       .help = "Private addresses that inputs and callbacks may use: 10.1.0.0/16, 127.0.0.1:9000"},
      {.name = "log.level",
       .type = kChoice,
       .fallback = "info",
       .help = "What is logged",
       .choices = "debug info warning error"},
      {.name = "log.format",
       .type = kChoice,
       .fallback = "auto",
       .help = "json or pretty; auto: pretty on a terminal",
       .choices = "auto json pretty"},
  };
}

std::vector<Setting> aliyun_settings() {
  return {
      {.name = "aliyun.xml_result_url",
       .type = kChoice,
       .fallback = "flat",
       .help = "GetTaskResult in XML: nested is the form of 2019, for clients that read only that",
       .choices = "flat nested"},
      {.name = "aliyun.link_life",
       .type = kDuration,
       .fallback = "24h",
       .help = "How long links to analysis results work",
       .least = kSecond,
       .most = 7 * kDay},
  };
}

std::vector<Setting> generation_settings() {
  return {
      {.name = "generation.animatic",
       .type = kChoice,
       .fallback = "on",
       .help = "Built-in storyboards: on, explicit (by their own model name only) or off",
       .choices = "on explicit off"},
      {.name = "generation.resubmit_ambiguous",
       .type = kFlag,
       .fallback = "false",
       .help = "Submit again when nobody knows whether a request arrived; may cost twice"},
      {.name = "generation.submit_patience",
       .type = kDuration,
       .fallback = "10m",
       .help = "How long a provider that is too busy is asked again",
       .most = kDay},
  };
}

SettingList generation_providers() {
  return {
      "generation.provider",
      {
          {.name = "name", .help = "What [[generation.model]] calls it", .required = true},
          {.name = "kind",
           .type = kChoice,
           .fallback = "openai",
           .help = "openai: any server with /v1/videos",
           .choices = "openai"},
          {.name = "url", .help = "Base address, with or without /v1", .required = true},
          {.name = "key", .help = "Bearer token it asks for", .secret = true},
          {.name = "key_file", .help = "A file with the token, instead of key"},
          {.name = "encoding",
           .type = kChoice,
           .fallback = "auto",
           .help = "How requests are written",
           .choices = "auto json multipart"},
          {.name = "poll_first",
           .type = kDuration,
           .fallback = "5s",
           .help = "From the submit to the first question",
           .least = 10,
           .most = kHour},
          {.name = "poll_every",
           .type = kDuration,
           .fallback = "10s",
           .help = "Between questions",
           .least = 10,
           .most = kHour},
          {.name = "backoff",
           .type = kDuration,
           .fallback = "1s",
           .help = "Before a refused submit or a failed copy is tried again; then twice as long",
           .least = 10,
           .most = kHour},
          {.name = "deadline",
           .type = kDuration,
           .fallback = "60m",
           .help = "From acceptance to a result",
           .least = kSecond,
           .most = 7 * kDay},
          {.name = "submit_timeout",
           .type = kDuration,
           .fallback = "60s",
           .help = "For the answer to a submit",
           .least = kSecond,
           .most = kHour},
          {.name = "max_result",
           .type = kBytes,
           .fallback = "4G",
           .help = "Largest result",
           .least = 1024,
           .most = kTera},
          {.name = "durations", .type = kList, .help = "Seconds it can make; empty: any"},
          {.name = "sizes", .type = kList, .help = "Sizes it can make, 1280x720; empty: any"},
      }};
}

SettingList generation_models() {
  return {
      "generation.model",
      {
          {.name = "match", .help = "What clients ask for; * for any text", .required = true},
          {.name = "provider", .help = "A [[generation.provider]], or animatic", .required = true},
          {.name = "as", .help = "What the provider calls it; empty: the same"},
      }};
}

SettingList roots() {
  return {"object.root",
          {
              {.name = "name", .help = "The host part of file://name/path", .required = true},
              {.name = "path", .help = "The directory", .required = true},
              {.name = "read", .type = kFlag, .fallback = "true", .help = "Inputs may be there"},
          }};
}

std::vector<Setting> object_settings() {
  return {
      {.name = "object.presign_ttl",
       .type = kDuration,
       .fallback = "1h",
       .help = "How long links to results at a remote store work",
       .least = kSecond,
       .most = 7 * kDay},
      {.name = "object.put_bytes",
       .type = kBytes,
       .fallback = "64M",
       .help = "Results above this size are sent to a remote store in parts",
       .most = 5 * kTera / 1024},
      {.name = "object.part_bytes",
       .type = kBytes,
       .fallback = "16M",
       .help = "Least size of a part",
       .least = 5 * kMega,
       .most = 5 * kTera / 1024},
  };
}

SettingList endpoints() {
  return {
      "object.endpoint",
      {
          {.name = "name", .help = "Unique", .required = true},
          {.name = "type",
           .type = kChoice,
           .fallback = "s3",
           .help = "Whose protocol it speaks",
           .choices = "s3 oss obs cos"},
          {.name = "region", .help = "us-east-1, cn-hangzhou, ...", .required = true},
          {.name = "url", .help = "http://127.0.0.1:7480; empty: the vendor's own host"},
          {.name = "path_style",
           .type = kFlag,
           .fallback = "false",
           .help = "The bucket stands in the path; true by itself for a url with an address"},
          {.name = "signature", .help = "s3: v4 or v2; oss: v4 or v1; obs: obs or v2; cos: cos"},
          {.name = "presign", .help = "Form of links to results; empty: as signature"},
          {.name = "access_key", .help = "Empty: requests are not signed"},
          {.name = "secret_key", .help = "Of the access key", .secret = true},
          {.name = "secret_key_file", .help = "A file with the secret"},
          {.name = "secret_key_env", .help = "An environment variable with the secret"},
          {.name = "session_token_file", .help = "A file with a temporary token, read anew"},
          {.name = "buckets", .type = kList, .help = "Patterns such as media-*; empty: all"},
          {.name = "ca_file", .help = "A private CA"},
          {.name = "public_base_url", .help = "Results are public below it: plain links"},
      }};
}

SettingList keys() {
  return {"key",
          {
              {.name = "id", .help = "1 to 128 letters, digits, _ or -", .required = true},
              {.name = "secret", .help = "8 to 256 characters", .secret = true},
              {.name = "secret_file", .help = "A file with the secret, instead of secret"},
              {.name = "account", .help = "Who owns the tasks; main or app-<app_id> when empty"},
              {.name = "app_id",
               .type = kInteger,
               .fallback = "0",
               .help = "The number some vendors' task ids begin with; 0: none",
               .most = 9'999'999'999},
              {.name = "scopes",
               .type = kList,
               .fallback = "read,write",
               .help = "read, write and admin"},
              {.name = "rate_per_minute",
               .type = kInteger,
               .fallback = "0",
               .help = "Calls a minute; 0: server.rate_per_minute",
               .most = 10'000'000},
          }};
}

SettingSchema make() {
  SettingSchema schema;
  for (auto* part :
       {&data_settings, &server_settings, &worker_settings, &aliyun_settings, &generation_settings,
        &meeting_settings, &object_settings, &tencent_settings}) {
    for (Setting& setting : (*part)()) schema.settings.push_back(setting);
  }
  schema.lists = {roots(), endpoints(), keys(), generation_providers(), generation_models()};
  for (SettingList& list : meeting_lists()) schema.lists.push_back(std::move(list));
  for (SettingList& list : tencent_lists()) schema.lists.push_back(std::move(list));
  schema.other_variables = {"TELECINE_SERVER", "TELECINE_KEY", "TELECINE_CONFIG"};
  return schema;
}

}  // namespace

const SettingSchema& setting_schema() {
  static const SettingSchema schema = make();
  return schema;
}

}  // namespace telecine::app
