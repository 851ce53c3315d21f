#include "dialect/native/documents.h"

#include <cstring>

namespace telecine::native {
namespace {

/// Like string_view's own, which stops at every quote of a document on its way.
std::size_t find(std::string_view text, std::string_view wanted) {
  const void* at = ::memmem(text.data(), text.size(), wanted.data(), wanted.size());
  if (at == nullptr) return std::string_view::npos;
  return static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
}

/// The first object URL at or after `from`: where its text begins and ends.
struct Found {
  std::size_t begin = std::string_view::npos;
  std::size_t end = 0;
};

Found find_url(std::string_view view, std::size_t from) {
  constexpr std::string_view kUrl = R"("url":"object:)";
  constexpr std::size_t kBefore = 7;  // of it, up to the URL
  // Its rarest letter leads there fastest.
  constexpr char kRare = 'j';
  constexpr std::size_t kRareAt = kUrl.find(kRare);
  static_assert(kUrl[kBefore] == 'o');
  for (auto at = view.find(kRare, from); at != std::string_view::npos;
       at = view.find(kRare, at + 1)) {
    if (at < from + kRareAt || view.substr(at - kRareAt, kUrl.size()) != kUrl) continue;
    return {at - kRareAt + kBefore, view.find('"', at)};
  }
  return {};
}

json::value time_or_null(Millis at) {
  if (at == 0) return nullptr;
  return json::value(rfc3339(at));
}

/// Where the last member of a view begins. Strings before it are the caller's own; a quote in them
/// is escaped, so this cannot be inside one.
std::size_t outputs_at(std::string_view view) {
  return find(view, "\"outputs\":[");
}

/// The view with `link_to(url)` in place of the URL of each file, all of which come after
/// `outputs`.
template <class LinkTo>
std::string linked(std::string_view view, std::size_t outputs, const LinkTo& link_to) {
  std::string out;
  out.reserve(view.size() + 2048);
  std::size_t copied = 0;
  std::string last_url;
  std::string last_link;
  for (Found at = find_url(view, outputs); at.begin != std::string_view::npos;
       at = find_url(view, at.end)) {
    out += view.substr(copied, at.begin - copied);
    const std::string_view url = view.substr(at.begin, at.end - at.begin);
    if (url != last_url) {
      last_url = url;
      last_link = link_to(last_url);
    }
    out += last_link;
    copied = at.end;
  }
  out += view.substr(copied);
  return out;
}

}  // namespace

std::optional<std::string> task_text(const Service& service, std::string_view view,
                                     const std::string& account, const std::string& base) {
  const auto outputs = outputs_at(view);
  // Nothing but the member itself can read so: quotes in strings are escaped, and values of the
  // caller's own labels are strings.
  if (find(view.substr(0, outputs), R"("destination":{)") != std::string_view::npos) {
    return std::nullopt;
  }
  return linked(view, outputs,
                [&](const std::string& url) { return base + service.link(url, account); });
}

std::string task_text(const Service& service, const Task& task, const std::string& base) {
  json::object view = view_of(task);
  if (!task.spec.destination) {
    const std::string text = json::serialize(view);
    return linked(text, outputs_at(text),
                  [&](const std::string& url) { return base + service.link(url, task.account); });
  }
  // Keys of remote objects may hold anything: their links are put in before the text is made.
  const auto set_link = [&](json::value& url) {
    if (url.is_string()) url = service.url_of(task, std::string(url.get_string()), base);
  };
  for (auto& output : view["outputs"].as_array()) {
    set_link(output.at("url"));
    for (auto& file : output.at("files").as_array()) set_link(file.at("url"));
  }
  return json::serialize(view);
}

json::object progress_document(const Task& task) {
  json::array outputs;
  for (const Output& output : task.outputs) {
    outputs.emplace_back(json::object{{"name", output.name}, {"progress", output.progress}});
  }
  return {{"id", task.id.hex()},
          {"state", name_of(task.state)},
          {"progress", task.progress},
          {"speed", task.speed},
          {"outputs", std::move(outputs)}};
}

json::object file_document(const File& file) {
  json::object o{{"id", file.id.hex()},
                 {"name", file.name},
                 {"size", file.size},
                 {"md5", file.md5},
                 {"created", rfc3339(file.created)},
                 {"input", std::string(kFileIdScheme) + file.id.hex()}};
  return o;
}

json::object template_document(const Template& made) {
  return to_json(made);
}

json::object delivery_document(const Delivery& delivery) {
  json::array attempts;
  for (const auto& attempt : delivery.attempts) {
    attempts.emplace_back(json::object{{"at", rfc3339(attempt.at)},
                                       {"status", attempt.status},
                                       {"detail", attempt.detail},
                                       {"took_ms", attempt.took}});
  }
  return {{"id", delivery.id},
          {"message_id", delivery.message_id},
          {"url", delivery.url},
          {"type", delivery.type},
          {"created", rfc3339(delivery.created)},
          {"delivered", delivery.delivered},
          {"next_attempt", time_or_null(delivery.next_at)},
          {"attempts", std::move(attempts)}};
}

json::object key_document(const AccessKey& key) {
  json::object o = to_json(key);
  o.erase("secret");
  o["created"] = rfc3339(key.created);
  return o;
}

std::string etag_of(const Service& service, std::int64_t version, TaskState state, Millis updated) {
  std::string etag = "\"" + std::to_string(version);
  // Progress changes a document without a new version; links change those that have ended.
  if (is_final(state))
    etag += "-" + std::to_string(service.links_change() / 1000);
  else
    etag += "." + std::to_string(updated);
  return etag + "\"";
}

}  // namespace telecine::native
