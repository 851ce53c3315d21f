#pragma once

#include <string>

#include "app/client.h"

namespace telecine::app {

/// Sends a local file to the server by resumable upload, with a progress bar, and answers the
/// task input that names it ("file-id:..."). A connection that breaks is taken up again where the
/// server says; it gives up after several tries without any progress.
Result<std::string> upload(const Client& client, const std::string& path);

}  // namespace telecine::app
