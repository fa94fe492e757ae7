// A new operation on a value that is there: all element types meet all operations this way.
#include "ir/dialect/Dialect.h"
#include "tests/fuzz/mutate_module.h"

#include <mlir/Dialect/Math/IR/Math.h>
#include <mlir/IR/Builders.h>

namespace tuned {
namespace {

using mlir::RankedTensorType;
using mlir::Type;
using mlir::Value;

constexpr const char* integerOps[] = {
    "addi", "subi",  "muli",  "divsi", "divui", "remsi", "remui", "andi",      "ori",        "xori",
    "shli", "shrsi", "shrui", "maxsi", "minsi", "maxui", "minui", "ceildivsi", "floordivsi", "ceildivui"};
constexpr const char* realOps[] = {"addf",    "subf",    "mulf",     "divf",    "remf",
                                   "maxnumf", "minnumf", "maximumf", "minimumf"};
constexpr const char* realFunctions[] = {"exp",   "exp2",  "sqrt",  "rsqrt",     "absf", "floor", "ceil",
                                         "trunc", "round", "sin",   "cos",       "tan",  "log",   "log2",
                                         "log1p", "log10", "expm1", "erf",       "tanh", "atan",  "cbrt",
                                         "sinh",  "cosh",  "asin",  "roundeven", "isnan"};
constexpr const char* integerFunctions[] = {"absi", "ctpop", "ctlz", "cttz"};
constexpr const char* casts[] = {"arith.extsi",   "arith.extui",   "arith.trunci",    "arith.sitofp",
                                 "arith.uitofp",  "arith.fptosi",  "arith.fptoui",    "arith.extf",
                                 "arith.truncf",  "arith.bitcast", "tt.fp_to_fp",     "tt.bitcast",
                                 "tt.int_to_ptr", "tt.ptr_to_int", "arith.index_cast"};

class Inserter {
public:
  Inserter(mlir::Operation* place, Value value, Random& random)
      : random_(random), builder_(place), location_(place->getLoc()), value_(value),
        tensor_(mlir::dyn_cast<RankedTensorType>(value.getType())),
        element_(tt::elementType(value.getType())), others_(valuesBefore(place, value.getType())) {}

  mlir::Operation* scalarOrTensor() {
    if (random_.oneIn(4)) return cast();
    if (random_.oneIn(6)) return select();
    if (mlir::isa<mlir::FloatType>(element_))
      return random_.oneIn(2)
                 ? create(std::string("math.") + random_.of(realFunctions), {value_}, {value_.getType()})
                 : binary(random_.of(realOps));
    if (mlir::isa<mlir::IntegerType>(element_))
      return random_.oneIn(6)
                 ? create(std::string("math.") + random_.of(integerFunctions), {value_}, {value_.getType()})
             : random_.oneIn(6) ? create("tt.mulhiui", {value_, other()}, {value_.getType()})
                                : binary(random_.of(integerOps));
    return pointer();
  }

  mlir::Operation* tensor() {
    auto shape = llvm::to_vector(tensor_.getShape());
    size_t axis = random_.below(shape.size());
    switch (random_.below(10)) {
    case 0:
      return reduce(shape, axis);
    case 1:
      return combine("tt.scan", {value_.getType()}, axis, "tt.scan.return");
    case 2:
      return transpose(shape);
    case 3:
      return reshape(shape);
    case 4:
      shape.insert(shape.begin() + random_.below(shape.size() + 1), 1);
      return create("tt.expand_dims", {value_}, {like(shape)}, {{"axis", number(axis)}});
    case 5:
      shape[axis] *= 2;
      return random_.oneIn(2) ? create("tt.broadcast", {value_}, {like(shape)})
                              : create("tt.cat", {value_, other()}, {like(shape)});
    case 6:
      shape.push_back(2);
      return create("tt.join", {value_, other()}, {like(shape)});
    case 7:
      return split(shape);
    case 8:
      return gather(axis);
    default:
      return dot(shape);
    }
  }
  bool isTensor() const { return tensor_ != nullptr; }

private:
  mlir::Operation* create(const std::string& name, llvm::ArrayRef<Value> operands, llvm::ArrayRef<Type> types,
                          llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
    mlir::OperationState state(location_, name, operands, types, attributes);
    return state.name.isRegistered() ? builder_.create(state) : nullptr;
  }
  Value other() { return random_.of(others_); }
  Type like(llvm::ArrayRef<int64_t> shape) { return RankedTensorType::get(shape, element_); }
  mlir::Attribute number(int64_t value) { return builder_.getI32IntegerAttr(static_cast<int32_t>(value)); }
  Type anyElement() {
    auto* context = builder_.getContext();
    const Type all[] = {builder_.getI1Type(),
                        builder_.getI8Type(),
                        builder_.getI16Type(),
                        builder_.getI32Type(),
                        builder_.getI64Type(),
                        builder_.getF16Type(),
                        builder_.getBF16Type(),
                        builder_.getF32Type(),
                        builder_.getF64Type(),
                        mlir::Float8E5M2Type::get(context),
                        mlir::Float8E4M3FNType::get(context),
                        mlir::Float8E4M3B11FNUZType::get(context),
                        tt::PointerType::get(builder_.getF32Type(), 1),
                        builder_.getIndexType()};
    return random_.of(all);
  }

