// The statements of PTX text.
#pragma once

#include <string>
#include <vector>

namespace tuned::cpu {

struct PtxStatement {
  std::string guard;                              ///< "p" or "!p", or empty
  std::vector<std::string> opcode;                ///< "cvt.rn.f32.s32" in parts; "reg" for declarations
  std::vector<std::vector<std::string>> operands; ///< each a name or number; several for {a, b} and p|q
};

/// Comments and scopes are dropped.
std::vector<PtxStatement> ptxStatements(const std::string& text);

} // namespace tuned::cpu
