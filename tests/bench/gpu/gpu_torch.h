// PyTorch's operations (cuBLAS, scaled_dot_product_attention) in a process of their own, one for a whole run,
// timed in turns with the cubins.
#pragma once

#include "base/error.h"

#include <cstdio>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace tuned::bench {

class TorchSide {
public:
  /// Starts `command` (a shell's line that runs torch_side.py) and does not wait for it.
  static Result<std::unique_ptr<TorchSide>> start(const std::string& command);
  ~TorchSide();
  TorchSide(const TorchSide&) = delete;

  /// Hands it what to compute, a line of JSON, in place of what was before. Unavailable: why it cannot.
  Result<void> prepare(const std::string& what);
  /// Seconds of each of `repeats` runs from a cold cache.
  Result<std::vector<double>> time(int repeats);

private:
  TorchSide() = default;
  Result<std::string> ask(const std::string& line);

  pid_t process_ = -1;
  FILE *to_ = nullptr, *from_ = nullptr;
};

} // namespace tuned::bench
