// Code that comes with the kernel: inline assembly, functions of the device library, regions applied to
// elements.
#include "backend/nvptx/lowering/emitter.h"

#include <llvm/ADT/StringExtras.h>

namespace tuned::nvptx {
namespace {

/// What an assembly register of a constraint holds ('r', 'h', 'l', 'f', 'd'), as an LLVM type.
llvm::Type* registerType(llvm::IRBuilder<>& b, llvm::StringRef constraint) {
  switch (constraint.trim().ltrim("=&").front()) {
  case 'h':
    return b.getInt16Ty();
  case 'l':
    return b.getInt64Ty();
  case 'f':
    return b.getFloatTy();
  case 'd':
    return b.getDoubleTy();
  case 'b':
    return b.getInt1Ty();
  default:
    return b.getInt32Ty();
  }
}

unsigned bitsOf(llvm::Type* type) {
  return type->isPointerTy() ? 64 : type->getScalarSizeInBits();
}

/// One application of the assembly to `pack` elements: how values become its registers and back.
class InlineAssembly {
public:
  InlineAssembly(Emitter& e, tt::ElementwiseInlineAsmOp op)
      : e(e), b(e.builder), op(op), pack(static_cast<unsigned>(op.getPackedElement())) {
    llvm::StringRef(op.getConstraints()).split(constraints, ',');
    for (mlir::Type type : op.getResultTypes())
      outputs += words(bitsOf(e.type(type)));
  }

  /// One constraint an output, then one an input, of the registers there are; then clobbers.
  bool wellFormed() {
    size_t inputs = 0;
    for (mlir::Value operand : op.getArgs())
      inputs += words(bitsOf(e.type(operand.getType())));
    if (operandCount() != outputs + inputs) return false;
    for (size_t i = 0; i < operandCount(); ++i) {
      llvm::StringRef constraint = constraints[i].trim();
      if (constraint.starts_with("~") || constraint.consume_front("=") != (i < outputs)) return false;
      constraint.consume_front("&");
      unsigned tied = 0;
      bool known = constraint.size() == 1 && llvm::StringRef("bhrlfd").contains(constraint.front());
      if (!known && (i < outputs || constraint.getAsInteger(10, tied) || tied >= outputs)) return false;
    }
    return llvm::all_of(llvm::ArrayRef(constraints).drop_front(operandCount()), [](llvm::StringRef clobber) {
      clobber = clobber.trim();
      return clobber.consume_front("~{") && clobber.consume_back("}") && llvm::all_of(clobber, llvm::isAlnum);
    });
  }
  size_t operandCount() const {
    return static_cast<size_t>(llvm::count_if(
        constraints, [](llvm::StringRef constraint) { return !constraint.trim().starts_with("~"); }));
  }

  /// `inputs[i]` are the elements of operand i; gives those of each result.
  std::vector<Registers> apply(const std::vector<Registers>& inputs) {
    llvm::SmallVector<llvm::Value*> arguments;
    size_t next = outputs;
    for (const Registers& elements : inputs)
      for (llvm::Value* word : packElements(elements))
        arguments.push_back(resize(word, registerOf(next++)));
    llvm::SmallVector<llvm::Type*> types;
    for (size_t i = 0; i < outputs; ++i)
      types.push_back(registerOf(i));
    llvm::Type* type = types.empty()       ? b.getVoidTy()
                       : types.size() == 1 ? types.front()
                                           : llvm::StructType::get(b.getContext(), types);
    llvm::Value* result = e.assembly(type, op.getAsmString().str(), joined(), arguments, !op.getPure());
    std::vector<Registers> results;
    size_t word = 0;
    for (mlir::Type resultType : op.getResultTypes()) {
      Registers taken;
      for (size_t i = 0; i < words(bitsOf(e.type(resultType))); ++i, ++word)
        taken.push_back(outputs == 1 ? result : b.CreateExtractValue(result, static_cast<unsigned>(word)));
      results.push_back(unpackElements(taken, e.type(resultType)));
    }
    return results;
  }

private:
  /// The type of operand i; an input may be tied to an output by its number.
  llvm::Type* registerOf(size_t i) {
    unsigned tied = 0;
    bool number = !constraints[i].trim().getAsInteger(10, tied);
    return registerType(b, constraints[number ? tied : i]);
  }

