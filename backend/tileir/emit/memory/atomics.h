// Read-modify-writes of tiles of pointers.
#pragma once

#include "backend/tileir/emit/emitter.h"

namespace tuned::tileir {

/// Why a kind of update does not exist on elements of this type; empty: it does.
std::string atomicRefusal(Emitter& e, Rmw mode, Scalar scalar);
/// An update in the order of the tokens; gives what was there before.
Value updateInOrder(Emitter& e, Rmw mode, Value pointers, Value value, Access access);

} // namespace tuned::tileir
