#include "backend/cpu/ptx/translator.h"

#include "backend/cpu/emit/lanes.h"
#include "backend/cpu/ptx/ptx_text.h"

#include <llvm/ADT/StringExtras.h>
#include <llvm/ADT/StringSwitch.h>

#include <map>

namespace tuned::cpu {
namespace {

using Values = llvm::SmallVector<llvm::Value*, 4>;
namespace In = llvm::Intrinsic;

struct NoMeaning {
  std::string what;
};

/// ".u32", ".f16x2", ".b8", …
struct PtxType {
  char kind = 'b'; ///< b, u, s or f
  unsigned bits = 32;
  bool pair = false; ///< x2
  static std::optional<PtxType> of(llvm::StringRef name) {
    PtxType type;
    if (name == "pred") return PtxType{'b', 1, false};
    if (name.empty() || !llvm::is_contained({'b', 'u', 's', 'f'}, name.front())) return std::nullopt;
    type.kind = name.front();
    name = name.drop_front();
    type.pair = name.consume_back("x2");
    if (name.getAsInteger(10, type.bits)) return std::nullopt;
    return type;
  }
  unsigned whole() const { return pair ? 2 * bits : bits; }
};

class Machine {
public:
  Machine(llvm::IRBuilderBase& builder, unsigned width) : b_(builder), width_(width) {}

  std::map<std::string, llvm::Value*> registers;

  llvm::Type* integer(unsigned bits) { return vectorOf(b_.getIntNTy(bits), width_); }

  void run(const PtxStatement& statement) {
    if (statement.opcode.front() == "reg") return declare(statement);
    statement_ = &statement;
    std::string op = statement.opcode.front();
    if (op == "griddepcontrol" || op == "bar" || op == "barrier")
      return; // launches follow each other, one thread each
    if (op == "membar" || op == "fence") {
      b_.CreateFence(llvm::AtomicOrdering::SequentiallyConsistent);
      return;
    }
    std::vector<PtxType> types;
    for (const std::string& part : statement.opcode)
      if (auto type = PtxType::of(part); type && &part != &statement.opcode.front()) types.push_back(*type);
    if (types.empty()) refuse();
    if (op == "ld" || op == "st") return access(op == "ld", types[0]);
    if (op == "mov") return move(types[0]);
    if (op == "setp") return compare(types[0]);
    if (op == "cvt") {
      if (types.size() != 2) refuse();
      return write(0, convert(types[0], types[1], read(1, types[1].bits)));
    }
    write(0, types[0].kind == 'f' ? floating(op, types[0]) : whole(op, types[0]));
  }

private:
  [[noreturn]] void refuse() { throw NoMeaning{llvm::join(statement_->opcode, ".")}; }
  bool has(const char* part) const { return llvm::is_contained(statement_->opcode, part); }

  void declare(const PtxStatement& statement) {
    auto type = PtxType::of(statement.opcode.back());
    if (!type) throw NoMeaning{llvm::join(statement.opcode, " ")};
    for (const auto& names : statement.operands)
      for (llvm::StringRef name : names) {
        unsigned count = 0;
        auto [stem, rest] = name.split('<');
        llvm::Value* zero = llvm::Constant::getNullValue(integer(type->whole()));
        if (rest.empty() || rest.rtrim("> ").getAsInteger(10, count)) registers[name.str()] = zero;
        for (unsigned i = 0; i < count; ++i)
          registers[stem.str() + std::to_string(i)] = zero;
      }
  }

