#include "ir/frontends/cuda/variant.h"

namespace tuned {
namespace {

constexpr std::array<int64_t, 3> longestBlock = {1024, 1024, 64};
constexpr int64_t mostThreads = 1024;
constexpr int64_t mostShared =
    232448; // of a CTA, on the largest device there is (compute capability 9.0 and 10.0)

Result<void> setBlock(const Kernel& kernel, const Bindings& bindings, CudaVariant& variant) {
  int64_t threads = 1;
  for (size_t axis = 0; axis < kernel.cuda.block.size(); ++axis) {
    const Expression& expression = kernel.cuda.block[axis];
    auto extent = expression.evaluate(bindings);
    if (!extent) return fail(extent.error());
    std::string what = "block `" + expression.text() + "` is " + std::to_string(*extent);
    if (*extent < 1) return fail(ErrorKind::InvalidInput, what + "; every axis needs at least one thread");
    if (*extent > longestBlock[axis])
      return fail(ErrorKind::OutOfResources, what + "; a CTA has at most " +
                                                 std::to_string(longestBlock[axis]) + " threads along " +
                                                 "xyz"[axis]);
    variant.block[axis] = static_cast<int>(*extent);
    threads *= *extent;
  }
  if (threads > mostThreads)
    return fail(ErrorKind::OutOfResources, "a block of " + std::to_string(threads) +
                                               " threads; a CTA has at most " + std::to_string(mostThreads));
  return {};
}

Result<void> setShared(const Kernel& kernel, const Bindings& bindings, CudaVariant& variant) {
  if (!kernel.cuda.shared) return {};
  auto bytes = kernel.cuda.shared->evaluate(bindings);
  if (!bytes) return fail(bytes.error());
  std::string what = "shared `" + kernel.cuda.shared->text() + "` is " + std::to_string(*bytes) + " bytes";
  if (*bytes < 0) return fail(ErrorKind::InvalidInput, what);
  if (*bytes > mostShared)
    return fail(ErrorKind::OutOfResources, what + "; no device has more than " + std::to_string(mostShared));
  variant.sharedBytes = *bytes;
  return {};
}

} // namespace

Result<CudaVariant> cudaVariant(const Kernel& kernel, const Configuration& configuration,
                                const Sizes& sizes) {
  auto instance = instantiate(kernel, configuration, sizes);
  if (!instance) return fail(instance.error());
  CudaVariant variant;
  variant.source = std::move(instance->source);
  variant.sourceName = kernel.sourceName;
  variant.entry = kernel.entry;
  variant.headers = kernel.cuda.headers;
  variant.flags = kernel.cuda.flags;
  auto define = [&](const std::string& name, int64_t value) {
    std::string text = std::to_string(value);
    variant.macros[name] = value < 0 ? "(" + text + ")" : text;
  };
  for (const auto& [name, value] : kernel.constants)
    define(name, value);
  for (const auto& [name, value] : configuration)
    define(name, value);
  for (const std::string& name : kernel.cuda.sizeMacros)
    define(name, sizes.at(name));
  for (const auto& [name, word] : kernel.words)
    variant.macros[name] = word;
  Bindings bindings = bindingsOf(kernel, configuration, sizes);
  if (auto ok = setBlock(kernel, bindings, variant); !ok) return fail(ok.error());
  if (auto ok = setShared(kernel, bindings, variant); !ok) return fail(ok.error());
  for (const KernelArgument& argument : kernel.arguments) {
    bool pointer = argument.type.starts_with("*");
    variant.parameters.push_back(
        {argument.name, pointer ? 8 : elementBytes(argument.type).value_or(8), pointer});
  }
  return variant;
}

} // namespace tuned
