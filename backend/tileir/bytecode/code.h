// Writes the operations of one Tile IR function in order. Values are numbered as the format numbers them:
// parameters, then results; a region goes on from there with its arguments, and after it the counter is back.
#pragma once

#include "backend/tileir/bytecode/module.h"

#include <initializer_list>
#include <optional>
#include <span>

namespace tuned::tileir {

struct Value {
  static constexpr uint32_t none = UINT32_MAX;
  uint32_t id = none;
  TypeId type = 0;
  explicit operator bool() const { return id != none; }
};
using Values = std::vector<Value>;

/// What a load, store or atomic has beside its address and value; absent parts are left out.
struct Access {
  Order order = Order::Weak;
  Scope scope = Scope::Device; ///< not written with Weak
  Value mask = {}, padding = {}, token = {};
  int latency = 0; ///< of loads and stores, how early they are issued: 1 to 10; 0: not said
};

/// A token and what was loaded.
struct Loaded {
  Value value, token;
};

class Code {
public:
  explicit Code(Module& module) : module(module), types(module.types) { blocks_.emplace_back(); }

  /// Only before any operation.
  Value parameter(TypeId type);
  /// The operations at the top, when no region is open.
  std::string body() const { return blocks_.front().bytes.str(); }
  size_t operationCount() const { return operations_; }

  // --- operations of one result: result type, attributes of a byte each, operands
  Value op(Opcode opcode, TypeId result, std::initializer_list<uint8_t> attributes,
           std::span<const Value> operands);
  Value op(Opcode opcode, TypeId result, std::initializer_list<uint8_t> attributes,
           std::initializer_list<Value> operands) {
    return op(opcode, result, attributes, std::span<const Value>(operands.begin(), operands.size()));
  }
  Value constant(TypeId type, const std::string& elements);
  Value permute(TypeId result, const std::vector<int32_t>& order, Value source);
  Value extract(TypeId result, Value source, std::span<const Value> indices);
  /// Three i32 scalars.
  Values blockIds(Opcode opcode);

  // --- promises: a wrong one is a miscompilation
  /// Elements along `dimension` rise by one (pointers: by a pointee) from each multiple of `length` to the
  /// next.
  struct Run {
    int64_t length, dimension;
  };
  /// `value` (a pointer: its address in bytes) is a multiple of `divisor`: everywhere, or where each run
  /// starts.
  Value assumeDivisible(Value value, int64_t divisor, std::optional<Run> run = {});
  Value assumeBounded(Value value, std::optional<int64_t> lower, std::optional<int64_t> upper);
  void assertion(const std::string& message, Value condition);

  // --- memory
  Value makeToken();
  /// One token is itself.
  Value joinTokens(std::span<const Value> tokens);
  Loaded loadPointers(TypeId result, Value pointers, const Access& access);
  Value storePointers(Value pointers, Value value, const Access& access);
  Loaded atomicRmw(Rmw mode, Value pointers, Value value, const Access& access);
  Loaded atomicCas(Value pointers, Value compare, Value value, const Access& access);
  /// Dynamic sizes and strides in the order of the view type, all of one integer type.
  Value makeTensorView(TypeId type, Value base, std::span<const Value> sizes, std::span<const Value> strides);
  Value makePartitionView(TypeId type, Value tensorView);
  Value makeStridedView(TypeId type, Value tensorView);
  Loaded loadView(TypeId result, Value view, std::span<const Value> indices, const Access& access);
  Value storeView(Value view, std::span<const Value> indices, Value tile, const Access& access);
  Value atomicReduceView(Rmw mode, Value view, std::span<const Value> indices, Value tile,
                         const Access& access);

  // --- regions: begin, write, end, then the operation that has them
  Values beginRegion(std::span<const TypeId> arguments);
  std::string endRegion();
  Values forLoop(bool isUnsigned, Value lower, Value upper, Value step, std::span<const Value> inits,
                 const std::string& body);
  Values loop(std::span<const TypeId> results, std::span<const Value> inits, const std::string& body);
  Values ifElse(std::span<const TypeId> results, Value condition, const std::string& then,
                const std::string& otherwise);
  /// Identities are raw elements, one of each operand; the region takes pairs (a0, b0, a1, b1, …).
  Values reduce(std::span<const TypeId> results, int dim, std::span<const std::string> identities,
                std::span<const Value> operands, const std::string& region);
  Values scan(std::span<const TypeId> results, int dim, bool reverse, std::span<const std::string> identities,
              std::span<const Value> operands, const std::string& region);
  /// yield, continue, break, return.
  void terminator(Opcode opcode, std::span<const Value> operands);

  Module& module;
  Types& types;

private:
  struct Block {
    Bytes bytes;
    uint32_t operations = 0;
    uint32_t firstValue = 0; ///< where the counter goes back to
    std::vector<TypeId> arguments;
  };
  Bytes& begin(Opcode opcode);
  Value result(TypeId type) { return {nextValue_++, type}; }
  Values results(std::span<const TypeId> types);
  void writeTypes(Bytes& bytes, std::span<const TypeId> types);
  void writeValues(Bytes& bytes, std::span<const Value> values);
  void writeAccess(Bytes& bytes, const Access& access, bool isView, unsigned tokenBit);
  void writeIdentities(Bytes& bytes, std::span<const std::string> identities,
                       std::span<const Value> operands);

  std::vector<Block> blocks_;
  uint32_t nextValue_ = 0;
  size_t operations_ = 0;
};

} // namespace tuned::tileir
