// What the host can do, as LLVM names it.
#pragma once

#include <memory>
#include <string>

namespace llvm {
class TargetMachine;
}

namespace tuned::cpu {

struct Host {
  std::string cpu;      ///< LLVM's name: "znver3"
  std::string features; ///< "+avx2,+fma,…"
  std::string target;   ///< "cpu:znver3+5f0c11aa": what an object is good for
  unsigned vectorBytes; ///< of the widest native vector: 16, 32 or 64
  bool halfConversions; ///< f16 <-> f32 in hardware
  bool matrixTiles;     ///< a matrix unit for bf16 (AMX) that this process may use
  bool numberRanges;    ///< the larger of two f32 by IEEE 754's rules in one instruction (avx512dq)
  bool bf16Dots;        ///< sums of pairs of bf16 products (avx512_bf16)
};

/// Asked once a process.
const Host& host();

/// A machine that generates code for exactly this host, or null where LLVM lacks it.
std::unique_ptr<llvm::TargetMachine> makeTargetMachine(bool fuseMultiplyAdd);

} // namespace tuned::cpu
