// The handlers behind the routes.
#pragma once

#include "daemon/http/routes.h"

#include <span>

namespace tuned {

/// One entry for each route of the protocol.
std::span<const Router::Entry> handlers();

} // namespace tuned
