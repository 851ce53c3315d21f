#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "service/service.h"

namespace telecine::native {

/// The task as clients see it: the JSON text of its view with signed links in place of object URLs.
/// `base` begins the links to this server.
std::string task_text(const Service& service, const Task& task, const std::string& base);
/// The same from the view's stored text. Nothing for a task whose files went elsewhere: links to
/// them take the whole task.
std::optional<std::string> task_text(const Service& service, std::string_view view,
                                     const std::string& account, const std::string& base);
/// What a "progress" event carries.
json::object progress_document(const Task& task);
json::object file_document(const File& file);
json::object template_document(const Template& made);
json::object delivery_document(const Delivery& delivery);
/// Without the secret.
json::object key_document(const AccessKey& key);

/// Strong; changes with everything the document shows, its links included.
std::string etag_of(const Service& service, std::int64_t version, TaskState state, Millis updated);

}  // namespace telecine::native
