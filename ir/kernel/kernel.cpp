// What can be asked of a kernel once it is read: sizes, buffers, constraints.
#include "ir/kernel/kernel.h"

#include "base/model/compiler_names.h"
#include "base/model/element.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

namespace tuned {
namespace {

constexpr int64_t kBytesLimit = int64_t(1) << 48; // no device has more; keeps sums far from overflow

Result<void> checkFits(const KernelArgument& argument, int64_t value) {
  auto bytes = elementBytes(argument.type);
  if (!bytes) return fail(bytes.error());
  if (*bytes >= 8) return {};
  int64_t limit = (int64_t(1) << (*bytes * 8 - 1)) - 1;
  if (value <= limit && value >= -limit - 1) return {};
  return fail(ErrorKind::InvalidInput, "argument '" + argument.name + "': " + std::to_string(value) +
                                           " does not fit its type " + argument.type);
}

} // namespace

// The same list, for rooms that know no kernels.
static_assert(kCompilerNames.size() == compilerNames.size() &&
              std::ranges::equal(
                  kCompilerNames, compilerNames, {}, [](const char* a) { return std::string_view(a); },
                  [](const char* b) { return std::string_view(b); }));

std::string valueText(const std::string& name, int64_t value) {
  return parameterValueText(name, value);
}

std::string toString(const Bindings& bindings) {
  std::string out;
  for (const auto& [name, value] : bindings)
    out += (out.empty() ? "" : " ") + name + "=" + valueText(name, value);
  return out;
}

Kernel onTarget(Kernel kernel, const std::string& target, const std::vector<std::string>& compilers) {
  const auto there = [&](const Configuration& configuration) {
    auto compiler = configuration.find("compiler");
    if (compiler == configuration.end()) return true;
    const auto number = static_cast<size_t>(compiler->second);
    return number < kCompilerNames.size() &&
           std::ranges::find(compilers, kCompilerNames[number]) != compilers.end();
  };
  auto own = kernel.targetDefaults.find(target.starts_with("cpu:") ? "cpu" : target);
  if (own != kernel.targetDefaults.end() && there(own->second)) kernel.defaults = own->second;
  kernel.targetDefaults.clear();
  if (kernel.judge && !kernel.judge->targetDefaults.empty())
    kernel.judge = std::make_shared<const Kernel>(onTarget(*kernel.judge, "cpu", {}));
  return kernel;
}

Result<int> elementBytes(const std::string& type) {
  if (const int bytes = bytesOfElement(type)) return bytes;
  return fail(ErrorKind::InvalidInput, "unknown argument type '" + type + "'",
              "known are i1 i8 i16 i32 i64 f16 bf16 f32 f64 f8E4M3FN f8E5M2, and pointers such as *f32");
}

Result<int64_t> elementCount(const Kernel& kernel, const KernelArgument& argument, const Sizes& sizes) {
  auto bytes = elementBytes(argument.type);
  if (!bytes) return fail(bytes.error());
  Bindings bindings = bindingsOf(kernel, {}, sizes);
  int64_t count = 1;
  for (const Expression& dimension : argument.shape) {
    auto extent = dimension.evaluate(bindings);
    if (!extent) return fail(extent.error());
    if (*extent < 1)
      return fail(ErrorKind::InvalidInput, "argument '" + argument.name + "': dimension `" +
                                               dimension.text() + "` is " + std::to_string(*extent));
    if (__builtin_mul_overflow(count, *extent, &count) || count > kBytesLimit / *bytes)
      return fail(ErrorKind::InvalidInput,
                  "argument '" + argument.name + "': its buffer is beyond any device's memory (2^48 bytes)",
                  "ask for smaller sizes");
  }
  return count;
}

Result<int64_t> totalBytes(const Kernel& kernel, const Sizes& sizes) {
  int64_t total = 0;
  for (const KernelArgument& argument : kernel.arguments) {
    if (!argument.type.starts_with("*")) continue;
    auto count = elementCount(kernel, argument, sizes);
    if (!count) return count;
    total += *count * *elementBytes(argument.type);
  }
  return total;
}

Bindings bindingsOf(const Kernel& kernel, const Configuration& configuration, const Sizes& sizes) {
  Bindings all = kernel.constants;
  all.insert(sizes.begin(), sizes.end());
  all.insert(configuration.begin(), configuration.end());
  return all;
}

Result<void> checkSizes(const Kernel& kernel, const Sizes& sizes) {
  // A misspelt name first: it is why another one is missing.
  for (const auto& [name, value] : sizes)
    if (std::ranges::find(kernel.sizes, name) == kernel.sizes.end())
      return fail(ErrorKind::InvalidInput, "kernel '" + kernel.name + "' has no size '" + name + "'");
  for (const std::string& name : kernel.sizes) {
    auto found = sizes.find(name);
    if (found == sizes.end())
      return fail(ErrorKind::InvalidInput, "size '" + name + "' of kernel '" + kernel.name + "' is missing");
    if (found->second < 1)
      return fail(ErrorKind::InvalidInput,
                  "size '" + name + "' is " + std::to_string(found->second) + "; sizes start at 1");
  }
  Bindings bindings = bindingsOf(kernel, {}, sizes);
  for (const KernelArgument& argument : kernel.arguments) {
    if (!argument.value) continue;
    auto value = argument.value->evaluate(bindings);
    if (!value) return fail(value.error());
    if (auto fits = checkFits(argument, *value); !fits) return fits;
  }
  auto total = totalBytes(kernel, sizes);
  if (!total) return fail(total.error());
  return {};
}

Result<bool> satisfiesConstraints(const Kernel& kernel, const Configuration& configuration,
                                  const Sizes& sizes) {
  Bindings bindings = bindingsOf(kernel, configuration, sizes);
  for (const Expression& constraint : kernel.constraints) {
    auto holds = constraint.evaluate(bindings);
    if (!holds) return fail(holds.error());
    if (!*holds) return false;
  }
  return true;
}

} // namespace tuned
