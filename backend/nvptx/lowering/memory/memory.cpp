// Pointers, loads and stores. An access without conditions is a plain vector load or store; else it is
// predicated assembly, which never touches masked-off memory.
#include "backend/nvptx/lowering/memory/access.h"

#include <algorithm>

namespace tuned::nvptx {
namespace {

Result<void> addPointer(Emitter& e, mlir::Operation& op) {
  auto pointer = mlir::cast<tt::PointerType>(tt::elementType(op.getResult(0).getType()));
  llvm::Type* pointee = e.memoryType(pointer.getPointeeType());
  return e.elementwise(
      op, [&](llvm::ArrayRef<llvm::Value*> v) { return e.builder.CreateGEP(pointee, v[0], v[1]); });
}

Result<void> pointerCast(Emitter& e, mlir::Operation& op) {
  llvm::Type* type = e.type(op.getResult(0).getType());
  return e.elementwise(op, [&](llvm::ArrayRef<llvm::Value*> v) -> llvm::Value* {
    if (type->isPointerTy()) return e.builder.CreateIntToPtr(v[0], type);
    return e.builder.CreatePtrToInt(v[0], type);
  });
}

Result<void> bitcast(Emitter& e, mlir::Operation& op) {
  llvm::Type* type = e.type(op.getResult(0).getType());
  return e.elementwise(op, [&](llvm::ArrayRef<llvm::Value*> v) -> llvm::Value* {
    return e.builder.CreateBitOrPointerCast(v[0], type);
  });
}

/// The parts of an instruction's name that say what caches do with the line; a volatile access takes none.
struct CacheWords {
  std::string modifier; ///< ".cg"
  std::string eviction; ///< ".L1::evict_first.L2::cache_hint"
  std::string policy;   ///< the fraction policy to create, or empty
  bool plain() const { return modifier.empty() && eviction.empty(); }
};

/// `writes`: modifiers of stores that loads have not (and the reverse), which is taken as no modifier, as
/// Triton does.
CacheWords cacheWords(tt::CacheModifier cache, tt::EvictionPolicy evict, bool writes) {
  using tt::CacheModifier;
  CacheWords words;
  bool foreign = writes ? cache == CacheModifier::CA || cache == CacheModifier::CV
                        : cache == CacheModifier::WB || cache == CacheModifier::WT;
  if (foreign) cache = CacheModifier::NONE;
  if (cache != CacheModifier::NONE) words.modifier = "." + tt::stringifyCacheModifier(cache).str();
  // ptxas refuses most pairs of a modifier and an eviction priority; both are hints, and the modifier says
  // more.
  if (cache == CacheModifier::NONE && evict != tt::EvictionPolicy::NORMAL) {
    std::string name = tt::stringifyEvictionPolicy(evict).str();
    words.eviction = ".L1::" + name + ".L2::cache_hint";
    words.policy = "createpolicy.fractional.L2::" + name + ".b64 ";
  }
  return words;
}

llvm::Value* createPolicy(Emitter& e, const CacheWords& words) {
  if (words.policy.empty()) return nullptr;
  return e.assembly(e.builder.getInt64Ty(), words.policy + "$0, 1.0;", "=l", {}, false);
}

bool always(llvm::Value* condition) {
  auto* constant = llvm::dyn_cast_or_null<llvm::ConstantInt>(condition);
  return !condition || (constant && constant->isOne());
}

class Loader {
public:
  Loader(Emitter& emitter, tt::LoadOp load)
      : e(emitter), op(load),
        words(load.getIsVolatile() ? CacheWords() : cacheWords(load.getCache(), load.getEvict(), false)),
        type(e.memoryType(load.getResult().getType())), bytes(e.bytes(load.getResult().getType())),
        plan(planVectors(*load, e.layout(load.getResult()), bytes)), policy(createPolicy(e, words)) {}

