// What the assembler makes of a product, as NVIDIA's disassembler names it: tensor cores and the copy engine
// of each generation, from one source. Needs tileiras and nvdisasm, no GPU.
#include "backend/tileir/tileir.h"
#include "backend/toolchain/toolchain.h"
#include "ir/module.h"
#include "tests/backend/occurrences.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace {

using namespace tuned;
using test::count;

/// c[128, 128] = a[128, 256] · b[256, 128] of f16 by one program.
constexpr const char* product =
    R"(tt.func public @product(%a: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %b: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %c: !tt.ptr<f16> {tt.divisibility = 16 : i32}) {
  %zero = arith.constant 0 : i32
  %rows = arith.constant 128 : i32
  %depth = arith.constant 256 : i32
  %step = arith.constant 64 : i32
  %wide = arith.constant 256 : i64
  %narrow = arith.constant 128 : i64
  %one = arith.constant 1 : i64
  %none = arith.constant dense<0.0> : tensor<128x128xf32>
  %da = tt.make_tensor_descriptor %a, [%rows, %depth], [%wide, %one] : !tt.ptr<f16>, !tt.tensordesc<tensor<128x64xf16>>
  %db = tt.make_tensor_descriptor %b, [%depth, %rows], [%narrow, %one] : !tt.ptr<f16>, !tt.tensordesc<tensor<64x128xf16>>
  %dc = tt.make_tensor_descriptor %c, [%rows, %rows], [%narrow, %one] : !tt.ptr<f16>, !tt.tensordesc<tensor<128x128xf16>>
  %sum = scf.for %k = %zero to %depth step %step iter_args(%s = %none) -> (tensor<128x128xf32>) : i32 {
    %x = tt.descriptor_load %da[%zero, %k] : !tt.tensordesc<tensor<128x64xf16>> -> tensor<128x64xf16>
    %y = tt.descriptor_load %db[%k, %zero] : !tt.tensordesc<tensor<64x128xf16>> -> tensor<64x128xf16>
    %d = tt.dot %x, %y, %s : tensor<128x64xf16> * tensor<64x128xf16> -> tensor<128x128xf32>
    scf.yield %d : tensor<128x128xf32>
  }
  %r = arith.truncf %sum : tensor<128x128xf32> to tensor<128x128xf16>
  tt.descriptor_store %dc[%zero, %zero], %r : !tt.tensordesc<tensor<128x128xf16>>, tensor<128x128xf16>
  tt.return
})";

/// As tutorial 08 has it: c[64, 64] = a b, where the addresses and rows of a and b are loaded, and
/// tl.multiple_of says that rows begin at multiples of 16 bytes.
constexpr const char* addressed =
    R"(tt.func public @addressed(%bases: !tt.ptr<i64>, %lengths: !tt.ptr<i32>, %c: !tt.ptr<f32>, %blocks: i32) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %width = arith.constant dense<64> : tensor<64x64xi32>
  %none = arith.constant dense<0.0> : tensor<64x64xf32>
  %first = tt.load %bases : !tt.ptr<i64>
  %next = tt.addptr %bases, %one : !tt.ptr<i64>, i32
  %second = tt.load %next : !tt.ptr<i64>
  %length = tt.load %lengths : !tt.ptr<i32>
  %a = tt.int_to_ptr %first : i64 -> !tt.ptr<f16>
  %b = tt.int_to_ptr %second : i64 -> !tt.ptr<f16>
  %range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %rows = tt.expand_dims %range {axis = 1 : i32} : tensor<64xi32> -> tensor<64x1xi32>
  %columns = tt.expand_dims %range {axis = 0 : i32} : tensor<64xi32> -> tensor<1x64xi32>
  %wide = tt.splat %length : i32 -> tensor<64x1xi32>
  %starts = arith.muli %rows, %wide : tensor<64x1xi32>
  %down = tt.broadcast %starts : tensor<64x1xi32> -> tensor<64x64xi32>
  %across = tt.broadcast %columns : tensor<1x64xi32> -> tensor<64x64xi32>
  %offsets = arith.addi %down, %across : tensor<64x64xi32>
  %as = tt.splat %a : !tt.ptr<f16> -> tensor<64x64x!tt.ptr<f16>>
  %ap = tt.addptr %as, %offsets {tt.divisibility = dense<16> : tensor<2xi32>} : tensor<64x64x!tt.ptr<f16>>, tensor<64x64xi32>
  %bs = tt.splat %b : !tt.ptr<f16> -> tensor<64x64x!tt.ptr<f16>>
  %bp = tt.addptr %bs, %offsets {tt.divisibility = dense<16> : tensor<2xi32>} : tensor<64x64x!tt.ptr<f16>>, tensor<64x64xi32>
  %sum:2 = scf.for %k = %zero to %blocks step %one iter_args(%s = %none, %p = %ap) -> (tensor<64x64xf32>, tensor<64x64x!tt.ptr<f16>>) : i32 {
    %x = tt.load %p : tensor<64x64x!tt.ptr<f16>>
    %y = tt.load %bp : tensor<64x64x!tt.ptr<f16>>
    %d = tt.dot %x, %y, %s : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    %q = tt.addptr %p, %width : tensor<64x64x!tt.ptr<f16>>, tensor<64x64xi32>
    scf.yield %d, %q : tensor<64x64xf32>, tensor<64x64x!tt.ptr<f16>>
  }
  %cs = tt.splat %c : !tt.ptr<f32> -> tensor<64x64x!tt.ptr<f32>>
  %cp = tt.addptr %cs, %offsets : tensor<64x64x!tt.ptr<f32>>, tensor<64x64xi32>
  tt.store %cp, %sum#0 : tensor<64x64x!tt.ptr<f32>>
  tt.return
})";

