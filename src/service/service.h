#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "object/address.h"
#include "object/links.h"
#include "object/local.h"
#include "provider/catalogue.h"
#include "service/delay.h"
#include "service/files.h"
#include "service/keyring.h"
#include "service/metrics.h"
#include "service/rate_limit.h"
#include "service/watch.h"
#include "store/meetings.h"
#include "store/store.h"
#include "task/generation.h"
#include "work/storages.h"

namespace telecine {

/// Who calls: an authenticated key.
struct Caller {
  KeyPtr key;
  const std::string& account() const { return key->account; }
};

/// A task as asked for, before defaults and templates are applied. Field names in errors are those
/// of the native API; dialects map them.
struct TaskRequest {
  TaskKind kind = TaskKind::kTranscode;
  std::string input;
  std::vector<Piece> pieces;
  bool accept_damaged = false;
  std::string template_name;
  std::optional<std::vector<OutputSpec>> outputs;
  std::string callback_url;
  int priority = 0;
  int max_attempts = 3;
  std::map<std::string, std::string> metadata;
  json::object options;  ///< what the kind needs; an analysis's are checked here
  bool callback_changes = false;
  std::string input_md5;
  Keep keep;
  bool stills_first = false;
  json::object dialect;  ///< what the dialect has to remember of the request
  std::optional<Destination> destination;
  std::string origin = "native";
  std::string idempotency_key;
  std::string body_hash;
  std::string fingerprint;  ///< of the fields, for clients that repeat themselves without a key
  bool repeated = false;    ///< the client says that it does so now
  std::optional<Generation> generation;  ///< kGenerate
  /// Bytes of the generation's pictures, by their place in it; empty for those with a source.
  std::vector<std::string> pictures;
};

/// What lets somebody send records about meetings.
struct IngestKey {
  std::string key;
  std::string account;
};

struct ServiceOptions {
  std::string data_dir;
  std::string version;
  Millis link_life = 3'600'000;
  Millis retention = 30LL * 86'400'000;        ///< of ended tasks and their objects; 0: for ever
  Millis upload_retention = 7LL * 86'400'000;  ///< of unfinished uploads
  int rate_per_minute = 0;                     ///< default of keys without one; 0: unlimited
  std::int64_t max_input = 20LL << 30;
  std::int64_t min_free = 256LL << 20;
  bool development = false;        ///< any credentials or none are good: see `developer`
  provider::Catalogue generation;  ///< who makes generated videos
};

/// An object open for reading.
struct OpenObject {
  Fd fd;
  std::int64_t size = 0;
  Millis modified = 0;
  std::string etag;
  std::string type;
  bool placeholder = false;  ///< drawn by the built-in provider, not generated
  /// An HLS playlist comes as text, its references signed; `fd` is then closed.
  std::optional<std::string> playlist;
};

/// What a caller can do. Every dialect goes through here; no wire format is known. Thread-safe;
/// callbacks run on the store's thread and must not block.
class Service {
 public:
  Service(Store& store, const object::LocalObjects& objects, const object::LinkSigner& signer,
          const object::AddressRules& rules, Keyring& keys, Storages& storages,
          ServiceOptions options);
  ~Service();

  // --- tasks ---
  void submit(const Caller& caller, TaskRequest request, Store::Done<Submitted> done);
  Result<TaskPtr> get(const Caller& caller, Id id);
  /// The same for answers that the stored text is enough for.
  Result<Store::Stored> peek(const Caller& caller, Id id);
  /// For dialects whose ids are the plain number.
  Result<TaskPtr> get_by_key(const Caller& caller, std::int64_t key);
  struct Page {
    std::vector<TaskPtr> tasks;
    std::int64_t next = 0;  ///< cursor of the next page; 0: this was the last
  };
  Result<Page> list(const Caller& caller, std::optional<TaskState> state, std::int64_t cursor,
                    int limit);
  void cancel(const Caller& caller, Id id, Store::Done<TaskPtr> done);
  void retry(const Caller& caller, Id id, Store::Done<TaskPtr> done);
  Result<std::vector<Event>> history(const Caller& caller, Id id);

  // --- links to objects ---
  /// "/objects/…?Expires=…&Signature=…". The same text for the same file until `links_change`.
  std::string link(const std::string& object_url, const std::string& account) const;
  /// A path that a dialect serves by itself, with "?Expires=…&Signature=…", good for `life`.
  std::string sign_path(const std::string& path, Millis life, const std::string& account) const;
  /// The first file of the task's first finished output, for the holder of a link to `path`.
  Result<OpenObject> open_result(std::string_view method, const std::string& path, std::int64_t key,
                                 std::string_view expires, std::string_view signature);
  /// The same for a file of the library. It ends in an extension that fits the bytes.
  std::string link(const File& file) const;
  /// A whole URL for a file's: of this server below `base`, or a fresh link at the store the file
  /// went to; empty when none can be made.
  std::string url_of(const Task& task, const std::string& file_url, const std::string& base) const;
  /// By which the input can be downloaded: itself, or a fresh link at its store; else empty.
  std::string input_url(const Task& task) const;
  /// Like `url_of`, but for our own objects a link that always has the same text and works as long
  /// as the task is kept.
  std::string lasting_url_of(const Task& task, const std::string& file_url,
                             const std::string& base) const;
  /// When the texts of links made now are made anew, so that documents holding them are too.
  Millis links_change() const;
  Result<OpenObject> open_object(std::string_view method, const std::string& task_hex,
                                 const std::string& name, std::string_view expires,
                                 std::string_view signature);

