#include "backend/nvptx/lowering/math/float_remainder.h"

namespace tuned::nvptx {
namespace {

/// The bits of an IEEE format: as many for the number, for the mantissa, and for one step of the division.
struct Format {
  unsigned bits, mantissa, step;
};
constexpr Format single{32, 23, 8}, twice{64, 52, 11};

class Remainder {
public:
  Remainder(Emitter& emitter, const Format& format)
      : e(emitter), b(emitter.builder), f(format), word(b.getIntNTy(format.bits)) {}

  llvm::Value* of(llvm::Value* x, llvm::Value* y) {
    llvm::Value *xBits = b.CreateBitCast(x, word), *yBits = b.CreateBitCast(y, word);
    llvm::Constant* sign = number(uint64_t{1} << (f.bits - 1));
    llvm::Value *xSign = b.CreateAnd(xBits, sign), *dividend = b.CreateXor(xBits, xSign),
                *divisor = b.CreateAnd(yBits, b.CreateNot(sign));
    // Infinite or not a number on the left, zero or not a number on the right: as unsigned numbers these are
    // the largest, and the smallest once one is taken off.
    uint64_t largestField = (uint64_t{1} << (f.bits - 1 - f.mantissa)) - 1;
    llvm::Constant *infinity = number(largestField << f.mantissa), *one = number(1);
    llvm::Value* undefined =
        b.CreateOr(b.CreateICmpUGE(dividend, infinity), b.CreateICmpUGE(b.CreateSub(divisor, one), infinity));
    llvm::Value* divides = b.CreateAnd(b.CreateICmpUGE(dividend, divisor), b.CreateNot(undefined));
    llvm::BasicBlock *from = b.GetInsertBlock(), *then = e.newBlock("divide"), *after = e.newBlock("after");
    b.CreateCondBr(divides, then, after);
    b.SetInsertPoint(then);
    llvm::Value* rest = divide(dividend, divisor);
    llvm::BasicBlock* last = b.GetInsertBlock();
    b.CreateBr(after);
    b.SetInsertPoint(after);
    auto* magnitude = b.CreatePHI(word, 2);
    magnitude->addIncoming(dividend, from);
    magnitude->addIncoming(rest, last);
    llvm::Value* bits = b.CreateOr(magnitude, xSign);
    llvm::Constant* nan = number((uint64_t{1} << (f.bits - 1)) - 1);
    return b.CreateBitCast(b.CreateSelect(undefined, nan, bits), x->getType());
  }

private:
  llvm::Constant* number(uint64_t value) { return llvm::ConstantInt::get(word, value); }

  struct Parts {
    llvm::Value *mantissa, *exponent; ///< the number is mantissa · 2^exponent times a constant
  };
  Parts split(llvm::Value* magnitude) {
    llvm::Constant* hidden = number(uint64_t{1} << f.mantissa);
    llvm::Value* field = b.CreateLShr(magnitude, f.mantissa);
    llvm::Value* isNormal = b.CreateICmpNE(field, number(0));
    llvm::Value* mantissa = b.CreateAnd(magnitude, number((uint64_t{1} << f.mantissa) - 1));
    return {b.CreateSelect(isNormal, b.CreateOr(mantissa, hidden), mantissa),
            b.CreateSelect(isNormal, field, number(1))};
  }

  /// Long division, some bits at a time. 0 < divisor <= dividend, both finite.
  llvm::Value* divide(llvm::Value* dividend, llvm::Value* divisor) {
    Parts x = split(dividend), y = split(divisor);
    llvm::Value* rest = b.CreateURem(x.mantissa, y.mantissa);
    llvm::Value* distance = b.CreateSub(x.exponent, y.exponent);
    llvm::BasicBlock *before = b.GetInsertBlock(), *loop = e.newBlock("shift"), *done = e.newBlock("divided");
    b.CreateCondBr(b.CreateICmpNE(distance, number(0)), loop, done);
    b.SetInsertPoint(loop);
    auto *restHere = b.CreatePHI(word, 2), *left = b.CreatePHI(word, 2);
    llvm::Value* step = b.CreateBinaryIntrinsic(llvm::Intrinsic::umin, left, number(f.step));
    llvm::Value* next = b.CreateURem(b.CreateShl(restHere, step), y.mantissa);
    llvm::Value* still = b.CreateSub(left, step);
    restHere->addIncoming(rest, before);
    restHere->addIncoming(next, loop);
    left->addIncoming(distance, before);
    left->addIncoming(still, loop);
    b.CreateCondBr(b.CreateICmpNE(still, number(0)), loop, done);
    b.SetInsertPoint(done);
    auto* result = b.CreatePHI(word, 2);
    result->addIncoming(rest, before);
    result->addIncoming(next, loop);
    return join(result, y.exponent);
  }

  /// The number mantissa · 2^exponent, whose mantissa is below twice the hidden bit.
  llvm::Value* join(llvm::Value* mantissa, llvm::Value* exponent) {
    llvm::Value* zeros = b.CreateBinaryIntrinsic(llvm::Intrinsic::ctlz, mantissa, b.getFalse());
    llvm::Value* up = b.CreateSub(zeros, number(f.bits - 1 - f.mantissa));
    up = b.CreateBinaryIntrinsic(llvm::Intrinsic::umin, up, b.CreateSub(exponent, number(1)));
    llvm::Value* moved = b.CreateShl(mantissa, up);
    llvm::Value* field = b.CreateShl(b.CreateSub(exponent, up), f.mantissa);
    llvm::Value* rest = b.CreateAnd(moved, number((uint64_t{1} << f.mantissa) - 1));
    return b.CreateSelect(b.CreateICmpEQ(rest, moved), moved, b.CreateOr(rest, field));
  }

  Emitter& e;
  llvm::IRBuilder<>& b;
  const Format& f;
  llvm::IntegerType* word;
};

} // namespace

llvm::Value* floatRemainder(Emitter& e, llvm::Value* x, llvm::Value* y) {
  auto& b = e.builder;
  llvm::Type* type = x->getType();
  if (type->isDoubleTy()) return Remainder(e, twice).of(x, y);
  llvm::Type* f32 = b.getFloatTy();
  return b.CreateFPTrunc(Remainder(e, single).of(b.CreateFPExt(x, f32), b.CreateFPExt(y, f32)), type);
}

} // namespace tuned::nvptx
