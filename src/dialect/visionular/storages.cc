#include <array>
#include <memory>

#include "base/text.h"
#include "dialect/visionular/routes.h"

namespace telecine::visionular {
namespace {

constexpr std::size_t kLeastBucket = 3;

Status check_notify(const Api& api, const std::string& notify) {
  if (notify.empty()) return {};
  return api.service.rules().check_url(notify);
}

/// The fields of add_storage, each read once.
Answer<Storage> storage_from(const Call& call) {
  if (auto ok = call.parameters.need({"region", "type", "bucket"}); !ok) {
    return std::unexpected(ok.error());
  }
  Storage storage;
  storage.account = call.caller.account();
  for (const auto& [name, member] :
       {std::pair{"region", &Storage::region}, std::pair{"type", &Storage::type},
        std::pair{"bucket", &Storage::bucket}}) {
    auto value = call.parameters.required(name);
    if (!value) return std::unexpected(value.error());
    storage.*member = std::move(*value);
  }
  for (const auto& [name, member] :
       {std::pair{"prefix", &Storage::prefix}, std::pair{"storage_ak", &Storage::access_key},
        std::pair{"storage_sk", &Storage::secret_key}, std::pair{"notify", &Storage::notify},
        std::pair{"endpoint", &Storage::endpoint}}) {
    auto value = call.parameters.text(name);
    if (!value) return std::unexpected(value.error());
    storage.*member = value->value_or("");
  }
  const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (storage.bucket.size() < kLeastBucket || std::ranges::any_of(storage.bucket, is_capital)) {
    return refuse(Code::kBad, "bucket must have at least 3 characters and no capitals");
  }
  if (auto ok = check_notify(call.api, storage.notify); !ok) {
    return refuse(Code::kBad, "notify: " + ok.error().message);
  }
  return storage;
}

void add_storage(const Call& call) {
  auto storage = storage_from(call);
  if (!storage) return call.fail(storage.error());
  storage->made_by = call.fingerprint;
  const std::string id = Storages::id_of(*storage);
  call.api.service.storages().add(*storage, [call, id](Result<Storage> added) {
    if (added) return call.succeed(json::object{{"storage_id", added->id}});
    if (added.error().code != ErrorCode::kConflict) return call.fail(refusal_of(added.error()));
    // The very same request again, by a client that did not hear the first answer.
    const auto known = call.api.service.storages().find(call.caller.account(), id);
    if (known && !call.fingerprint.empty() && known->made_by == call.fingerprint) {
      return call.succeed(json::object{{"storage_id", id}});
    }
    call.fail({Code::kDuplicate, "this storage is there already: " + id});
  });
}

void remove_storage(const Call& call) {
  auto id = call.parameters.required("storage_id");
  if (!id) return call.fail(id.error());
  call.api.service.storages().remove(call.caller.account(), *id, [call](Result<bool> gone) {
    if (gone) return call.succeed(nullptr);
    call.fail(refusal_of(gone.error()));
  });
}

json::object storage_document(const Storage& storage, Generation generation) {
  json::object o{{"bucket", storage.bucket}, {"extra", ""},
                 {"name_rule", ""},          {"prefix", storage.prefix},
                 {"region", storage.region}, {"storage_id", storage.id},
                 {"type", storage.type}};
  if (generation == Generation::kBasic) {
    o["notify"] = storage.notify;
    o["created_time"] = storage.created / 1000;
    return o;
  }
  o["notify_info"] = storage.notify;
  o["create_time"] = storage.created / 1000;
  o["update_time"] = storage.updated / 1000;
  return o;
}

void list_storages(const Call& call) {
  auto storages = call.api.service.storages().list(call.caller.account());
  if (!storages) return call.fail(refusal_of(storages.error()));
  json::array items;
  for (const Storage& storage : *storages) {
    items.emplace_back(storage_document(storage, call.generation));
  }
  const auto count = items.size();
  call.succeed(json::object{{"list", std::move(items)}, {"num", count}});
}

json::object type_list() {
  json::array types;
  for (const auto& [type, name] : kNames<object::StoreType>) types.emplace_back(name);
  const auto count = types.size();
  return {{"list", std::move(types)}, {"num", count}};
}

/// The one call that needs no authentication.
void add_type_list(http::Router& router) {
  for (const std::string_view name : {"list_storage_type", "list_storage_types"}) {
    for (const auto& [mount, generation] : {std::pair{"/api/", Generation::kSigned},
                                            std::pair{"/vodencoding/v1/", Generation::kBasic}}) {
      router.add(http::Method::kGet, mount + std::string(name),
                 [generation](http::Request&, const http::Params&, const http::Responder& respond) {
                   respond(success(generation, type_list()));
                 });
    }
  }
}

}  // namespace

void mount_storages(http::Router& router, Api& api) {
  using http::Method;
  add_call(router, api, Method::kPost, "add_storage", Scope::kWrite, add_storage);
  add_call(router, api, Method::kDelete, "del_storage", Scope::kWrite, remove_storage);
  add_call(router, api, Method::kGet, "list_storage", Scope::kRead, list_storages);
  add_type_list(router);
}

}  // namespace telecine::visionular
