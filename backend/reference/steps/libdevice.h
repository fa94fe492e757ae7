// The groups of libdevice's functions beyond those of one or two numbers.
#pragma once

#include "backend/reference/steps/map.h"

namespace tuned::reference {

/// Functions with their rounding in the name ("fadd_rz", "double2int_rd"); null: not one of them.
Step roundedFunction(const Operation& op, const std::string& name);

/// Integer functions and those that look at a number's bits ("mulhi", "byte_perm", "float_as_int"); null: not
/// one of them.
Step bitFunction(const Operation& op, const std::string& name);

} // namespace tuned::reference
