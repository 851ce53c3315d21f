#include <cstdio>
#include <future>
#include <memory>

#include "app/command.h"
#include "app/show.h"
#include "base/fs.h"
#include "base/text.h"
#include "object/links.h"
#include "service/keyring.h"

// Keys are made on the data directory itself, so that the first one needs no server and no key. A
// server that runs on it accepts them within two seconds.
namespace telecine::app {
namespace {

/// The keys of a data directory, open for one command.
struct OpenKeys {
  std::unique_ptr<Store> store;
  std::unique_ptr<Keyring> keys;

  static Result<OpenKeys> open(const Arguments& arguments) {
    const auto config = arguments.config();
    if (!config) return std::unexpected(config.error());
    auto store = open_sqlite_store(config->sqlite());
    if (!store) return std::unexpected(store.error());
    auto keys = std::make_unique<Keyring>(**store, config->data.master_key, config->keys);
    return OpenKeys{std::move(*store), std::move(keys)};
  }
  ~OpenKeys() {
    if (store) store->stop();
  }
  OpenKeys(std::unique_ptr<Store> opened, std::unique_ptr<Keyring> ring)
      : store(std::move(opened)), keys(std::move(ring)) {}
  OpenKeys(OpenKeys&&) = default;
};

/// Turns a call with a callback into one that waits.
template <typename Start>
Result<KeyPtr> wait_for(Start start) {
  const auto promise = std::make_shared<std::promise<Result<KeyPtr>>>();
  start([promise](Result<KeyPtr> key) { promise->set_value(std::move(key)); });
  return promise->get_future().get();
}

std::string scopes_text(const AccessKey& key) {
  std::vector<std::string> words;
  for (const Scope scope : key.scopes) words.emplace_back(name_of(scope));
  return join(words, ",");
}

/// Without the secret.
json::object public_json(const AccessKey& key) {
  json::object o = to_json(key);
  o.erase("secret");
  o["created"] = key.created > 0 ? json::value(rfc3339(key.created)) : json::value();
  return o;
}

Result<AccessKey> key_from(const Arguments& arguments) {
  AccessKey key = Keyring::make("");
  if (const auto id = arguments.find("id")) key.id = *id;
  if (const auto secret = arguments.find("secret")) key.secret = *secret;
  if (const auto file = arguments.find("secret-file")) {
    auto text = read_file(*file, 4096);
    if (!text) return std::unexpected(text.error());
    key.secret = trim(*text);
  }
  const auto app_id = arguments.integer("app-id", 1, 9'999'999'999);
  if (!app_id) return std::unexpected(app_id.error());
  key.app_id = app_id->value_or(0);
  key.account = arguments.find("account").value_or(default_account(key.app_id));
  const auto rate = arguments.integer("rate-per-minute", 0, 10'000'000);
  if (!rate) return std::unexpected(rate.error());
  key.rate_per_minute = static_cast<int>(rate->value_or(0));
  std::vector<std::string> words;
  const std::string scopes = arguments.find("scopes").value_or("read,write");
  for (const auto word : split(scopes, ',')) words.emplace_back(trim(word));
  auto known = scopes_from(words);
  if (!known) return fail(ErrorCode::kInvalidParameter, "--scopes " + known.error().message);
  key.scopes = std::move(*known);
  return key;
}

int create_key(const Arguments& arguments) {
  auto wanted = key_from(arguments);
  if (!wanted) return report(wanted.error());
  const auto open = OpenKeys::open(arguments);
  if (!open) return report(open.error());
  const auto key = wait_for([&](auto done) { open->keys->create(*wanted, std::move(done)); });
  if (!key && key.error().code == ErrorCode::kConflict) {
    return report({ErrorCode::kConflict,
                   "there is a key " + wanted->id + " already; choose another --id",
                   {}});
  }
  if (!key) return report(key.error());
  const std::string token = Keyring::token_of(**key);
  if (arguments.has("json")) {
    json::object document = public_json(**key);
    document["secret"] = (*key)->secret;
    document["token"] = token;
    print_json(document);
    return kDone;
  }
  std::printf("%s\n", token.c_str());
  std::fprintf(stderr, "Key %s of account %s may %s. Its token is shown only now.\n",
               (*key)->id.c_str(), (*key)->account.c_str(), scopes_text(**key).c_str());
  return kDone;
}

int list_keys(const Arguments& arguments) {
  const auto open = OpenKeys::open(arguments);
  if (!open) return report(open.error());
  const auto keys = open->keys->list(arguments.text("account"));
  if (!keys) return report(keys.error());
  if (arguments.has("json")) {
    json::array all;
    for (const KeyPtr& key : *keys) all.emplace_back(public_json(*key));
    print_json(json::object{{"keys", std::move(all)}});
    return kDone;
  }
  for (const KeyPtr& key : *keys) {
    std::printf("%-20s %-16s %-18s %s%s\n", key->id.c_str(), key->account.c_str(),
                scopes_text(*key).c_str(),
                key->created > 0 ? rfc3339(key->created).c_str() : "configuration file",
                key->disabled ? "  disabled" : "");
  }
  if (keys->empty()) std::fprintf(stderr, "No keys. Make one with: telecine key create\n");
  return kDone;
}

int set_disabled(const Arguments& arguments, bool disabled) {
  const auto open = OpenKeys::open(arguments);
  if (!open) return report(open.error());
  const auto key = wait_for([&](auto done) {
    open->keys->set_disabled("", arguments.text("ID"), disabled, std::move(done));
  });
  if (!key) return report(key.error());
  if (arguments.has("json"))
    print_json(public_json(**key));
  else
    std::printf("%s is %s\n", (*key)->id.c_str(), disabled ? "disabled" : "enabled");
  return kDone;
}

int rotate_links(const Arguments& arguments) {
  const auto config = arguments.config();
  if (!config) return report(config.error());
  auto signer = object::LinkSigner::open(config->data.dir);
  if (!signer) return report(signer.error());
  using enum object::LinkSigner::Rotation;
  const bool at_once = arguments.has("at-once");
  if (auto done = signer->rotate(now_ms(), at_once ? kVoidLinks : kKeepLinks); !done) {
    return report(done.error());
  }
  std::printf(
      "Links are signed by a new key. %s\n",
      at_once ? "Those given out so far are void." : "Those given out so far end within 7 days.");
  return kDone;
}

constexpr OptionSpec kJson{.name = "--json", .help = "Print JSON on standard output"};

Command switch_command(std::string_view name, std::string_view summary, std::string_view details,
                       bool disabled) {
  return {
      .name = name,
      .summary = summary,
      .details = details,
      .positionals = {{.name = "ID", .help = "The key", .required = true}},
      .options = {kJson},
      .takes = Takes::kDataSettings,
      .run = [disabled](const Arguments& arguments) { return set_disabled(arguments, disabled); }};
}

}  // namespace

std::vector<Command> key_commands() {
  return {
      {.name = "key create",
       .summary = "Make an access key and print its token",
       .details = "Works on the data directory, whether a server runs on it or not.\n\n"
                  "Examples:\n"
                  "  telecine key create\n"
                  "  telecine key create --data /srv/telecine --id AKIDx --secret-file s.txt "
                  "--app-id 1251234567\n"
                  "  telecine key create --scopes read --account reports",
       .options = {{.name = "--id", .value = "ID", .help = "letters, digits, _ and - [random]"},
                   {.name = "--secret", .value = "SECRET", .help = "8 to 256 characters [random]"},
                   {.name = "--secret-file",
                    .value = "FILE",
                    .help = "File with the secret: other users of this machine can see arguments"},
                   {.name = "--account",
                    .value = "NAME",
                    .help = "Who owns its tasks [main, or app-<app id>]"},
                   {.name = "--app-id",
                    .value = "N",
                    .help = "The number some vendors' task ids begin with"},
                   {.name = "--scopes",
                    .value = "LIST",
                    .help = "read, write, admin, separated by commas [read,write]"},
                   {.name = "--rate-per-minute",
                    .value = "N",
                    .help = "Calls a minute [no limit "
                            "of its own]"},
                   kJson},
       .takes = Takes::kDataSettings,
       .run = create_key},
      {.name = "key list",
       .summary = "List access keys, without their secrets",
       .details = "Example:\n  telecine key list --data /srv/telecine",
       .options = {{.name = "--account", .value = "NAME", .help = "Only this account's"}, kJson},
       .takes = Takes::kDataSettings,
       .run = list_keys},
      switch_command("key disable", "Refuse a key from now on",
                     "Example:\n  telecine key disable AKIDx", true),
      switch_command("key enable", "Accept a disabled key again",
                     "Example:\n  telecine key enable AKIDx", false),
      {.name = "key rotate-links",
       .summary = "Replace the key that signs links to results",
       .details =
           "Works on the data directory, whether a server runs on it or not; a running one "
           "follows within a second. Links given out so far stay good until they expire, but "
           "for 7 days at most, and only those by the last key before this one. After --at-once "
           "restart the servers, which remember answers with links for a while.\n\n"
           "Example:\n  telecine key rotate-links --data /srv/telecine",
       .options = {{.name = "--at-once",
                    .help = "Void every link given out so far, as when the key has leaked"}},
       .takes = Takes::kDataSettings,
       .run = rotate_links},
  };
}

}  // namespace telecine::app
