#include "backend/cpu/emit/scopes.h"

#include <llvm/IR/Constants.h>
#include <numeric>

namespace tuned::cpu {

Scopes::Enter::Enter(Scopes& scopes, unsigned level) : scopes_(scopes), limit_(scopes.limit_) {
  if (level >= scopes.top()) return;
  guard_.emplace(scopes.builder_);
  llvm::BasicBlock* block = scopes.at(level).block;
  if (llvm::Instruction* end = block->getTerminator())
    scopes.builder_.SetInsertPoint(end);
  else
    scopes.builder_.SetInsertPoint(block);
  scopes.limit_ = std::min(limit_, level);
}

llvm::Value* Indexing::bitsOf(const Field& field, unsigned low, unsigned bits) {
  unsigned level = scopes_.clamp(field.level);
  llvm::Value*& value = scopes_.at(level).slices[{field.value, low, bits}];
  if (value) return value;
  Scopes::Enter enter(scopes_, level);
  value = low ? builder_.CreateLShr(field.value, low) : field.value;
  if (low + bits < field.bits) value = builder_.CreateAnd(value, (uint64_t(1) << bits) - 1);
  return value;
}

LaneIndex Indexing::slice(const LaneIndex& index, unsigned low, unsigned bits) {
  LaneIndex result;
  result.lanes.clear();
  int64_t mask = (int64_t(1) << bits) - 1;
  for (int64_t lane : index.lanes)
    result.lanes.push_back((lane >> low) & mask);
  for (const Field& field : index.fields) {
    unsigned from = std::max(low, field.shift), to = std::min(low + bits, field.shift + field.bits);
    if (from >= to) continue;
    llvm::Value* value = to - from == field.bits ? field.value : bitsOf(field, from - field.shift, to - from);
    result.fields.push_back({value, from - low, to - from, field.level});
  }
  return result;
}

void Indexing::merge(LaneIndex& index, const LaneIndex& part, unsigned shift) {
  if (index.lanes.size() < part.lanes.size()) index.lanes.resize(part.lanes.size(), index.lanes[0]);
  for (size_t lane = 0; lane < index.lanes.size(); ++lane)
    index.lanes[lane] |= part.lanes[part.lanes.size() == 1 ? 0 : lane] << shift;
  for (Field field : part.fields) {
    field.shift += shift;
    index.fields.push_back(field);
  }
}

llvm::Value* Indexing::base(const LaneIndex& index) {
  Scopes::Enter enter(scopes_, scopes_.clamp(index.level()));
  llvm::Value* sum = nullptr;
  for (const Field& field : index.fields) {
    llvm::Value* part =
        field.shift ? builder_.CreateShl(field.value, field.shift, "", true, true) : field.value;
    sum = sum ? builder_.CreateAdd(sum, part, "", true, true) : part;
  }
  return sum ? sum : builder_.getInt64(0);
}

LaneValue Indexing::places(const LaneIndex& index, llvm::Type* type) {
  Scopes::Enter enter(scopes_, scopes_.clamp(index.level()));
  return affine(builder_.CreateIntCast(base(index), type, false), index.lanes);
}

LaneIndex Indexing::throughBroadcast(const LaneIndex& index, llvm::ArrayRef<int64_t> from,
                                     llvm::ArrayRef<int64_t> to) {
  LaneIndex result;
  result.lanes.assign(index.width(), 0);
  unsigned fromShift = 0, toShift = 0, run = 0; // a run of equal dimensions moves as one
  auto flush = [&] {
    if (run) merge(result, slice(index, toShift, run), fromShift);
    fromShift += run;
    toShift += run;
    run = 0;
  };
  for (int axis = int(from.size()) - 1; axis >= 0; --axis) {
    if (from[axis] == to[axis]) {
      run += log2(to[axis]);
      continue;
    }
    flush();
    toShift += log2(to[axis]);
  }
  flush();
  return result;
}

LaneIndex Indexing::throughTranspose(const LaneIndex& index, llvm::ArrayRef<int64_t> from,
                                     llvm::ArrayRef<int32_t> order) {
  llvm::SmallVector<unsigned, 6> fromShift(from.size());
  unsigned shift = 0;
  for (int axis = int(from.size()) - 1; axis >= 0; --axis) {
    fromShift[axis] = shift;
    shift += log2(from[axis]);
  }
  LaneIndex result;
  result.lanes.assign(index.width(), 0);
  shift = 0;
  for (int axis = int(order.size()) - 1; axis >= 0; --axis) {
    unsigned bits = log2(from[order[axis]]);
    if (bits) merge(result, slice(index, shift, bits), fromShift[order[axis]]);
    shift += bits;
  }
  return result;
}

LaneIndex Indexing::insert(const LaneIndex& index, unsigned at, unsigned bits, const LaneIndex& coordinate) {
  LaneIndex result = slice(index, 0, at);
  merge(result, coordinate, at);
  merge(result, slice(index, at, 40), at + bits);
  return result;
}

LaneIndex Indexing::coordinate(const LaneIndex& index, llvm::ArrayRef<int64_t> shape, unsigned axis) {
  unsigned shift = 0;
  for (unsigned inner = axis + 1; inner < shape.size(); ++inner)
    shift += log2(shape[inner]);
  return slice(index, shift, log2(shape[axis]));
}

LaneIndex Indexing::scalar(llvm::Value* value, unsigned bits, unsigned level, unsigned width) {
  LaneIndex index;
  index.lanes.assign(width, 0);
  if (auto* constant = llvm::dyn_cast<llvm::ConstantInt>(value))
    index.lanes.assign(width, constant->getSExtValue());
  else if (bits)
    index.fields.push_back({value, 0, bits, level});
  return index;
}

} // namespace tuned::cpu
