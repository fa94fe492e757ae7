// Structured control flow, calls, program ids, asserts and prints. Branches are in execute().
#include "backend/reference/steps/map.h"
#include "backend/reference/text.h"

#include <cstdio>

namespace tuned::reference {
namespace {

/// Operands: lower bound, upper bound, step, initial values. The trip count is taken once, before the loop.
Step forLoop(const Operation& op) {
  Kind kind = op.operandTypes[0].kind;
  auto body = op.regions[0];
  std::vector<int> arguments = body->blocks[0].arguments;
  int induction = arguments[0];
  std::vector<int> carried(arguments.begin() + 1, arguments.end());
  bool isUnsigned = op.has("unsignedCmp");
  return [=, operands = op.operands, results = op.results](Frame& frame) {
    uint64_t at = frame[operands[0]][0], end = frame[operands[1]][0], step = frame[operands[2]][0];
    assign(frame, operands, carried, 3);
    auto before = [&] { return isUnsigned ? at < end : signedValue(kind, at) < signedValue(kind, end); };
    while (before()) {
      frame.machine.tick();
      frame[induction].assign(1, at);
      assign(frame, execute(frame, *body), carried);
      uint64_t next = (at + step) & mask(kind);
      if (isUnsigned ? next <= at : signedValue(kind, next) <= signedValue(kind, at))
        break; // wrapped, or no step
      at = next;
    }
    assign(frame, carried, results);
  };
}

Step whileLoop(const Operation& op) {
  auto before = op.regions[0], after = op.regions[1];
  return [=, operands = op.operands, results = op.results](Frame& frame) {
    assign(frame, operands, before->blocks[0].arguments);
    while (true) {
      frame.machine.tick();
      const std::vector<int>& condition = execute(frame, *before);
      if (frame[condition[0]][0] == 0) {
        assign(frame, condition, results, 1);
        return;
      }
      assign(frame, condition, after->blocks[0].arguments, 1);
      assign(frame, execute(frame, *after), before->blocks[0].arguments);
    }
  };
}

Step ifElse(const Operation& op) {
  auto then = op.regions[0];
  auto otherwise = op.regions.size() > 1 ? op.regions[1] : nullptr;
  return [=, condition = op.operands[0], results = op.results](Frame& frame) {
    if (frame[condition][0])
      assign(frame, execute(frame, *then), results);
    else if (otherwise && !otherwise->blocks.empty())
      assign(frame, execute(frame, *otherwise), results);
  };
}

Step executeRegion(const Operation& op) {
  return [body = op.regions[0], results = op.results](Frame& frame) {
    assign(frame, execute(frame, *body), results);
  };
}

Step callFunction(const Operation& op) {
  return [callee = op.callee, operands = op.operands, results = op.results](Frame& frame) {
    call(frame, *callee, operands, results);
  };
}

Step programId(const Operation& op) {
  auto axis = static_cast<size_t>(op.integer("axis", 0));
  return [axis, r = op.results[0]](Frame& frame) {
    frame[r].assign(1, static_cast<uint64_t>(frame.machine.program[axis]) & mask(Kind::I32));
  };
}
Step programCount(const Operation& op) {
  auto axis = static_cast<size_t>(op.integer("axis", 0));
  return [axis, r = op.results[0]](Frame& frame) {
    frame[r].assign(1, static_cast<uint64_t>(frame.machine.grid[axis]) & mask(Kind::I32));
  };
}

std::string programText(const Machine& machine) {
  const Index3& id = machine.program;
  return concat("program (", id[0], ", ", id[1], ", ", id[2], ")");
}

Step assertion(const Operation& op) {
  return [c = op.operands[0], message = op.text("message")](Frame& frame) {
    const Lanes& holds = frame[c];
    for (size_t i = 0; i < holds.size(); ++i)
      if (!holds[i])
        throw Failure{{ErrorKind::Faulted, concat("assertion failed in ", programText(frame.machine),
                                                  ", element ", i, ": ", message)}};
  };
}

std::string format(Kind kind, uint64_t value, bool hex, bool isSigned) {
  if (hex) return hexadecimal(value, 2 * byteWidth(kind));
  if (kind == Kind::Pointer) return concat(hexadecimal(value));
  if (isFloat(kind)) return std::to_string(toDouble(kind, value));
  return isSigned ? std::to_string(signedValue(kind, value)) : std::to_string(value);
}

/// One line an element, as Triton's device printf writes them, on standard error.
Step print(const Operation& op) {
  bool hex = op.integer("hex", 0) != 0;
  std::vector<int64_t> isSigned =
      op.has("isSigned") ? op.attributes.at("isSigned").integers : std::vector<int64_t>{};
  isSigned.resize(op.operands.size(), 1);
  return [=, prefix = op.text("prefix"), operands = op.operands, types = op.operandTypes](Frame& frame) {
    const Index3& id = frame.machine.program;
    std::string place = concat("pid (", id[0], ", ", id[1], ", ", id[2], ")");
    if (operands.empty()) std::fprintf(stderr, "%s%s\n", place.c_str(), prefix.c_str());
    for (size_t k = 0; k < operands.size(); ++k)
      for (size_t i = 0; i < frame[operands[k]].size(); ++i)
        std::fprintf(stderr, "%s idx (%zu)%s(operand %zu) %s\n", place.c_str(), i, prefix.c_str(), k,
                     format(types[k].kind, frame[operands[k]][i], hex, isSigned[k] != 0).c_str());
  };
}

/// Programs run one after another and elements in order: barriers and assumptions have nothing to do.
Step nothing(const Operation&) {
  return [](Frame&) {};
}

Step inlineAssembly(const Operation& op) {
  unsupported(op, "inline PTX (\"" + op.text("asm_string").substr(0, 40) + "\") runs on NVIDIA devices only");
}

} // namespace

void addControl(StepTable& t) {
  t["scf.for"] = forLoop;
  t["scf.while"] = whileLoop;
  t["scf.if"] = ifElse;
  t["scf.execute_region"] = executeRegion;
  t["tt.call"] = callFunction;
  t["tt.get_program_id"] = programId;
  t["tt.get_num_programs"] = programCount;
  t["tt.assert"] = assertion;
  t["tt.print"] = print;
  t["gpu.barrier"] = t["ttg.barrier"] = t["llvm.intr.assume"] = nothing;
  t["tt.elementwise_inline_asm"] = inlineAssembly;
}

} // namespace tuned::reference