  // --- templates ---
  Result<std::vector<Template>> templates(const Caller& caller);
  Result<Template> find_template(const std::string& account, const std::string& name);
  void put_template(const Caller& caller, Template made, Store::Done<bool> done);
  void remove_template(const Caller& caller, const std::string& name, Store::Done<bool> done);

  // --- callbacks ---
  struct WebhookSecrets {
    std::string current;
    std::string previous;  ///< empty: none
  };
  void webhook_secrets(const std::string& account, bool rotate, Store::Done<WebhookSecrets> done);
  Result<std::vector<Delivery>> deliveries(const Caller& caller, Id task);
  void replay(const Caller& caller, Id task, std::int64_t delivery, Store::Done<Delivery> done);

  // --- meetings ---
  /// Before the first call of the others. `keys` empty: keys with the write scope serve instead.
  void set_meetings(MeetingStore& meetings, std::vector<IngestKey> keys, Millis retention);
  MeetingStore& meetings() { return *meetings_; }
  /// The account whose records the bearer of `token` may write. kUnauthorized.
  Result<std::string> ingest_account(std::string_view token);

  // --- for dialects with ids and credentials of their own ---
  /// A task that the dialect `origin` made; kNotFound for those of others. A caller is told that it
  /// is another account's: kForbidden.
  Result<TaskPtr> get_of(const Caller& caller, std::string_view origin, Id id);
  Result<TaskPtr> get_of(const Caller& caller, std::string_view origin, std::int64_t number);
  /// The bytes of a task's file, without a signed link.
  Result<OpenObject> open_output(const OutputFile& file);
  /// 32 bytes that stay the same for this installation and differ between purposes. Made when it is
  /// first asked for; waits for the store.
  Result<std::string> installation_key(const std::string& purpose);
  /// One call of what `name` stands for, in the minute that its first call opened.
  WindowState take_window(const std::string& name, int per_minute) {
    return window_.take(name, per_minute, Minute::kFixed);
  }
  /// Calls back after a while, on a thread of its own; at once when too many are waiting.
  void delay(Millis time, std::function<void()> then) { delay_.after(time, std::move(then)); }

  // --- limits and health ---
  /// In development mode, who every caller is, whatever they offer; else nothing.
  std::optional<Caller> developer() const;
  RateState take_call(const Caller& caller);
  /// One call of what `name` stands for, against a limit within any 60 s.
  bool take_call(const std::string& name, int per_minute) {
    return window_.take(name, per_minute, Minute::kSliding).allowed;
  }
  /// Whether a name is new within `life`, as for requests that must not be sent twice.
  bool first_time(const std::string& name, Millis life) { return seen_.first(name, life); }
  /// Ready to take work: the store answers, the disk has room, and we are not shutting down.
  Status ready();
  /// When a record about a task that has ended may go: after the task itself. 0: never.
  Millis end_of_retention() const;
  void set_draining() { draining_ = true; }
  bool draining() const { return draining_; }

  Keyring& keys() { return keys_; }
  Watch& watch() { return watch_; }
  Metrics& metrics() { return metrics_; }
  Files& files() { return files_; }
  Storages& storages() { return storages_; }
  const object::AddressRules& rules() const { return rules_; }
  Store& store() { return store_; }
  const ServiceOptions& options() const { return options_; }

 private:
  Result<OpenObject> open_checked(const object::ObjectName& name);
  Result<TaskSpec> make_spec(const Caller& caller, TaskRequest& request);
  Result<Destination> check_destination(const Caller& caller, Destination wanted,
                                        const TaskSpec& spec);
  Status check_input(const Caller& caller, const std::string& input);
  Status make_generation(const Caller& caller, TaskRequest& request, TaskSpec& spec);
  Status choose_outputs(const Caller& caller, TaskRequest& request, TaskSpec& spec);
  Status check_assets(const Caller& caller, const TaskSpec& spec);
  void submit_with_pictures(const Caller& caller, Submission submission,
                            std::vector<std::string> pictures, Store::Done<Submitted> done);
  void remove_pictures(const std::string& account, const TaskSpec& spec);
  void sweep_loop(const std::stop_token& stop);
  void sweep();
  void collect(const std::stop_token& stop);
  void sweep_meetings();
  std::int64_t link_expiry() const;
  struct Located;
  Result<Located> locate(const std::string& hex, const std::string& name);

  Store& store_;
  const object::LocalObjects& objects_;
  const object::LinkSigner& signer_;
  const object::AddressRules& rules_;
  Keyring& keys_;
  Storages& storages_;
  ServiceOptions options_;
  RateLimiter limiter_;
  MeetingStore* meetings_ = nullptr;
  std::vector<IngestKey> ingest_keys_;
  std::atomic<Millis> meeting_retention_ = 0;
  MinuteWindow window_;
  SeenOnce seen_;
  Watch watch_;
  Metrics metrics_;
  Files files_;
  Delay delay_;
  std::atomic<bool> draining_ = false;
  Pool housekeeping_{1};
  Millis collect_at_;  ///< the sweeper's alone
  std::jthread sweeper_;
};

}  // namespace telecine