  mlir::Operation* binary(const char* name) {
    return create(std::string("arith.") + name, {value_, other()}, {value_.getType()});
  }
  mlir::Operation* cast() {
    Type type = tt::withElementType(value_.getType(), anyElement());
    std::string name = random_.of(casts);
    if (name == "tt.fp_to_fp" && random_.oneIn(2))
      return create(name, {value_}, {type}, {{"rounding", number(random_.below(2))}});
    return create(name, {value_}, {type});
  }
  mlir::Operation* select() {
    Type bits = tt::withElementType(value_.getType(), builder_.getI1Type());
    bool real = mlir::isa<mlir::FloatType>(element_);
    mlir::Attribute predicate = builder_.getI64IntegerAttr(random_.below(real ? 16 : 10));
    mlir::Operation* condition =
        create(real ? "arith.cmpf" : "arith.cmpi", {value_, other()}, {bits}, {{"predicate", predicate}});
    return create("arith.select", {condition->getResult(0), value_, other()}, {value_.getType()});
  }
  mlir::Operation* pointer() {
    auto type = mlir::dyn_cast<tt::PointerType>(element_);
    if (!type || mlir::isa<RankedTensorType>(type.getPointeeType())) return nullptr;
    Type loaded = tt::loadedType(value_.getType());
    mlir::Operation* load = tt::LoadOp::create(builder_, location_, loaded, value_, Value(), Value(),
                                               llvm::ArrayRef<int32_t>(), tt::PaddingOptionAttr());
    if (random_.oneIn(3)) return load;
    Value held = load->getResult(0);
    auto order = number(1 + random_.below(4)), scope = number(1 + random_.below(3));
    if (random_.oneIn(3))
      return create("tt.atomic_cas", {value_, held, held}, {loaded}, {{"sem", order}, {"scope", scope}});
    return create("tt.atomic_rmw", {value_, held}, {loaded},
                  {{"atomic_rmw_op", number(1 + random_.below(10))}, {"sem", order}, {"scope", scope}});
  }

