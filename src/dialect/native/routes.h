#pragma once

#include "base/json.h"
#include "dialect/native/auth.h"
#include "dialect/native/documents.h"
#include "service/document_cache.h"

/// The route groups of the native API, one file each; `mount` puts them together.
namespace telecine::native {

void mount_tasks(http::Router& router, Api& api, std::shared_ptr<DocumentCache> cache);
void mount_events(http::Router& router, Api& api);
void mount_files(http::Router& router, Api& api);
void mount_uploads(http::Router& router, Api& api);
void mount_templates(http::Router& router, Api& api);
void mount_keys(http::Router& router, Api& api);
void mount_callbacks(http::Router& router, Api& api);
void mount_meetings(http::Router& router, Api& api);
void mount_system(http::Router& router, Api& api);

http::Response json_response(int status, const json::value& body);
/// The same for JSON that is text already.
http::Response text_response(int status, std::string json);

/// The {id} of the path; answers 404 itself and gives nothing when it is not one.
std::optional<Id> id_of(Call& call);

}  // namespace telecine::native