  std::string joined() const {
    std::string text;
    for (llvm::StringRef constraint : constraints)
      text += (text.empty() ? "" : ",") + constraint.trim().str();
    return text;
  }

  /// Elements narrower than 32 bits share a register, as many as are packed.
  unsigned elementsPerWord(unsigned bits) const { return bits >= 32 ? 1 : std::min(32 / bits, pack); }
  size_t words(unsigned bits) const { return pack / elementsPerWord(bits); }

  Registers packElements(const Registers& elements) {
    unsigned each = elementsPerWord(bitsOf(elements.front()->getType()));
    if (each == 1) return elements;
    Registers result;
    for (size_t i = 0; i < elements.size(); i += each) {
      llvm::Value* word = llvm::PoisonValue::get(llvm::FixedVectorType::get(elements[i]->getType(), each));
      for (unsigned k = 0; k < each; ++k)
        word = b.CreateInsertElement(word, elements[i + k], uint64_t{k});
      result.push_back(b.CreateBitCast(word, b.getIntNTy(each * bitsOf(elements[i]->getType()))));
    }
    return result;
  }

  Registers unpackElements(const Registers& taken, llvm::Type* type) {
    unsigned each = elementsPerWord(bitsOf(type));
    Registers result;
    for (llvm::Value* word : taken) {
      if (each == 1) {
        result.push_back(resize(word, type));
        continue;
      }
      llvm::Value* vector = b.CreateBitCast(resize(word, b.getIntNTy(each * bitsOf(type))),
                                            llvm::FixedVectorType::get(type, each));
      for (unsigned k = 0; k < each; ++k)
        result.push_back(b.CreateExtractElement(vector, uint64_t{k}));
    }
    return result;
  }

  /// The bits of `value` in a register of `type`, cut or zero-extended.
  llvm::Value* resize(llvm::Value* value, llvm::Type* type) {
    if (value->getType() == type) return value;
    llvm::Value* bits = value;
    if (value->getType()->isPointerTy())
      bits = b.CreatePtrToInt(value, b.getInt64Ty());
    else if (!value->getType()->isIntegerTy())
      bits = b.CreateBitCast(value, b.getIntNTy(bitsOf(value->getType())));
    bits = b.CreateZExtOrTrunc(bits, b.getIntNTy(bitsOf(type)));
    if (type->isPointerTy()) return b.CreateIntToPtr(bits, type);
    return type->isIntegerTy() ? bits : b.CreateBitCast(bits, type);
  }

