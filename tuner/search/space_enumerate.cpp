// From a kernel's document to the space of one device: less what its compilers do not read, once for each of
// them.
#include "tuner/search/compilers.h"
#include "tuner/search/space.h"
#include "tuner/search/space_walk.h"

#include <algorithm>
#include <numeric>

namespace tuned {
namespace {

/// Product of the numbers of values, at most 2^62; ignored parameters count once.
int64_t productOf(const std::vector<KernelParameter>& parameters, const std::set<std::string>& ignored) {
  constexpr int64_t most = int64_t(1) << 62;
  int64_t product = 1;
  for (const KernelParameter& parameter : parameters) {
    if (ignored.contains(parameter.name)) continue;
    const auto count = static_cast<int64_t>(parameter.values.size());
    if (product > most / count) return most;
    product *= count;
  }
  return product;
}

std::unexpected<Error> emptySpace(const Kernel& kernel, const Sizes& sizes) {
  std::string text;
  for (const Expression& constraint : kernel.constraints)
    text += (text.empty() ? "`" : ", `") + constraint.text() + "`";
  return fail(ErrorKind::InvalidInput,
              "kernel '" + kernel.name + "' has no configuration for sizes " + toString(sizes) +
                  " that satisfies its constraints: " + text,
              "widen the parameters or relax the constraints");
}

/// The rows that a walk found, and which of them stand for others.
class Listing {
public:
  Listing(const Kernel& kernel, SpaceWalk::Found found) : kernel_(kernel), found_(std::move(found)) {}

  Space::Row row(size_t at) const {
    return {found_.cells.data() + at * kernel_.parameters.size(), kernel_.parameters.size()};
  }

  /// A row, and the place where it stands in the list.
  struct Standing {
    uint32_t place, row;
    auto operator<=>(const Standing&) const = default;
  };
  /// Rows for one compiler, in the list's order: of those that differ in what it ignores only, the one that
  /// agrees most with the default stands, and of several such the first; in the place of the first.
  std::vector<Standing> rowsFor(const CompilerChoice& choice, const std::set<std::string>& ignored,
                                std::optional<size_t> compiler) const {
    std::vector<Standing> rows;
    for (uint32_t at = 0; at < found_.count; ++at)
      if (!compiler || !choice.value ||
          kernel_.parameters[*compiler].values[row(at)[*compiler]] == *choice.value)
        rows.push_back({at, at});
    std::vector<size_t> read, unread;
    for (size_t i = 0; i < kernel_.parameters.size(); ++i)
      (ignored.contains(kernel_.parameters[i].name) ? unread : read).push_back(i);
    if (unread.empty()) return rows;
    auto byWhatCounts = [&](const Standing& a, const Standing& b) {
      for (size_t i : read)
        if (row(a.row)[i] != row(b.row)[i]) return row(a.row)[i] < row(b.row)[i];
      return false;
    };
    std::ranges::stable_sort(rows, byWhatCounts);
    std::vector<Standing> kept; // one a group
    for (size_t at = 0; at < rows.size(); ++at) {
      if (at == 0 || byWhatCounts(rows[at - 1], rows[at]))
        kept.push_back(rows[at]);
      else if (agreement(rows[at].row, unread) > agreement(kept.back().row, unread))
        kept.back().row = rows[at].row;
    }
    std::ranges::sort(kept);
    return kept;
  }

private:
  int agreement(uint32_t at, const std::vector<size_t>& unread) const {
    int same = 0;
    for (size_t i : unread) {
      auto standard = kernel_.defaults.find(kernel_.parameters[i].name);
      same +=
          standard != kernel_.defaults.end() && standard->second == kernel_.parameters[i].values[row(at)[i]];
    }
    return same;
  }

  const Kernel& kernel_;
  SpaceWalk::Found found_;
};

} // namespace

Result<Space> Space::enumerate(const Kernel& kernel, const Sizes& sizes, const std::set<std::string>& ignored,
                               const std::vector<std::string>& compilers) {
  if (auto ok = checkSizes(kernel, sizes); !ok) return fail(ok.error());
  auto walked = SpaceWalk(kernel, sizes).run();
  if (!walked) return fail(walked.error());
  if (walked->count == 0) return emptySpace(kernel, sizes);
  const bool sampled = walked->sampled;
  const Listing listing(kernel, std::move(*walked));

  auto named = std::ranges::find(kernel.parameters, "compiler", &KernelParameter::name);
  std::optional<size_t> compiler;
  if (named != kernel.parameters.end()) compiler = static_cast<size_t>(named - kernel.parameters.begin());
  const std::vector<CompilerChoice> choices = compilerChoices(kernel, compilers);
  struct Placed {
    uint32_t place, row;
    Index choice;
  };
  std::vector<Placed> all;
  for (size_t i = 0; i < choices.size(); ++i) {
    std::set<std::string> unread = ignored;
    unread.insert(choices[i].ignored.begin(), choices[i].ignored.end());
    for (const auto& [place, row] : listing.rowsFor(choices[i], unread, compiler))
      all.push_back({place, row, static_cast<Index>(i)});
  }
  std::ranges::stable_sort(all, {}, &Placed::place);
  if (all.empty()) return emptySpace(kernel, sizes);

  std::vector<KernelParameter> parameters = kernel.parameters;
  // The target's own compiler is not named by its configurations; a device's only one is, when it is another.
  const bool column = !compiler && (choices.size() > 1 || choices.front().value.value_or(0) != 0);
  if (column) {
    parameters.push_back({"compiler", {}});
    for (const CompilerChoice& choice : choices)
      parameters.back().values.push_back(choice.value.value_or(0));
  }
  std::vector<Index> cells;
  cells.reserve(all.size() * parameters.size());
  for (const Placed& each : all) {
    const Row row = listing.row(each.row);
    cells.insert(cells.end(), row.begin(), row.end());
    if (column) cells.push_back(each.choice);
  }
  Space space = of(std::move(parameters), std::move(cells));
  if (space.parameters_.empty()) space.size_ = space.listed_ = 1;
  space.ownCompilerNamed_ = compiler.has_value();
  space.fixed_ = kernel.defaults;
  for (size_t i = 0; i < space.parameters_.size(); ++i) {
    space.fixed_.erase(space.parameters_[i].name);
    // Which compilers the device has is known here only: a row that is added later keeps its neighbour's.
    const std::string& name = space.parameters_[i].name;
    if (name == "compiler" || ignored.contains(name)) space.unread_.insert(i);
  }
  if (sampled) {
    space.total_ = std::max(space.total_, productOf(space.parameters_, ignored));
    space.rules_ = std::make_shared<const Rules>(bindingsOf(kernel, {}, sizes), kernel.constraints);
  }
  return space;
}

} // namespace tuned
