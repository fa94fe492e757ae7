// What runs a decoded program: one program instance at a time, within a deadline.
#pragma once

#include "backend/reference/memory.h"
#include "backend/reference/program.h"

#include <array>
#include <chrono>

namespace tuned::reference {

using Index3 = std::array<int64_t, 3>;

class Machine {
public:
  Machine(Memory& memory, const Index3& grid, double seconds);

  /// Runs one program instance; throws Failure with the location of the op at fault.
  void run(const Function& kernel, const Index3& program, const std::vector<Lanes>& arguments);

  Memory& memory;
  Index3 grid;
  Index3 program = {0, 0, 0};
  int callDepth = 0;

  /// Counts one instruction; throws Failure (TimedOut) past the deadline.
  void tick() {
    if (++instructions_ % 64 == 0) checkDeadline();
  }

private:
  void checkDeadline() const;
  uint64_t instructions_ = 0;
  double seconds_;
  std::chrono::steady_clock::time_point deadline_;
};

/// Runs a region from its first block; the caller has set the block's arguments. Gives the slots that the
/// yield, condition or return at its end names.
const std::vector<int>& execute(Frame& frame, const Region& region);

/// Copies slots as if at once: `to` may name slots of `from`.
void assign(Frame& frame, const std::vector<int>& from, const std::vector<int>& to, size_t skip = 0);

/// Calls a function with the frame's `arguments` and puts what it returns into `results`.
void call(Frame& frame, const Function& callee, const std::vector<int>& arguments,
          const std::vector<int>& results);

} // namespace tuned::reference
