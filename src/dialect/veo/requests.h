#pragma once

#include <optional>
#include <string>
#include <vector>

#include "http/message.h"
#include "service/service.h"

namespace telecine::veo {

/// What the pictures of a request are, by the model's name and their number. An error when the
/// model does not take so many.
Result<std::vector<PictureRole>> roles_for(std::string_view model, std::size_t pictures);

/// The body of a create. Numbers and booleans may be written as texts, and fields that nobody
/// knows are passed over. Errors name the field in this form's words.
Result<TaskRequest> create_request_from(const http::Request& request);

/// The ids of a fetch of several tasks, as they were sent; at most 100.
Result<std::vector<std::string>> ids_from(const http::Request& request);

}  // namespace telecine::veo
