// Dots of bf16: by the matrix unit, by sums of pairs or by multiply-adds, as the processor has them.
#include "tests/backend/cpu/cpu_support.h"

#include <bit>
#include <cstring>
#include <doctest/doctest.h>

using namespace tuned;
using namespace tuned::test;

namespace {

struct Shape {
  int m, n, k;
};

/// Pointers to a row-major tile, named after the argument.
std::string pointers(const std::string& name, const std::string& element, int rows, int columns) {
  std::string r = std::to_string(rows), c = std::to_string(columns), tile = "tensor<" + r + "x" + c + "x";
  auto line = [&](std::string text) {
    for (size_t at; (at = text.find('@')) != std::string::npos;)
      text.replace(at, 1, name);
    return text + "\n";
  };
  return line("%@_r = tt.make_range {end = " + r + " : i32, start = 0 : i32} : tensor<" + r + "xi32>") +
         line("%@_c = tt.make_range {end = " + c + " : i32, start = 0 : i32} : tensor<" + c + "xi32>") +
         line("%@_i = tt.expand_dims %@_r {axis = 1 : i32} : tensor<" + r + "xi32> -> tensor<" + r +
              "x1xi32>") +
         line("%@_j = tt.expand_dims %@_c {axis = 0 : i32} : tensor<" + c + "xi32> -> tensor<1x" + c +
              "xi32>") +
         line("%@_w = arith.constant dense<" + c + "> : tensor<" + r + "x1xi32>") +
         line("%@_s = arith.muli %@_i, %@_w : tensor<" + r + "x1xi32>") +
         line("%@_a = tt.broadcast %@_s : tensor<" + r + "x1xi32> -> " + tile + "i32>") +
         line("%@_b = tt.broadcast %@_j : tensor<1x" + c + "xi32> -> " + tile + "i32>") +
         line("%@_o = arith.addi %@_a, %@_b : " + tile + "i32>") +
         line("%@_q = tt.splat %@ : !tt.ptr<" + element + "> -> " + tile + "!tt.ptr<" + element + ">>") +
         line("%@_p = tt.addptr %@_q, %@_o : " + tile + "!tt.ptr<" + element + ">>, " + tile + "i32>");
}

/// c += a b.
std::string kernel(const Shape& shape) {
  auto [m, n, k] = shape;
  auto tile = [](int rows, int columns, const std::string& element) {
    return "tensor<" + std::to_string(rows) + "x" + std::to_string(columns) + "x" + element + ">";
  };
  std::string a = tile(m, k, "bf16"), b = tile(k, n, "bf16"), c = tile(m, n, "f32");
  return "tt.func public @k(%a: !tt.ptr<bf16>, %b: !tt.ptr<bf16>, %c: !tt.ptr<f32>) {\n" +
         pointers("a", "bf16", m, k) + pointers("b", "bf16", k, n) + pointers("c", "f32", m, n) +
         "%x = tt.load %a_p : " + tile(m, k, "!tt.ptr<bf16>") +
         "\n%y = tt.load %b_p : " + tile(k, n, "!tt.ptr<bf16>") +
         "\n%z = tt.load %c_p : " + tile(m, n, "!tt.ptr<f32>") + "\n%d = tt.dot %x, %y, %z : " + a + " * " +
         b + " -> " + c + "\ntt.store %c_p, %d : " + tile(m, n, "!tt.ptr<f32>") + "\ntt.return\n}";
}

/// Small whole numbers, so that every order of the sums gives the same.
int number(int seed, int i) {
  return int((uint32_t(i) * 2654435761u + uint32_t(seed) * 40503u) >> 20) % 17 - 8;
}

uint16_t bf16(int value) {
  return uint16_t(std::bit_cast<uint32_t>(float(value)) >> 16);
}

} // namespace

TEST_CASE("dots of bf16 of all shapes are exact where every sum is") {
  for (Shape shape : {Shape{1, 16, 2},
                      {16, 16, 16},
                      {16, 16, 32},
                      {32, 32, 32},
                      {16, 32, 64},
                      {64, 16, 32},
                      {32, 64, 128},
                      {8, 32, 64},
                      {128, 64, 32},
                      {64, 128, 64},
                      {32, 16, 256}}) {
    auto [m, n, k] = shape;
    CAPTURE(m);
    CAPTURE(n);
    CAPTURE(k);
    std::vector<uint16_t> a(size_t(m * k)), b(size_t(k * n));
    std::vector<float> c(size_t(m * n)), want(c.size());
    for (size_t i = 0; i < a.size(); ++i)
      a[i] = bf16(number(1, int(i)));
    for (size_t i = 0; i < b.size(); ++i)
      b[i] = bf16(number(2, int(i)));
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < n; ++j) {
        int sum = number(3, i * n + j);
        c[size_t(i * n + j)] = float(sum);
        for (int l = 0; l < k; ++l)
          sum += number(1, i * k + l) * number(2, l * n + j);
        want[size_t(i * n + j)] = float(sum);
      }
    auto ran = runOnCpu(kernel(shape), {1, 1, 1}, {pointerTo(a), pointerTo(b), pointerTo(c)});
    REQUIRE_MESSAGE(ran.has_value(), ran.error().text());
    CHECK(c == want);
  }
}
