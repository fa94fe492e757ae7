// c += a b on dense row-major tiles. A panel of c stays in registers over all of k.
#include "backend/cpu/emit/emitter.h"
#include "backend/cpu/run/host.h"

#include <llvm/IR/IntrinsicsX86.h>

namespace tuned::cpu {

Emitter::Panel Emitter::panelFor(const Matrices& matrices) const {
  unsigned bytes = matrices.element->getScalarSizeInBits() / 8;
  Panel panel;
  panel.width = unsigned(std::min<int64_t>(matrices.n, host().vectorBytes / bytes));
  panel.vectors = unsigned(std::min<int64_t>(2, matrices.n / panel.width));
  // Enough sums to hide the latency of multiply-add, few enough to stay in 16 (32 with AVX-512) registers.
  unsigned sums = host().vectorBytes == 64 ? 16 : 12;
  panel.rows = unsigned(std::min<int64_t>(matrices.m, sums / panel.vectors));
  return panel;
}

llvm::Value* Emitter::multiplyAdd(const Matrices& matrices, llvm::Value* factor, llvm::Value* right,
                                  llvm::Value* sum) {
  if (matrices.pairs && !host().bf16Dots) { // a bf16 is the upper half of a float
    auto half = [&](llvm::Value* words, bool odd) {
      llvm::Value* bits =
          odd ? builder_.CreateAnd(words, uint64_t(0xffff0000)) : builder_.CreateShl(words, 16);
      return builder_.CreateBitCast(bits, sum->getType());
    };
    for (bool odd : {false, true})
      sum = builder_.CreateIntrinsic(llvm::Intrinsic::fma, {sum->getType()},
                                     {half(factor, odd), half(right, odd), sum});
    return sum;
  }
  if (matrices.pairs) {
    auto* pairs = llvm::FixedVectorType::get(builder_.getBFloatTy(), 2 * widthOf(sum));
    return builder_.CreateIntrinsic(
        sum->getType(), llvm::Intrinsic::x86_avx512bf16_dpbf16ps_512,
        {sum, builder_.CreateBitCast(factor, pairs), builder_.CreateBitCast(right, pairs)});
  }
  if (!matrices.element->isFloatingPointTy())
    return builder_.CreateAdd(builder_.CreateMul(factor, right), sum);
  return builder_.CreateIntrinsic(llvm::Intrinsic::fma, {sum->getType()}, {factor, right, sum});
}

void Emitter::multiply(const Matrices& matrices) {
  if (fitsTiles(matrices)) return multiplyTiles(matrices);
  Panel panel = panelFor(matrices);
  int64_t rest = matrices.m % panel.rows;
  loop(matrices.batch, {}, [&](llvm::Value* batch, Values) {
    loop(matrices.n / panel.columns(), {}, [&](llvm::Value* column, Values) {
      loop(matrices.m / panel.rows, {}, [&](llvm::Value* row, Values) {
        multiplyPanel(matrices, panel, batch, builder_.CreateMul(row, builder_.getInt64(panel.rows)), column);
        return Values{};
      });
      if (rest) {
        Panel last = panel;
        last.rows = unsigned(rest);
        multiplyPanel(matrices, last, batch, builder_.getInt64(uint64_t(matrices.m - rest)), column);
      }
      return Values{};
    });
    return Values{};
  });
}

void Emitter::multiplyPanel(const Matrices& matrices, const Panel& panel, llvm::Value* batch,
                            llvm::Value* row, llvm::Value* columnPanel) {
  auto [rows, vectors, width] = panel;
  // Of bf16 a word is two neighbours along k, and sums are f32.
  llvm::Type *element = matrices.element, *vector = vectorOf(element, width);
  llvm::Type *word = matrices.pairs ? builder_.getInt32Ty() : element, *words = vectorOf(word, width);
  int64_t depth = matrices.pairs ? matrices.k / 2 : matrices.k;
  llvm::Align align{element->getScalarSizeInBits() / 8};
  auto at = [&](llvm::Value* tile, int64_t tileRows, int64_t columns, llvm::Value* i, llvm::Value* j) {
    llvm::Value* line =
        builder_.CreateAdd(builder_.CreateMul(batch, builder_.getInt64(uint64_t(tileRows))), i);
    return builder_.CreateInBoundsGEP( // words are as large as the sums
        element, tile, builder_.CreateAdd(builder_.CreateMul(line, builder_.getInt64(uint64_t(columns))), j));
  };
  auto offset = [&](llvm::Value* pointer, int64_t elements) {
    return builder_.CreateConstInBoundsGEP1_64(element, pointer, uint64_t(elements));
  };
  llvm::Value* zero = builder_.getInt64(0);
  llvm::Value* column = builder_.CreateMul(columnPanel, builder_.getInt64(panel.columns()));
  llvm::Value* c = at(matrices.c, matrices.m, matrices.n, row, column);
  llvm::Value* a = at(matrices.a, matrices.m, depth, row, zero);
  int64_t lineOfB = matrices.packed ? panel.columns() : matrices.n;
  llvm::Value* b =
      at(matrices.b, depth, matrices.n, zero,
         matrices.packed ? builder_.CreateMul(column, builder_.getInt64(uint64_t(depth))) : column);
  auto place = [&](unsigned i, unsigned v) { return offset(c, int64_t(i) * matrices.n + v * width); };
  Values sums;
  for (unsigned i = 0; i < rows; ++i)
    for (unsigned v = 0; v < vectors; ++v)
      sums.push_back(builder_.CreateAlignedLoad(vector, place(i, v), align));
  sums = loop(depth, sums, [&](llvm::Value* k, Values carried) {
    llvm::Value* line =
        builder_.CreateInBoundsGEP(element, b, builder_.CreateMul(k, builder_.getInt64(uint64_t(lineOfB))));
    llvm::Value* left = builder_.CreateInBoundsGEP(element, a, k);
    Values right;
    for (unsigned v = 0; v < vectors; ++v)
      right.push_back(builder_.CreateAlignedLoad(words, offset(line, int64_t(v) * width), align));
    for (unsigned i = 0; i < rows; ++i) {
      llvm::Value* factor =
          splat(builder_, builder_.CreateAlignedLoad(word, offset(left, int64_t(i) * depth), align), width);
      for (unsigned v = 0; v < vectors; ++v) {
        llvm::Value*& sum = carried[i * vectors + v];
        sum = multiplyAdd(matrices, factor, right[v], sum);
      }
    }
    return carried;
  });
  for (unsigned i = 0; i < rows; ++i)
    for (unsigned v = 0; v < vectors; ++v)
      builder_.CreateAlignedStore(sums[i * vectors + v], place(i, v), align);
}

} // namespace tuned::cpu
