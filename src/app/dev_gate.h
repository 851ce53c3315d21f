#pragma once

#include <optional>

#include "http/message.h"

namespace telecine::app {

/// What protects a server in development mode, which asks for no credentials, from the pages a
/// developer has open: a browser is answered only where it was led by a page of this machine.
/// Programs are not affected. The answer, if there is one, is a refusal.
std::optional<http::Response> refuse_foreign_page(const http::Request& request);

}  // namespace telecine::app
