// How loads and stores are written, for all families that access memory.
#pragma once

#include "backend/tileir/emit/emitter.h"

namespace tuned::tileir {

/// Loads through pointers in the order of the tokens.
Value loadInOrder(Emitter& e, TypeId type, Value pointers, Access access);
/// Stores through pointers in the order of the tokens.
void storeInOrder(Emitter& e, Value pointers, Value value, Access access);

} // namespace tuned::tileir
