#include "daemon/bundle/check_cache.h"

#include "ir/kernel/kernel.h"

namespace tuned::bundle {

Result<CacheCheck> checkCache(store::Store& store, const std::function<bool()>& ending) {
  const auto idOf = [](const std::string& document) {
    const auto kernel = parseKernel(document, "");
    return kernel ? kernel->id() : std::string();
  };
  return store::check(store, idOf, ending);
}

} // namespace tuned::bundle
