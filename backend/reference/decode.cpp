#include "backend/reference/decode.h"
#include "ir/entry.h"
#include "ir/text.h"

#include <mlir/Interfaces/FunctionInterfaces.h>

#include <llvm/Support/raw_ostream.h>

namespace tuned::reference {
namespace {

Location locationOf(mlir::Location location) {
  return sourceLocation(location).value_or(Location());
}

std::string text(mlir::Type type) {
  std::string printed;
  llvm::raw_string_ostream(printed) << type;
  return printed;
}

[[noreturn]] void unsupportedType(mlir::Type type, mlir::Location location) {
  throw Failure{{ErrorKind::Unsupported, "values of type " + text(type), locationOf(location)}};
}

Kind kindOf(mlir::Type type, mlir::Location location) {
  if (type.isInteger(1)) return Kind::I1;
  if (type.isInteger(8)) return Kind::I8;
  if (type.isInteger(16)) return Kind::I16;
  if (type.isInteger(32)) return Kind::I32;
  if (type.isInteger(64) || type.isIndex()) return Kind::I64;
  if (type.isF16()) return Kind::F16;
  if (type.isBF16()) return Kind::BF16;
  if (type.isF32()) return Kind::F32;
  if (type.isF64()) return Kind::F64;
  if (llvm::isa<mlir::Float8E5M2Type>(type)) return Kind::F8E5M2;
  if (llvm::isa<mlir::Float8E4M3FNType>(type)) return Kind::F8E4M3FN;
  if (llvm::isa<tt::PointerType>(type)) return Kind::Pointer;
  unsupportedType(type, location);
}

Type typeOf(mlir::Type type, mlir::Location location) {
  Type decoded;
  auto setTile = [&](mlir::RankedTensorType tile) {
    decoded.kind = Kind::Pointer;
    decoded.pointee = kindOf(tile.getElementType(), location);
    decoded.block = tile.getShape().vec();
  };
  if (auto tensor = llvm::dyn_cast<mlir::RankedTensorType>(type)) {
    decoded.isTensor = true;
    decoded.shape = tensor.getShape().vec();
    type = tensor.getElementType();
  }
  if (auto descriptor = llvm::dyn_cast<tt::TensorDescType>(type)) {
    setTile(descriptor.getBlockType());
    decoded.isUnsigned = descriptor.getBlockType().getElementType().isUnsignedInteger();
    return decoded;
  }
  if (auto pointer = llvm::dyn_cast<tt::PointerType>(type)) {
    if (auto tile = llvm::dyn_cast<mlir::RankedTensorType>(pointer.getPointeeType())) {
      setTile(tile);
      return decoded;
    }
    decoded.pointee = kindOf(pointer.getPointeeType(), location);
  }
  decoded.kind = kindOf(type, location);
  return decoded;
}

Attribute attributeOf(mlir::Attribute attribute) {
  Attribute decoded;
  if (auto integer = llvm::dyn_cast<mlir::IntegerAttr>(attribute)) {
    const llvm::APInt& value = integer.getValue();
    decoded.integers = {value.getBitWidth() == 1 ? static_cast<int64_t>(value.getZExtValue())
                                                 : value.getSExtValue()};
  } else if (auto list = llvm::dyn_cast<mlir::DenseI32ArrayAttr>(attribute)) {
    decoded.integers.assign(list.asArrayRef().begin(), list.asArrayRef().end());
  } else if (auto string = llvm::dyn_cast<mlir::StringAttr>(attribute)) {
    decoded.text = string.getValue().str();
  }
  return decoded;
}

Lanes constantLanes(mlir::Attribute value) {
  Lanes lanes;
  if (auto integer = llvm::dyn_cast<mlir::IntegerAttr>(value)) {
    lanes.push_back(integer.getValue().getZExtValue());
  } else if (auto real = llvm::dyn_cast<mlir::FloatAttr>(value)) {
    lanes.push_back(real.getValue().bitcastToAPInt().getZExtValue());
  } else if (auto dense = llvm::dyn_cast<mlir::DenseElementsAttr>(value)) {
    auto add = [&](const llvm::APInt& bits) { lanes.push_back(bits.getZExtValue()); };
    if (llvm::isa<mlir::FloatType>(dense.getElementType())) {
      if (dense.isSplat())
        add(dense.getSplatValue<llvm::APFloat>().bitcastToAPInt());
      else
        for (const llvm::APFloat& element : dense.getValues<llvm::APFloat>())
          add(element.bitcastToAPInt());
    } else if (dense.isSplat()) {
      add(dense.getSplatValue<llvm::APInt>());
    } else {
      for (const llvm::APInt& element : dense.getValues<llvm::APInt>())
        add(element);
    }
  }
  return lanes;
}

class Decoder {
public:
  explicit Decoder(mlir::ModuleOp module) : module_(module) {}

