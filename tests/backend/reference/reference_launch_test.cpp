// Launches on the evaluator: bounds, deadlines, samples of programs, the device.
#include "tests/backend/reference/reference_support.h"

#include <cstring>

using namespace tuned;
using tuned::test::bytesOf;
using tuned::test::evaluateOn;

namespace {

/// Program p stores 100 + p at element p.
const char* kStoreOwnId = R"(tt.func public @own(%out: !tt.ptr<i32>) {
  %p = tt.get_program_id x : i32
  %c = arith.constant 100 : i32
  %v = arith.addi %p, %c : i32
  %a = tt.addptr %out, %p : !tt.ptr<i32>, i32
  tt.store %a, %v : !tt.ptr<i32>
  tt.return
})";

} // namespace

TEST_CASE("a sample of programs writes its own bytes and says which") {
  std::vector<int32_t> out(8, -1);
  auto written = evaluateOn(kStoreOwnId, {bytesOf(out)}, {8, 1, 1}, {{2, 0, 0}, {3, 0, 0}, {6, 0, 0}});
  REQUIRE(written);
  CHECK(out == std::vector<int32_t>{-1, -1, 102, 103, -1, -1, 106, -1});
  REQUIRE(written->ranges.size() == 2);
  CHECK(written->ranges[0].address == bytesOf(out).address + 8);
  CHECK(written->ranges[0].bytes == 8);
  CHECK(written->ranges[1].address == bytesOf(out).address + 24);
}

TEST_CASE("an access out of bounds blames the op and the argument") {
  std::vector<int32_t> out(4);
  auto ran = evaluateOn(kStoreOwnId, {bytesOf(out)}, {5, 1, 1}, {{4, 0, 0}});
  REQUIRE(!ran);
  CHECK(ran.error().kind == ErrorKind::Faulted);
  CHECK(ran.error().message.find("write of 4 bytes") != std::string::npos);
  CHECK(ran.error().message.find("argument 0") != std::string::npos);
  REQUIRE(ran.error().location);
  CHECK(ran.error().location->line == 6);
}

TEST_CASE("a kernel that loops for ever ends at the deadline") {
  std::vector<int32_t> x(1);
  auto ran = evaluateOn(R"(tt.func public @f(%p: !tt.ptr<i32>) {
    %true = arith.constant true
    scf.while : () -> () { scf.condition(%true) } do { scf.yield }
    tt.return })",
                        {bytesOf(x)}, {1, 1, 1}, {{0, 0, 0}}, ReferenceLimits{0.05});
  REQUIRE(!ran);
  CHECK(ran.error().kind == ErrorKind::TimedOut);
}

TEST_CASE("a failing assertion faults with its message") {
  std::vector<int32_t> x(1);
  auto ran = evaluateOn(R"(tt.func public @f(%p: !tt.ptr<i32>) {
    %x = tt.load %p : !tt.ptr<i32>
    %c1 = arith.constant 1 : i32
    %c = arith.cmpi eq, %x, %c1 : i32
    tt.assert %c, "x is one" : i1
    tt.return })",
                        {bytesOf(x)});
  REQUIRE(!ran);
  CHECK(ran.error().kind == ErrorKind::Faulted);
  CHECK(ran.error().message.find("x is one") != std::string::npos);
}

TEST_CASE("descriptors read padding outside their shape and drop writes there") {
  std::vector<float> in = {1, 2, 3, 4, 5, 6}, out(6, -1);
  auto context = makeContext();
  auto module =
      parseModule(*context, R"(tt.func public @f(%d: !tt.tensordesc<tensor<2x4xf32>>, %m: i32, %n: i32,
      %sm: i64, %sn: i64, %q: !tt.ptr<f32>) {
    %c1 = arith.constant 1 : i32
    %c1_64 = arith.constant 1 : i64
    %t = tt.descriptor_load %d[%c1, %c1] : !tt.tensordesc<tensor<2x4xf32>> -> tensor<2x4xf32>
    %o = tt.make_tensor_descriptor %q, [%m, %n], [%sm, %c1_64] : <f32>, <tensor<2x4xf32>>
    %c0 = arith.constant 0 : i32
    tt.descriptor_store %o[%c0, %c0], %t : !tt.tensordesc<tensor<2x4xf32>>, tensor<2x4xf32>
    tt.return })",
                  "test.ttir");
  REQUIRE(module);
  TensorDescriptor descriptor{bytesOf(in).address, 4, "f32", {2, 3}, {3, 1}, {2, 4}, false};
  std::vector<ArgumentValue> arguments = {descriptor, bytesOf(out).address};
  std::vector<std::array<int64_t, 3>> programs = {{0, 0, 0}};
  std::vector<HostBytes> memory = {bytesOf(in), bytesOf(out)};
  auto ran = evaluate(**module, "", {1, 1, 1}, arguments, programs, memory);
  INFO((ran ? std::string() : ran.error().text()));
  REQUIRE(ran);
  CHECK(out == std::vector<float>{5, 6, 0, 0, 0, 0});
}

TEST_CASE("the device compiles, loads, launches, and checks its arguments") {
  auto context = makeContext();
  auto module = parseModule(*context, kStoreOwnId, "own.ttir");
  REQUIRE(module);
  auto artefact = makeReferenceCompiler()->compile(**module, "own", {});
  REQUIRE(artefact);
  CHECK(artefact->format == "ttir");
  CHECK(artefact->launch.symbol == "own");
  auto device = openReferenceDevice();
  auto kernel = device->load(*artefact);
  REQUIRE(kernel);
  auto buffer = device->allocate(16);
  REQUIRE(buffer);
  CHECK((*buffer)->address() % 256 == 0);
  std::vector<ArgumentValue> arguments = {(*buffer)->address()};
  CHECK(!device->launch(**kernel, {0, 1, 1}, arguments));
  CHECK(!device->launch(**kernel, {4, 1, 1}, {}));
  CHECK(device->launch(**kernel, {5, 1, 1}, arguments).error().kind == ErrorKind::Faulted);
  REQUIRE(device->launch(**kernel, {4, 1, 1}, arguments));
  int32_t values[4];
  REQUIRE(device->download(**buffer, 0, std::as_writable_bytes(std::span(values))));
  CHECK(values[3] == 103);
  CHECK(!device->download(**buffer, 8, std::as_writable_bytes(std::span(values))));
}