  void run() {
    Registers registers(e.layout(op.getResult()).registerCount());
    for (uint32_t base : plan.bases) {
      llvm::Value* mask = op.getMask() ? e.of(op.getMask())[base] : nullptr;
      llvm::Value* pointer = e.of(op.getPtr())[base];
      bool plain = always(mask) && words.plain() && !op.getIsVolatile();
      auto elements = plain ? plainLoad(pointer) : predicated(pointer, always(mask) ? nullptr : mask, base);
      for (uint32_t i = 0; i < plan.size(); ++i)
        registers[plan.member(base, i)] = e.fromMemory(elements[i], op.getResult().getType());
    }
    shareReplicas(registers, e.layout(op.getResult()));
    e.set(op.getResult(), std::move(registers));
  }

private:
  llvm::SmallVector<llvm::Value*> plainLoad(llvm::Value* pointer) {
    auto& b = e.builder;
    llvm::Align align(plan.size() * bytes);
    if (plan.size() == 1) return {b.CreateAlignedLoad(type, pointer, align)};
    llvm::Value* vector = b.CreateAlignedLoad(llvm::FixedVectorType::get(type, plan.size()), pointer, align);
    llvm::SmallVector<llvm::Value*> elements;
    for (uint64_t i = 0; i < plan.size(); ++i)
      elements.push_back(b.CreateExtractElement(vector, i));
    return elements;
  }

  llvm::SmallVector<llvm::Value*> predicated(llvm::Value* pointer, llvm::Value* mask, uint32_t base) {
    auto& b = e.builder;
    Words shape = Words::of(plan.size(), bytes);
    llvm::Type* word = b.getIntNTy(shape.bits == 8 ? 16 : shape.bits);
    llvm::SmallVector<llvm::Value*> arguments = {pointer};
    std::string constraints, body;
    for (unsigned i = 0; i < shape.count; ++i)
      constraints += (i ? ",=" : "=") + std::string(shape.constraint());
    unsigned next = shape.count;
    std::string address = "$" + std::to_string(next++);
    constraints += ",l";
    std::string guard, hint;
    if (mask) {
      guard = "@$" + std::to_string(next++) + " ";
      constraints += ",b";
      arguments.push_back(mask);
    }
    if (policy) {
      hint = ", $" + std::to_string(next++);
      constraints += ",l";
      arguments.push_back(policy);
    }
    if (mask) {
      // What a masked lane gets: `other`, or zero where nothing is promised.
      std::string move = "mov.b" + std::to_string(shape.bits == 8 ? 16 : shape.bits) + " $";
      auto other = otherWords(shape, base);
      for (unsigned i = 0; i < shape.count; ++i) {
        std::string from = "0x0";
        if (!other.empty()) {
          from = "$" + std::to_string(next++);
          constraints += "," + std::string(shape.constraint());
          arguments.push_back(other[i]);
        }
        body += move + std::to_string(i) + ", " + from + ";\n\t";
      }
    }
    body += guard + "ld" + (op.getIsVolatile() ? ".volatile" : "") + ".global" + words.modifier +
            words.eviction + shape.suffix() + " " + operandList(0, shape.count) + ", [" + address + "]" +
            hint + ";";
    llvm::SmallVector<llvm::Type*> results(shape.count, word);
    llvm::Type* result = shape.count == 1 ? word : llvm::StructType::get(b.getContext(), results);
    llvm::Value* loaded = e.assembly(result, body, constraints, arguments, true);
    llvm::SmallVector<llvm::Value*> moved;
    for (unsigned i = 0; i < shape.count; ++i)
      moved.push_back(shape.count == 1 ? loaded : b.CreateExtractValue(loaded, i));
    return unpack(e, moved, plan.size(), type);
  }

  llvm::SmallVector<llvm::Value*> otherWords(Words shape, uint32_t base) {
    if (!op.getOther()) return {};
    llvm::SmallVector<llvm::Value*> elements;
    for (uint32_t i = 0; i < plan.size(); ++i)
      elements.push_back(e.toMemory(e.of(op.getOther())[plan.member(base, i)]));
    return pack(e, elements, shape);
  }

