// What answers for sizes that were never tuned are expected to lose, against the truth: spaces that were
// timed at ten shapes each on an H100 (data/losses.csv), of which some are known and another one is asked
// for.
#include "daemon/service/answers/nearest.h"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

using namespace tuned;

namespace {

/// A shape, and what each configuration took there.
struct Shape {
  std::map<std::string, double> logarithms; ///< of its sizes
  std::map<int, double> seconds;            ///< by the configuration's number
  int winner() const {
    return std::ranges::min_element(seconds, {}, [](const auto& each) { return each.second; })->first;
  }
  double lossOf(int configuration) const { return seconds.at(configuration) / seconds.at(winner()) - 1; }
};

/// One kernel's rows of the file: "kernel,NAME=NUMBER NAME=NUMBER,configuration,seconds".
std::vector<Shape> recorded(const std::string& kernel) {
  std::ifstream file(RECORDED_LOSSES);
  REQUIRE(file);
  std::map<std::string, Shape> shapes;
  for (std::string line; std::getline(file, line);) {
    std::istringstream parts(line);
    std::string name, at, configuration, seconds;
    std::getline(parts, name, ','), std::getline(parts, at, ',');
    std::getline(parts, configuration, ','), std::getline(parts, seconds);
    if (name != kernel) continue;
    Shape& shape = shapes[at];
    shape.seconds[std::stoi(configuration)] = std::stod(seconds);
    std::istringstream sizes(at);
    for (std::string size; sizes >> size;)
      shape.logarithms[size.substr(0, size.find('='))] =
          std::log2(std::stod(size.substr(size.find('=') + 1)));
  }
  std::vector<Shape> out;
  for (auto& [at, shape] : shapes)
    out.push_back(std::move(shape));
  return out;
}

double distance(const Shape& a, const Shape& b) {
  double sum = 0;
  for (const auto& [name, value] : a.logarithms)
    sum += std::pow(value - b.logarithms.at(name), 2);
  return sum;
}

/// What the nearest eight at most of the shapes `known` tell of the one that is asked for.
struct Told {
  double expected, truth;
};
Told ask(const Shape& asked, std::vector<const Shape*> known) {
  constexpr size_t looked = 8;
  std::ranges::stable_sort(known, {}, [&](const Shape* each) { return distance(asked, *each); });
  known.resize(std::min(known.size(), looked));
  NearSizes sizes;
  for (const Shape* winner : known) {
    sizes.far.push_back(distance(asked, *winner));
    sizes.usable.push_back(true);
    sizes.apart.emplace_back();
    sizes.losses.emplace_back();
    for (const Shape* there : known) {
      sizes.apart.back().push_back(distance(*winner, *there));
      sizes.losses.back().emplace_back(there->lossOf(winner->winner()));
    }
  }
  const auto nearest = nearestWinner(sizes);
  REQUIRE(nearest);
  REQUIRE(nearest->loss);
  return {*nearest->loss, asked.lossOf(known[nearest->winner]->winner())};
}

} // namespace

TEST_CASE("what answers for sizes never tuned are expected to lose is what they lose, in the mean") {
  constexpr int draws = 20;
  std::mt19937 random(1);
  for (const std::string kernel : {"softmax", "matmul_f16"}) {
    const std::vector<Shape> shapes = recorded(kernel);
    REQUIRE(shapes.size() == 10);
    for (size_t count : {2, 3, 4, 6, 8}) {
      double expected = 0, truth = 0;
      int all = 0, within = 0;
      for (const Shape& asked : shapes) {
        std::vector<const Shape*> others;
        for (const Shape& each : shapes)
          if (&each != &asked) others.push_back(&each);
        for (int draw = 0; draw < draws; ++draw) {
          std::ranges::shuffle(others, random);
          const Told told = ask(asked, {others.begin(), others.begin() + static_cast<long>(count)});
          expected += told.expected;
          truth += told.truth;
          within += told.truth <= 2 * told.expected + 0.01;
          ++all;
        }
      }
      MESSAGE(kernel << ", " << count << " shapes known: " << 100 * expected / all << " % expected, "
                     << 100 * truth / all << " % lost; " << 100 * within / all
                     << " of 100 lost no more than twice what was expected and 1 %");
      CHECK(truth < 2 * expected);
      CHECK(expected < 2 * truth);
      CHECK(within >= 0.6 * all);
    }
  }
}

TEST_CASE("the nearest winner that can be used here is chosen, and one shape tells of no loss") {
  NearSizes one{{1}, {{0}}, {{0.0}}, {true}};
  REQUIRE(nearestWinner(one));
  CHECK_FALSE(nearestWinner(one)->loss);
  one.usable = {false};
  CHECK_FALSE(nearestWinner(one));
  CHECK_FALSE(nearestWinner({}));
  // What was not timed at the other shape tells nothing of losses.
  const NearSizes apart{{1, 4}, {{0, 9}, {9, 0}}, {{0.0, std::nullopt}, {std::nullopt, 0.0}}, {true, true}};
  CHECK(nearestWinner(apart)->winner == 0);
  CHECK_FALSE(nearestWinner(apart)->loss);
}
