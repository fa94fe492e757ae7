// How a tensor goes from one layout to another, as data: the emitter writes it as instructions and tests run
// it on the host. A conversion is dst⁻¹ ∘ src: within threads and warps by moves and shuffles, else through
// shared memory.
#pragma once

#include "backend/gpu/layout/linear_layout.h"

#include <variant>

namespace tuned::nvptx {

/// The destination's register r of (lane, warp) is the source's register (register map) of lane (lane map) of
/// the same warp. Maps are linear in r, lane and warp: fromX[i] is what bit i of X adds.
struct WarpMove {
  struct Map {
    Bases fromRegister, fromLane, fromWarp;
    uint32_t at(uint32_t reg, uint32_t lane, uint32_t warp) const {
      return combine(fromRegister, reg) ^ combine(fromLane, lane) ^ combine(fromWarp, warp);
    }
  };
  Map sourceRegister, sourceLane;

  /// The lane stays: no shuffle is needed.
  bool withinThread() const;
  /// Neither depends on the thread: registers are only renamed.
  bool rename() const;
  /// Source registers that a thread has to look at for one of its own: 1 when the choice does not depend on
  /// it.
  unsigned candidates() const;
};

/// One side of an exchange through shared memory. Each access moves a vector: its element e is register
/// `base ^ combine(vector, e)`, where base runs over `bases`.
/// Plain: elements lie side by side from byte address(base, lane, warp) on. Matrix: ldmatrix (b16): the
/// address is that of the row the lane names, bit 0 of e is the half of a 32-bit register, the others are the
/// matrix.
struct SharedAccess {
  enum class Kind { Plain, Matrix, TransposedMatrix } kind = Kind::Plain;
  std::vector<uint32_t> bases;
  Bases vector;
  Bases fromRegister, fromLane, fromWarp; ///< byte offsets, combined by XOR

  uint32_t address(uint32_t base, uint32_t lane, uint32_t warp) const {
    return combine(fromRegister, base) ^ combine(fromLane, lane) ^ combine(fromWarp, warp);
  }
  unsigned vectorSize() const { return 1u << vector.size(); }
};

struct SharedExchange {
  unsigned elementBytes = 4;
  uint32_t bytes = 0; ///< of shared memory, aligned to 16
  SharedAccess store, load;
};

using Conversion = std::variant<WarpMove, SharedExchange>;

/// The moves within warps that make `to` of `from`, if there are any.
std::optional<WarpMove> planWarpMove(const LinearLayout& from, const LinearLayout& to);

/// The exchange through shared memory with the fewest transactions, bank conflicts counted. `matrices`:
/// ldmatrix may be used.
SharedExchange planExchange(const LinearLayout& from, const LinearLayout& to, unsigned elementBytes,
                            bool matrices = true);

/// The most distinct rows of 128 bytes that one bank serves in a transaction of the access: 1 where none
/// collide.
unsigned bankConflicts(const SharedAccess& access, unsigned elementBytes);
/// Transactions of 128 bytes that all of a warp's accesses take.
uint64_t transactions(const SharedAccess& access, unsigned elementBytes);

/// The cheaper of the two.
Conversion planConversion(const LinearLayout& from, const LinearLayout& to, unsigned elementBytes);

/// Bytes of shared memory the conversion takes.
uint32_t scratchBytes(const Conversion& conversion);

} // namespace tuned::nvptx
