#include "backend/cpu/plan/plan_text.h"

#include <llvm/Support/raw_ostream.h>
#include <mlir/IR/AsmState.h>

namespace tuned::cpu {

std::string describe(tt::FuncOp entry, const Plan& plan) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  mlir::AsmState names(entry);
  stream << entry.getName() << ": " << plan.scratchBytes() << " bytes of scratch\n";
  auto line = [&](mlir::Value value, llvm::StringRef origin) {
    auto type = mlir::dyn_cast<mlir::RankedTensorType>(value.getType());
    if (!type) return;
    stream << "  ";
    value.printAsOperand(stream, names);
    stream << " (" << origin << ", " << type << "): ";
    switch (plan.home(value)) {
    case Plan::Home::Virtual:
      stream << "virtual";
      break;
    case Plan::Home::Carried:
      stream << "carried from ";
      plan.carriedFrom(value).printAsOperand(stream, names);
      break;
    case Plan::Home::Slot:
      stream << "scratch + " << plan.offset(value);
      if (mlir::Operation* filler = plan.filledBy(value)) stream << ", filled by " << filler->getName();
      break;
    }
    stream << "\n";
  };
  entry.walk<mlir::WalkOrder::PreOrder>([&](mlir::Operation* op) {
    for (mlir::Value result : op->getResults())
      line(result, op->getName().getStringRef());
    for (mlir::Region& region : op->getRegions())
      for (mlir::Block& block : region)
        for (mlir::Value argument : block.getArguments())
          line(argument, "argument");
  });
  return text;
}

} // namespace tuned::cpu
