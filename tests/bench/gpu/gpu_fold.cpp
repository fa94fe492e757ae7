#include "gpu_fold.h"

#include "ir/entry.h"
#include "ir/module.h"
#include "ir/text.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/IR/Builders.h>
#include <optional>

namespace tuned::bench {
namespace {

/// A value for each of the IR's arguments; nothing for pointers and floats.
std::vector<std::optional<int64_t>> valuesOf(const PlanTask& task) {
  std::vector<std::optional<int64_t>> values;
  for (const PlanArgument& argument : task.arguments) {
    if (argument.hidden) continue;
    bool integer = argument.type.starts_with("i");
    values.push_back(integer ? std::optional(static_cast<int64_t>(argument.bits)) : std::nullopt);
    if (argument.block.empty()) continue;
    values.insert(values.end(), argument.shape.begin(), argument.shape.end());
    values.insert(values.end(), argument.strides.begin(), argument.strides.end());
  }
  return values;
}

} // namespace

Result<std::string> foldSizes(const std::string& ir, const std::string& path, const PlanTask& task) {
  auto context = makeContext();
  auto module = parseModule(*context, ir, path);
  if (!module) return fail(module.error());
  auto function = findEntry(**module, "");
  if (!function) return fail(function.error());
  std::vector<std::optional<int64_t>> values = valuesOf(task);
  if (values.size() != function->getNumArguments())
    return fail(ErrorKind::InvalidInput,
                path + ": the kernel takes " + std::to_string(function->getNumArguments()) +
                    " arguments, and the plan lists " + std::to_string(values.size()));
  mlir::OpBuilder builder = mlir::OpBuilder::atBlockBegin(&function->getBody().front());
  for (size_t i = 0; i < values.size(); ++i) {
    mlir::BlockArgument argument = function->getArgument(static_cast<unsigned>(i));
    auto type = mlir::dyn_cast<mlir::IntegerType>(argument.getType());
    if (!values[i] || !type) continue;
    auto constant = mlir::arith::ConstantOp::create(builder, function->getLoc(),
                                                    builder.getIntegerAttr(type, *values[i]));
    argument.replaceAllUsesWith(constant);
  }
  return print(**module);
}

} // namespace tuned::bench
