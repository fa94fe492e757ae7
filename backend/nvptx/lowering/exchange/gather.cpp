// Operations that read what any thread may hold: gather and histogram, through shared memory.
#include "backend/nvptx/lowering/emitter.h"

namespace tuned::nvptx {
namespace {

unsigned memoryBytes(mlir::Type type) {
  return std::max(8u, tt::elementBits(tt::elementType(type))) / 8;
}

uint32_t tensorBytes(mlir::Type type) {
  uint32_t bytes = memoryBytes(type);
  for (int64_t size : tt::shapeOf(type))
    bytes *= static_cast<uint32_t>(size);
  return bytes;
}

/// i32 element index of each register.
Registers elementIndices(Emitter& e, const LinearLayout& layout) {
  LinearLayout flat = layout;
  flat.shape = {static_cast<int64_t>(layout.elements())};
  return e.coordinates(flat, 0);
}

llvm::Value* element(Emitter& e, llvm::Value* memory, llvm::Type* type, llvm::Value* index) {
  return e.builder.CreateInBoundsGEP(type, memory, index);
}

uint32_t gatherScratch(mlir::Operation& op) {
  return tensorBytes(op.getOperand(0).getType());
}

/// The source in row-major order; each thread then reads at its own coordinates, the axis' replaced by the
/// index.
Result<void> gather(Emitter& e, mlir::Operation& op) {
  auto gather = mlir::cast<tt::GatherOp>(op);
  auto& b = e.builder;
  llvm::Value* memory = e.scratch(op);
  LinearLayout from = e.layout(gather.getSrc()), to = e.layout(gather.getResult());
  llvm::Type* type = e.memoryType(gather.getSrc().getType());
  llvm::Align align(e.bytes(gather.getSrc().getType()));
  const Registers& source = e.of(gather.getSrc());
  Registers places = elementIndices(e, from);
  for (size_t r = 0; r < source.size(); ++r)
    b.CreateAlignedStore(e.toMemory(source[r]), element(e, memory, type, places[r]), align);
  e.barrier();
  std::vector<Registers> coordinates;
  for (unsigned dim = 0; dim < to.shape.size(); ++dim)
    coordinates.push_back(e.coordinates(to, dim));
  Registers result(to.registerCount());
  for (size_t r = 0; r < result.size(); ++r) {
    llvm::Value* index = b.getInt32(0);
    for (unsigned dim = 0; dim < to.shape.size(); ++dim) {
      llvm::Value* coordinate = coordinates[dim][r];
      if (dim == gather.getAxis())
        coordinate = b.CreateZExtOrTrunc(e.of(gather.getIndices())[r], b.getInt32Ty());
      index = b.CreateAdd(index, b.CreateShl(coordinate, from.dimShift(dim)));
    }
    llvm::Value* loaded = b.CreateAlignedLoad(type, element(e, memory, type, index), align);
    result[r] = e.fromMemory(loaded, gather.getSrc().getType());
  }
  e.set(gather.getResult(), std::move(result));
  return {};
}

uint32_t histogramScratch(mlir::Operation& op) {
  return 4 * static_cast<uint32_t>(tt::shapeOf(op.getResult(0).getType())[0]);
}

/// Cleared, counted in, read.
SharedPhases histogramPhases(mlir::Operation&) {
  return {{{.writes = true}}, {{.reads = true, .writes = true}}, {{.reads = true}}};
}

void clearBins(Emitter& e, llvm::Value* memory, uint32_t bins) {
  auto& b = e.builder;
  for (uint32_t first = 0; first < bins; first += e.numThreads()) {
    llvm::Value* bin = b.CreateAdd(e.thread(), b.getInt32(first));
    llvm::Value* inside = bins - first < e.numThreads() ? b.CreateICmpULT(bin, b.getInt32(bins)) : nullptr;
    e.when(inside, [&] { b.CreateStore(b.getInt32(0), element(e, memory, b.getInt32Ty(), bin)); });
  }
}

/// Counts in shared memory; replicas and masked elements do not count.
Result<void> histogram(Emitter& e, mlir::Operation& op) {
  auto histogram = mlir::cast<tt::HistogramOp>(op);
  auto& b = e.builder;
  llvm::Value* memory = e.scratch(op);
  auto bins = static_cast<uint32_t>(tt::shapeOf(histogram.getResult().getType())[0]);
  clearBins(e, memory, bins);
  e.barrier();
  LinearLayout from = e.layout(histogram.getSrc());
  llvm::Value* owner = e.owner(from);
  const Registers& source = e.of(histogram.getSrc());
  for (size_t r = 0; r < source.size(); ++r) {
    // All values of a narrow type may be bins.
    unsigned width = source[r]->getType()->getIntegerBitWidth();
    llvm::Value* inside =
        width < 32 && bins >> width != 0
            ? static_cast<llvm::Value*>(b.getTrue())
            : b.CreateICmpULT(source[r], llvm::ConstantInt::get(source[r]->getType(), bins));
    llvm::Value* counted = e.both(owner, inside);
    if (histogram.getMask()) counted = b.CreateAnd(counted, e.of(histogram.getMask())[r]);
    e.when(counted, [&] {
      llvm::Value* bin = b.CreateZExtOrTrunc(source[r], b.getInt32Ty());
      b.CreateAtomicRMW(llvm::AtomicRMWInst::Add, element(e, memory, b.getInt32Ty(), bin), b.getInt32(1),
                        llvm::MaybeAlign(4), llvm::AtomicOrdering::Monotonic,
                        e.module.getContext().getOrInsertSyncScopeID("block"));
    });
  }
  e.barrier();
  LinearLayout to = e.layout(histogram.getResult());
  Registers counts = elementIndices(e, to);
  llvm::Type* type = e.type(histogram.getResult().getType());
  for (llvm::Value*& count : counts)
    count =
        b.CreateZExtOrTrunc(b.CreateLoad(b.getInt32Ty(), element(e, memory, b.getInt32Ty(), count)), type);
  e.set(histogram.getResult(), std::move(counts));
  return {};
}

} // namespace

void addExchanges(OpTable& table) {
  table["tt.gather"] = {gather, gatherScratch};
  table["tt.histogram"] = {histogram, histogramScratch, histogramPhases};
}

} // namespace tuned::nvptx
