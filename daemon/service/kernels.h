// Kernels that were submitted: parsed once, kept in the store.
#pragma once

#include "base/error.h"
#include "base/model/device.h"
#include "daemon/store/store.h"
#include "ir/kernel/kernel.h"

#include <map>
#include <memory>
#include <mutex>

namespace tuned {

struct KnownKernel {
  std::string id;
  std::string sha;      ///< SHA-256 of the document
  std::string document; ///< the source inlined
  std::shared_ptr<const Kernel> kernel;
};

/// Calls are safe from any thread.
class Kernels {
public:
  explicit Kernels(store::Store& store) : store_(store) {}
  /// Parses a document that brings its source, and keeps it under its name for the owner (a user's number).
  Result<KnownKernel> submit(const std::string& document, const std::string& owner);
  /// By id, by the document's SHA-256, or by name: the owner's own first. NotFound.
  Result<KnownKernel> find(const std::string& wanted, const std::string& owner);
  /// The same with the default that the document has for a device.
  KnownKernel on(const KnownKernel& known, const DeviceInfo& device);
  Result<std::vector<KnownKernel>> list();
  /// What was forgotten in the store must not come back from memory.
  void drop();

private:
  Result<KnownKernel> parsed(const store::DocumentRecord& record);
  void remember(const std::string& key, const KnownKernel& known);
  store::Store& store_;
  std::mutex mutex_;
  std::map<std::string, KnownKernel>
      known_;        ///< by the SHA-256 of the document's text, and with a device's architecture behind it
  size_t bytes_ = 0; ///< of their documents
};

} // namespace tuned