  Emitter& e;
  llvm::IRBuilder<>& b;
  tt::ElementwiseInlineAsmOp op;
  unsigned pack;
  llvm::SmallVector<llvm::StringRef> constraints;
  size_t outputs = 0;
};

/// The first reference in the text that LLVM has no operand for: it knows $N, ${N}, ${N:letter} and $$.
/// Empty: none.
std::string badReference(llvm::StringRef text, size_t operands) {
  for (size_t at = text.find('$'); at != llvm::StringRef::npos; at = text.find('$', at)) {
    llvm::StringRef rest = text.drop_front(at + 1);
    if (rest.consume_front("$")) {
      at += 2;
      continue;
    }
    bool braced = rest.consume_front("{");
    unsigned number = 0;
    bool bad = rest.consumeInteger(10, number) || number >= operands;
    if (braced && !bad && rest.consume_front(":")) bad = rest.empty() || !llvm::isAlpha(rest.front());
    if (braced && !bad) bad = !rest.drop_while(llvm::isAlpha).consume_front("}");
    if (bad) return text.substr(at, 8).str();
    ++at;
  }
  return {};
}

size_t resultRegisters(Emitter& e, mlir::Operation& op) {
  size_t count = 1;
  for (mlir::Value result : op.getResults())
    count = std::max<size_t>(count, e.layout(result).registerCount());
  return count;
}

/// `pack` elements of each operand from register `first` on; the last is repeated beyond the end.
std::vector<Registers> gatherElements(Emitter& e, mlir::ValueRange operands, size_t first, unsigned pack,
                                      size_t count) {
  std::vector<Registers> elements;
  for (mlir::Value operand : operands) {
    elements.emplace_back();
    for (unsigned k = 0; k < pack; ++k)
      elements.back().push_back(e.at(operand, std::min(first + k, count - 1)));
  }
  return elements;
}

Result<void> inlineAssembly(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::ElementwiseInlineAsmOp>(operation);
  InlineAssembly code(e, op);
  if (!code.wellFormed())
    return failAt(operation, ErrorKind::InvalidInput,
                  "the constraints \"" + op.getConstraints().str() +
                      "\" do not go with the operands and results");
  if (std::string bad = badReference(op.getAsmString(), code.operandCount()); !bad.empty())
    return failAt(operation, ErrorKind::InvalidInput,
                  "the assembly's \"" + bad + "\" names none of its " + std::to_string(code.operandCount()) +
                      " operands");
  auto pack = static_cast<unsigned>(op.getPackedElement());
  size_t count = resultRegisters(e, operation);
  std::vector<Registers> results(op.getNumResults(), Registers(count));
  for (size_t first = 0; first < count; first += pack) {
    auto some = code.apply(gatherElements(e, op.getArgs(), first, pack, count));
    for (size_t i = 0; i < some.size(); ++i)
      for (size_t k = 0; k < pack && first + k < count; ++k)
        results[i][first + k] = some[i][k];
  }
  for (size_t i = 0; i < results.size(); ++i)
    e.set(op.getResult()[i], std::move(results[i]));
  return {};
}

Result<void> externFunction(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::ExternElementwiseOp>(operation);
  if (!op.getSymbol().starts_with("__nv_"))
    return unsupported(operation,
                       "'" + op.getSymbol().str() + "' is no function of the device library, the only one");
  llvm::Type* type = e.type(op.getResult().getType());
  return e.elementwise(operation, [&](llvm::ArrayRef<llvm::Value*> operands) -> llvm::Value* {
    return e.callLibrary(op.getSymbol().str(), type, operands);
  });
}

/// The region takes `pack` elements of the first source, then of the second, and gives its results likewise.
Result<void> mapElements(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::MapElementwiseOp>(operation);
  auto pack = static_cast<unsigned>(op.getPack());
  size_t count = resultRegisters(e, operation);
  if (count % pack != 0)
    return unsupported(operation, std::to_string(pack) + " elements at a time where a thread holds " +
                                      std::to_string(count));
  std::vector<Registers> results(op.getNumResults(), Registers(count));
  // Argument i·pack + k of evaluation j is element j·pack + k of source i.
  std::vector<Registers> arguments(op.getSrcs().size() * pack);
  for (size_t first = 0; first < count; first += pack) {
    auto some = gatherElements(e, op.getSrcs(), first, pack, count);
    for (size_t i = 0; i < some.size(); ++i)
      for (unsigned k = 0; k < pack; ++k)
        arguments[i * pack + k].push_back(some[i][k]);
  }
  auto evaluated = e.combine(op.getScalarOp(), arguments);
  if (!evaluated) return fail(evaluated.error());
  for (size_t i = 0; i < results.size(); ++i) {
    for (size_t r = 0; r < count; ++r) {
      const Registers& values = (*evaluated)[i * pack + r % pack];
      results[i][r] = values[values.size() == 1 ? 0 : r / pack];
    }
    e.set(op.getResult()[i], std::move(results[i]));
  }
  return {};
}

} // namespace

void addInline(OpTable& table) {
  table["tt.elementwise_inline_asm"] = {inlineAssembly};
  table["tt.extern_elementwise"] = {externFunction};
  table["tt.map_elementwise"] = {mapElements};
}

} // namespace tuned::nvptx
