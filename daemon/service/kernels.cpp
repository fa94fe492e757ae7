#include "daemon/service/kernels.h"

#include "base/sha256.h"

namespace tuned {

namespace {
/// Parsed kernels in memory at most; the rest are parsed again from the store.
constexpr size_t keptParsed = 256, keptBytes = size_t{16} << 20;
} // namespace

/// All go when there are too many: those in use are parsed again.
void Kernels::remember(const std::string& key, const KnownKernel& known) {
  std::lock_guard guard(mutex_);
  if (known_.size() >= keptParsed || bytes_ + known.document.size() > keptBytes) {
    known_.clear();
    bytes_ = 0;
  }
  if (known.document.size() > keptBytes) return;
  // Of one key the document is always the same.
  if (known_.insert_or_assign(key, known).second) bytes_ += known.document.size();
}

KnownKernel Kernels::on(const KnownKernel& known, const DeviceInfo& device) {
  if (known.kernel->targetDefaults.empty()) return known;
  const std::string key = known.sha + " on " + device.architecture;
  {
    std::lock_guard guard(mutex_);
    if (auto found = known_.find(key); found != known_.end()) return found->second;
  }
  KnownKernel out = known;
  out.kernel = std::make_shared<const Kernel>(onTarget(*known.kernel, device.architecture, device.compilers));
  remember(key, out);
  return out;
}

Result<KnownKernel> Kernels::submit(const std::string& document, const std::string& owner) {
  const std::string key = sha256(document);
  KnownKernel known;
  {
    std::lock_guard guard(mutex_);
    if (auto found = known_.find(key); found != known_.end()) known = found->second;
  }
  if (!known.kernel) {
    auto kernel = parseKernel(document, "");
    if (!kernel) return fail(kernel.error());
    auto shared = std::make_shared<const Kernel>(std::move(*kernel));
    known = {shared->id(), "", toJson(*shared), shared};
    known.sha = sha256(known.document);
  }
  auto kept = store_.putDocument({known.sha, known.id, known.kernel->name, owner, known.document});
  // A read-only cache answers what it knows; what it does not know it cannot be taught.
  if (!kept && !(store_.readOnly() && kept.error().kind == ErrorKind::Denied)) return fail(kept.error());
  remember(key, known);
  remember(known.sha, known);
  return known;
}

Result<KnownKernel> Kernels::parsed(const store::DocumentRecord& record) {
  {
    std::lock_guard guard(mutex_);
    if (auto found = known_.find(record.sha); found != known_.end()) return found->second;
  }
  auto kernel = parseKernel(record.text, "");
  if (!kernel) return fail(kernel.error());
  if (kernel->id() != record.kernel)
    return fail(ErrorKind::NotFound,
                "the document kept for kernel " + record.kernel + " is that of another kernel",
                "submit the kernel's document again");
  KnownKernel known{record.kernel, record.sha, record.text,
                    std::make_shared<const Kernel>(std::move(*kernel))};
  remember(record.sha, known);
  return known;
}

Result<KnownKernel> Kernels::find(const std::string& wanted, const std::string& owner) {
  auto record = store_.document(wanted, owner);
  if (!record) return fail(record.error());
  return parsed(*record);
}

Result<std::vector<KnownKernel>> Kernels::list() {
  auto records = store_.documents();
  if (!records) return fail(records.error());
  std::vector<KnownKernel> out;
  for (const auto& record : *records)
    if (auto kernel = parsed(record)) out.push_back(std::move(*kernel));
  return out;
}

void Kernels::drop() {
  std::lock_guard guard(mutex_);
  known_.clear();
  bytes_ = 0;
}

} // namespace tuned
