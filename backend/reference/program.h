// A module in the form the evaluator runs: values are numbered slots, operations closures over them.
#pragma once

#include "backend/reference/numeric.h"
#include "base/error.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tuned::reference {

/// The elements of a tensor in row-major order; a scalar is one lane. Tensor descriptors and block pointers
/// are lanes too: base, shape, strides (elements), then the padding flag or the offsets.
using Lanes = std::vector<uint64_t>;

struct Type {
  Kind kind = Kind::I32;
  std::vector<int64_t> shape; ///< of a tensor; empty for scalars
  bool isTensor = false;
  Kind pointee = Kind::I8;    ///< what pointers, descriptors and block pointers lead to
  std::vector<int64_t> block; ///< of descriptors and block pointers: the shape of the tile
  bool isUnsigned = false;    ///< the elements of a descriptor's tile; other integers tell no sign

  size_t elements() const {
    size_t count = 1;
    for (int64_t extent : shape)
      count *= static_cast<size_t>(extent);
    return count;
  }
};

class Machine;

/// One activation of a function: its slots.
struct Frame {
  Machine& machine;
  std::vector<Lanes> slots;
  Lanes& operator[](int slot) { return slots[static_cast<size_t>(slot)]; }
};

using Step = std::function<void(Frame&)>;

struct Instruction {
  Step run;
  Location location;
};

struct Terminator {
  enum Kind { Yield, Branch, Conditional } kind = Yield;
  std::vector<int> operands;  ///< Yield: what leaves the region. Conditional: the condition
  int target[2] = {0, 0};     ///< blocks: taken (true), not taken
  std::vector<int> passed[2]; ///< slots passed to the target's arguments
};

struct Block {
  std::vector<int> arguments;
  std::vector<Instruction> body;
  Terminator end;
};

struct Region {
  std::vector<Block> blocks;
};

struct Function {
  std::string name;
  std::vector<Type> argumentTypes;
  std::vector<std::string> argumentNames; ///< as the source calls them, for messages; may be empty strings
  size_t slotCount = 0;
  Region body;
};

/// An attribute without its dialect: integers (also of booleans and enums) and text, whichever it has.
struct Attribute {
  std::vector<int64_t> integers;
  std::string text;
};

/// One operation as the step makers see it.
struct Operation {
  std::string name; ///< "arith.addi"
  Location location;
  std::vector<int> operands, results;
  std::vector<Type> operandTypes, resultTypes;
  std::map<std::string, Attribute> attributes;
  std::vector<std::shared_ptr<const Region>> regions;
  std::shared_ptr<const Function> callee; ///< tt.call
  Lanes constant;                         ///< arith.constant: one lane (all elements alike) or one an element

  bool has(const std::string& key) const { return attributes.contains(key); }
  int64_t integer(const std::string& key, int64_t absent) const;
  const std::string& text(const std::string& key) const;
};

/// Makes the closure of one operation; throws Unsupported for a form it does not take.
using StepMaker = Step (*)(const Operation&);
using StepTable = std::map<std::string, StepMaker>;

/// Every operation the evaluator knows, by name.
const StepTable& stepTable();

/// A kernel that went wrong, or IR the evaluator does not take, on its way to the caller of evaluate().
struct Failure {
  Error error;
};
[[noreturn]] void unsupported(const Operation& operation, const std::string& what);

} // namespace tuned::reference