  Emitter& e;
  tt::LoadOp op;
  CacheWords words;
  llvm::Type* type;
  unsigned bytes;
  VectorPlan plan;
  llvm::Value* policy;
};

Result<void> load(Emitter& e, mlir::Operation& op) {
  Loader(e, mlir::cast<tt::LoadOp>(op)).run();
  return {};
}

void storeVector(Emitter& e, const CacheWords& words, llvm::Value* policy, llvm::Value* pointer,
                 llvm::Value* mask, llvm::ArrayRef<llvm::Value*> elements, unsigned bytes) {
  auto& b = e.builder;
  auto size = static_cast<unsigned>(elements.size());
  if (always(mask) && words.plain()) {
    llvm::Value* value = elements[0];
    if (size > 1) {
      value = llvm::PoisonValue::get(llvm::FixedVectorType::get(value->getType(), size));
      for (uint64_t i = 0; i < size; ++i)
        value = b.CreateInsertElement(value, elements[i], i);
    }
    b.CreateAlignedStore(value, pointer, llvm::Align(size * bytes));
    return;
  }
  Words shape = Words::of(size, bytes);
  llvm::SmallVector<llvm::Value*> arguments = {pointer};
  std::string constraints = "l";
  for (llvm::Value* word : pack(e, elements, shape)) {
    constraints += "," + std::string(shape.constraint());
    arguments.push_back(word);
  }
  unsigned next = 1 + shape.count;
  std::string guard, hint;
  if (!always(mask)) {
    guard = "@$" + std::to_string(next++) + " ";
    constraints += ",b";
    arguments.push_back(mask);
  }
  if (policy) {
    hint = ", $" + std::to_string(next++);
    constraints += ",l";
    arguments.push_back(policy);
  }
  std::string body = guard + "st.global" + words.modifier + words.eviction + shape.suffix() + " [$0], " +
                     operandList(1, shape.count) + hint + ";";
  e.assembly(b.getVoidTy(), body, constraints, arguments, true);
}

/// The plan's vectors, those that start with the same value next to each other: what a broadcast stores many
/// times is then in registers only while it is stored, which ptxas rewards in spills and in its own time.
std::vector<uint32_t> groupedByValue(const VectorPlan& plan, llvm::ArrayRef<llvm::Value*> values) {
  llvm::DenseMap<llvm::Value*, size_t> first;
  for (uint32_t base : plan.bases)
    first.try_emplace(values[base], first.size());
  std::vector<uint32_t> bases = plan.bases;
  std::ranges::stable_sort(bases, {}, [&](uint32_t base) { return first.lookup(values[base]); });
  return bases;
}

Result<void> store(Emitter& e, mlir::Operation& op) {
  auto store = mlir::cast<tt::StoreOp>(op);
  LinearLayout layout = e.layout(store.getPtr());
  unsigned bytes = e.bytes(store.getValue().getType());
  VectorPlan plan = planVectors(op, layout, bytes);
  CacheWords words = cacheWords(store.getCache(), store.getEvict(), true);
  llvm::Value *policy = createPolicy(e, words), *owner = e.owner(layout);
  for (uint32_t base : groupedByValue(plan, e.of(store.getValue()))) {
    llvm::Value* mask = store.getMask() ? e.of(store.getMask())[base] : nullptr;
    llvm::SmallVector<llvm::Value*> elements;
    for (uint32_t i = 0; i < plan.size(); ++i)
      elements.push_back(e.toMemory(e.of(store.getValue())[plan.member(base, i)]));
    storeVector(e, words, policy, e.of(store.getPtr())[base], e.both(always(mask) ? nullptr : mask, owner),
                elements, bytes);
  }
  return {};
}

} // namespace

void addMemory(OpTable& table) {
  table["tt.addptr"] = {addPointer};
  table["tt.int_to_ptr"] = {pointerCast};
  table["tt.ptr_to_int"] = {pointerCast};
  table["tt.bitcast"] = {bitcast};
  table["tt.load"] = {load};
  table["tt.store"] = {store};
}

} // namespace tuned::nvptx
