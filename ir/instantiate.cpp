// Filling a template's holes for one configuration, and the way back from a place in the result.
#include "ir/kernel/kernel.h"

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

/// Walks the template once, from hole to hole, and keeps what the conditions around a place allow.
class Filler {
public:
  Filler(const Kernel& kernel, const Bindings& bindings, Instance& instance)
      : kernel_(kernel), source_(kernel.source), bindings_(bindings), instance_(instance) {}

  Result<void> run() {
    for (size_t open; (open = source_.find("${", at_)) != std::string::npos;) {
      size_t close = source_.find_first_of("}\n", open);
      if (close == std::string::npos || source_[close] == '\n')
        return failAt(kernel_, open, Error{ErrorKind::InvalidInput, "`${` without `}` on the same line"});
      if (auto ok = hole(open, close + 1, source_.substr(open + 2, close - open - 2)); !ok)
        return failAt(kernel_, open, ok.error());
    }
    if (!conditions_.empty())
      return failAt(kernel_, conditions_.back().at,
                    Error{ErrorKind::InvalidInput, "`${if …}` without `${end}`"});
    keepUpTo(source_.size());
    return {};
  }

private:
  struct Condition {
    size_t at;         ///< of its `${if`
    bool outer, taken; ///< whether text around it counts; whether its own text does
    bool hasElse = false;
  };

  Result<void> hole(size_t open, size_t past, const std::string& text) {
    if (text.starts_with("if ") || text == "else" || text == "end") {
      auto [first, last] = wholeLine(open, past);
      keepUpTo(first);
      at_ = first;
      auto ok = directive(open, text);
      dropUpTo(last);
      return ok;
    }
    keepUpTo(open);
    if (live()) {
      auto filled = fill(kernel_, text, bindings_);
      if (!filled) return fail(filled.error());
      instance_.holes.push_back({instance_.source.size(), filled->size(), open, past - open});
      instance_.source += *filled;
    }
    at_ = past;
    return {};
  }

  Result<void> directive(size_t open, const std::string& text) {
    if (text.starts_with("if ")) {
      int64_t value = 0;
      if (live()) {
        auto condition = Expression::parse(text.substr(3));
        if (!condition) return fail(condition.error());
        auto evaluated = condition->evaluate(bindings_);
        if (!evaluated) return fail(evaluated.error());
        value = *evaluated;
      }
      conditions_.push_back({open, live(), value != 0});
      return {};
    }
    if (conditions_.empty()) return fail(ErrorKind::InvalidInput, "`${" + text + "}` without `${if …}`");
    if (text == "end") {
      conditions_.pop_back();
      return {};
    }
    if (conditions_.back().hasElse) return fail(ErrorKind::InvalidInput, "a second `${else}`");
    conditions_.back().hasElse = true;
    conditions_.back().taken = !conditions_.back().taken;
    return {};
  }

  bool live() const { return conditions_.empty() || (conditions_.back().outer && conditions_.back().taken); }

  /// A directive alone on its line takes the line with it.
  std::pair<size_t, size_t> wholeLine(size_t open, size_t past) const {
    size_t first = open;
    while (first > at_ && (source_[first - 1] == ' ' || source_[first - 1] == '\t'))
      --first;
    bool alone =
        (first == 0 || source_[first - 1] == '\n') && (past == source_.size() || source_[past] == '\n');
    return alone ? std::pair{first, std::min(past + 1, source_.size())} : std::pair{open, past};
  }

  void keepUpTo(size_t to) {
    if (!live()) return dropUpTo(to);
    instance_.source.append(source_, at_, to - at_);
    at_ = to;
  }
  void dropUpTo(size_t to) {
    if (to > at_) instance_.holes.push_back({instance_.source.size(), 0, at_, to - at_});
    at_ = to;
  }

  const Kernel& kernel_;
  const std::string& source_;
  const Bindings& bindings_;
  Instance& instance_;
  std::vector<Condition> conditions_;
  size_t at_ = 0;
};

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
  if (kernel.language == "cuda")
    instance.source = kernel.source;
  else if (auto ok = Filler(kernel, bindings, instance).run(); !ok)
    return fail(ok.error());
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
