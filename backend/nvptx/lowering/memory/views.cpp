// Shape operations: layouts say where elements are, so that most only rename registers.
#include "backend/nvptx/lowering/emitter.h"

namespace tuned::nvptx {
namespace {

Result<void> makeRange(Emitter& e, mlir::Operation& op) {
  auto range = mlir::cast<tt::MakeRangeOp>(op);
  Registers registers = e.coordinates(e.layout(range.getResult()), 0);
  auto start = static_cast<int32_t>(range.getStart());
  for (llvm::Value*& value : registers)
    if (start != 0) value = e.builder.CreateAdd(value, e.builder.getInt32(static_cast<uint32_t>(start)));
  e.set(range.getResult(), std::move(registers));
  return {};
}

Result<void> splat(Emitter& e, mlir::Operation& op) {
  e.set(op.getResult(0), Registers(e.layout(op.getResult(0)).registerCount(), e.scalar(op.getOperand(0))));
  return {};
}

Result<void> unsplat(Emitter& e, mlir::Operation& op) {
  e.set(op.getResult(0), {e.scalar(op.getOperand(0))});
  return {};
}

/// The registers stay in order: reshape, expand_dims and trans change only what an index means.
Result<void> rename(Emitter& e, mlir::Operation& op) {
  e.set(op.getResult(0), e.of(op.getOperand(0)));
  return {};
}

/// The result's register r holds the operand's element at r's coordinates, which the same thread holds.
Result<void> broadcast(Emitter& e, mlir::Operation& op) {
  LinearLayout from = e.layout(op.getOperand(0)), to = e.layout(op.getResult(0));
  const Registers& source = e.of(op.getOperand(0));
  Span held(from.registers);
  Bases sourceOf;
  for (uint32_t vector : to.registers) {
    uint32_t element = 0;
    for (unsigned dim = 0; dim < from.shape.size(); ++dim)
      if (from.shape[dim] != 1) element |= to.coordinate(vector, dim) << from.dimShift(dim);
    sourceOf.push_back(static_cast<uint32_t>(held.coordinates(element).value_or(0)));
  }
  Registers registers(to.registerCount());
  for (uint32_t r = 0; r < registers.size(); ++r)
    registers[r] = source[combine(sourceOf, r)];
  e.set(op.getResult(0), std::move(registers));
  return {};
}

/// join: the result's register bit 0 tells the operands apart (layout_rules.cpp). cat: its last bit.
Result<void> join(Emitter& e, mlir::Operation& op) {
  const Registers &left = e.of(op.getOperand(0)), &right = e.of(op.getOperand(1));
  Registers registers;
  for (size_t r = 0; r < left.size(); ++r)
    registers.insert(registers.end(), {left[r], right[r]});
  e.set(op.getResult(0), std::move(registers));
  return {};
}

Result<void> concatenate(Emitter& e, mlir::Operation& op) {
  Registers registers = e.of(op.getOperand(0));
  const Registers& right = e.of(op.getOperand(1));
  registers.insert(registers.end(), right.begin(), right.end());
  e.set(op.getResult(0), std::move(registers));
  return {};
}

Result<void> split(Emitter& e, mlir::Operation& op) {
  LinearLayout from = e.layout(op.getOperand(0));
  const Registers& source = e.of(op.getOperand(0));
  auto bit = static_cast<size_t>(llvm::find(from.registers, 1u) - from.registers.begin());
  Registers halves[2];
  for (size_t r = 0; r < source.size(); ++r)
    halves[r >> bit & 1].push_back(source[r]);
  e.set(op.getResult(0), std::move(halves[0]));
  e.set(op.getResult(1), std::move(halves[1]));
  return {};
}

} // namespace

void addViews(OpTable& table) {
  table["tt.make_range"] = {makeRange};
  table["tt.splat"] = {splat};
  table["tt.unsplat"] = {unsplat};
  table["tt.expand_dims"] = {rename};
  table["tt.reshape"] = {rename};
  table["tt.trans"] = {rename};
  table["tt.broadcast"] = {broadcast};
  table["tt.join"] = {join};
  table["tt.cat"] = {concatenate};
  table["tt.split"] = {split};
}

} // namespace tuned::nvptx
