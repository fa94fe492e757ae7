// The encoder against files whose every byte is known.
#include "backend/tileir/bytecode/code.h"

#include <doctest/doctest.h>

namespace {

using namespace tuned::tileir;

std::string hex(const std::string& bytes) {
  std::string text;
  for (unsigned char byte : bytes)
    for (int nibble : {byte >> 4, byte & 15})
      text += "0123456789abcdef"[nibble];
  return text;
}

TEST_CASE("an empty kernel is 54 bytes") {
  Module module;
  Code code(module);
  code.terminator(Opcode::Return, {});
  module.setEntry("k", {}, {}, code.body());
  CHECK(hex(module.encode()) == "7f54696c654952000d030000820908cb01000002000"
                                "35c0000850b0401cbcbcb0000000010000081090"
                                "4cbcb01cbcbcb000000006b00");
}

/// p[i] += 1 for 128 floats.
std::string increment() {
  Module module;
  Types& types = module.types;
  Code code(module);
  TypeId f32 = types.scalar(Scalar::F32), pointer = types.pointer(f32);
  Value base = code.parameter(types.tile(pointer, {}));
  Value one = code.op(Opcode::Reshape, types.tile(pointer, {1}), {}, {base});
  Value spread = code.op(Opcode::Broadcast, types.tile(pointer, {128}), {}, {one});
  types.scalar(Scalar::I32);
  Value range = code.op(Opcode::Iota, types.tile(Scalar::I32, {128}), {}, {});
  Value pointers = code.op(Opcode::Offset, spread.type, {}, {spread, range});
  TypeId row = types.tile(f32, {128});
  auto [before, token] = code.loadPointers(row, pointers, {});
  Value ones = code.constant(row, std::string("\x00\x00\x80\x3f", 4));
  Value sum = code.op(Opcode::AddF, row, {0, 0}, {before, ones});
  code.storePointers(pointers, sum, {.token = token});
  code.terminator(Opcode::Return, {});
  TypeId parameters[] = {base.type};
  module.setEntry("k", {parameters, parameters + 1}, {}, code.body());
  return module.encode();
}

TEST_CASE("a load, a sum and a store are the specification's 202 bytes") {
  std::string file = increment();
  CHECK(file.size() == 202);
  CHECK(hex(file).substr(0, 112) == "7f54696c654952000d030000822b08cb01000902002"
                                    "55b03000b04013a06510402033d07080000041007"
                                    "0002070000050765080800040806");
  CHECK(hex(file).find("841508cbcb01cbcbcbcbcbcbcb0000000000000000040000803f") != std::string::npos);
}

TEST_CASE("numbers of one and of several bytes") {
  Bytes bytes;
  bytes.varint(0x7f);
  bytes.varint(0x80);
  bytes.varint(300);
  bytes.signedVarint(-1);
  bytes.signedVarint(64);
  bytes.fixed(0x01020304, 4);
  CHECK(hex(bytes.str()) == "7f8001ac0201800104030201");
}

TEST_CASE("a region's values are numbered on from what is before it, and its operation's after that") {
  Module module;
  Code code(module);
  TypeId i32 = module.types.tile(Scalar::I32);
  Value n = code.parameter(i32);
  TypeId arguments[] = {i32, i32};
  Values inside = code.beginRegion(arguments);
  CHECK(inside[0].id == 1);
  CHECK(inside[1].id == 2);
  Value sum = code.op(Opcode::AddI, i32, {0}, {inside[0], inside[1]});
  CHECK(sum.id == 3);
  code.terminator(Opcode::Continue, {{sum}});
  std::string body = code.endRegion();
  Values results = code.forLoop(false, n, n, n, {{n}}, body);
  CHECK(results[0].id == 1);
}

TEST_CASE("equal types and constants stand once") {
  Module module;
  CHECK(module.types.tile(Scalar::F16, {64, 64}) == module.types.tile(Scalar::F16, {64, 64}));
  CHECK(module.types.tile(Scalar::F16, {64, 64}) != module.types.tile(Scalar::F16, {64, 32}));
  CHECK(module.constants.id("abcd") == module.constants.id("abcd"));
  CHECK(module.constants.id("abcd") != module.constants.id("abce"));
}

} // namespace