  /// A register's or a number's value in `bits` bits.
  llvm::Value* named(llvm::StringRef name, unsigned bits) {
    if (auto found = registers.find(name.str()); found != registers.end())
      return b_.CreateZExtOrTrunc(found->second, integer(bits));
    if (name.starts_with("0f") || name.starts_with("0d")) {
      uint64_t number;
      if (name.drop_front(2).getAsInteger(16, number)) refuse();
      return llvm::ConstantInt::get(integer(bits), number);
    }
    if (name == "%globaltimer" || name == "%globaltimer_lo") {
      llvm::Module& module = *b_.GetInsertBlock()->getModule();
      llvm::Value* now = b_.CreateCall(module.getOrInsertFunction("tuned_nanoseconds", b_.getInt64Ty()));
      return b_.CreateZExtOrTrunc(splat(b_, now, width_), integer(bits));
    }
    if (name == "%smid") return llvm::Constant::getNullValue(integer(bits));
    int64_t number;
    if (name.rtrim('U').getAsInteger(0, number)) refuse();
    return llvm::ConstantInt::get(integer(bits), llvm::APInt(64, uint64_t(number)).zextOrTrunc(bits));
  }
  llvm::Value* read(size_t at, unsigned bits) {
    if (at >= statement_->operands.size() || statement_->operands[at].size() != 1) refuse();
    return named(statement_->operands[at][0], bits);
  }
  void assign(const std::string& name, llvm::Value* value, bool isSigned = false) {
    auto found = registers.find(name);
    if (name == "_") return;
    if (found == registers.end()) refuse();
    llvm::Type* type = found->second->getType();
    value = isSigned ? b_.CreateSExtOrTrunc(value, type) : b_.CreateZExtOrTrunc(value, type);
    if (!statement_->guard.empty()) value = b_.CreateSelect(guard(), value, found->second);
    found->second = value;
  }
  void write(size_t at, llvm::Value* value) { assign(statement_->operands.at(at).at(0), value); }
  llvm::Value* guard() {
    llvm::StringRef name = statement_->guard;
    bool inverted = name.consume_front("!");
    llvm::Value* holds = named(name, 1);
    return inverted ? b_.CreateNot(holds) : holds;
  }

  void move(PtxType type) {
    const auto &to = statement_->operands.at(0), &from = statement_->operands.at(1);
    unsigned part = type.whole() / unsigned(std::max(to.size(), from.size()));
    llvm::Value* all = llvm::Constant::getNullValue(integer(type.whole()));
    for (size_t i = 0; i < from.size(); ++i) {
      llvm::Value* piece = named(from[i], from.size() == 1 ? type.whole() : part);
      all = b_.CreateOr(all, b_.CreateShl(b_.CreateZExt(piece, all->getType()), uint64_t(i * part)));
    }
    for (size_t i = 0; i < to.size(); ++i)
      assign(to[i],
             to.size() == 1 ? all : b_.CreateTrunc(b_.CreateLShr(all, uint64_t(i * part)), integer(part)));
  }

  void access(bool loads, PtxType type) {
    if (has("shared") || has("local") || has("param") || type.pair) refuse();
    llvm::StringRef place = statement_->operands.at(loads ? 1 : 0).at(0);
    auto [base, offset] = place.trim("[] ").split('+');
    llvm::Value* address = named(base.trim(), 64);
    if (!offset.empty()) address = b_.CreateAdd(address, named(offset.trim(), 64));
    llvm::Value* value = loads ? llvm::Constant::getNullValue(integer(type.bits)) : read(1, type.bits);
    llvm::Value* pointers = b_.CreateIntToPtr(address, vectorOf(b_.getPtrTy(), width_));
    llvm::Value* mask = statement_->guard.empty() ? b_.getTrue() : guard();
    if (width_ > 1 && statement_->guard.empty()) mask = splat(b_, mask, width_);
    if (width_ == 1) { // gathers are of vectors
      pointers = b_.CreateVectorSplat(1, pointers);
      mask = b_.CreateVectorSplat(1, mask);
      value = b_.CreateVectorSplat(1, value);
    }
    llvm::Align align(type.bits / 8);
    if (!loads) {
      b_.CreateMaskedScatter(value, pointers, align, mask);
      return;
    }
    value = b_.CreateMaskedGather(value->getType(), pointers, align, mask, value);
    if (width_ == 1) value = b_.CreateExtractElement(value, uint64_t{0});
    assign(statement_->operands.at(0).at(0), value, type.kind == 's');
  }

