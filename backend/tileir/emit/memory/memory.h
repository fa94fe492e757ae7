// How loads and stores are written, for all families that access memory.
#pragma once

#include "backend/tileir/emit/emitter.h"

namespace tuned::tileir {

/// The token that an operation's access takes; none where it is free.
Value tokenFor(Emitter& e, mlir::Operation* op);
/// Accounts for the token that its access gave.
void keepToken(Emitter& e, mlir::Operation* op, Value token);
/// Loads through pointers in the order of the tokens.
Value loadInOrder(Emitter& e, mlir::Operation* op, TypeId type, Value pointers, Access access);
/// Stores through pointers in the order of the tokens.
void storeInOrder(Emitter& e, mlir::Operation* op, Value pointers, Value value, Access access);

} // namespace tuned::tileir
