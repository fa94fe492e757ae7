// What of a launch is the same every time: which parameters are buffers, and the bits of all others.
#pragma once

#include "base/error.h"
#include "base/model/launch.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tuned::runtime {

/// The parameters of a build, told from its table of arguments. Slots are as Kernel::launch takes them.
class Signature {
public:
  /// InvalidInput: the build has no table of arguments, or one that does not fit its parameters. Unsupported:
  /// a type that is not known here.
  static Result<Signature> of(const LaunchMetadata& launch);

  /// Buffers in the order of the arguments: as many as fill() wants addresses.
  size_t buffers() const { return buffers_.size(); }
  /// The parameter a buffer is.
  size_t parameterOf(size_t buffer) const { return buffers_[buffer]; }
  size_t parameters() const { return slots_.size(); }

  /// Writes one slot a parameter to `slots` (parameters() of them): the addresses given, and everything else.
  void fill(std::span<const uint64_t> addresses, std::span<uint64_t> slots) const;

  /// InvalidInput names the argument whose address breaks a condition of the build, and the condition.
  /// `slots` are filled.
  Result<void> check(std::span<const uint64_t> slots) const;
  /// All conditions that the filled slots break.
  std::vector<LaunchCondition> brokenBy(std::span<const uint64_t> slots) const;

private:
  /// A condition as a launch decides it: on slots, without the values of all arguments.
  struct Check {
    LaunchCondition::Kind kind;
    uint32_t argument, other;
    uint64_t value;             ///< Divisible, Equal, AtLeast, AtMost
    uint64_t bytes, otherBytes; ///< Distinct and SameOrDistinct: from the address on; 0: not known
  };
  static bool holds(const Check& check, std::span<const uint64_t> slots);
  void addCheck(const LaunchCondition& condition);
  Result<void> refuse(std::span<const uint64_t> slots) const;
  void see(std::span<const uint64_t> slots, std::span<LaunchValue> values) const;

  std::vector<uint64_t> slots_;             ///< buffers are 0
  std::vector<size_t> buffers_;             ///< parameters that are buffers
  std::vector<LaunchValue> values_;         ///< as conditions see them; addresses are 0
  std::vector<LaunchCondition> conditions_; ///< that addresses decide; the others were checked once
  std::vector<Check> checks_;               ///< the same
  std::vector<std::string> names_;
};

/// Bytes of the buffer that an argument is; 0: not known, or more than can be.
int64_t bytesOf(const Argument& argument);

/// The bits of a real number as type "f16", "bf16", "f32" or "f64", rounded to nearest even. Unsupported:
/// another type.
Result<uint64_t> bitsOfReal(const std::string& type, double value);

} // namespace tuned::runtime