  llvm::Value* whole(const std::string& op, PtxType type) {
    unsigned bits = type.bits;
    auto in = [&](size_t at) { return read(at, bits); };
    bool isSigned = type.kind == 's';
    auto most = [&] { return llvm::ConstantInt::get(integer(bits), bits - 1); };
    if (op == "and") return b_.CreateAnd(in(1), in(2));
    if (op == "or") return b_.CreateOr(in(1), in(2));
    if (op == "xor") return b_.CreateXor(in(1), in(2));
    if (op == "not") return b_.CreateNot(in(1));
    if (op == "add") return b_.CreateAdd(in(1), in(2));
    if (op == "sub") return b_.CreateSub(in(1), in(2));
    if (op == "neg") return b_.CreateNeg(in(1));
    if (op == "min") return b_.CreateBinaryIntrinsic(isSigned ? In::smin : In::umin, in(1), in(2));
    if (op == "max") return b_.CreateBinaryIntrinsic(isSigned ? In::smax : In::umax, in(1), in(2));
    if (op == "abs") return b_.CreateBinaryIntrinsic(In::abs, in(1), b_.getFalse());
    if (op == "popc") return b_.CreateUnaryIntrinsic(In::ctpop, in(1));
    if (op == "clz") return b_.CreateBinaryIntrinsic(In::ctlz, in(1), b_.getFalse());
    if (op == "brev") return b_.CreateUnaryIntrinsic(In::bitreverse, in(1));
    if (op == "mul" || op == "mad") return product(op == "mad", type);
    if (op == "shl" || op == "shr") { // amounts are u32; beyond the width nothing or the sign is left
      llvm::Value *amount = read(2, 32),
                  *within = b_.CreateICmpULT(amount, llvm::ConstantInt::get(amount->getType(), bits));
      llvm::Value* count = b_.CreateSelect(within, b_.CreateZExtOrTrunc(amount, integer(bits)), most());
      if (op == "shr" && isSigned) return b_.CreateAShr(in(1), count);
      llvm::Value* moved = op == "shl" ? b_.CreateShl(in(1), count) : b_.CreateLShr(in(1), count);
      return b_.CreateSelect(within, moved, llvm::Constant::getNullValue(moved->getType()));
    }
    if (op == "shf" && bits == 32) return funnel();
    if (op == "selp") return b_.CreateSelect(read(3, 1), in(1), in(2));
    if (op == "lop3") return lookup();
    if (op == "prmt" && statement_->opcode.size() == 2) return permute();
    refuse();
  }

  llvm::Value* product(bool adds, PtxType type) {
    bool wide = has("wide"), high = has("hi");
    unsigned bits = type.bits, out = wide ? 2 * bits : bits;
    auto extended = [&](size_t at) {
      llvm::Value* value = read(at, bits);
      if (!wide && !high) return value;
      return type.kind == 's' ? b_.CreateSExt(value, integer(2 * bits))
                              : b_.CreateZExt(value, integer(2 * bits));
    };
    llvm::Value* result = b_.CreateMul(extended(1), extended(2));
    if (high) result = b_.CreateTrunc(b_.CreateLShr(result, uint64_t(bits)), integer(bits));
    return adds ? b_.CreateAdd(result, read(3, out)) : result;
  }

  /// shf.{l,r}.{wrap,clamp}: of the pair b:a.
  llvm::Value* funnel() {
    llvm::Value *amount = read(3, 32), *limit = llvm::ConstantInt::get(integer(32), has("wrap") ? 31 : 32);
    amount = has("wrap") ? b_.CreateAnd(amount, limit) : b_.CreateBinaryIntrinsic(In::umin, amount, limit);
    llvm::Type* i64 = integer(64);
    llvm::Value* pair =
        b_.CreateOr(b_.CreateShl(b_.CreateZExt(read(2, 32), i64), 32), b_.CreateZExt(read(1, 32), i64));
    amount = b_.CreateZExt(amount, i64);
    if (has("r")) return b_.CreateTrunc(b_.CreateLShr(pair, amount), integer(32));
    return b_.CreateTrunc(b_.CreateLShr(b_.CreateShl(pair, amount), 32), integer(32));
  }

  /// Bit i of the table is the result where the operands' bits spell i.
  llvm::Value* lookup() {
    Values in = {read(1, 32), read(2, 32), read(3, 32)};
    uint64_t table;
    if (llvm::StringRef(statement_->operands.at(4).at(0)).getAsInteger(0, table)) refuse();
    llvm::Value* result = llvm::Constant::getNullValue(integer(32));
    for (unsigned i = 0; i < 8; ++i) {
      if (!(table >> i & 1)) continue;
      auto literal = [&](unsigned k) { return i >> (2 - k) & 1 ? in[k] : b_.CreateNot(in[k]); };
      result = b_.CreateOr(result, b_.CreateAnd(literal(0), b_.CreateAnd(literal(1), literal(2))));
    }
    return result;
  }

