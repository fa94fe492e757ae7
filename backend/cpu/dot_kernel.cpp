// c += a b on dense row-major tiles. A panel of c stays in registers over all of k.
#include "backend/cpu/emitter.h"
#include "backend/cpu/host.h"

namespace tuned::cpu {

void Emitter::multiply(const Matrices& matrices) {
  unsigned bytes = matrices.element->getScalarSizeInBits() / 8;
  unsigned width = unsigned(std::min<int64_t>(matrices.n, host().vectorBytes / bytes));
  unsigned vectors = unsigned(std::min<int64_t>(2, matrices.n / width));
  // Enough accumulators to hide the latency of multiply-add, and to fit 16 (32 with AVX-512) registers.
  int64_t registers = host().vectorBytes == 64 ? 16 : 8;
  unsigned rows = unsigned(std::min<int64_t>(matrices.m, registers / vectors));
  loop(matrices.batch, {}, [&](llvm::Value* batch, Values) {
    loop(matrices.n / (width * vectors), {}, [&](llvm::Value* column, Values) {
      llvm::Value* n = builder_.CreateMul(column, builder_.getInt64(width * vectors));
      loop(matrices.m / rows, {}, [&](llvm::Value* row, Values) {
        llvm::Value* m = builder_.CreateMul(row, builder_.getInt64(rows));
        multiplyPanel(matrices, batch, m, n, rows, vectors, width);
        return Values{};
      });
      return Values{};
    });
    return Values{};
  });
}

void Emitter::multiplyPanel(const Matrices& matrices, llvm::Value* batch, llvm::Value* row,
                            llvm::Value* column, unsigned rows, unsigned vectors, unsigned width) {
  llvm::Type *element = matrices.element, *vector = vectorOf(element, width);
  llvm::Align align{element->getScalarSizeInBits() / 8};
  auto at = [&](llvm::Value* tile, int64_t tileRows, int64_t columns, llvm::Value* i, llvm::Value* j) {
    llvm::Value* line =
        builder_.CreateAdd(builder_.CreateMul(batch, builder_.getInt64(uint64_t(tileRows))), i);
    return builder_.CreateInBoundsGEP(
        element, tile, builder_.CreateAdd(builder_.CreateMul(line, builder_.getInt64(uint64_t(columns))), j));
  };
  auto offset = [&](llvm::Value* pointer, int64_t elements) {
    return builder_.CreateConstInBoundsGEP1_64(element, pointer, uint64_t(elements));
  };
  llvm::Value* zero = builder_.getInt64(0);
  llvm::Value* c = at(matrices.c, matrices.m, matrices.n, row, column);
  llvm::Value* a = at(matrices.a, matrices.m, matrices.k, row, zero);
  llvm::Value* b = at(matrices.b, matrices.k, matrices.n, zero, column);
  auto place = [&](unsigned i, unsigned v) { return offset(c, int64_t(i) * matrices.n + v * width); };
  Values sums;
  for (unsigned i = 0; i < rows; ++i)
    for (unsigned v = 0; v < vectors; ++v)
      sums.push_back(builder_.CreateAlignedLoad(vector, place(i, v), align));
  sums = loop(matrices.k, sums, [&](llvm::Value* k, Values carried) {
    llvm::Value* line = builder_.CreateInBoundsGEP(
        element, b, builder_.CreateMul(k, builder_.getInt64(uint64_t(matrices.n))));
    llvm::Value* left = builder_.CreateInBoundsGEP(element, a, k);
    Values right;
    for (unsigned v = 0; v < vectors; ++v)
      right.push_back(builder_.CreateAlignedLoad(vector, offset(line, int64_t(v) * width), align));
    for (unsigned i = 0; i < rows; ++i) {
      llvm::Value* factor = splat(
          builder_, builder_.CreateAlignedLoad(element, offset(left, int64_t(i) * matrices.k), align), width);
      for (unsigned v = 0; v < vectors; ++v) {
        llvm::Value*& sum = carried[i * vectors + v];
        sum = element->isFloatingPointTy()
                  ? builder_.CreateIntrinsic(llvm::Intrinsic::fma, {vector}, {factor, right[v], sum})
                  : builder_.CreateAdd(builder_.CreateMul(factor, right[v]), sum);
      }
    }
    return carried;
  });
  for (unsigned i = 0; i < rows; ++i)
    for (unsigned v = 0; v < vectors; ++v)
      builder_.CreateAlignedStore(sums[i * vectors + v], place(i, v), align);
}

} // namespace tuned::cpu
