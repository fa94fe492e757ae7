// roundtrip DIR…: parses every kernel.ttir under DIR, prints it, parses the print, and compares the modules.
#include "ir/module.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mlir/IR/OperationSupport.h>
#include <mlir/IR/Verifier.h>
#include <sstream>

namespace {

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// Empty when the text survives; else what went wrong.
std::string tryRoundTrip(const std::string& text, const std::string& name) {
  auto context = tuned::makeContext();
  auto module = tuned::parseModule(*context, text, name);
  if (!module) return module.error().text();
  for (bool locations : {false, true}) {
    std::string printed = tuned::print(**module, locations);
    auto again = tuned::parseModule(*context, printed, name + " as printed");
    if (!again) return again.error().text();
    if (!mlir::OperationEquivalence::isEquivalentTo(module->get(), again->get(),
                                                    mlir::OperationEquivalence::IgnoreLocations))
      return name + ": another module when printed and read again";
  }
  return {};
}

} // namespace

int main(int argc, char** argv) {
  size_t passed = 0, failed = 0;
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i)
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i]))
      if (entry.path().filename() == "kernel.ttir") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  auto start = std::chrono::steady_clock::now();
  for (const auto& file : files) {
    std::string problem = tryRoundTrip(read(file), file.string());
    problem.empty() ? ++passed : ++failed;
    if (!problem.empty()) std::cout << problem << "\n";
  }
  std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  std::cout << passed << " passed, " << failed << " failed";
  if (!files.empty())
    std::cout << " (" << took.count() / double(files.size()) << " ms each, three parses and two prints)";
  std::cout << "\n";
  return failed == 0 && passed > 0 ? 0 : 1;
}