  /// Four bytes of b:a; bit 3 of a selector copies the byte's sign.
  llvm::Value* permute() {
    llvm::Type *i64 = integer(64), *i32 = integer(32);
    llvm::Value* pair =
        b_.CreateOr(b_.CreateShl(b_.CreateZExt(read(2, 32), i64), 32), b_.CreateZExt(read(1, 32), i64));
    llvm::Value *selectors = read(3, 32), *result = llvm::Constant::getNullValue(i32);
    for (unsigned i = 0; i < 4; ++i) {
      llvm::Value* selector = b_.CreateLShr(selectors, uint64_t(4 * i));
      llvm::Value* amount = b_.CreateZExt(b_.CreateShl(b_.CreateAnd(selector, 7), 3), i64);
      llvm::Value* byte = b_.CreateTrunc(b_.CreateLShr(pair, amount), integer(8));
      llvm::Value* sign = b_.CreateAShr(byte, llvm::ConstantInt::get(byte->getType(), 7));
      llvm::Value* copies = b_.CreateICmpNE(b_.CreateAnd(selector, 8), llvm::Constant::getNullValue(i32));
      byte = b_.CreateSelect(copies, sign, byte);
      result = b_.CreateOr(result, b_.CreateShl(b_.CreateZExt(byte, i32), uint64_t(8 * i)));
    }
    return result;
  }

  llvm::Type* floatType(PtxType type) {
    if (type.bits != 16 && type.bits != 32 && type.bits != 64) refuse();
    llvm::Type* one = type.bits == 16 ? b_.getHalfTy() : type.bits == 32 ? b_.getFloatTy() : b_.getDoubleTy();
    return vectorOf(one, width_);
  }

  /// The halves of a packed pair one after the other.
  llvm::Value* floating(const std::string& op, PtxType type) {
    if (!type.pair) return b_.CreateBitCast(floating(op, type, 0), integer(type.bits));
    llvm::Value* result = nullptr;
    for (unsigned half = 0; half < 2; ++half) {
      llvm::Value* bits = b_.CreateBitCast(floating(op, type, half), integer(type.bits));
      bits = b_.CreateShl(b_.CreateZExt(bits, integer(type.whole())), uint64_t(half * type.bits));
      result = result ? b_.CreateOr(result, bits) : bits;
    }
    return result;
  }

  llvm::Value* number(size_t at, PtxType type, unsigned half) {
    llvm::Value* bits = b_.CreateLShr(read(at, type.whole()), uint64_t(half * type.bits));
    return b_.CreateBitCast(b_.CreateTrunc(bits, integer(type.bits)), floatType(type));
  }

  llvm::Value* floating(const std::string& op, PtxType type, unsigned half) {
    for (const char* rounding : {"rz", "rm", "rp", "sat"})
      if (has(rounding)) refuse();
    auto in = [&](size_t at) { return number(at, type, half); };
    if (op == "add") return b_.CreateFAdd(in(1), in(2));
    if (op == "sub") return b_.CreateFSub(in(1), in(2));
    if (op == "mul") return b_.CreateFMul(in(1), in(2));
    if (op == "div") return b_.CreateFDiv(in(1), in(2));
    if (op == "neg") return b_.CreateFNeg(in(1));
    if (op == "abs") return b_.CreateUnaryIntrinsic(In::fabs, in(1));
    if (op == "sqrt") return b_.CreateUnaryIntrinsic(In::sqrt, in(1));
    if (op == "min") return b_.CreateBinaryIntrinsic(has("NaN") ? In::minimum : In::minimumnum, in(1), in(2));
    if (op == "max") return b_.CreateBinaryIntrinsic(has("NaN") ? In::maximum : In::maximumnum, in(1), in(2));
    if (op == "fma" || op == "mad")
      return b_.CreateIntrinsic(In::fma, {floatType(type)}, {in(1), in(2), in(3)});
    if (op == "selp" && !type.pair) return b_.CreateSelect(read(3, 1), in(1), in(2));
    refuse();
  }

