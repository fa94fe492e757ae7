// A kernel document, a configuration and sizes to a verified module.
#include "ir/frontends/ttir/specialize.h"

#include "ir/dialect/Dialect.h"
#include "ir/kernel/grid.h"
#include "ir/text.h"

#include <llvm/ADT/StringRef.h>
#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/IR/Builders.h>
#include <mlir/IR/Verifier.h>

namespace tuned {

namespace {

/// Buffers are aligned to this many bytes, on every device and for every client.
constexpr int64_t kBufferAlignment = 16;

std::string typeName(mlir::Type type) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (auto pointer = mlir::dyn_cast<tt::PointerType>(type))
    stream << '*' << pointer.getPointeeType();
  else
    stream << type;
  return text;
}

Error errorAt(mlir::Location place, std::string message) {
  return Error{ErrorKind::InvalidInput, std::move(message), sourceLocation(place)};
}

/// The function named by the document, if its arguments are those of the document.
Result<tt::FuncOp> findEntry(mlir::ModuleOp module, const Kernel& kernel) {
  auto function = mlir::dyn_cast_or_null<tt::FuncOp>(mlir::SymbolTable::lookupSymbolIn(module, kernel.entry));
  if (!function || function.isExternal())
    return fail(ErrorKind::InvalidInput, "kernel '" + kernel.name + "': no tt.func @" + kernel.entry +
                                             " with a body in " + kernel.sourceName);
  if (function.getNumArguments() != kernel.arguments.size())
    return fail(errorAt(function.getLoc(), "@" + kernel.entry + " takes " +
                                               std::to_string(function.getNumArguments()) +
                                               " arguments, but the kernel's document lists " +
                                               std::to_string(kernel.arguments.size())));
  for (auto [value, argument] : llvm::zip_equal(function.getArguments(), kernel.arguments))
    if (typeName(value.getType()) != argument.type)
      return fail(errorAt(value.getLoc(), "argument '" + argument.name + "' of @" + kernel.entry + " is " +
                                              typeName(value.getType()) + " in the source, but " +
                                              argument.type + " in the kernel's document"));
  return function;
}

/// The attribute of an argument whose value the sizes fix; null when it stays open.
Result<mlir::TypedAttr> fixedValue(mlir::Type type, const KernelArgument& argument,
                                   const Bindings& bindings) {
  mlir::Builder builder(type.getContext());
  if (auto floating = mlir::dyn_cast<mlir::FloatType>(type); floating && argument.floatValue)
    return builder.getFloatAttr(floating, *argument.floatValue);
  if (!argument.value) return mlir::TypedAttr();
  auto value = argument.value->evaluate(bindings);
  if (!value) return fail(value.error());
  if (auto floating = mlir::dyn_cast<mlir::FloatType>(type))
    return builder.getFloatAttr(floating, double(*value));
  auto integer = mlir::dyn_cast<mlir::IntegerType>(type);
  if (!integer) return mlir::TypedAttr();
  unsigned width = integer.getWidth();
  if (width < 64 && !llvm::APInt(64, *value, true).isSignedIntN(width) &&
      !llvm::APInt(64, *value, true).isIntN(width))
    return fail(ErrorKind::InvalidInput, "argument '" + argument.name + "' is " + std::to_string(*value) +
                                             ", which does not fit " + argument.type);
  return builder.getIntegerAttr(integer, llvm::APInt(64, *value, true).trunc(width));
}

/// Arguments with a known value become constants, buffers say their alignment.
Result<void> fixArguments(tt::FuncOp function, const Kernel& kernel, const Bindings& bindings) {
  auto builder = mlir::OpBuilder::atBlockBegin(&function.getBody().front());
  for (auto [i, argument] : llvm::enumerate(kernel.arguments)) {
    mlir::BlockArgument value = function.getArgument(i);
    if (mlir::isa<tt::PointerType>(value.getType()) && !function.getArgAttr(i, "tt.divisibility"))
      function.setArgAttr(i, "tt.divisibility", builder.getI32IntegerAttr(kBufferAlignment));
    auto fixed = fixedValue(value.getType(), argument, bindings);
    if (!fixed) return fail(fixed.error());
    if (!*fixed) continue;
    value.replaceAllUsesWith(mlir::arith::ConstantOp::create(builder, value.getLoc(), *fixed));
  }
  return {};
}

/// A place in the filled source becomes the place in the template the user wrote.
Error inTemplate(Error error, const Kernel& kernel, const Instance& instance) {
  if (!error.location) return error;
  auto [line, column] =
      instance.templatePosition(kernel.source, error.location->line, error.location->column);
  error.location = Location{kernel.sourceName, line, column};
  return error;
}

} // namespace

Result<mlir::OwningOpRef<mlir::ModuleOp>> specialize(mlir::MLIRContext& context, const Kernel& kernel,
                                                     const Configuration& configuration, const Sizes& sizes) {
  auto instance = instantiate(kernel, configuration, sizes);
  if (!instance) return fail(instance.error());
  auto module = parseModule(context, instance->source, kernel.sourceName);
  if (!module) return fail(inTemplate(module.error(), kernel, *instance));
  auto entry = findEntry(**module, kernel);
  if (!entry) return fail(inTemplate(entry.error(), kernel, *instance));
  auto fixed = fixArguments(*entry, kernel, bindingsOf(kernel, configuration, sizes));
  if (!fixed) return fail(fixed.error());
  tt::setGrid(*entry, instance->grid);
  FirstError errors(context);
  if (mlir::failed(mlir::verify(**module)))
    return fail(inTemplate(errors.take("no reason"), kernel, *instance));
  return module;
}

} // namespace tuned
