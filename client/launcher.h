// A winner that can be launched: its binary loaded, its scalars filled in.
#pragma once

#include "backend/runtime/kernel.h"
#include "backend/runtime/signature.h"
#include "client/client.h"

namespace tuned::client {

/// Never changes; any thread may launch it.
class Launcher {
public:
  /// Fetches the answer's binary from the daemon and loads it on the answer's device. Errors are those of
  /// Client::artefact, runtime::loadKernel and runtime::Signature::of.
  static Result<std::shared_ptr<const Launcher>> load(Client& client, AnswerPointer answer);
  /// The same with the binary at hand.
  static Result<std::shared_ptr<const Launcher>> make(AnswerPointer answer, std::string_view binary);

  const protocol::Answer& answer() const { return *answer_; }
  size_t buffers() const { return signature_.buffers(); }
  /// Bytes that buffer `index` must have at least.
  int64_t bufferBytes(size_t index) const;

  /// Starts one launch on addresses in the order of the kernel's buffers; see runtime::Kernel::launch.
  /// InvalidInput: a number of buffers that is not buffers(), or an address that breaks a condition of the
  /// build.
  Result<void> launch(std::span<const uint64_t> addresses, void* stream) const;

private:
  Launcher(AnswerPointer answer, std::unique_ptr<runtime::Kernel> kernel, runtime::Signature signature)
      : answer_(std::move(answer)), kernel_(std::move(kernel)), signature_(std::move(signature)) {}

  AnswerPointer answer_;
  std::unique_ptr<runtime::Kernel> kernel_;
  runtime::Signature signature_;
};

} // namespace tuned::client
