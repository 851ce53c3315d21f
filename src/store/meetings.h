#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "store/meeting_records.h"

namespace telecine {

/// Who somebody is, as far as it is known; for a guest or a room everything is empty.
struct PersonFacts {
  std::string user_id;
  std::string name;
  std::string department;
  std::string employee_no;
  std::string email;
  std::string mobile;
};

/// One meeting with what its participants add up to.
struct MeetingFacts {
  std::string instance;
  std::string number;
  std::string topic;
  PersonFacts organizer;
  Millis start = 0;
  std::optional<Millis> end;
  std::int64_t participants = 0;
  bool audio = false;
  bool video = false;
  bool sharing = false;
  bool recording = false;
  bool telephone = false;
};

/// One participant: all sessions of one id merged.
struct ParticipantFacts {
  std::string id;
  PersonFacts user;
  std::string room;
  std::string name;             ///< as shown: of the session, else of the user, else of the room
  Millis join = 0;              ///< the first one
  std::optional<Millis> leave;  ///< the last one; absent while inside
  std::int64_t seconds = 0;     ///< spent inside, overlapping sessions counted once
  std::string leave_reason;     ///< of the session that ended last
  std::string device;
  std::string app_version;
  std::string public_ip;
  std::string internal_ip;
  std::string location;
  std::string network_type;
  std::string microphone;
  std::string speaker;
  std::string camera;
  bool use_rtc_proxy = false;
  bool audio = false;
  bool video = false;
  bool sharing = false;
};

struct ReservationFacts {
  std::string id;
  std::string room_name;
  std::string topic;
  PersonFacts reserver;
  std::optional<std::int64_t> guests;
  std::optional<std::int64_t> accepted;
  Millis start = 0;
  Millis end = 0;
  std::string status;  ///< codes, as in the records
  std::string checkin_device;
  std::string checkin_status;
  std::optional<Millis> checkin_time;
  std::string released_by;  ///< a name
  std::optional<Millis> released_at;
};

/// What is stored about meetings as it was at one instant. Rows come one by one in the order they
/// are shown, so that memory does not grow with their number; a visitor's error ends the reading
/// and is answered. One thread at a time. Hold it briefly: while it lives, the store's log grows.
class MeetingSnapshot {
 public:
  template <typename Row>
  using Visit = std::function<Status(const Row&)>;

  virtual ~MeetingSnapshot() = default;

  /// Meetings by start, then instance, filtered by the members of `spec` that kMeetings uses.
  virtual Status meetings(const std::string& account, const ExportSpec& spec,
                          const Visit<MeetingFacts>& visit) = 0;
  /// The instance of the latest meeting of that number and status that starts less than a minute
  /// from `start` and, for kEnded, ends less than a minute from `end` (Unix seconds). kNotFound.
  virtual Result<std::string> find_meeting(const std::string& account, const std::string& number,
                                           MeetingStatus status, std::int64_t start,
                                           std::int64_t end) = 0;
  /// Participants by first join, then id; only those that `user` and `room` (empty: any) match.
  virtual Status participants(const std::string& account, const std::string& instance,
                              const UserRef& user, const std::string& room,
                              const Visit<ParticipantFacts>& visit) = 0;
  struct Sample {
    Millis minute = 0;
    json::object metrics;  ///< by group, as in the records
  };
  virtual Status samples(const std::string& account, const std::string& instance,
                         const std::string& participant, const Visit<Sample>& visit) = 0;
  /// Bookings by start, then id, filtered by the members of `spec` that kReservations uses.
  virtual Status reservations(const std::string& account, const ExportSpec& spec,
                              const Visit<ReservationFacts>& visit) = 0;
};

/// Records about meetings, people, rooms and bookings, divided by account. Each record has a
/// natural key within its account; writing a key again updates what is stored.
///
/// Threading: from any thread. `apply` and the removals are asynchronous like the task store's
/// writes: the callback runs on the store's thread after what it reports is durable.
class MeetingStore {
 public:
  template <typename T>
  using Done = std::function<void(Result<T>)>;
  /// For each record in order, why it was not taken, if so; the others are.
  using Verdicts = std::vector<std::optional<RecordProblem>>;

  virtual ~MeetingStore() = default;

  /// In order, in one transaction.
  virtual void apply(std::string account, std::vector<MeetingRecord> records,
                     Done<Verdicts> done) = 0;
  /// Deletes meetings that started before, with all that belongs to them, at most `limit`.
  virtual void purge(Millis before, int limit, Done<int> done) = 0;
  virtual Result<std::unique_ptr<MeetingSnapshot>> snapshot() = 0;
  /// Finishes what is queued and answers everything after it with kUnavailable.
  virtual void stop() = 0;
};

struct MeetingStoreOptions {
  std::string directory;  ///< holds meetings.db
  bool synchronous_full = true;
};

/// Opens, creates or migrates the embedded store. Several processes may have it open.
Result<std::unique_ptr<MeetingStore>> open_meeting_store(const MeetingStoreOptions& options);

}  // namespace telecine
