#include "task/storage.h"

namespace telecine {

std::string Storage::key_prefix() const {
  if (prefix.empty() || prefix.ends_with('/')) return prefix;
  return prefix + "/";
}

json::object to_json(const Storage& storage) {
  return {{"account", storage.account},       {"type", storage.type},
          {"region", storage.region},         {"bucket", storage.bucket},
          {"prefix", storage.prefix},         {"endpoint", storage.endpoint},
          {"access_key", storage.access_key}, {"secret_key", storage.secret_key},
          {"notify", storage.notify},         {"made_by", storage.made_by},
          {"created", storage.created},       {"updated", storage.updated},
          {"deleted", storage.deleted}};
}

Storage storage_from(const json::value& value) {
  const LooseReader in(value);
  Storage storage;
  storage.account = in.text("account");
  storage.type = in.text("type");
  storage.region = in.text("region");
  storage.bucket = in.text("bucket");
  storage.prefix = in.text("prefix");
  storage.endpoint = in.text("endpoint");
  storage.access_key = in.text("access_key");
  storage.secret_key = in.text("secret_key");
  storage.notify = in.text("notify");
  storage.made_by = in.text("made_by");
  storage.created = in.integer("created");
  storage.updated = in.integer("updated");
  storage.deleted = in.integer("deleted");
  return storage;
}

}  // namespace telecine