  std::shared_ptr<const Function> function(mlir::FunctionOpInterface source) {
    std::string name = mlir::SymbolTable::getSymbolName(source).str();
    if (auto known = functions_.find(name); known != functions_.end()) {
      if (!known->second)
        throw Failure{
            {ErrorKind::Unsupported, "the function " + name + " calls itself", locationOf(source.getLoc())}};
      return known->second;
    }
    functions_[name] = nullptr; // being decoded
    std::map<void*, int> outerSlots;
    std::swap(outerSlots, slots_);
    auto decoded = std::make_shared<Function>();
    decoded->name = name;
    for (mlir::BlockArgument argument : source.getArguments()) {
      decoded->argumentTypes.push_back(typeOf(argument.getType(), source.getLoc()));
      auto named = llvm::dyn_cast<mlir::NameLoc>(argument.getLoc());
      decoded->argumentNames.push_back(named ? named.getName().str() : "");
    }
    decoded->body = region(source.getFunctionBody());
    decoded->slotCount = slots_.size();
    std::swap(outerSlots, slots_);
    return functions_[name] = decoded;
  }

private:
  int slot(mlir::Value value) {
    return slots_.try_emplace(value.getAsOpaquePointer(), static_cast<int>(slots_.size())).first->second;
  }
  template <typename Range> std::vector<int> slotsOf(Range values) {
    std::vector<int> numbers;
    for (mlir::Value value : values)
      numbers.push_back(slot(value));
    return numbers;
  }

  Region region(mlir::Region& source) {
    Region decoded;
    std::map<mlir::Block*, int> numbers;
    for (mlir::Block& block : source)
      numbers[&block] = static_cast<int>(numbers.size());
    for (mlir::Block& block : source) {
      Block& to = decoded.blocks.emplace_back();
      to.arguments = slotsOf(block.getArguments());
      for (mlir::Operation& op : block.without_terminator())
        to.body.push_back(instruction(op));
      to.end = terminator(*block.getTerminator(), numbers);
    }
    return decoded;
  }

  Terminator terminator(mlir::Operation& op, const std::map<mlir::Block*, int>& numbers) {
    Terminator end;
    if (op.getNumSuccessors() == 0) {
      end.operands = slotsOf(op.getOperands());
      return end;
    }
    auto branch = llvm::dyn_cast<mlir::BranchOpInterface>(op);
    bool conditional = op.getName().getStringRef() == "cf.cond_br";
    if (!branch || (!conditional && op.getNumSuccessors() != 1))
      throw Failure{{ErrorKind::Unsupported, op.getName().getStringRef().str(), locationOf(op.getLoc())}};
    end.kind = conditional ? Terminator::Conditional : Terminator::Branch;
    if (conditional) end.operands = {slot(op.getOperand(0))};
    for (unsigned i = 0; i < op.getNumSuccessors(); ++i) {
      end.target[i] = numbers.at(op.getSuccessor(i));
      end.passed[i] = slotsOf(branch.getSuccessorOperands(i).getForwardedOperands());
    }
    return end;
  }

  Instruction instruction(mlir::Operation& op) {
    Operation record = describe(op);
    auto maker = stepTable().find(record.name);
    if (maker == stepTable().end())
      throw Failure{{ErrorKind::Unsupported, "operation " + record.name, record.location}};
    return {maker->second(record), record.location};
  }

  Operation describe(mlir::Operation& op) {
    Operation record;
    record.name = op.getName().getStringRef().str();
    record.location = locationOf(op.getLoc());
    record.operands = slotsOf(op.getOperands());
    record.results = slotsOf(op.getResults());
    for (mlir::Value operand : op.getOperands())
      record.operandTypes.push_back(typeOf(operand.getType(), op.getLoc()));
    for (mlir::Value result : op.getResults())
      record.resultTypes.push_back(typeOf(result.getType(), op.getLoc()));
    for (mlir::NamedAttribute named : op.getAttrDictionary())
      record.attributes[named.getName().str()] = attributeOf(named.getValue());
    if (record.name == "arith.constant") record.constant = constantLanes(op.getAttr("value"));
    for (mlir::Region& inner : op.getRegions())
      record.regions.push_back(std::make_shared<const Region>(region(inner)));
    if (auto call = llvm::dyn_cast<tt::CallOp>(op)) {
      auto callee = module_.lookupSymbol<mlir::FunctionOpInterface>(call.getCallee());
      if (!callee || callee.isExternal())
        unsupported(record, "a call of " + call.getCallee().str() + ", which has no body");
      record.callee = function(callee);
    }
    return record;
  }

  mlir::ModuleOp module_;
  std::map<void*, int> slots_;
  std::map<std::string, std::shared_ptr<const Function>> functions_;
};

} // namespace

Result<std::shared_ptr<const Function>> decode(mlir::ModuleOp module, const std::string& entry) {
  Result<tt::FuncOp> source = findEntry(module, entry);
  if (!source) return fail(source.error());
  try {
    return Decoder(module).function(*source);
  } catch (Failure& failure) {
    return fail(std::move(failure.error));
  }
}

} // namespace tuned::reference
