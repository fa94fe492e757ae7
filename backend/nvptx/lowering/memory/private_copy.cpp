// Asynchronous copies (cp.async) into memory that is private to the thread, and reads of what they brought.
#include "backend/nvptx/lowering/memory/private_copy.h"

namespace tuned::nvptx {
namespace {

Result<void> privateMemory(Emitter& e, mlir::Operation& op) {
  auto offset = op.getAttrOfType<mlir::IntegerAttr>("nv.offset");
  assert(offset && "private memory is placed before emission");
  e.set(op.getResult(0), {e.builder.getInt32(static_cast<uint32_t>(offset.getInt()))});
  return {};
}

/// Where the thread's first vector lies.
llvm::Value* firstVector(Emitter& e, const PrivateTile& tile, llvm::Value* offset) {
  auto& b = e.builder;
  llvm::Value* mine = b.CreateMul(e.thread(), b.getInt32(tile.vectorBytes), "", true, true);
  llvm::Value* pointer = b.CreateInBoundsGEP(b.getInt8Ty(), e.sharedMemory(), mine);
  return b.CreateInBoundsGEP(b.getInt8Ty(), pointer, offset);
}

/// 16 bytes go past L1, fewer cannot. A copy that is not to happen has a source of no bytes: its place
/// becomes zero, and the address is not looked at.
Result<void> copyAsync(Emitter& e, mlir::Operation& op) {
  auto copy = mlir::cast<CopyAsyncOp>(op);
  auto& b = e.builder;
  PrivateTile tile = privateTile(op, copy.getPtrs().getType());
  const char* name = tile.vectorBytes == 16 ? "cp.async.cg.shared.global " : "cp.async.ca.shared.global ";
  llvm::Value* first = b.CreatePtrToInt(firstVector(e, tile, e.scalar(copy.getOffset())), b.getInt32Ty());
  for (auto [v, base] : llvm::enumerate(tile.plan.bases)) {
    llvm::Value* wanted =
        e.both(copy.getMask() ? e.of(copy.getMask())[base] : nullptr, e.scalar(copy.getWhen()));
    llvm::Value* bytes = b.CreateSelect(wanted, b.getInt32(tile.vectorBytes), b.getInt32(0));
    std::string place = "[$0 + " + std::to_string(v * tile.stride(e.numThreads())) + "], ";
    e.assembly(b.getVoidTy(), name + place + "[$1], " + std::to_string(tile.vectorBytes) + ", $2;",
               "r,l,r,~{memory}", {first, e.of(copy.getPtrs())[base], bytes}, true);
  }
  return {};
}

Result<void> commitCopies(Emitter& e, mlir::Operation&) {
  e.assembly(e.builder.getVoidTy(), "cp.async.commit_group;", "~{memory}", {}, true);
  return {};
}

Result<void> awaitCopies(Emitter& e, mlir::Operation& op) {
  std::string pending = std::to_string(mlir::cast<AwaitCopiesOp>(op).getPending());
  e.assembly(e.builder.getVoidTy(), "cp.async.wait_group " + pending + ";", "~{memory}", {}, true);
  return {};
}

Result<void> readCopy(Emitter& e, mlir::Operation& op) {
  auto read = mlir::cast<ReadCopyOp>(op);
  auto& b = e.builder;
  mlir::Type type = read.getResult().getType();
  PrivateTile tile = privateTile(op, type);
  LinearLayout layout = e.layout(type);
  llvm::Value* first = firstVector(e, tile, e.scalar(read.getOffset()));
  llvm::Type* element = e.memoryType(type);
  Registers registers(layout.registerCount());
  for (auto [v, base] : llvm::enumerate(tile.plan.bases)) {
    auto* pointer = b.CreateConstInBoundsGEP1_32(b.getInt8Ty(), first,
                                                 static_cast<unsigned>(v) * tile.stride(e.numThreads()));
    unsigned size = tile.plan.size();
    llvm::Type* vector = size == 1 ? element : llvm::FixedVectorType::get(element, size);
    llvm::Value* loaded = b.CreateAlignedLoad(vector, pointer, llvm::Align(tile.vectorBytes));
    for (uint32_t i = 0; i < size; ++i)
      registers[tile.plan.member(base, i)] =
          e.fromMemory(size == 1 ? loaded : b.CreateExtractElement(loaded, i), type);
  }
  shareReplicas(registers, layout);
  e.set(read.getResult(), std::move(registers));
  return {};
}

} // namespace

PrivateTile privateTile(mlir::Operation& access, mlir::Type tensor) {
  mlir::Type element = tt::elementType(tensor);
  if (auto pointer = mlir::dyn_cast<tt::PointerType>(element);
      pointer && mlir::isa<CopyAsyncOp, tt::LoadOp>(access))
    element = pointer.getPointeeType();
  unsigned bytes = std::max(8u, tt::elementBits(element)) / 8;
  PrivateTile tile{planVectors(access, *layoutOf(tensor), bytes), 0};
  tile.vectorBytes = tile.plan.size() * bytes;
  return tile;
}

bool copiesAsync(tt::LoadOp load) {
  using tt::CacheModifier;
  bool cached =
      llvm::is_contained({CacheModifier::NONE, CacheModifier::CA, CacheModifier::CG}, load.getCache());
  if (!cached || load.getEvict() != tt::EvictionPolicy::NORMAL) return false;
  if (layoutOf(load.getPtr().getType()) != layoutOf(load.getType())) return false;
  unsigned bytes = privateTile(*load, load.getPtr().getType()).vectorBytes;
  return bytes == 4 || bytes == 8 || bytes == 16;
}

void addPrivateCopies(OpTable& table) {
  table["nv.private_memory"] = {privateMemory};
  table["nv.copy_async"] = {copyAsync};
  table["nv.commit_copies"] = {commitCopies};
  table["nv.await_copies"] = {awaitCopies};
  table["nv.read_copy"] = {readCopy};
}

} // namespace tuned::nvptx