  void compare(PtxType type) {
    using P = llvm::CmpInst::Predicate;
    bool real = type.kind == 'f', isSigned = type.kind == 's';
    P predicate = P::BAD_ICMP_PREDICATE;
    for (llvm::StringRef part : statement_->opcode)
      predicate = llvm::StringSwitch<P>(part)
                      .Case("eq", real ? P::FCMP_OEQ : P::ICMP_EQ)
                      .Case("ne", real ? P::FCMP_ONE : P::ICMP_NE)
                      .Case("lt", real       ? P::FCMP_OLT
                                  : isSigned ? P::ICMP_SLT
                                             : P::ICMP_ULT)
                      .Case("le", real       ? P::FCMP_OLE
                                  : isSigned ? P::ICMP_SLE
                                             : P::ICMP_ULE)
                      .Case("gt", real       ? P::FCMP_OGT
                                  : isSigned ? P::ICMP_SGT
                                             : P::ICMP_UGT)
                      .Case("ge", real       ? P::FCMP_OGE
                                  : isSigned ? P::ICMP_SGE
                                             : P::ICMP_UGE)
                      .Default(predicate);
    const auto& to = statement_->operands.at(0);
    if (predicate == P::BAD_ICMP_PREDICATE || statement_->operands.size() != 3) refuse();
    for (unsigned half = 0; half < (type.pair ? 2u : 1u); ++half) {
      llvm::Value* holds = real ? b_.CreateFCmp(predicate, number(1, type, half), number(2, type, half))
                                : b_.CreateICmp(predicate, read(1, type.bits), read(2, type.bits));
      assign(to.at(half), holds);
      if (!type.pair && to.size() == 2) assign(to[1], b_.CreateNot(holds));
    }
  }

  llvm::Value* convert(PtxType to, PtxType from, llvm::Value* value) {
    if (to.pair || from.pair || has("sat")) refuse();
    bool fromReal = from.kind == 'f', toReal = to.kind == 'f', isSigned = from.kind == 's';
    if (!fromReal && !toReal)
      return isSigned ? b_.CreateSExtOrTrunc(value, integer(to.bits))
                      : b_.CreateZExtOrTrunc(value, integer(to.bits));
    for (const char* rounding : {"rz", "rm", "rp"})
      if (toReal && has(rounding)) refuse();
    if (!fromReal) {
      llvm::Value* result =
          isSigned ? b_.CreateSIToFP(value, floatType(to)) : b_.CreateUIToFP(value, floatType(to));
      return b_.CreateBitCast(result, integer(to.bits));
    }
    value = b_.CreateBitCast(value, floatType(from));
    auto rounding = has("rni")   ? In::rint
                    : has("rzi") ? In::trunc
                    : has("rmi") ? In::floor
                    : has("rpi") ? In::ceil
                                 : In::not_intrinsic;
    if (rounding) value = b_.CreateUnaryIntrinsic(rounding, value);
    if (toReal) return b_.CreateBitCast(b_.CreateFPCast(value, floatType(to)), integer(to.bits));
    return b_.CreateIntrinsic(to.kind == 's' ? In::fptosi_sat : In::fptoui_sat,
                              {integer(to.bits), value->getType()}, {value});
  }

  llvm::IRBuilderBase& b_;
  unsigned width_;
  const PtxStatement* statement_ = nullptr;
};

} // namespace

unsigned registerBits(llvm::StringRef constraint) {
  switch (constraint.ltrim("=&+ ").front()) {
  case 'h':
    return 16;
  case 'l':
  case 'd':
    return 64;
  case 'b':
    return 1;
  default:
    return 32;
  }
}

Result<std::vector<llvm::Value*>> emitPtx(llvm::IRBuilderBase& builder, const std::string& text,
                                          llvm::ArrayRef<std::string> constraints,
                                          llvm::ArrayRef<llvm::Value*> inputs, unsigned width) {
  Machine machine(builder, width);
  size_t outputs = constraints.size() - inputs.size();
  for (size_t i = 0; i < constraints.size(); ++i) {
    llvm::Type* type = machine.integer(registerBits(constraints[i]));
    machine.registers["$" + std::to_string(i)] =
        i < outputs ? static_cast<llvm::Value*>(llvm::Constant::getNullValue(type))
                    : builder.CreateZExtOrTrunc(inputs[i - outputs], type);
  }
  try {
    for (const PtxStatement& statement : ptxStatements(text))
      machine.run(statement);
  } catch (const NoMeaning& unknown) {
    return fail(ErrorKind::Unsupported, "inline PTX: " + unknown.what + " has no meaning on the CPU");
  } catch (const std::out_of_range&) {
    return fail(ErrorKind::Unsupported, "inline PTX: an instruction lacks operands");
  }
  std::vector<llvm::Value*> results;
  for (size_t i = 0; i < outputs; ++i)
    results.push_back(machine.registers["$" + std::to_string(i)]);
  return results;
}

} // namespace tuned::cpu
