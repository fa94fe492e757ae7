// Inline PTX on the CPU: registers, packs of elements, memory, and what it says of the rest.
#include "tests/backend/cpu/cpu_support.h"

#include <doctest/doctest.h>

#include <numeric>

using namespace tuned;
using namespace tuned::test;

namespace {

std::string assembly(const std::string& text, const std::string& constraints, int pack, int elements,
                     const std::string& in, const std::string& out, bool pure = true) {
  std::string shape = "tensor<" + std::to_string(elements) + "x";
  return "    %y = tt.elementwise_inline_asm \"" + text + "\" {constraints = \"" + constraints +
         "\", packed_element = " + std::to_string(pack) + " : i32, pure = " + (pure ? "true" : "false") +
         "} %x : " + shape + in + "> -> " + shape + out + ">";
}

template <typename To, typename From>
std::vector<To> apply(std::vector<From> x, const std::string& in, const std::string& out,
                      const std::string& text, const std::string& constraints, int pack = 1) {
  std::vector<To> y(x.size());
  auto n = int(x.size());
  auto done = runOnCpu(mapKernel(n, in, out, assembly(text, constraints, pack, n, in, out)), {1, 1, 1},
                       {pointerTo(x), pointerTo(y)});
  REQUIRE_MESSAGE(done, done.error().text());
  return y;
}

std::vector<uint32_t> words(const std::string& text) {
  return apply<uint32_t, uint32_t>({0x80000001, 0x00ff1234, 7, 0}, "i32", "i32", text, "=r,r");
}
using W = std::vector<uint32_t>;

} // namespace

TEST_CASE("instructions on 32-bit registers") {
  CHECK(words("shf.l.wrap.b32 $0, $1, $1, 33;") == W{3, 0x01fe2468, 14, 0});
  CHECK(words("shf.r.clamp.b32 $0, $1, 0, 40;") == W{0, 0, 0, 0});
  CHECK(words("prmt.b32 $0, $1, 0, 0x0123;") == W{0x01000080, 0x3412ff00, 0x07000000, 0});
  CHECK(words("prmt.b32 $0, $1, 0, 0x888b;") == W{0x000000ff, 0, 0, 0});
  CHECK(words("lop3.b32 $0, $1, 0x0000ffff, 0x00000003, 0xea;") == W{3, 0x1237, 7, 3});
  CHECK(words("shl.b32 $0, $1, 32;") == W{0, 0, 0, 0});
  CHECK(words("shr.s32 $0, $1, 40;") == W{0xffffffff, 0, 0, 0});
  CHECK(words("{ .reg .pred p; setp.gt.u32 p, $1, 7; selp.b32 $0, 1, 2, p; }") == W{1, 1, 2, 2});
  CHECK(words("{ .reg .pred p; setp.lt.s32 p, $1, 0; mov.b32 $0, 5; @!p add.u32 $0, $0, $1; }") ==
        W{5, 0x00ff1239, 12, 5});
  CHECK(words("mad.lo.u32 $0, $1, 2, 0x10; // comment; with a semicolon") == W{18, 0x01fe2478, 30, 16});
  CHECK(words("mul.hi.u32 $0, $1, 4;") == W{2, 0, 0, 0});
  CHECK(words("{ .reg .b16 h<2>; mov.b32 {h0, h1}, $1; mov.b32 $0, {h1, h0}; }") ==
        W{0x00018000, 0x123400ff, 0x00070000, 0});
  CHECK(words("{ .reg .b8 b; cvt.u8.u32 b, $1; cvt.u32.u8 $0, b; }") == W{1, 0x34, 7, 0});
}

TEST_CASE("clocks run, and what orders launches or threads has nothing to do") {
  auto first = apply<uint64_t, uint64_t>({0, 0}, "i64", "i64",
                                         "griddepcontrol.wait; mov.u64 $0, %globaltimer;", "=l,l");
  auto second =
      apply<uint64_t, uint64_t>({0, 0}, "i64", "i64", "bar.sync 0; mov.u64 $0, %globaltimer;", "=l,l");
  CHECK(first[0] > 0);
  CHECK(second[0] > first[0]);
}

TEST_CASE("floats, and conversions to them") {
  CHECK(apply<float, int32_t>({-3, 4, 1 << 30, 0}, "i32", "f32",
                              "cvt.rn.f32.s32 $0, $1; max.f32 $0, $0, 0f3F800000;",
                              "=f,r") == std::vector<float>{1, 4, 0x1p30f, 1});
  CHECK(apply<int32_t, float>({2.5f, -2.5f, 1e20f, -1e20f}, "f32", "i32", "cvt.rni.s32.f32 $0, $1;",
                              "=r,f") == std::vector<int32_t>{2, -2, INT32_MAX, INT32_MIN});
}

TEST_CASE("four bytes in a register, and two registers of halves from them") {
  std::vector<uint8_t> x(256);
  std::iota(x.begin(), x.end(), 0);
  auto bytes = apply<uint8_t>(x, "i8", "i8", "and.b32 $0, $1, 0x1F1F1F1F; shl.b32 $0, $0, 3;", "=r,r", 4);
  // f8E4M3 of bias 15, as Triton widens it: a half's upper bits.
  auto halves =
      apply<uint16_t>(x, "i8", "i16",
                      "{ .reg .b32 a<2>, b<2>; prmt.b32 a0, 0, $2, 0x5746; and.b32 b0, a0, 0x7f007f00; "
                      "and.b32 b1, a0, 0x00ff00ff; and.b32 a1, a0, 0x00800080; shr.b32 b0, b0, 1; "
                      "add.u32 b1, b1, a1; lop3.b32 $0, b0, 0x80008000, a0, 0xf8; shl.b32 $1, b1, 7; }",
                      "=r,=r,r", 4);
  for (unsigned i = 0; i < 256; ++i) {
    REQUIRE(bytes[i] == uint8_t((i & 31) << 3));
    REQUIRE(halves[i] == ((i & 128) << 8 | (i & 127) << 7));
  }
  // Fewer elements than a pack.
  CHECK(apply<uint8_t>(std::vector<uint8_t>{33, 2}, "i8", "i8", "add.u32 $0, $1, 0x01010101;", "=r,r", 4) ==
        std::vector<uint8_t>{34, 3});
}

TEST_CASE("what has no meaning without a GPU is refused by name and place") {
  auto artefact = compileForCpu(mapKernel(
      4, "i32", "i32", assembly("shfl.sync.bfly.b32 $0, $1, 1, 31, -1;", "=r,r", 1, 4, "i32", "i32")));
  REQUIRE(!artefact);
  CHECK(artefact.error().kind == ErrorKind::Unsupported);
  CHECK(artefact.error().text().find("shfl.sync.bfly.b32 has no meaning on the CPU") != std::string::npos);
  CHECK(artefact.error().location);
  CHECK(!compileForCpu(
      mapKernel(4, "i32", "i32", assembly("add.u32 $0, $1, %laneid;", "=r,r", 1, 4, "i32", "i32"))));
}