  /// A reduction or scan along an axis with a sum, product, maximum or conjunction.
  mlir::Operation* combine(const char* name, llvm::ArrayRef<Type> types, size_t axis, const char* end) {
    mlir::OperationState state(location_, name);
    state.addOperands(value_);
    state.addTypes(types);
    state.addAttribute("axis", number(axis));
    if (llvm::StringRef(name) == "tt.scan")
      state.addAttribute("reverse", builder_.getBoolAttr(random_.oneIn(2)));
    mlir::Block& block = state.addRegion()->emplaceBlock();
    auto arguments = block.addArguments({element_, element_}, {location_, location_});
    mlir::OpBuilder inner(builder_.getContext());
    inner.setInsertionPointToEnd(&block);
    std::string function =
        std::string("arith.") +
        (mlir::isa<mlir::FloatType>(element_) ? random_.of(realOps) : random_.of(integerOps));
    mlir::OperationState step(location_, function), leave(location_, end);
    step.addOperands(mlir::ValueRange(arguments));
    step.addTypes(element_);
    leave.addOperands(inner.create(step)->getResults());
    inner.create(leave);
    return builder_.create(state);
  }
  mlir::Operation* reduce(llvm::SmallVector<int64_t> shape, size_t axis) {
    shape.erase(shape.begin() + axis);
    return combine("tt.reduce", {shape.empty() ? element_ : like(shape)}, axis, "tt.reduce.return");
  }
  mlir::Operation* transpose(llvm::ArrayRef<int64_t> shape) {
    llvm::SmallVector<int32_t> order;
    for (size_t i = 0; i < shape.size(); ++i)
      order.insert(order.begin() + random_.below(i + 1), static_cast<int32_t>(i));
    llvm::SmallVector<int64_t> result;
    for (int32_t from : order)
      result.push_back(shape[from]);
    return create("tt.trans", {value_}, {like(result)}, {{"order", builder_.getDenseI32ArrayAttr(order)}});
  }
  mlir::Operation* reshape(llvm::ArrayRef<int64_t> shape) {
    int64_t left = 1;
    for (int64_t size : shape)
      left *= size;
    llvm::SmallVector<int64_t> result;
    while (left > 1 && result.size() < 5 && !random_.oneIn(3)) {
      int64_t part = std::min(left, int64_t(1) << random_.below(6));
      if (left % part) break;
      result.push_back(part);
      left /= part;
    }
    result.push_back(left);
    mlir::Operation* op = create("tt.reshape", {value_}, {like(result)});
    if (random_.oneIn(3)) op->setAttr("allow_reorder", builder_.getUnitAttr());
    return op;
  }
  mlir::Operation* split(llvm::SmallVector<int64_t> shape) {
    int64_t last = shape.pop_back_val();
    if (last != 2 || shape.empty()) return nullptr;
    return create("tt.split", {value_}, {like(shape), like(shape)});
  }
  mlir::Operation* gather(size_t axis) {
    auto index = RankedTensorType::get(tensor_.getShape(), builder_.getI32Type());
    if (mlir::isa<mlir::IntegerType>(element_) && tensor_.getRank() == 1 && random_.oneIn(2))
      return create("tt.histogram", {value_},
                    {RankedTensorType::get(1 << random_.below(9), builder_.getI32Type())});
    mlir::Operation* zero = create("arith.constant", {}, {index}, {{"value", builder_.getZeroAttr(index)}});
    return create("tt.gather", {value_, zero->getResult(0)}, {value_.getType()}, {{"axis", number(axis)}});
  }
  /// value · valueᵀ, accumulated in f32, i32 or the type itself.
  mlir::Operation* dot(llvm::ArrayRef<int64_t> shape) {
    if (shape.size() != 2) return nullptr;
    Type sum =
        mlir::isa<mlir::FloatType>(element_) ? Type(builder_.getF32Type()) : Type(builder_.getI32Type());
    if (random_.oneIn(3)) sum = element_;
    auto result = RankedTensorType::get({shape[0], shape[0]}, sum);
    mlir::TypedAttr zero = builder_.getZeroAttr(result);
    if (!zero) return nullptr;
    mlir::Operation* right = create("tt.trans", {value_}, {like({shape[1], shape[0]})},
                                    {{"order", builder_.getDenseI32ArrayAttr({1, 0})}});
    mlir::Operation* start = create("arith.constant", {}, {result}, {{"value", zero}});
    return create("tt.dot", {value_, right->getResult(0), start->getResult(0)}, {result},
                  {{"inputPrecision", number(random_.below(5))}, {"maxNumImpreciseAcc", number(0)}});
  }

  Random& random_;
  mlir::OpBuilder builder_;
  mlir::Location location_;
  Value value_;
  RankedTensorType tensor_;
  Type element_;
  std::vector<Value> others_;
};

} // namespace

bool insertOperation(mlir::ModuleOp module, Random& random) {
  module.getContext()->getOrLoadDialect<mlir::math::MathDialect>();
  auto operations = operationsIn(module);
  if (operations.empty()) return false;
  mlir::Operation* place = random.of(operations);
  auto values = valuesBefore(place);
  std::erase_if(values, [](Value value) { return mlir::isa<tt::TensorDescType>(value.getType()); });
  if (values.empty()) return false;
  Inserter inserter(place, random.of(values), random);
  mlir::Operation* op =
      inserter.isTensor() && random.oneIn(2) ? inserter.tensor() : inserter.scalarOrTensor();
  if (!op) return false;
  for (Value result : op->getResults())
    keepAlive(result, random);
  return true;
}

} // namespace tuned
