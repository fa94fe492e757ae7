#include "tuner/measure/arguments.h"
#include "tuner/measure/element.h"

namespace tuned {

Result<ArgumentValue> scalarValue(const Kernel& kernel, const KernelArgument& argument, const Sizes& sizes) {
  ElementInfo info = elementInfo(argument.type);
  Scalar scalar{0, info.bytes};
  if (argument.floatValue) {
    writeElement(info.type, reinterpret_cast<std::byte*>(&scalar.bits), *argument.floatValue);
    return scalar;
  }
  if (argument.value) {
    auto value = argument.value->evaluate(bindingsOf(kernel, {}, sizes));
    if (!value) return fail(value.error());
    scalar.bits = static_cast<uint64_t>(*value);
  }
  if (scalar.bytes < 8) scalar.bits &= (uint64_t(1) << (8 * scalar.bytes)) - 1;
  return scalar;
}

} // namespace tuned
