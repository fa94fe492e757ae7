// The questions of compile workers, and who makes code that several need. What a worker asks may be anything.
#include "daemon/service/jobs/decision.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace tuned;
using nlohmann::json;

namespace {
const Leave none;

bool goesOn(Decision& decision, const json& question) {
  return decision.answer(question).at("go_on");
}

std::shared_ptr<const Artefact> binary(size_t bytes) {
  Artefact out;
  out.bytes.assign(bytes, 'x');
  return std::make_shared<const Artefact>(std::move(out));
}
} // namespace

TEST_CASE("who waits for another's code has none that others wait for, whatever its worker asks") {
  SameCode same;
  REQUIRE(same.begin("x")); // somebody makes it
  Decision waiting(&same, none);
  CHECK_FALSE(goesOn(waiting, {{"code", "x"}}));
  CHECK(waiting.others == "x");
  CHECK_FALSE(goesOn(waiting, {{"code", "y"}}));
  CHECK_FALSE(goesOn(waiting, "more"));
  CHECK(waiting.others == "x");
  CHECK(same.begin("y"));
}

TEST_CASE("a build makes one code for others, once, and says so when it is gone") {
  SameCode same;
  {
    Decision first(&same, none);
    CHECK(goesOn(first, {{"code", "x"}}));
    CHECK(goesOn(first, {{"code", "x"}}));
    CHECK(goesOn(first, {{"code", "y"}}));
    CHECK(same.begin("y"));
    Decision second(&same, none);
    CHECK_FALSE(goesOn(second, {{"code", "x"}}));
  }
  CHECK(same.wait("x", {}) == nullptr); // it failed
  CHECK(same.begin("x"));
}

TEST_CASE("questions of any shape are answered; a digest that is none holds nothing") {
  SameCode same;
  Leave many = [](int64_t registers) { return registers > 255; };
  for (const json& question :
       {json(), json(1), json("x"), json::array(), json::object(), json{{"code", 7}}, json{{"code", ""}},
        json{{"code", std::string(65, 'a')}}, json{{"registers", "many"}}, json{{"registers", 1e9}},
        json{{"code", nullptr}}}) {
    Decision decision(&same, many);
    CHECK_MESSAGE(goesOn(decision, question), question.dump());
    CHECK_FALSE(decision.left);
  }
  CHECK(same.begin(std::string(65, 'a')));
  Decision large(&same, many);
  CHECK_FALSE(goesOn(large, {{"registers", 256}}));
  CHECK(large.left == 256);
}

TEST_CASE("of what was made as much is kept for others as there is room for, the newest") {
  SameCode same(100);
  for (const char* code : {"a", "b", "c"}) {
    REQUIRE(same.begin(code));
    same.end(code, binary(40));
  }
  CHECK(same.wait("a", {}) == nullptr);
  CHECK(same.begin("a"));
  CHECK(same.wait("c", {})->bytes.size() == 40);
  same.forget();
  CHECK(same.wait("c", {}) == nullptr);
  for (const char* code : {"d", "e", "f"}) {
    REQUIRE(same.begin(code));
    same.end(code, binary(40));
  }
  CHECK(same.wait("d", {}) == nullptr);
  CHECK(same.wait("f", {}));
  REQUIRE(same.begin("large"));
  same.end("large", binary(101));
  CHECK(same.wait("large", {}) == nullptr);
  CHECK(same.begin("large"));
}
