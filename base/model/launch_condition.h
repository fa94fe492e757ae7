// What must hold of a launch's arguments for a build to be right. A compiler that proves less than it uses
// lists the rest here; whoever launches checks them, and takes another build of the kernel where one does not
// hold.
#pragma once

#include "base/error.h"

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tuned {

/// One condition. Arguments are counted from 0 in the order of the IR's function: a host tensor descriptor
/// counts there as its base, its shape and its strides, each an argument of its own.
struct LaunchCondition {
  enum class Kind {
    Divisible,      ///< the argument (a pointer: its address in bytes) is a multiple of `value`
    Distinct,       ///< the bytes behind pointer `argument` and those behind pointer `other` do not overlap
    SameOrDistinct, ///< as Distinct, or both are one address: each element is read where it is written
    Equal,          ///< the argument is `value`
    AtLeast,        ///< the argument, signed, is not less than `value`
    AtMost,         ///< the argument, signed, is not greater than `value`
    PadsZero,       ///< the host descriptor whose base is `argument` pads with zeros
    Grid,           ///< the launch has `programs` along its axes: what was proven was proven of these
  };
  Kind kind = Kind::Divisible;
  int argument = 0;  ///< all but Grid
  int other = -1;    ///< Distinct and SameOrDistinct
  int64_t value = 0; ///< Divisible (at least 1), Equal, AtLeast, AtMost
  /// As `other`: how many bytes from the address on the kernel touches; 0: all of the buffer.
  int64_t bytes = 0, otherBytes = 0;
  std::array<int64_t, 3> programs = {}; ///< Grid only; each at least 1

  bool operator==(const LaunchCondition&) const = default;
};

/// The stable name of a kind in JSON: "divisible", "distinct", "same_or_distinct", "equal", "at_least",
/// "at_most", "pads_zero", "grid".
const char* name(LaunchCondition::Kind kind);

/// One argument of a launch. Anything that is neither a pointer nor an integer keeps both at their defaults.
struct LaunchValue {
  int64_t value = 0; ///< an integer, sign-extended; a pointer's address
  /// Bytes of the buffer from the address on; 0: not known. Only pointers have any.
  int64_t extent = 0;
  bool padsNan = false; ///< the base of a host descriptor that does
};

/// "argument 2 is a multiple of 16"; with `names`, the argument's name stands in place of its number.
std::string text(const LaunchCondition& condition, std::span<const std::string> names = {});

/// Whether it holds. `grid`: the launch's three numbers of programs; empty: whoever launches compares them.
/// What else cannot be decided does not hold: an argument that is not there, or two buffers whose sizes
/// neither the condition nor the launch knows. A null pointer overlaps nothing.
bool holds(const LaunchCondition& condition, std::span<const LaunchValue> values,
           std::span<const int64_t> grid = {});

/// The first condition that does not hold; null when all do.
const LaunchCondition* firstBroken(std::span<const LaunchCondition> conditions,
                                   std::span<const LaunchValue> values, std::span<const int64_t> grid = {});

/// Whether both are about the same arguments: a launch that breaks the one may well break the other.
bool alike(const LaunchCondition& a, const LaunchCondition& b);

/// Adds a condition unless the list has it or a stronger one; takes out what the new one implies.
void require(std::vector<LaunchCondition>& conditions, const LaunchCondition& condition);

/// {"kind": "divisible", "argument": 2, "value": 16}, {"kind": "grid", "programs": [64, 1, 1]}: the fields
/// that the kind does not use are left out.
nlohmann::ordered_json toJson(const LaunchCondition& condition);
/// InvalidInput names the field that is missing, unknown or out of range.
Result<LaunchCondition> launchConditionFromJson(const nlohmann::json& json);

} // namespace tuned
