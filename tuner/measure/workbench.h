// The buffers of one kernel at given sizes on one device: filled, guarded on both sides, and put back between
// variants.
#pragma once

#include "backend/device.h"
#include "tuner/measure/inputs.h"
#include "tuner/verify/verify.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tuned {

class Workbench {
public:
  /// OutOfResources names the bytes asked for when they are beyond the device's memory (9/10 of it). Inputs
  /// that others want, too, come from `shared`, if there is one.
  static Result<std::unique_ptr<Workbench>> open(Device& device, const Kernel& kernel, const Sizes& sizes,
                                                 uint64_t seed, SharedInputs* shared = nullptr);

  /// As the kernel takes them, in the order of Kernel::arguments.
  std::span<const ArgumentValue> arguments() const { return arguments_; }
  const Kernel& kernel() const { return kernel_; }
  Device& device() { return device_; }

  /// Every output buffer and guard as they were at first.
  Result<void> restore();
  /// The other buffers, after a variant wrote into one of them.
  Result<void> restoreInputs();
  /// Contents of a pointer argument's buffer, guards excluded.
  Result<LargeBytes> read(size_t argument) const;
  /// The same in place where the host can read it, else downloaded into `room`.
  Result<std::span<const std::byte>> look(size_t argument, LargeBytes& room) const;
  /// What is in a buffer before a launch.
  std::span<const std::byte> initial(size_t argument) const { return buffers_[argument].initial(); }
  /// Compares an output with what is known of it: on the device where it can, else on the host.
  Result<Comparison> compareOutput(const ReferenceOutput& reference, const Tolerance& tolerance);
  /// A checksum of all outputs together; nothing where the device computes none.
  Result<std::optional<uint64_t>> outputsChecksum();
  /// Elements of all outputs together.
  int64_t outputElements() const;

  /// Nothing when every guard is as it was; else which buffer was written outside, on which side, how far.
  Result<std::optional<std::string>> brokenGuard() const;
  /// Nothing when arguments that are not outputs still hold what they held; else which one and where.
  Result<std::optional<std::string>> changedInput();

private:
  struct Held {
    std::unique_ptr<Buffer> buffer; ///< null for scalars
    SharedInputs::Bytes contents;   ///< at first; null for scalars
    const LargeBytes& initial() const { return *contents; }
    std::unique_ptr<Buffer> pristine; ///< guards and contents as at first; null: the host's copy serves
    std::unique_ptr<Buffer> expected; ///< what compareOutput uploaded
    std::optional<uint64_t> checksum; ///< of the contents at first
  };
  Workbench(Device& device, const Kernel& kernel);
  /// What makes later checks cheap: checksums of inputs, copies of outputs that do not start as zeros.
  Result<void> prepareChecks(int64_t spareBytes);
  Result<bool> inputIsUnchanged(const Held& held);
  Result<void> place(const KernelArgument& argument, const Sizes& sizes, uint64_t seed, SharedInputs& inputs);
  Result<void> fillGuards(const Held& held);

  Device& device_;
  DeviceJudge* judge_; ///< null: the host looks
  Kernel kernel_;
  std::vector<Held> buffers_; ///< one for each argument
  std::vector<ArgumentValue> arguments_;
};

/// What the outputs hold now, as the reference.
Result<ReferenceResult> readReference(const Workbench& bench, const std::string& source);

/// Those elements of the outputs that differ from what was there before a launch: what some of a grid's
/// programs wrote, less what they left as it was.
Result<ReferenceResult> changedOutputs(const Workbench& bench, const std::string& source);

/// Runs an artefact once over its whole grid on `device` (another backend than the one to be judged, same
/// seed as the workbench that will be judged) and keeps all outputs as the reference.
Result<ReferenceResult> computeReference(Device& device, const Kernel& kernel, const Sizes& sizes,
                                         uint64_t seed, const Artefact& artefact, const Grid& grid,
                                         const std::string& source, SharedInputs* shared = nullptr);
/// The same in buffers that are there.
Result<ReferenceResult> computeReference(Workbench& bench, const Artefact& artefact, const Grid& grid,
                                         const std::string& source);

} // namespace tuned
