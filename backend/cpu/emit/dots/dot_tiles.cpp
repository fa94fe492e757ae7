// c += a b of bf16 by the processor's matrix unit (AMX): blocks of c of 32 x 32, each four tile registers,
// stay there over all of k. Tile registers are named by number; nothing else in a kernel uses them.
#include "backend/cpu/emit/emitter.h"
#include "backend/cpu/run/host.h"
#include "backend/runtime/cpu/tiles.h"

#include <llvm/IR/IntrinsicsX86.h>

namespace tuned::cpu {
namespace {

constexpr unsigned side = 16;                     // rows of a tile register, and words in a row
constexpr int64_t depth = 32;                     // bf16 in a row: what one instruction takes of k
constexpr int64_t rowBytes = 64;                  // of a tile register
constexpr unsigned sums = 0, left = 4, right = 6; // the first register of c, a and b

} // namespace

bool Emitter::fitsTiles(const Matrices& matrices) const {
  return matrices.pairs && host().matrixTiles && matrices.m >= side && matrices.n >= side &&
         matrices.k >= depth;
}

// Every register 16 rows of 64 bytes: palette 1, then at byte 16 two bytes each for the rows' length, at byte
// 48 one each for their number.
llvm::Constant* Emitter::tileConfiguration() {
  if (llvm::Constant* known = module_.getNamedGlobal(tilesSymbol)) return known;
  std::array<uint8_t, 64> bytes{};
  bytes[0] = 1;
  for (size_t tile = 0; tile < 8; ++tile) {
    bytes[16 + 2 * tile] = rowBytes;
    bytes[48 + tile] = side;
  }
  llvm::Constant* data = llvm::ConstantDataArray::get(context_, bytes);
  auto* global = new llvm::GlobalVariable(module_, data->getType(), true, llvm::GlobalValue::ExternalLinkage,
                                          data, tilesSymbol);
  global->setVisibility(llvm::GlobalValue::HiddenVisibility);
  global->setAlignment(llvm::Align(64));
  return global;
}

void Emitter::multiplyTiles(const Matrices& matrices) {
  auto number = [&](unsigned tile) { return builder_.getInt8(uint8_t(tile)); };
  auto call = [&](llvm::Intrinsic::ID id, llvm::ArrayRef<llvm::Value*> arguments) {
    builder_.CreateIntrinsic(builder_.getVoidTy(), id, arguments);
  };
  auto add = [&](llvm::Value* a, llvm::Value* b) { return builder_.CreateAdd(a, b, "", true, true); };
  auto times = [&](llvm::Value* a, int64_t by) {
    return builder_.CreateMul(a, builder_.getInt64(uint64_t(by)), "", true, true);
  };
  auto at = [&](llvm::Value* base, llvm::Value* bytes, int64_t more) {
    return builder_.CreatePtrAdd(base, add(bytes, builder_.getInt64(uint64_t(more))));
  };
  const int64_t columns = panelFor(matrices).columns(), rows = std::min<int64_t>(2 * side, matrices.m);
  const auto down = unsigned(rows / side), across = unsigned(columns / side);
  llvm::Value *lineOfC = builder_.getInt64(uint64_t(4 * matrices.n)),
              *lineOfA = builder_.getInt64(uint64_t(2 * matrices.k)),
              *lineOfB = builder_.getInt64(uint64_t(4 * columns));
  call(llvm::Intrinsic::x86_ldtilecfg, {tileConfiguration()});
  loop(matrices.batch, {}, [&](llvm::Value* batch, Values) {
    loop(matrices.n / columns, {}, [&](llvm::Value* panel, Values) {
      llvm::Value* b = add(times(batch, 2 * matrices.k * matrices.n), times(panel, 2 * matrices.k * columns));
      loop(matrices.m / rows, {}, [&](llvm::Value* block, Values) {
        llvm::Value* row = add(times(batch, matrices.m), times(block, rows));
        llvm::Value *a = times(row, 2 * matrices.k),
                    *c = add(times(row, 4 * matrices.n), times(panel, 4 * columns));
        auto eachSum = [&](llvm::Intrinsic::ID id) {
          for (unsigned i = 0; i < down; ++i)
            for (unsigned j = 0; j < across; ++j)
              call(id,
                   {number(sums + 2 * i + j),
                    at(matrices.c, c, int64_t(i) * side * 4 * matrices.n + int64_t(j) * rowBytes), lineOfC});
        };
        eachSum(llvm::Intrinsic::x86_tileloadd64);
        loop(matrices.k / depth, {}, [&](llvm::Value* step, Values) {
          llvm::Value *fromA = add(a, times(step, 2 * depth)),
                      *fromB = add(b, times(step, 2 * depth * columns));
          for (unsigned i = 0; i < down; ++i)
            call(llvm::Intrinsic::x86_tileloadd64,
                 {number(left + i), at(matrices.a, fromA, int64_t(i) * side * 2 * matrices.k), lineOfA});
          for (unsigned j = 0; j < across; ++j)
            call(llvm::Intrinsic::x86_tileloadd64,
                 {number(right + j), at(matrices.b, fromB, int64_t(j) * rowBytes), lineOfB});
          for (unsigned i = 0; i < down; ++i)
            for (unsigned j = 0; j < across; ++j)
              call(llvm::Intrinsic::x86_tdpbf16ps,
                   {number(sums + 2 * i + j), number(left + i), number(right + j)});
          return Values{};
        });
        eachSum(llvm::Intrinsic::x86_tilestored64);
        return Values{};
      });
      return Values{};
    });
    return Values{};
  });
  call(llvm::Intrinsic::x86_tilerelease, {});
}

} // namespace tuned::cpu