/// The machine code as text.
std::string instructions(const std::string& target, const char* kernel = product) {
  auto context = makeContext();
  auto module = parseModule(*context, kernel, "product.ttir");
  REQUIRE_MESSAGE(module.has_value(), module.error().text());
  CompileOptions options{.target = target, .grid = std::array<int64_t, 3>{1, 1, 1}};
  auto artefact = tileir::makeCompiler()->compile(**module, "", options);
  REQUIRE_MESSAGE(artefact.has_value(), artefact.error().text());
  auto file = std::filesystem::temp_directory_path() / ("tileir_sass_" + std::to_string(getpid()) + ".cubin");
  std::ofstream(file, std::ios::binary) << artefact->bytes;
  auto text = toolchain::outputOf(toolchain::findProgram("nvdisasm"), {file.string()}, 60);
  std::filesystem::remove(file);
  REQUIRE_MESSAGE(text.has_value(), text.error().text());
  return *text;
}

bool toolsAreHere() {
  return tileir::isPresent() && !toolchain::findProgram("nvdisasm").empty();
}

} // namespace

TEST_CASE("Hopper: products of warp groups and the copy engine both ways") {
  if (!toolsAreHere()) return;
  std::string text = instructions("sm_90a");
  CHECK(count(text, "HGMMA") > 0);
  CHECK(count(text, "UTMALDG") > 0);
  CHECK(count(text, "UTMASTG") > 0);
  CHECK(count(text, "HMMA.16816") == 0);
}

TEST_CASE("Hopper: rows at addresses that are loaded are copied sixteen bytes at a time where the kernel "
          "promises it") {
  if (!toolsAreHere()) return;
  std::string text = instructions("sm_90a", addressed);
  CHECK(count(text, "HGMMA") > 0);
  CHECK(count(text, "LDGSTS.E.BYPASS.128") > 0);
  CHECK(count(text, "LDG.E.U16") == 0);
}

TEST_CASE("Blackwell: the fifth generation of tensor cores, with tensor memory") {
  if (!toolsAreHere()) return;
  for (const char* target : {"sm_100a", "sm_103a"}) {
    CAPTURE(target);
    std::string text = instructions(target);
    CHECK(count(text, "UTCHMMA") > 0);
    CHECK(count(text, "LDTM") > 0); // results come out of tensor memory
    CHECK(count(text, "UTMALDG") > 0);
  }
}

TEST_CASE("Ampere, Ada and consumer Blackwell: products of warps") {
  if (!toolsAreHere()) return;
  for (const char* target : {"sm_80", "sm_86", "sm_89", "sm_120a"}) {
    CAPTURE(target);
    std::string text = instructions(target);
    CHECK(count(text, "HMMA.16816") > 0);
    bool copies = count(text, "UTMALDG") > 0;
    CHECK(copies == std::string(target).starts_with("sm_120"));
  }
}
