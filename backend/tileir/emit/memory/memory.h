// How loads and stores are written, for all families that access memory.
#pragma once

#include "backend/tileir/emit/emitter.h"

namespace tuned::tileir {

/// The token that an operation's access takes; none where it is free.
Value tokenFor(Emitter& e, mlir::Operation* op);
/// Accounts for the token that its access gave.
void keepToken(Emitter& e, mlir::Operation* op, Value token);
/// The latency hint of a load of this tile. Tiles of less than 128 bytes, a warp's share, have none: a ring
/// of them takes the assembler up to ten times as long. Single numbers have it: loops wait for them as for
/// others.
int latencyFor(Emitter& e, TypeId tile);
/// Loads through pointers in the order of the tokens.
Value loadInOrder(Emitter& e, mlir::Operation* op, TypeId type, Value pointers, Access access);
/// Stores through pointers in the order of the tokens.
void storeInOrder(Emitter& e, mlir::Operation* op, Value pointers, Value value, Access access);

} // namespace tuned::tileir
