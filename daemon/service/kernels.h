// Kernels that were submitted: parsed once, kept in the store.
#pragma once

#include "base/error.h"
#include "base/model/device.h"
#include "daemon/store/store.h"
#include "ir/kernel/kernel.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace tuned {

struct KnownKernel {
  std::string id;
  std::string sha;      ///< SHA-256 of the document
  std::string document; ///< the source inlined
  std::shared_ptr<const Kernel> kernel;
  std::string owner = {}; ///< who brought it, the asker where they did, too; a user's number
  bool fresh = false;     ///< submitted just now: its name or id may have stood for another document before
};

/// Whose code runs where a kernel is compiled or measured: that of who brought it, at what the asker says.
/// Code of two such shares no process. The daemon's user and root are trusted by everybody. `asker`: as of
/// JobSpec.
std::string codeOwner(unsigned asker, const KnownKernel& kernel);

/// Calls are safe from any thread.
class Kernels {
public:
  /// What documents one owner may keep.
  struct Quota {
    int64_t documents = 0, bytes = 0;
  };
  Kernels(store::Store& store, const Quota& quota) : store_(store), quota_(quota) {}
  /// Parses a document that brings its source, and keeps it under its name for the owner (a user's number).
  /// OutOfResources: the owner has as many as one may have; without an owner there is no quota.
  Result<KnownKernel> submit(const std::string& document, const std::string& owner);
  /// By id, by the document's SHA-256, or by name: the owner's own first. NotFound.
  Result<KnownKernel> find(const std::string& wanted, const std::string& owner);
  /// The same with the default that the document has for a device.
  KnownKernel on(const KnownKernel& known, const DeviceInfo& device);
  struct Page {
    std::vector<KnownKernel> kernels;
    store::DocumentPage::Place next;
  };
  /// By name, those behind a place that an earlier page gave as its next: at most `limit`, and no more text
  /// than is read in some ten milliseconds.
  Result<Page> list(const store::DocumentPage::Place& behind, int64_t limit);
  /// OutOfResources: the owner has as many documents, or bytes of them, as one may have.
  Result<void> room(const std::string& owner);
  /// What was forgotten in the store must not come back from memory.
  void drop();

private:
  Result<KnownKernel> parsed(const store::DocumentRecord& record);
  Result<void> keep(const store::DocumentRecord& record);
  bool isLatest(const store::DocumentRecord& record);
  Result<store::Held> held(const std::string& owner);
  Result<void> fits(const std::string& owner, const store::Held& held) const;
  void remember(const std::string& key, const KnownKernel& known);
  store::Store& store_;
  const Quota quota_;
  std::mutex keeping_;                      ///< one is counted and kept at a time
  std::map<std::string, store::Held> held_; ///< by owner, as far as it was asked; keeping_ guards it
  std::map<std::string, std::string>
      latest_; ///< documents that owners' names and ids stand for, as far as known; keeping_ guards it
  std::mutex mutex_;
  std::map<std::string, KnownKernel>
      known_;        ///< by the SHA-256 of the document's text, and with a device's architecture behind it
  size_t bytes_ = 0; ///< of their documents
};

} // namespace tuned
