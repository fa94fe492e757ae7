// Filling a template's holes for one configuration, and the way back from a place in the result.
#include "ir/kernel.h"

#include <algorithm>

namespace tuned {
namespace {

std::pair<unsigned, unsigned> positionAt(const std::string& text, size_t offset) {
  offset = std::min(offset, text.size());
  size_t lineStart = offset == 0 ? std::string::npos : text.rfind('\n', offset - 1);
  lineStart = lineStart == std::string::npos ? 0 : lineStart + 1;
  unsigned line = 1 + std::count(text.begin(), text.begin() + offset, '\n');
  return {line, static_cast<unsigned>(offset - lineStart) + 1};
}

size_t offsetOf(const std::string& text, unsigned line, unsigned column) {
  size_t at = 0;
  for (unsigned i = 1; i < line && at < text.size(); ++i) {
    size_t end = text.find('\n', at);
    if (end == std::string::npos) return text.size();
    at = end + 1;
  }
  return std::min(at + (column > 0 ? column - 1 : 0), text.size());
}

std::unexpected<Error> failAt(const Kernel& kernel, size_t offset, const Error& cause) {
  auto [line, column] = positionAt(kernel.source, offset);
  return fail(Error{cause.kind, cause.message, Location{kernel.sourceName, line, column}, cause.remedy});
}

/// The text that stands for a hole: a word of the document, or an integer expression.
Result<std::string> fill(const Kernel& kernel, const std::string& hole, const Bindings& bindings) {
  if (auto word = kernel.words.find(hole); word != kernel.words.end()) return word->second;
  auto expression = Expression::parse(hole);
  if (!expression) return fail(expression.error());
  auto value = expression->evaluate(bindings);
  if (!value) return fail(value.error());
  return std::to_string(*value);
}

Result<void> checkConfiguration(const Kernel& kernel, const Configuration& configuration) {
  for (const KernelParameter& parameter : kernel.parameters)
    if (!configuration.contains(parameter.name))
      return fail(ErrorKind::InvalidInput, "the configuration lacks parameter '" + parameter.name + "'");
  for (const auto& [name, value] : configuration) {
    bool known = std::ranges::any_of(kernel.parameters, [&](const auto& p) { return p.name == name; }) ||
                 std::ranges::find(kLaunchOptions, name) != kLaunchOptions.end();
    if (!known)
      return fail(ErrorKind::InvalidInput, "kernel '" + kernel.name + "' has no parameter '" + name + "'");
  }
  return {};
}

Result<void> fillHoles(const Kernel& kernel, const Bindings& bindings, Instance& instance) {
  const std::string& source = kernel.source;
  size_t at = 0;
  for (size_t open; (open = source.find("${", at)) != std::string::npos;) {
    size_t close = source.find_first_of("}\n", open);
    if (close == std::string::npos || source[close] == '\n')
      return failAt(kernel, open, Error{ErrorKind::InvalidInput, "`${` without `}` on the same line"});
    auto text = fill(kernel, source.substr(open + 2, close - open - 2), bindings);
    if (!text) return failAt(kernel, open, text.error());
    instance.source.append(source, at, open - at);
    instance.holes.push_back({instance.source.size(), text->size(), open, close + 1 - open});
    instance.source += *text;
    at = close + 1;
  }
  instance.source.append(source, at);
  return {};
}

Result<void> evaluateGrid(const Kernel& kernel, const Bindings& bindings, Instance& instance) {
  for (size_t axis = 0; axis < kernel.grid.size(); ++axis) {
    auto extent = kernel.grid[axis].evaluate(bindings);
    if (!extent) return fail(extent.error());
    if (*extent < 1)
      return fail(ErrorKind::InvalidInput, "grid `" + kernel.grid[axis].text() + "` is " +
                                               std::to_string(*extent) +
                                               "; every axis needs at least one program");
    instance.grid[axis] = *extent;
  }
  return {};
}

} // namespace

Result<Instance> instantiate(const Kernel& kernel, const Configuration& configuration, const Sizes& sizes) {
  if (auto ok = checkSizes(kernel, sizes); !ok) return fail(ok.error());
  if (auto ok = checkConfiguration(kernel, configuration); !ok) return fail(ok.error());
  Bindings bindings = bindingsOf(kernel, configuration, sizes);
  Instance instance;
  if (auto ok = fillHoles(kernel, bindings, instance); !ok) return fail(ok.error());
  if (auto ok = evaluateGrid(kernel, bindings, instance); !ok) return fail(ok.error());
  return instance;
}

std::pair<unsigned, unsigned> Instance::templatePosition(const std::string& templateText, unsigned line,
                                                         unsigned column) const {
  size_t offset = offsetOf(source, line, column);
  size_t inTemplate = offset;
  for (const Hole& hole : holes) {
    if (offset < hole.at) break;
    // A place inside a substituted piece is the place of its hole.
    inTemplate = offset < hole.at + hole.length
                     ? hole.templateAt
                     : hole.templateAt + hole.templateLength + (offset - hole.at - hole.length);
  }
  return positionAt(templateText, inTemplate);
}

} // namespace tuned
