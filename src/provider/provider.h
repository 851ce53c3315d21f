#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "object/http_client.h"
#include "provider/catalogue.h"
#include "provider/words.h"

namespace telecine::provider {

/// A picture's bytes, in memory while a submit is made.
struct PictureBytes {
  PictureRole role = PictureRole::kFirst;
  std::string type;  ///< media type by content
  std::string bytes;
};

/// What a provider is asked to make.
struct Order {
  const Generation& wanted;
  std::string model;  ///< in the provider's words
  Dimensions size;    ///< one the provider has
  std::span<const PictureBytes> pictures;
};

/// How a submit ended. Only kUnknown leaves open whether there is a job now.
enum class SubmitEnd : std::uint8_t {
  kAccepted,
  kRefused,  ///< for good; `error` says why
  kNotNow,   ///< surely not taken; may be tried again
  kUnknown
};
struct SubmitAnswer {
  SubmitEnd end = SubmitEnd::kUnknown;
  std::string job{};       ///< kAccepted
  Millis retry_after = 0;  ///< kNotNow: what the provider asks for; 0 nothing
  Error error{};           ///< kRefused, kNotNow
  bool answered = false;   ///< kUnknown: the server answered, with an error of its own
};

/// A search among the provider's recent jobs for one whose submit got no answer.
enum class Lookup : std::uint8_t { kFound, kNone, kCannot };
struct LookupAnswer {
  Lookup end = Lookup::kCannot;
  std::string job;  ///< kFound
};

enum class PollEnd : std::uint8_t {
  kState,
  kAgain,   ///< no usable answer; says nothing about the job
  kMissing  ///< the provider does not know the job
};
struct PollAnswer {
  PollEnd end = PollEnd::kAgain;
  Meaning meaning = Meaning::kWorking;
  std::optional<double> progress{};  ///< 0...1, where the provider says
  std::string result_url{};          ///< another address of the result, or empty
  std::optional<double> cost{};      ///< where the provider says
  std::string reason{};              ///< of a failure, fit to be shown
  Millis retry_after = 0;
};

/// One configured provider. Calls block; an object serves one thread. Nothing it returns holds an
/// address or a credential.
class Provider {
 public:
  virtual ~Provider() = default;
  /// Is not interrupted: half a submit is the worst of all ends.
  virtual SubmitAnswer submit(const Order& order) = 0;
  /// A job for this order made between `since` and now, if exactly one fits.
  virtual LookupAnswer look_for(const Order& order, Millis since) = 0;
  virtual PollAnswer poll(const std::string& job, const std::stop_token& stop) = 0;
  /// Downloads the result into an empty file.
  virtual Result<object::Fetched> fetch(const std::string& job, const std::string& result_url,
                                        int fd, const std::stop_token& stop) = 0;
  /// Whether the provider confirmed that the job is gone.
  virtual bool cancel(const std::string& job) = 0;
};

/// Null for the built-in one, which asks nobody. Borrows both.
std::unique_ptr<Provider> make_provider(const ProviderConfig& config,
                                        const object::HttpClient& http);

/// A provider's own words made fit for a caller: one short line without addresses.
std::string shown_reason(std::string_view text);

}  // namespace telecine::provider
