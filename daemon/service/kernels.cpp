#include "daemon/service/kernels.h"

#include "base/sha256.h"

#include <charconv>
#include <unistd.h>
#include <utility>

namespace tuned {

namespace {
/// Parsed kernels in memory at most; the rest are parsed again from the store.
constexpr unsigned nobody = ~0U; // JobSpec::nobody
constexpr size_t keptParsed = 256, keptBytes = size_t{16} << 20;
/// Names and ids whose documents are known in memory.
constexpr size_t keptLatest = 4096;
/// Text of a page of the list.
constexpr int64_t pageBytes = int64_t{4} << 20;
} // namespace

std::string codeOwner(unsigned asker, const KnownKernel& kernel) {
  // These could do here what they like anyway.
  const auto trusted = [](unsigned user) { return user == 0 || user == ::geteuid() || user == nobody; };
  const std::string by = std::to_string(asker);
  if (trusted(asker)) return kernel.owner;
  unsigned author = 0;
  const char* end = kernel.owner.data() + kernel.owner.size();
  const auto [stop, wrong] = std::from_chars(kernel.owner.data(), end, author);
  if (wrong == std::errc() && stop == end && trusted(author)) return by;
  return kernel.owner == by ? by : by + " for " + kernel.owner;
}

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
    if (auto found = known_.find(key); found != known_.end()) {
      KnownKernel out = found->second;
      out.owner = known.owner;
      return out;
    }
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
  const store::DocumentRecord record{known.sha, known.id, known.kernel->name, owner, known.document};
  auto kept = keep(record);
  // A read-only cache answers what it knows; what it does not know it cannot be taught.
  if (!kept && !(store_.readOnly() && kept.error().kind == ErrorKind::Denied)) return fail(kept.error());
  remember(key, known);
  remember(known.sha, known);
  known.owner = owner;
  known.fresh = !isLatest(record);
  return known;
}

/// Whether the owner's name and id stood for this document already; from now on they do.
bool Kernels::isLatest(const store::DocumentRecord& record) {
  std::lock_guard guard(keeping_);
  if (latest_.size() >= keptLatest) latest_.clear();
  const bool name = std::exchange(latest_[record.owner + " name " + record.name], record.sha) == record.sha;
  const bool id = std::exchange(latest_[record.owner + " id " + record.kernel], record.sha) == record.sha;
  return name && id;
}

/// [keeping_ is held]
Result<store::Held> Kernels::held(const std::string& owner) {
  if (auto known = held_.find(owner); known != held_.end()) return known->second;
  auto held = store_.held(owner);
  if (held) held_[owner] = *held;
  return held;
}

Result<void> Kernels::fits(const std::string& owner, const store::Held& held) const {
  const auto full = [&](const std::string& what, const char* option) {
    return fail(ErrorKind::OutOfResources,
                "user " + owner + " may keep " + what + " of kernels, and that would be more",
                "forget some (tunectl forget KERNEL); " + std::string(option) +
                    " in the daemon's configuration is the limit");
  };
  if (held.documents > quota_.documents)
    return full(std::to_string(quota_.documents) + " documents", "kernels_per_user");
  if (held.bytes > quota_.bytes)
    return full(std::to_string(quota_.bytes) + " bytes", "kernel_bytes_per_user");
  return {};
}

Result<void> Kernels::room(const std::string& owner) {
  if (owner.empty()) return {};
  std::lock_guard guard(keeping_);
  auto now = held(owner);
  if (!now) return fail(now.error());
  return fits(owner, {now->documents + 1, now->bytes + 1});
}

/// Stores what the owner has room for. A new text under a name that they gave takes the place of the old.
Result<void> Kernels::keep(const store::DocumentRecord& record) {
  if (record.owner.empty()) return store_.putDocument(record);
  std::lock_guard guard(keeping_);
  auto before = store_.bytesNamed(record.name, record.owner);
  if (!before) return fail(before.error());
  auto now = held(record.owner);
  if (!now) return fail(now.error());
  const bool another = *before == 0;
  const int64_t more = static_cast<int64_t>(record.text.size()) - *before;
  const store::Held after{now->documents + another, now->bytes + more};
  // What takes no more room than it had is taken, even where the limit was lowered since.
  if (another || more > 0)
    if (auto fit = fits(record.owner, after); !fit) return fit;
  auto kept = store_.putDocument(record);
  if (kept) held_[record.owner] = after;
  return kept;
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
  auto known = parsed(*record);
  if (known) known->owner = record->owner;
  return known;
}

Result<Kernels::Page> Kernels::list(const store::DocumentPage::Place& behind, int64_t limit) {
  auto page = store_.documentPage(behind, limit, pageBytes);
  if (!page) return fail(page.error());
  Page out;
  for (const auto& record : page->documents)
    if (auto kernel = parsed(record)) out.kernels.push_back(std::move(*kernel));
  out.next = std::move(page->next);
  return out;
}

void Kernels::drop() {
  {
    std::lock_guard guard(keeping_);
    held_.clear();
    latest_.clear();
  }
  std::lock_guard guard(mutex_);
  known_.clear();
  bytes_ = 0;
}

} // namespace tuned
