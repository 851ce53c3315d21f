#include "service/service.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/log.h"
#include "base/text.h"
#include "work/webhook.h"

namespace telecine {
namespace {

constexpr auto kTemplate = "template";
constexpr auto kWebhook = "webhook";
constexpr auto kSweepEvery = std::chrono::seconds(60);
/// Many tasks that end together are not purged at once.
constexpr Millis kRetentionMargin = 86'400'000;
/// Walking all objects takes a while. Not at once, so that a wrong database can be noticed first.
constexpr Millis kFirstCollection = 3'600'000;
constexpr Millis kCollectEvery = 24 * kFirstCollection;
/// What a unit or an upload writes is committed long before this.
constexpr Millis kLeastUncommitted = 2 * kCollectEvery;

std::unexpected<Error> no_task() {
  return fail(ErrorCode::kNotFound, "there is no such task");
}

Result<TaskPtr> only_of(const Caller& caller, std::string_view origin, Result<TaskPtr> task) {
  if (task && (*task)->origin != origin) return no_task();
  if (task && (*task)->account != caller.account()) {
    return fail(ErrorCode::kForbidden, "the task is another account's");
  }
  return task;
}

}  // namespace

Service::Service(Store& store, const object::LocalObjects& objects,
                 const object::LinkSigner& signer, const object::AddressRules& rules, Keyring& keys,
                 Storages& storages, ServiceOptions options)
    : store_(store),
      objects_(objects),
      signer_(signer),
      rules_(rules),
      keys_(keys),
      storages_(storages),
      options_(std::move(options)),
      watch_(store),
      metrics_(store),
      files_(store, objects, options_.data_dir, options_.max_input, options_.min_free,
             options_.upload_retention),
      collect_at_(steady_ms() + kFirstCollection),
      sweeper_([this](const std::stop_token& stop) { sweep_loop(stop); }) {}

Service::~Service() {
  sweeper_.request_stop();
  watch_.stop();
}

void Service::submit(const Caller& caller, TaskRequest request, Store::Done<Submitted> done) {
  if (draining_) {
    return done(fail(ErrorCode::kUnavailable, "the engine is shutting down; try again shortly"));
  }
  auto spec = make_spec(caller, request);
  if (!spec) return done(std::unexpected(spec.error()));
  Submission submission;
  submission.task.account = caller.account();
  submission.task.origin = std::move(request.origin);
  submission.task.outputs = outputs_of(*spec);
  submission.task.spec = std::move(*spec);
  submission.idempotency_key = std::move(request.idempotency_key);
  submission.body_hash = std::move(request.body_hash);
  submission.fingerprint = std::move(request.fingerprint);
  submission.repeated = request.repeated;
  if (!request.pictures.empty()) {
    return submit_with_pictures(caller, std::move(submission), std::move(request.pictures),
                                std::move(done));
  }
  submission.units = {first_unit(submission.task.spec)};
  store_.submit(std::move(submission), std::move(done));
}

std::optional<Caller> Service::developer() const {
  if (!options_.development) return std::nullopt;
  static const KeyPtr kKey = std::make_shared<const AccessKey>(
      AccessKey{.id = "developer",
                .secret = "",
                .account = "main",
                .scopes = {Scope::kRead, Scope::kWrite, Scope::kAdmin}});
  return Caller{kKey};
}

Result<TaskPtr> Service::get(const Caller& caller, Id id) {
  auto task = store_.get(id);
  if (task && (*task)->account != caller.account()) return no_task();
  return task;
}

Result<Store::Stored> Service::peek(const Caller& caller, Id id) {
  auto stored = store_.peek(id);
  if (!stored) return stored;
  const std::string& owner = stored->cached ? stored->cached->account : stored->account;
  if (owner != caller.account()) return no_task();
  return stored;
}

Result<TaskPtr> Service::get_by_key(const Caller& caller, std::int64_t key) {
  auto task = store_.get_by_key(key);
  if (task && (*task)->account != caller.account()) return no_task();
  return task;
}

Result<TaskPtr> Service::get_of(const Caller& caller, std::string_view origin, Id id) {
  return only_of(caller, origin, store_.get(id));
}

Result<TaskPtr> Service::get_of(const Caller& caller, std::string_view origin,
                                std::int64_t number) {
  return only_of(caller, origin, store_.get_by_key(number));
}

Result<Service::Page> Service::list(const Caller& caller, std::optional<TaskState> state,
                                    std::int64_t cursor, int limit) {
  auto tasks = store_.list({caller.account(), state, cursor, limit + 1});
  if (!tasks) return std::unexpected(tasks.error());
  Page page{std::move(*tasks), 0};
  if (page.tasks.size() > static_cast<std::size_t>(limit)) {
    page.tasks.resize(static_cast<std::size_t>(limit));
    page.next = page.tasks.back()->id.key;
  }
  return page;
}

void Service::cancel(const Caller& caller, Id id, Store::Done<TaskPtr> done) {
  store_.cancel(caller.account(), id, std::move(done));
}

void Service::retry(const Caller& caller, Id id, Store::Done<TaskPtr> done) {
  store_.retry(caller.account(), id, std::move(done));
}

Result<std::vector<Event>> Service::history(const Caller& caller, Id id) {
  if (auto task = get(caller, id); !task) return std::unexpected(task.error());
  return store_.history(id);
}

Result<std::vector<Template>> Service::templates(const Caller& caller) {
  std::vector<Template> all = built_in_templates();
  auto own = store_.list_records(kTemplate, caller.account());
  if (!own) return std::unexpected(own.error());
  for (const auto& [name, document] : *own) {
    if (auto made = template_from(document, name)) all.push_back(std::move(*made));
  }
  return all;
}

Result<Template> Service::find_template(const std::string& account, const std::string& name) {
  std::vector<std::string> names;
  for (const Template& built_in : built_in_templates()) {
    if (built_in.name == name) return built_in;
    names.push_back(built_in.name);
  }
  auto record = store_.get_record(kTemplate, account, name);
  if (record) return template_from(*record, name);
  if (record.error().code != ErrorCode::kNotFound) return std::unexpected(record.error());
  if (auto own = store_.list_records(kTemplate, account)) {
    for (const auto& [own_name, document] : *own) names.push_back(own_name);
  }
  std::string message = "there is no template \"" + name + "\"";
  if (const auto near = nearest(name, names))
    message += "; did you mean \"" + *near + "\"?";
  else
    message += "; there are " + join(names, ", ");
  return fail(ErrorCode::kNotFound, message);
}

void Service::put_template(const Caller& caller, Template made, Store::Done<bool> done) {
  const auto same = [&](const Template& t) { return t.name == made.name; };
  if (std::ranges::any_of(built_in_templates(), same)) {
    return done(fail(ErrorCode::kConflict,
                     "built-in templates cannot be changed; choose another "
                     "name"));
  }
  store_.put_record(kTemplate, caller.account(), made.name, to_json(made), false, std::move(done));
}

void Service::remove_template(const Caller& caller, const std::string& name,
                              Store::Done<bool> done) {
  const auto same = [&](const Template& t) { return t.name == name; };
  if (std::ranges::any_of(built_in_templates(), same)) {
    return done(fail(ErrorCode::kConflict, "built-in templates cannot be deleted"));
  }
  store_.remove_record(kTemplate, caller.account(), name, [done = std::move(done)](auto gone) {
    if (gone && !*gone)
      done(fail(ErrorCode::kNotFound, "there is no such template"));
    else
      done(gone);
  });
}

void Service::webhook_secrets(const std::string& account, bool rotate,
                              Store::Done<WebhookSecrets> done) {
  WebhookSecrets secrets;
  auto record = store_.get_record(kWebhook, account, "secrets");
  if (record) {
    const LooseReader in(*record);
    auto current = keys_.unseal_text(in.text("current"), account);
    auto previous = keys_.unseal_text(in.text("previous"), account);
    if (!current || !previous)
      return done(std::unexpected(current ? previous.error() : current.error()));
    secrets = {std::move(*current), std::move(*previous)};
    if (!rotate) return done(secrets);
  } else if (record.error().code != ErrorCode::kNotFound) {
    return done(std::unexpected(record.error()));
  }
  secrets.previous = std::move(secrets.current);
  secrets.current = make_webhook_secret();
  json::object document{{"current", keys_.seal_text(secrets.current, account)}};
  document["previous"] = secrets.previous.empty() ? "" : keys_.seal_text(secrets.previous, account);
  store_.put_record(kWebhook, account, "secrets", document, !rotate,
                    [this, account, secrets, done = std::move(done)](Result<bool> put) {
                      if (put) return done(secrets);
                      // Somebody made the first one at the same moment: theirs counts.
                      if (put.error().code == ErrorCode::kConflict)
                        return webhook_secrets(account, false, done);
                      done(std::unexpected(put.error()));
                    });
}

Result<std::vector<Delivery>> Service::deliveries(const Caller& caller, Id task) {
  if (auto known = get(caller, task); !known) return std::unexpected(known.error());
  return store_.deliveries_of(task);
}

void Service::replay(const Caller& caller, Id task, std::int64_t id, Store::Done<Delivery> done) {
  auto all = deliveries(caller, task);
  if (!all) return done(std::unexpected(all.error()));
  for (Delivery& delivery : *all) {
    if (delivery.id != id) continue;
    delivery.delivered = false;
    delivery.next_at = now_ms();
    store_.update_delivery(delivery, [delivery, done = std::move(done)](Result<bool> put) {
      if (put)
        done(delivery);
      else
        done(std::unexpected(put.error()));
    });
    return;
  }
  done(fail(ErrorCode::kNotFound, "there is no such delivery"));
}

RateState Service::take_call(const Caller& caller) {
  const int own = caller.key->rate_per_minute;
  return limiter_.take(caller.key->id, own > 0 ? own : options_.rate_per_minute);
}

Status Service::ready() {
  if (draining_) return fail(ErrorCode::kUnavailable, "shutting down");
  if (auto facts = store_.facts(); !facts) return std::unexpected(facts.error());
  if (free_bytes(options_.data_dir) < options_.min_free) {
    return fail(ErrorCode::kOutOfSpace, "the disk of the data directory is nearly full");
  }
  return {};
}

Millis Service::end_of_retention() const {
  return options_.retention > 0 ? now_ms() + options_.retention + kRetentionMargin : 0;
}

void Service::sweep_loop(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    sweep();
    collect(stop);
    wake.wait_for(lock, stop, kSweepEvery, [] { return false; });
  }
}

/// An upload that waits for ever may wait with its bytes written already.
void Service::collect(const std::stop_token& stop) {
  if (options_.upload_retention <= 0 || steady_ms() < collect_at_) return;
  files_.collect(now_ms() - std::max(options_.upload_retention, kLeastUncommitted), stop);
  collect_at_ = steady_ms() + kCollectEvery;
}

void Service::sweep() {
  sweep_meetings();
  if (options_.upload_retention > 0) files_.sweep(now_ms() - options_.upload_retention);
  constexpr int kAtOnce = 500;
  const Millis before = options_.retention > 0 ? now_ms() - options_.retention : 0;
  store_.purge(before, kAtOnce, [this](Result<std::vector<std::string>> gone) {
    if (!gone || gone->empty()) return;
    log_info("old tasks removed", {{"objects", gone->size()}});
    housekeeping_.post([this, names = std::move(*gone)] {
      for (const std::string& name : names) objects_.remove(name);
    });
  });
}

}  // namespace telecine
