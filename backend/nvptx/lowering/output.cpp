// assert and print: through vprintf, which the driver knows; a failed assertion ends the kernel with a trap.
#include "backend/nvptx/lowering/emitter.h"

#include <llvm/IR/IntrinsicsNVPTX.h>

namespace tuned::nvptx {
namespace {

/// printf's argument list in memory: each argument at its alignment, floats as doubles, small integers as 32
/// bits.
void callPrintf(Emitter& e, const std::string& format, llvm::ArrayRef<llvm::Value*> arguments) {
  auto& b = e.builder;
  llvm::SmallVector<llvm::Type*> types;
  for (llvm::Value* argument : arguments)
    types.push_back(argument->getType());
  auto* pack = llvm::StructType::get(b.getContext(), types);
  llvm::Function* function = b.GetInsertBlock()->getParent();
  llvm::IRBuilder<> entry(&function->getEntryBlock(), function->getEntryBlock().begin());
  llvm::Value* list = types.empty() ? static_cast<llvm::Value*>(llvm::ConstantPointerNull::get(b.getPtrTy()))
                                    : entry.CreateAlloca(pack);
  for (unsigned i = 0; i < arguments.size(); ++i)
    b.CreateStore(arguments[i], b.CreateStructGEP(pack, list, i));
  auto vprintf = e.module.getOrInsertFunction(
      "vprintf", llvm::FunctionType::get(b.getInt32Ty(), {b.getPtrTy(), b.getPtrTy()}, false));
  b.CreateCall(vprintf, {e.string(format), list});
}

std::string escaped(llvm::StringRef text) {
  std::string result;
  for (char c : text)
    result += c == '%' ? "%%" : std::string(1, c);
  return result;
}

/// The format of one value and the value as printf takes it.
std::pair<std::string, llvm::Value*> formatted(Emitter& e, llvm::Value* value, mlir::Type type, bool hex,
                                               bool isSigned) {
  auto& b = e.builder;
  if (value->getType()->isPointerTy()) return {"%p", b.CreatePtrToInt(value, b.getInt64Ty())};
  if (value->getType()->isFloatingPointTy() && !hex) return {"%f", b.CreateFPExt(value, b.getDoubleTy())};
  if (value->getType()->isFloatingPointTy())
    value = b.CreateBitCast(value, b.getIntNTy(value->getType()->getScalarSizeInBits()));
  unsigned bits = tt::elementBits(tt::elementType(type));
  bool wide = bits > 32;
  llvm::Type* integer = wide ? b.getInt64Ty() : b.getInt32Ty();
  bool extendSign = isSigned && bits > 1 && !hex;
  value = extendSign ? b.CreateSExt(value, integer) : b.CreateZExt(value, integer);
  if (hex) return {"0x%0" + std::to_string(std::max(1u, bits / 4)) + (wide ? "llx" : "x"), value};
  return {std::string("%") + (wide ? "ll" : "") + (extendSign ? "d" : "u"), value};
}

Result<void> print(Emitter& e, mlir::Operation& op) {
  auto print = mlir::cast<tt::PrintOp>(op);
  auto& b = e.builder;
  auto program = [&](llvm::Intrinsic::ID id) { return b.CreateIntrinsic(b.getInt32Ty(), id, {}); };
  llvm::SmallVector<llvm::Value*> prefix = {program(llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_x),
                                            program(llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_y),
                                            program(llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_z)};
  std::string head = "pid (%u, %u, %u)", text = escaped(print.getPrefix());
  if (print.getArgs().empty()) {
    llvm::Value* first = b.CreateICmpEQ(e.thread(), b.getInt32(0));
    e.when(first, [&] { callPrintf(e, head + text + "\n", prefix); });
    return {};
  }
  for (auto [i, argument] : llvm::enumerate(print.getArgs())) {
    LinearLayout layout = e.layout(argument);
    llvm::Value* owner = e.owner(layout);
    std::vector<Registers> coordinates;
    for (unsigned dim = 0; dim < layout.shape.size(); ++dim)
      coordinates.push_back(e.coordinates(layout, dim));
    bool isSigned = i < print.getIsSigned().size() && print.getIsSigned()[i] != 0;
    e.when(owner, [&] {
      for (size_t r = 0; r < e.of(argument).size(); ++r) {
        llvm::SmallVector<llvm::Value*> values = prefix;
        std::string format = head + " idx (";
        for (unsigned dim = 0; dim < coordinates.size(); ++dim) {
          format += dim ? ", %u" : "%u";
          values.push_back(coordinates[dim][r]);
        }
        auto [form, value] = formatted(e, e.of(argument)[r], argument.getType(), print.getHex(), isSigned);
        values.push_back(value);
        callPrintf(e, format + ")" + text + form + "\n", values);
      }
    });
  }
  return {};
}

Result<void> assertion(Emitter& e, mlir::Operation& op) {
  auto assertion = mlir::cast<tt::AssertOp>(op);
  auto& b = e.builder;
  llvm::Value* broken = b.getFalse();
  for (llvm::Value* condition : e.of(assertion.getCondition()))
    broken = b.CreateOr(broken, b.CreateNot(condition));
  e.when(broken, [&] {
    callPrintf(e, "assertion failed: " + escaped(assertion.getMessage()) + "\n", {});
    b.CreateIntrinsic(b.getVoidTy(), llvm::Intrinsic::trap, {});
  });
  return {};
}

} // namespace

void addOutput(OpTable& table) {
  table["tt.print"] = {print};
  table["tt.assert"] = {assertion};
}

} // namespace tuned::nvptx
