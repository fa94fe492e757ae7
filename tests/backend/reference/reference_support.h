// Runs kernel IR on the evaluator, on vectors as buffers.
#pragma once

#include "backend/reference/reference.h"
#include "ir/module.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace tuned::test {

template <typename T> HostBytes bytesOf(std::vector<T>& values) {
  return {reinterpret_cast<uint64_t>(values.data()), values.size() * sizeof(T)};
}

/// Evaluates the only public function of `source` with the buffers as its arguments.
inline Result<WrittenBytes> evaluateOn(const std::string& source, std::vector<HostBytes> buffers,
                                       Grid grid = {1, 1, 1},
                                       std::vector<std::array<int64_t, 3>> programs = {{0, 0, 0}},
                                       const ReferenceLimits& limits = {}) {
  auto context = makeContext();
  auto module = parseModule(*context, source, "test.ttir");
  if (!module) return fail(module.error());
  std::vector<ArgumentValue> arguments;
  for (const HostBytes& buffer : buffers)
    arguments.emplace_back(buffer.address);
  return evaluate(**module, "", grid, arguments, programs, buffers, limits);
}

/// Stores f(x), for each x, of a body that takes %x: tensor<Nxfrom> and defines %y: tensor<Nxto>. N: a power
/// of two.
template <typename From, typename To>
std::vector<To> apply(std::vector<From> x, const std::string& from, const std::string& to,
                      const std::string& body) {
  size_t given = x.size(), n = 1;
  while (n < given)
    n *= 2;
  x.resize(n);
  std::vector<To> y(n);
  std::string count = std::to_string(n), in = "tensor<" + count + "x", pin = in + "!tt.ptr<" + from + ">>",
              pout = in + "!tt.ptr<" + to + ">>";
  std::string text = body;
  for (size_t at; (at = text.find("$N")) != std::string::npos;)
    text.replace(at, 2, count);
  auto ran =
      evaluateOn("tt.func public @f(%px: !tt.ptr<" + from + ">, %py: !tt.ptr<" + to + ">) {\n" +
                     "%i = tt.make_range {end = " + count + " : i32, start = 0 : i32} : " + in + "i32>\n" +
                     "%sx = tt.splat %px : !tt.ptr<" + from + "> -> " + pin +
                     "\n%ax = tt.addptr %sx, %i : " + pin + ", " + in + "i32>\n%x = tt.load %ax : " + pin +
                     "\n" + text + "\n%sy = tt.splat %py : " + "!tt.ptr<" + to + "> -> " + pout +
                     "\n%ay = tt.addptr %sy, %i : " + pout + ", " + in + "i32>\ntt.store %ay, %y : " + pout +
                     "\ntt.return }",
                 {bytesOf(x), bytesOf(y)});
  INFO((ran ? std::string() : ran.error().text()));
  REQUIRE(ran);
  y.resize(given);
  return y;
}

} // namespace tuned::test
