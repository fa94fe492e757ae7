// Checking and cleaning the daemon's cache.
#pragma once

#include "daemon/http/routes.h"

namespace tuned {

// These two one at a time, or Unavailable: each goes through all of the cache.

/// POST /v1/verify. The daemon's end breaks it off.
HttpResponse verifyCache(Service& service, const Router::Call& call);
/// POST /v1/collect. The daemon's end breaks it off, too.
HttpResponse collectBinaries(Service& service, const Router::Call& call);

} // namespace tuned
