#include "daemon/service/kernels.h"

#include "base/sha256.h"

namespace tuned {

namespace {
/// Parsed kernels in memory at most; the rest are parsed again from the store.
constexpr size_t keptParsed = 256, keptBytes = size_t{16} << 20;
} // namespace

/// Under the lock. All go when there are too many: those in use are parsed again.
void Kernels::keep(const std::string& key, const KnownKernel& known) {
  if (known_.size() >= keptParsed || bytes_ + known.document.size() > keptBytes) {
    known_.clear();
    bytes_ = 0;
  }
  if (known.document.size() > keptBytes) return;
  if (known_.insert_or_assign(key, known).second) bytes_ += known.document.size();
}

Result<KnownKernel> Kernels::submit(const std::string& document) {
  const std::string key = sha256(document);
  {
    std::lock_guard guard(mutex_);
    if (auto found = known_.find(key); found != known_.end()) return found->second;
  }
  auto kernel = parseKernel(document, "");
  if (!kernel) return fail(kernel.error());
  auto shared = std::make_shared<const Kernel>(std::move(*kernel));
  KnownKernel known{shared->id(), toJson(*shared), shared};
  if (auto kept = store_.putKernel({known.id, shared->name, known.document}); !kept)
    return fail(kept.error());
  std::lock_guard guard(mutex_);
  // An older document of the same identity may come back: it then replaces the newer one in the store again.
  std::erase_if(known_, [&](const auto& entry) {
    const bool older = entry.second.id == known.id;
    if (older) bytes_ -= entry.second.document.size();
    return older;
  });
  keep(key, known);
  keep(sha256(known.document), known);
  return known;
}

Result<KnownKernel> Kernels::parsed(const store::KernelRecord& record) {
  const std::string key = sha256(record.document);
  std::lock_guard guard(mutex_);
  if (auto found = known_.find(key); found != known_.end()) return found->second;
  auto kernel = parseKernel(record.document, "");
  if (!kernel) return fail(kernel.error());
  KnownKernel known{record.id, record.document, std::make_shared<const Kernel>(std::move(*kernel))};
  keep(key, known);
  return known;
}

Result<KnownKernel> Kernels::find(const std::string& idOrName) {
  auto record = store_.kernel(idOrName);
  if (!record) return fail(record.error());
  return parsed(*record);
}

Result<std::vector<KnownKernel>> Kernels::list() {
  auto records = store_.kernels();
  if (!records) return fail(records.error());
  std::vector<KnownKernel> out;
  for (const auto& record : *records)
    if (auto kernel = parsed(record)) out.push_back(std::move(*kernel));
  return out;
}

} // namespace tuned
