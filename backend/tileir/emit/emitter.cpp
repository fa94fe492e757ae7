#include "backend/tileir/emit/emitter.h"

#include "backend/tileir/emit/promises.h"
#include "ir/text.h"

#include <mlir/Interfaces/SideEffectInterfaces.h>

namespace tuned::tileir {
namespace {

std::optional<Scalar> scalarFor(mlir::Type type) {
  if (type.isIndex()) return Scalar::I64;
  if (auto integer = mlir::dyn_cast<mlir::IntegerType>(type)) switch (integer.getWidth()) {
    case 1:
      return Scalar::I1;
    case 8:
      return Scalar::I8;
    case 16:
      return Scalar::I16;
    case 32:
      return Scalar::I32;
    case 64:
      return Scalar::I64;
    default:
      return std::nullopt;
    }
  if (type.isF16()) return Scalar::F16;
  if (type.isBF16()) return Scalar::BF16;
  if (type.isF32()) return Scalar::F32;
  if (type.isF64()) return Scalar::F64;
  if (mlir::isa<mlir::Float8E4M3FNType>(type)) return Scalar::E4M3;
  if (mlir::isa<mlir::Float8E5M2Type>(type)) return Scalar::E5M2;
  return std::nullopt;
}

/// Where an operation stands in the source. Constants that passes made or merged stand nowhere: then where
/// one is used, or else where the operation around it stands.
std::optional<tuned::Location> placeOf(mlir::Operation& op) {
  if (auto own = sourceLocation(op.getLoc())) return own;
  for (mlir::Operation* user : op.getUsers())
    if (auto place = sourceLocation(user->getLoc())) return place;
  return op.getParentOp() ? placeOf(*op.getParentOp()) : std::nullopt;
}

std::string spelled(mlir::Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

} // namespace

std::unexpected<Error> unsupported(mlir::Operation& op, const std::string& why) {
  return fail(Error{ErrorKind::Unsupported, op.getName().getStringRef().str() + " in Tile IR: " + why,
                    placeOf(op), "the compiler nvptx may take it"});
}

Emitter::Emitter(Code& code, const EmitOptions& emitOptions, tt::FuncOp function)
    : Tiles(code), options(emitOptions), tokens(code), facts(function), grid(function, emitOptions.grid),
      free(function, grid), function_(function), conditions_(emitOptions.conditions) {
  for (const LaunchCondition& condition : free.conditions())
    require(condition);
}

std::string Emitter::refusal(mlir::Type type) const {
  constexpr int firstWithFp8 = 90; // bytecode 13.3 has none for sm_89
  if (auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type)) {
    for (int64_t size : tensor.getShape())
      if (size <= 0 || (size & (size - 1)) != 0) return "a tile's sizes are powers of two: " + spelled(type);
    constexpr int64_t mostElements = 1 << 18; // the assembler takes a minute for four times as many
    if (tensor.getNumElements() > mostElements) return "a tile of so many elements: " + spelled(type);
    return refusal(tensor.getElementType());
  }
  if (auto descriptor = mlir::dyn_cast<tt::TensorDescType>(type)) {
    bool pointers = mlir::isa<tt::PointerType>(descriptor.getBlockType().getElementType());
    return pointers ? "descriptors of pointers" : refusal(descriptor.getBlockType());
  }
  if (auto pointer = mlir::dyn_cast<tt::PointerType>(type)) {
    if (pointer.getAddressSpace() != 1) return "pointers are to global memory alone";
    if (mlir::isa<mlir::RankedTensorType>(pointer.getPointeeType())) return "no block pointers";
    return refusal(pointer.getPointeeType());
  }
  auto scalar = scalarFor(type);
  if (!scalar) return "there is no type " + spelled(type);
  if ((*scalar == Scalar::E4M3 || *scalar == Scalar::E5M2) && options.capability < firstWithFp8)
    return "8-bit floats need sm_90 or later";
  return {};
}

TypeId Emitter::elementTypeId(mlir::Type element) {
  if (auto pointer = mlir::dyn_cast<tt::PointerType>(element)) {
    // Pointers in memory are numbers: Tile IR has no pointers to pointers.
    bool nested = mlir::isa<tt::PointerType>(pointer.getPointeeType());
    return types.pointer(nested ? types.scalar(Scalar::I64) : elementTypeId(pointer.getPointeeType()));
  }
  return types.scalar(*scalarFor(element));
}

TypeId Emitter::type(mlir::Type type) {
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  if (!tensor) return types.tile(elementTypeId(type), mapped_);
  return types.tile(elementTypeId(tensor.getElementType()), Shape(tensor.getShape()));
}

size_t Emitter::partCount(mlir::Type type) const {
  auto descriptor = mlir::dyn_cast<tt::TensorDescType>(type);
  return descriptor ? 1 + 2 * static_cast<size_t>(descriptor.getBlockType().getRank()) : 1;
}

void Emitter::appendTypes(mlir::Type valueType, std::vector<TypeId>& list) {
  auto descriptor = mlir::dyn_cast<tt::TensorDescType>(valueType);
  if (!descriptor) return list.push_back(type(valueType));
  auto block = descriptor.getBlockType();
  list.push_back(types.tile(types.pointer(elementTypeId(block.getElementType())), {}));
  for (Scalar scalar : {Scalar::I32, Scalar::I64})
    list.insert(list.end(), static_cast<size_t>(block.getRank()), types.tile(scalar));
}

const Values& Emitter::parts(mlir::Value value) const {
  auto place = values_.find(value);
  assert(place != values_.end() && "a value is emitted before its use");
  return place->second;
}

Values Emitter::flattened(mlir::ValueRange values) const {
  Values all;
  for (mlir::Value value : values)
    all.insert(all.end(), parts(value).begin(), parts(value).end());
  return all;
}

std::span<const Value> Emitter::bind(mlir::ValueRange values, std::span<const Value> from) {
  for (mlir::Value value : values) {
    size_t count = partCount(value.getType());
    setParts(value, Values(from.begin(), from.begin() + static_cast<ptrdiff_t>(count)));
    from = from.subspan(count);
  }
  return from;
}

Effects Emitter::effects(mlir::Operation* op) {
  if (auto known = effects_.find(op); known != effects_.end()) return known->second;
  Effects all;
  if (op->getNumRegions() > 0) {
    for (mlir::Region& region : op->getRegions())
      for (mlir::Block& block : region)
        for (mlir::Operation& inner : block)
          all = all | effects(&inner);
  } else if (free.contains(op)) {
    // Nothing waits for it, and it waits for nothing: with a token, copies would not run ahead of a loop.
  } else if (mlir::isa<tt::LoadOp, tt::DescriptorLoadOp, tt::DescriptorGatherOp>(op)) {
    all.reads = true;
  } else if (mlir::isa<tt::StoreOp, tt::DescriptorStoreOp, tt::DescriptorScatterOp, tt::DescriptorReduceOp,
                       tt::AtomicRMWOp, tt::AtomicCASOp>(op)) {
    all.writes = true;
  }
  effects_[op] = all;
  return all;
}

Result<void> Emitter::emit(mlir::Operation& op) {
  for (mlir::Type type : op.getResultTypes())
    if (std::string why = refusal(type); !why.empty()) return unsupported(op, why);
  auto row = opTable().find(op.getName().getStringRef());
  if (row == opTable().end()) return unsupported(op, "there is no such operation");
  if (auto done = row->second(*this, op); !done) return done;
  tellPromises(*this, op);
  return {};
}

Result<void> Emitter::emitBlock(mlir::Block& block) {
  for (mlir::Operation& op : block.without_terminator())
    if (auto done = emit(op); !done) return done;
  return {};
}

Result<void> Emitter::emitMapped(mlir::Block& block, const Shape& shape) {
  Shape outside = std::exchange(mapped_, shape);
  auto done = emitBlock(block);
  mapped_ = std::move(outside);
  return done;
}

/// What divides an argument (a pointer's address), by its attribute or by a condition of the launch.
int64_t Emitter::divisorOf(unsigned argument) {
  mlir::Type type = function_.getArgumentTypes()[argument];
  if (!mlir::isa<tt::PointerType, mlir::IntegerType>(type)) return 1;
  int64_t divisor = 1;
  auto said = function_.getArgAttrOfType<mlir::IntegerAttr>(argument, "tt.divisibility");
  if (said && said.getInt() > 1) {
    divisor = said.getInt();
    require(
        {.kind = LaunchCondition::Kind::Divisible, .argument = static_cast<int>(argument), .value = divisor});
  }
  for (const LaunchCondition& condition : conditions_)
    if (condition.kind == LaunchCondition::Kind::Divisible &&
        condition.argument == static_cast<int>(argument))
      divisor = std::max(divisor, condition.value);
  return divisor & -divisor; // a power of two is wanted
}

void Emitter::bindArguments() {
  mlir::Block& entry = function_.getBody().front();
  Values raw;
  for (mlir::BlockArgument argument : entry.getArguments()) {
    mlir::Type argumentType = argument.getType();
    if (auto descriptor = mlir::dyn_cast<tt::TensorDescType>(argumentType))
      argumentType = tt::PointerType::get(descriptor.getBlockType().getElementType(), 1);
    raw.push_back(code.parameter(type(argumentType)));
    parameters_.push_back(raw.back().type);
  }
  for (auto [index, argument] : llvm::enumerate(entry.getArguments())) {
    // A host descriptor is its base, and its sizes and strides are the arguments that follow.
    size_t count = partCount(argument.getType());
    if (count > 1) {
      Values all(raw.begin() + static_cast<ptrdiff_t>(index),
                 raw.begin() + static_cast<ptrdiff_t>(std::min(index + count, raw.size())));
      setParts(argument, std::move(all));
      require({.kind = LaunchCondition::Kind::PadsZero, .argument = static_cast<int>(index)});
      continue;
    }
    Value value = raw[index];
    if (int64_t divisor = divisorOf(static_cast<unsigned>(index)); divisor > 1)
      value = code.assumeDivisible(value, divisor);
    set(argument, value);
  }
}

Result<void> Emitter::run() {
  for (mlir::Type type : function_.getArgumentTypes())
    if (std::string why = refusal(type); !why.empty()) return unsupported(*function_, why);
  bindArguments();
  mlir::Block& body = function_.getBody().front();
  if (!function_.getBody().hasOneBlock()) return unsupported(*function_, "blocks that branch to each other");
  if (auto done = emitBlock(body); !done) return done;
  code.terminator(Opcode::Return, {});
  return {};
}

} // namespace tuned::tileir
