#include "backend/reference/machine.h"
#include "backend/reference/text.h"

namespace tuned::reference {

Machine::Machine(Memory& memory, const Index3& grid, double seconds)
    : memory(memory), grid(grid), seconds_(seconds),
      deadline_(std::chrono::steady_clock::now() +
                std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                    std::chrono::duration<double>(seconds))) {}

void Machine::checkDeadline() const {
  if (std::chrono::steady_clock::now() < deadline_) return;
  throw Failure{{ErrorKind::TimedOut,
                 concat("program (", program[0], ", ", program[1], ", ", program[2],
                        ") was still running after ", seconds_, " s and ", instructions_, " operations"),
                 std::nullopt, "the kernel may loop for ever, or wait for a program that runs after it"}};
}

void Machine::run(const Function& kernel, const Index3& id, const std::vector<Lanes>& arguments) {
  program = id;
  Frame frame{*this, std::vector<Lanes>(kernel.slotCount)};
  const Block& entry = kernel.body.blocks.front();
  for (size_t i = 0; i < arguments.size(); ++i)
    frame[entry.arguments[i]] = arguments[i];
  execute(frame, kernel.body);
}

void assign(Frame& frame, const std::vector<int>& from, const std::vector<int>& to, size_t skip) {
  if (from.size() - skip == 1) {
    if (from[skip] != to[0]) frame[to[0]] = frame[from[skip]];
    return;
  }
  std::vector<Lanes> values;
  values.reserve(to.size());
  for (size_t i = skip; i < from.size(); ++i)
    values.push_back(frame[from[i]]);
  for (size_t i = 0; i < to.size(); ++i)
    frame[to[i]] = std::move(values[i]);
}

const std::vector<int>& execute(Frame& frame, const Region& region) {
  const Block* block = &region.blocks.front();
  while (true) {
    for (const Instruction& instruction : block->body) {
      frame.machine.tick();
      try {
        instruction.run(frame);
      } catch (Failure& failure) {
        if (!failure.error.location && instruction.location.line)
          failure.error.location = instruction.location;
        throw;
      }
    }
    const Terminator& end = block->end;
    if (end.kind == Terminator::Yield) return end.operands;
    frame.machine.tick();
    int way = end.kind == Terminator::Conditional && frame[end.operands[0]][0] == 0 ? 1 : 0;
    const Block& next = region.blocks[static_cast<size_t>(end.target[way])];
    if (!next.arguments.empty()) assign(frame, end.passed[way], next.arguments);
    block = &next;
  }
}

void call(Frame& frame, const Function& callee, const std::vector<int>& arguments,
          const std::vector<int>& results) {
  constexpr int kDeepest = 64;
  if (frame.machine.callDepth >= kDeepest)
    throw Failure{{ErrorKind::Unsupported, concat("calls nest deeper than ", kDeepest, ": ", callee.name)}};
  ++frame.machine.callDepth;
  Frame inner{frame.machine, std::vector<Lanes>(callee.slotCount)};
  const Block& entry = callee.body.blocks.front();
  for (size_t i = 0; i < arguments.size(); ++i)
    inner[entry.arguments[i]] = frame[arguments[i]];
  const std::vector<int>& returned = execute(inner, callee.body);
  for (size_t i = 0; i < results.size(); ++i)
    frame[results[i]] = inner[returned[i]];
  --frame.machine.callDepth;
}

} // namespace tuned::reference
