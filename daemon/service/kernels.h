// Kernels that were submitted: parsed once, kept in the store.
#pragma once

#include "base/error.h"
#include "daemon/store/store.h"
#include "ir/kernel.h"

#include <map>
#include <memory>
#include <mutex>

namespace tuned {

struct KnownKernel {
  std::string id;
  std::string document; ///< the source inlined
  std::shared_ptr<const Kernel> kernel;
};

/// Calls are safe from any thread.
class Kernels {
public:
  explicit Kernels(store::Store& store) : store_(store) {}
  /// Parses a document that brings its source, and keeps it.
  Result<KnownKernel> submit(const std::string& document);
  /// By id, or the last submitted of that name. NotFound.
  Result<KnownKernel> find(const std::string& idOrName);
  Result<std::vector<KnownKernel>> list();

private:
  Result<KnownKernel> parsed(const store::KernelRecord& record);
  store::Store& store_;
  std::mutex mutex_;
  void keep(const std::string& key, const KnownKernel& known);
  std::map<std::string, KnownKernel> known_; ///< by the document's text
  size_t bytes_ = 0;                         ///< of their documents
};

} // namespace tuned
