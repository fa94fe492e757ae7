#include "backend/nvptx/passes/global_memory.h"

#include "backend/nvptx/dialect/nv.h"
#include "ir/analysis/address/address_form.h"

#include <mlir/Interfaces/ControlFlowInterfaces.h>

namespace tuned::nvptx {
namespace {

using tt::MemoryAccess;

/// Its own access, or what the operations in its region of scalars do.
std::optional<MemoryAccess> accessOf(mlir::Operation* op) {
  if (auto copy = mlir::dyn_cast<CopyAsyncOp>(op)) return MemoryAccess{copy.getPtrs(), true};
  auto own = tt::memoryAccess(op);
  if (own || op->getNumRegions() == 0 || mlir::isa<mlir::RegionBranchOpInterface>(op)) return own;
  std::optional<MemoryAccess> all;
  op->walk([&](mlir::Operation* inner) {
    auto access = inner == op ? std::nullopt : tt::memoryAccess(inner);
    if (!access) return;
    if (!all) all = MemoryAccess{};
    all->reads |= access->reads;
    all->writes |= access->writes;
  });
  return all;
}

bool inScalarRegion(mlir::Operation* op, tt::FuncOp function) {
  mlir::Operation* parent = op->getParentOp();
  while (parent != function && mlir::isa<mlir::RegionBranchOpInterface>(parent))
    parent = parent->getParentOp();
  return parent != function;
}

/// The loops around both.
std::vector<mlir::LoopLikeOpInterface> commonLoops(mlir::Operation* a, mlir::Operation* b) {
  std::vector<mlir::LoopLikeOpInterface> loops;
  for (auto loop = a->getParentOfType<mlir::LoopLikeOpInterface>(); loop;
       loop = loop->getParentOfType<mlir::LoopLikeOpInterface>())
    if (loop->isProperAncestor(b)) loops.push_back(loop);
  return loops;
}

/// Whether the two stay as they are to each other when one is done in another iteration of a loop: nothing
/// moves, or one loop moves both further than they reach together.
bool holdsAcross(const std::vector<mlir::LoopLikeOpInterface>& loops, mlir::Value a, mlir::Value b) {
  if (loops.empty()) return true;
  auto first = tt::addressForm(a), second = tt::addressForm(b);
  if (!first || !second) return false;
  bool moved = false;
  for (mlir::LoopLikeOpInterface loop : loops) {
    auto one = tt::movement(*first, loop), other = tt::movement(*second, loop);
    if (!one || one != other) return false;
    if (*one == 0) continue;
    auto [begin, end] = tt::envelope(*first, a.getType());
    auto [otherBegin, otherEnd] = tt::envelope(*second, b.getType());
    int64_t span = std::max(end, otherEnd) - std::min(begin, otherBegin);
    if (moved || std::abs(*one) < span) return false;
    moved = true;
  }
  return true;
}

bool isPlain(mlir::Value address) {
  return mlir::isa<tt::PointerType>(tt::elementType(address.getType()));
}

} // namespace

GlobalMemory::GlobalMemory(tt::FuncOp function) : facts(function) {
  std::vector<mlir::Operation*> all;
  std::vector<MemoryAccess> what;
  function.walk<mlir::WalkOrder::PreOrder>([&](mlir::Operation* op) {
    if (op == function) return;
    auto access = accessOf(op);
    if (!access || inScalarRegion(op, function)) return;
    all.push_back(op);
    what.push_back(*access);
  });
  using Origins = std::optional<llvm::SetVector<mlir::Value>>;
  std::vector<Origins> origins;
  for (const MemoryAccess& access : what)
    origins.push_back(tt::pointerOrigins(access.address));
  auto overlap = [](const Origins& a, const Origins& b) {
    return !a || !b || llvm::any_of(*a, [&](mlir::Value origin) { return b->contains(origin); });
  };
  std::vector<std::vector<bool>> pairs(all.size(), std::vector<bool>(all.size()));
  std::vector<bool> any(all.size());
  for (size_t a = 0; a < all.size(); ++a)
    for (size_t b = a; b < all.size(); ++b)
      if ((what[a].writes || what[b].writes) && overlap(origins[a], origins[b]) &&
          mayRace(what[a], what[b], all[a], all[b]))
        pairs[a][b] = pairs[b][a] = any[a] = any[b] = true;
  for (size_t a = 0; a < all.size(); ++a) {
    if (!any[a]) continue;
    listed.push_back(all[a]);
    accesses.push_back(what[a]);
    conflicts.emplace_back();
    for (size_t b = 0; b < all.size(); ++b)
      if (any[b]) conflicts.back().push_back(pairs[a][b]);
  }
}

std::optional<uint32_t> GlobalMemory::number(mlir::Operation* op) const {
  auto found = llvm::find(listed, op);
  if (found == listed.end()) return std::nullopt;
  return static_cast<uint32_t>(found - listed.begin());
}

/// Of accesses to the same argument, one of which writes.
bool GlobalMemory::mayRace(const MemoryAccess& a, const MemoryAccess& b, mlir::Operation* first,
                           mlir::Operation* second) const {
  auto loops = commonLoops(first, second);
  if (first == second && loops.empty()) return false;
  if (a.atomic && b.atomic) return false;
  if (!a.address || !b.address || !isPlain(a.address) || !isPlain(b.address)) return true;
  bool scalars = !mlir::isa<mlir::RankedTensorType>(a.address.getType()) &&
                 !mlir::isa<mlir::RankedTensorType>(b.address.getType());
  if (scalars && !a.reads && !b.reads) return false; // one thread writes them all, in order
  bool fine = sameThread(a, b) || tt::liesApart(a.address, b.address);
  return !fine || !holdsAcross(loops, a.address, b.address);
}

/// Each element is one thread's, the same in both, and no other element has its address.
bool GlobalMemory::sameThread(const MemoryAccess& a, const MemoryAccess& b) const {
  if (a.atomic || b.atomic || !tt::sameAddresses(a.address, b.address)) return false;
  auto type = mlir::dyn_cast<mlir::RankedTensorType>(a.address.getType());
  auto layout = type ? layoutOf(type) : std::nullopt;
  if (!layout) return false;
  FreeVariables free = freeVariables(*layout);
  return free.lanes == 0 && free.warps == 0 && tt::hasDistinctElements(a.address, facts);
}

} // namespace tuned::nvptx
