// A winner that can be launched: its binary loaded, its scalars filled in.
#pragma once

#include "backend/runtime/kernel.h"
#include "backend/runtime/signature.h"
#include "client/client.h"
#include "client/fallback.h"

namespace tuned::client {

/// Never changes; any thread may launch it.
class Launcher {
public:
  /// Fetches the answer's binary from the daemon and loads it on the answer's device. Errors are those of
  /// Client::artefact, runtime::loadKernel and runtime::Signature::of. `without`: conditions that other
  /// builds were left for.
  static Result<std::shared_ptr<const Launcher>> load(Client& client, AnswerPointer answer,
                                                      std::vector<LaunchCondition> without = {});
  /// The same with the binary at hand, and no daemon behind it.
  static Result<std::shared_ptr<const Launcher>> make(AnswerPointer answer, std::string_view binary);

  const protocol::Answer& answer() const { return *answer_; }
  size_t buffers() const { return signature_.buffers(); }
  /// Bytes that buffer `index` must have at least.
  int64_t bufferBytes(size_t index) const;

  /// Starts one launch on addresses in the order of the kernel's buffers; see runtime::Kernel::launch. Where
  /// an address breaks a condition of the build, another that the daemon has takes its place (fallback.h).
  /// InvalidInput: a number of buffers that is not buffers(), or a broken condition and no other build.
  Result<void> launch(std::span<const uint64_t> addresses, void* stream) const;

private:
  Launcher(AnswerPointer answer, std::unique_ptr<runtime::Kernel> kernel, runtime::Signature signature,
           std::unique_ptr<Fallback> fallback)
      : answer_(std::move(answer)), kernel_(std::move(kernel)), signature_(std::move(signature)),
        fallback_(std::move(fallback)) {}
  static Result<std::shared_ptr<const Launcher>> make(AnswerPointer answer, std::string_view binary,
                                                      std::unique_ptr<Fallback> fallback);
  Result<void> launchInstead(const Error& why, std::span<const uint64_t> slots,
                             std::span<const uint64_t> addresses, void* stream) const;

  AnswerPointer answer_;
  std::unique_ptr<runtime::Kernel> kernel_;
  runtime::Signature signature_;
  std::unique_ptr<Fallback> fallback_; ///< null: there is no daemon behind it
};

} // namespace tuned::client
