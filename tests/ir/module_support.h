// Shared by the tests of modules: a context, and bodies wrapped into a kernel.
#pragma once

#include "ir/dialect/Dialect.h"
#include "ir/module.h"

#include <doctest/doctest.h>
#include <string>

namespace tuned {

using Module = mlir::OwningOpRef<mlir::ModuleOp>;

/// A kernel whose body is `body`, one instruction a line; the body starts on line 3 of the text.
inline std::string kernelText(const std::string& arguments, const std::string& body) {
  return "module {\n  tt.func public @k(" + arguments + ") {\n" + body + "\n    tt.return\n  }\n}\n";
}

struct ModuleTest {
  std::unique_ptr<mlir::MLIRContext> context = makeContext();

  Module parse(const std::string& text) {
    auto module = parseModule(*context, text, "test.ttir");
    REQUIRE_MESSAGE(module.has_value(), (module ? std::string() : module.error().text() + "\n" + text));
    return std::move(*module);
  }
  Error refused(const std::string& text) {
    auto module = parseModule(*context, text, "test.ttir");
    REQUIRE_MESSAGE(!module.has_value(), "accepted: ", text);
    return module.error();
  }
  tt::FuncOp function(Module& module) { return *module->getOps<tt::FuncOp>().begin(); }

  /// The first operation of a kind.
  template <typename Op> Op find(Module& module) {
    Op found;
    module->walk([&](Op op) {
      if (!found) found = op;
    });
    REQUIRE(found);
    return found;
  }
  template <typename Op> int count(Module& module) {
    int number = 0;
    module->walk([&](Op) { ++number; });
    return number;
  }
};

} // namespace tuned
