// Reading all of a cache to see whether it is sound.
#pragma once

#include "base/model/upkeep.h"
#include "daemon/store/store.h"

namespace tuned::store {

/// Reads every row and every binary, a few at a time: others are served meanwhile, and what is kept meanwhile
/// may be read or not. `idOf` gives the kernel's id that a document's text hashes to, empty where it is no
/// document. `ending`, asked now and then, breaks it off: Unavailable.
Result<CacheCheck> check(Store& store, const std::function<std::string(const std::string& document)>& idOf,
                         const std::function<bool()>& ending = {});

} // namespace tuned::store
