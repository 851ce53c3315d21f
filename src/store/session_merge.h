#pragma once

#include "base/json.h"
#include "store/meetings.h"

namespace telecine {

/// Adds sessions, in the order of their joins, up to one participant.
class SessionMerge {
 public:
  /// `finish`: the meeting's end, which ends the sessions that are still open.
  SessionMerge(ParticipantFacts& facts, std::optional<Millis> finish)
      : facts_(facts), finish_(finish), now_(now_ms()) {}

  /// `document`: the session as it is stored.
  void add(Millis joined, std::optional<Millis> left, const json::object& document);
  /// After the last one.
  void finish();

 private:
  void add_span(Millis joined, std::optional<Millis> left, std::string reason);

  ParticipantFacts& facts_;
  std::optional<Millis> finish_;
  Millis now_;
  int count_ = 0;
  bool inside_ = false;
  std::int64_t counted_until_ = 0;
};

}  // namespace telecine
