// Checking a whole cache, with its kernels' documents.
#pragma once

#include "daemon/store/check.h"

namespace tuned::bundle {

/// As store::check(): a document must hash to its kernel's id.
Result<CacheCheck> checkCache(store::Store& store, const std::function<bool()>& ending = {});

} // namespace tuned::bundle
