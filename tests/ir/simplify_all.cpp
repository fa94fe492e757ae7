// simplify DIR…: parses, simplifies and verifies every kernel.ttir under DIR; then no call and no branch is
// left.
#include "ir/dialect/Dialect.h"
#include "ir/module.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mlir/IR/Verifier.h>
#include <sstream>

namespace {

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::string trySimplify(const std::filesystem::path& file, double& milliseconds) {
  auto context = tuned::makeContext();
  auto module = tuned::parseModule(*context, read(file), file.string());
  if (!module) return module.error().text();
  auto start = std::chrono::steady_clock::now();
  auto simple = tuned::simplify(**module);
  milliseconds += std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  if (!simple) return simple.error().text();
  if (mlir::failed(mlir::verify(**module))) return file.string() + ": does not verify when simplified";
  std::string left;
  (**module).walk([&](mlir::Operation* op) {
    if (mlir::isa<tuned::tt::CallOp>(op) || op->getNumSuccessors() > 0)
      left = file.string() + ": unstructured";
  });
  return left;
}

} // namespace

int main(int argc, char** argv) {
  size_t passed = 0, failed = 0;
  double milliseconds = 0;
  for (int i = 1; i < argc; ++i)
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (entry.path().filename() != "kernel.ttir") continue;
      std::string problem = trySimplify(entry.path(), milliseconds);
      problem.empty() ? ++passed : ++failed;
      if (!problem.empty()) std::cout << problem << "\n";
    }
  std::cout << passed << " passed, " << failed << " failed ("
            << milliseconds / std::max<size_t>(1, passed + failed) << " ms each)\n";
  return failed == 0 && passed > 0 ? 0 : 1;
}
