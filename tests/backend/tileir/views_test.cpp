// Views against brute force: the evaluator runs random kernels before and after promotion, and random scalars
// for every program.
#include "ir/analysis/program_grid.h"
#include "ir/transforms/passes.h"
#include "ir/transforms/promote_views.h"
#include "tests/backend/reference/reference_support.h"

#include <mlir/IR/Verifier.h>
#include <numeric>
#include <random>

using namespace tuned;
using tuned::test::bytesOf;

namespace {

using Random = std::mt19937_64;

int64_t pick(Random& random, std::initializer_list<int64_t> of) {
  return *(of.begin() + random() % of.size());
}

tt::FuncOp kernelOf(mlir::ModuleOp module) {
  return *module.getOps<tt::FuncOp>().begin();
}

template <typename Op> int count(mlir::ModuleOp module) {
  int number = 0;
  module.walk([&](Op) { ++number; });
  return number;
}

/// C = A · B in tiles, in one of the many ways in which such kernels address their tiles.
struct Product {
  int64_t m, n, k, bm, bn, bk;
  int64_t rowA, rowB, rowC; ///< elements from row to row (of a transposed matrix: from column to column)
  bool wraps, transposed, advances, masks;
  int64_t blocksM() const { return (m + bm - 1) / bm; }
  int64_t blocksN() const { return (n + bn - 1) / bn; }

  static Product make(Random& random) {
    Product p{};
    p.bm = pick(random, {16, 32}), p.bn = pick(random, {16, 32}), p.bk = pick(random, {16, 32});
    p.masks = random() % 2, p.wraps = random() % 2, p.transposed = random() % 2, p.advances = random() % 2;
    auto size = [&](int64_t block) {
      return p.masks ? int64_t(1 + random() % 70) : block * int64_t(1 + random() % 3);
    };
    p.m = size(p.bm), p.n = size(p.bn), p.k = size(p.bk);
    auto padded = [&](int64_t length) { return (length + 3) / 4 * 4 + pick(random, {0, 4, 1}); };
    p.rowA = padded(p.k), p.rowB = padded(p.transposed ? p.k : p.n), p.rowC = padded(p.n);
    return p;
  }

  std::string text() const {
    std::string t = body();
    auto put = [&](const std::string& name, const std::string& value) {
      for (size_t at; (at = t.find("$" + name)) != std::string::npos;)
        t.replace(at, name.size() + 1, value);
    };
    for (auto& [name, value] :
         std::initializer_list<std::pair<const char*, int64_t>>{{"BM", bm},
                                                                {"BN", bn},
                                                                {"BK", bk},
                                                                {"ROWA", rowA},
                                                                {"STEPB", (transposed ? 1 : rowB) * bk},
                                                                {"ROWB", transposed ? 1 : rowB},
                                                                {"COLB", transposed ? rowB : 1},
                                                                {"ROWC", rowC},
                                                                {"TRIPS", (k + bk - 1) / bk},
                                                                {"BLOCKSN", blocksN()},
                                                                {"SIZEM", m},
                                                                {"SIZEN", n},
                                                                {"SIZEK", k}})
      put(name, std::to_string(value));
    return t;
  }

private:
  std::string index(const std::string& name, const std::string& pid, const std::string& block,
                    const std::string& size) const {
    std::string type = "tensor<" + block + "xi32>";
    return "%" + name + "_r = tt.make_range {end = " + block + " : i32, start = 0 : i32} : " + type + "\n%" +
           name + "_b = arith.constant " + block + " : i32\n%" + name + "_s = arith.muli " + pid + ", %" +
           name + "_b : i32\n%" + name + "_t = tt.splat %" + name + "_s : i32 -> " + type + "\n%" + name +
           " = arith.addi %" + name + "_t, %" + name + "_r : " + type + "\n%" + name +
           "_size = arith.constant dense<" + size + "> : " + type + "\n%" + name + "_w = arith." +
           (wraps ? "remsi %" : "maxsi %") + name + ", %" + name + (wraps ? "_size" : "") + " : " + type +
           "\n";
  }
  /// rows · rowStride + columns · columnStride from a pointer, as pointers.
  static std::string pointers(const std::string& name, const std::string& base, const std::string& rows,
                              const std::string& columns, const std::string& r, const std::string& c,
                              const std::string& rowStride, const std::string& columnStride) {
    std::string column = "tensor<" + r + "x1xi32>", row = "tensor<1x" + c + "xi32>",
                all = "tensor<" + r + "x" + c + "x";
    return "%" + name + "_0 = tt.expand_dims " + rows + " {axis = 1 : i32} : tensor<" + r + "xi32> -> " +
           column + "\n%" + name + "_1 = arith.constant dense<" + rowStride + "> : " + column + "\n%" + name +
           "_2 = arith.muli %" + name + "_0, %" + name + "_1 : " + column + "\n%" + name +
           "_3 = tt.expand_dims " + columns + " {axis = 0 : i32} : tensor<" + c + "xi32> -> " + row + "\n%" +
           name + "_4 = arith.constant dense<" + columnStride + "> : " + row + "\n%" + name +
           "_5 = arith.muli %" + name + "_3, %" + name + "_4 : " + row + "\n%" + name +
           "_6 = tt.broadcast %" + name + "_2 : " + column + " -> " + all + "i32>\n%" + name +
           "_7 = tt.broadcast %" + name + "_5 : " + row + " -> " + all + "i32>\n%" + name +
           "_8 = arith.addi %" + name + "_6, %" + name + "_7 : " + all + "i32>\n%" + name + "_9 = tt.splat " +
           base + " : !tt.ptr<f32> -> " + all + "!tt.ptr<f32>>\n%" + name + " = tt.addptr %" + name +
           "_9, %" + name + "_8 : " + all + "!tt.ptr<f32>>, " + all + "i32>\n";
  }
  /// index < limit along one axis, broadcast.
  static std::string bound(const std::string& name, const std::string& index, const std::string& limit,
                           bool alongRows, const std::string& r, const std::string& c) {
    std::string size = alongRows ? r : c, line = "tensor<" + size + "x",
                flat = "tensor<" + (alongRows ? r + "x1x" : "1x" + c + "x");
    return "%" + name + "_0 = tt.splat " + limit + " : i32 -> " + line + "i32>\n%" + name +
           "_1 = arith.cmpi slt, " + index + ", %" + name + "_0 : " + line + "i32>\n%" + name +
           "_2 = tt.expand_dims %" + name + "_1 {axis = " + (alongRows ? "1" : "0") + " : i32} : " + line +
           "i1> -> " + flat + "i1>\n%" + name + " = tt.broadcast %" + name + "_2 : " + flat +
           "i1> -> tensor<" + r + "x" + c + "xi1>\n";
  }

  std::string body() const {
    const std::string pa = "tensor<$BMx$BKx!tt.ptr<f32>>", pb = "tensor<$BKx$BNx!tt.ptr<f32>>",
                      acc = "tensor<$BMx$BNxf32>";
    std::string rows = wraps ? "%im_w" : "%im", columns = wraps ? "%in_w" : "%in";
    std::string t = "tt.func public @f(%a: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %b: !tt.ptr<f32> "
                    "{tt.divisibility = 16 : i32}, "
                    "%c: !tt.ptr<f32> {tt.divisibility = 16 : i32}) {\n%pid = tt.get_program_id x : i32\n"
                    "%blocks = arith.constant $BLOCKSN : i32\n%zero = arith.constant 0 : i32\n%one = "
                    "arith.constant 1 : i32\n"
                    "%trips = arith.constant $TRIPS : i32\n%kk = arith.constant $SIZEK : i32\n%bk = "
                    "arith.constant $BK : i32\n"
                    "%mm = arith.constant $SIZEM : i32\n%nn = arith.constant $SIZEN : i32\n"
                    "%za = arith.constant dense<0.0> : tensor<$BMx$BKxf32>\n%zb = arith.constant dense<0.0> "
                    ": tensor<$BKx$BNxf32>\n"
                    "%pm = arith.divsi %pid, %blocks : i32\n%pn = arith.remsi %pid, %blocks : i32\n"
                    "%init = arith.constant dense<0.0> : " +
                    acc + "\n%rk = tt.make_range {end = $BK : i32, start = 0 : i32} : tensor<$BKxi32>\n";
    t += index("im", "%pm", "$BM", "$SIZEM") + index("in", "%pn", "$BN", "$SIZEN");
    if (advances)
      t += pointers("a0", "%a", rows, "%rk", "$BM", "$BK", "$ROWA", "1") +
           pointers("b0", "%b", "%rk", columns, "$BK", "$BN", "$ROWB", "$COLB") +
           "%sa = arith.constant dense<$BK> : tensor<$BMx$BKxi32>\n%sb = arith.constant dense<$STEPB> : "
           "tensor<$BKx$BNxi32>\n"
           "%sum, %ae, %be = scf.for %i = %zero to %trips step %one iter_args(%x = %init, %ap = %a0, %bp = "
           "%b0) -> (" +
           acc + ", " + pa + ", " + pb +
           ") : i32 {\n%k0 = arith.muli %i, %bk : i32\n%ik = tt.make_range {end = $BK : i32, start = 0 : "
           "i32} : tensor<$BKxi32>\n"
           "%left = arith.subi %kk, %k0 : i32\n";
    else
      t += "%sum = scf.for %i = %zero to %trips step %one iter_args(%x = %init) -> (" + acc +
           ") : i32 {\n%left = arith.addi %kk, %zero : i32\n" + index("ik", "%i", "$BK", "$SIZEK") +
           pointers("ap", "%a", rows, "%ik", "$BM", "$BK", "$ROWA", "1") +
           pointers("bp", "%b", "%ik", columns, "$BK", "$BN", "$ROWB", "$COLB");
    std::string maskA, maskB, maskC;
    if (masks) {
      t += bound("ma", "%ik", "%left", false, "$BM", "$BK") + bound("mb", "%ik", "%left", true, "$BK", "$BN");
      maskA = ", %ma, %za", maskB = ", %mb, %zb";
      if (!wraps) {
        t += bound("mr", "%im", "%mm", true, "$BM", "$BK") + bound("mc", "%in", "%nn", false, "$BK", "$BN") +
             "%ma2 = arith.andi %mr, %ma : tensor<$BMx$BKxi1>\n%mb2 = arith.andi %mb, %mc : "
             "tensor<$BKx$BNxi1>\n";
        maskA = ", %ma2, %za", maskB = ", %mb2, %zb";
      }
    }
    t += "%ta = tt.load %ap" + maskA + " : " + pa + "\n%tb = tt.load %bp" + maskB + " : " + pb +
         "\n%y = tt.dot %ta, %tb, %x, inputPrecision = ieee : tensor<$BMx$BKxf32> * tensor<$BKx$BNxf32> -> " +
         acc + "\n";
    if (advances)
      t += "%an = tt.addptr %ap, %sa : " + pa + ", tensor<$BMx$BKxi32>\n%bn = tt.addptr %bp, %sb : " + pb +
           ", tensor<$BKx$BNxi32>\nscf.yield %y, %an, %bn : " + acc + ", " + pa + ", " + pb + "\n}\n";
    else
      t += "scf.yield %y : " + acc + "\n}\n";
    t += pointers("cp", "%c", "%im", "%in", "$BM", "$BN", "$ROWC", "1");
    if (masks || wraps) {
      t += bound("cr", "%im", "%mm", true, "$BM", "$BN") + bound("cc", "%in", "%nn", false, "$BM", "$BN") +
           "%cm = arith.andi %cr, %cc : tensor<$BMx$BNxi1>\n";
      maskC = ", %cm";
    }
    return t + "tt.store %cp, %sum" + maskC + " : tensor<$BMx$BNx!tt.ptr<f32>>\ntt.return\n}\n";
  }
};

std::vector<float> run(mlir::ModuleOp module, const Product& p, uint64_t seed) {
  Random random(seed);
  auto filled = [&](int64_t elements) {
    std::vector<float> values(static_cast<size_t>(elements));
    for (float& value : values)
      value = float(int(random() % 17) - 8);
    return values;
  };
  auto a = filled(p.m * p.rowA), b = filled((p.transposed ? p.n : p.k) * p.rowB);
  std::vector<float> c(size_t(p.m * p.rowC), -1.0f);
  std::vector<HostBytes> buffers = {bytesOf(a), bytesOf(b), bytesOf(c)};
  std::vector<ArgumentValue> arguments;
  for (const HostBytes& buffer : buffers)
    arguments.emplace_back(buffer.address);
  std::vector<std::array<int64_t, 3>> programs;
  for (int64_t i = 0; i < p.blocksM() * p.blocksN(); ++i)
    programs.push_back({i, 0, 0});
  auto ran = evaluate(module, "", {p.blocksM() * p.blocksN(), 1, 1}, arguments, programs, buffers, {});
  INFO((ran ? std::string() : ran.error().text()));
  REQUIRE(ran);
  return c;
}

} // namespace

TEST_CASE("products compute the same through views as through pointers, and views are found where they are") {
  int promoted = 0;
  for (uint64_t seed = 0; seed < 120; ++seed) {
    Random random(seed);
    Product product = Product::make(random);
    std::string text = product.text();
    CAPTURE(seed);
    auto context = makeContext();
    auto parse = [&] {
      auto module = parseModule(*context, text, "product.ttir");
      REQUIRE_MESSAGE(module.has_value(), (module ? "" : module.error().text() + "\n" + text));
      return std::move(*module);
    };
    auto plain = parse(), views = parse();
    REQUIRE(simplify(*views));
    std::vector<LaunchCondition> conditions;
    promoteToViews(kernelOf(*views), std::array<int64_t, 3>{product.blocksM() * product.blocksN(), 1, 1},
                   conditions);
    CHECK(mlir::succeeded(mlir::verify(*views)));
    REQUIRE(mlir::succeeded(canonicalize(*views)));
    CAPTURE(print(*views));
    CHECK(run(*plain, product, seed) == run(*views, product, seed));
    // Rows that are taken % M count as rows of the array, since nothing of them is stored. x % 1 is no row.
    auto expects = [&](int64_t row, int64_t rows) { return row % 4 == 0 && !(product.wraps && rows == 1); };
    int expected = int(expects(product.rowA, product.m)) + int(expects(product.rowB, product.n));
    CHECK(count<tt::DescriptorLoadOp>(*views) >= expected);
    CHECK(count<tt::DescriptorStoreOp>(*views) == int(product.rowC % 4 == 0));
    promoted += count<tt::DescriptorLoadOp>(*views);
    if (count<tt::LoadOp>(*views) == 0 && product.advances) CHECK(count<tt::AddPtrOp>(*views) <= 1);
  }
  CHECK(promoted > 60);
}

namespace {

/// A random scalar of the program ids, as instructions that define %v0, %v1, …; the last one is stored.
struct Scalars {
  std::string text;
  int values = 0;

  explicit Scalars(Random& random) {
    add("tt.get_program_id x : i32");
    add("tt.get_program_id y : i32");
    add("tt.get_num_programs x : i32");
    for (int i = 0; i < 4; ++i)
      add("arith.constant " + std::to_string(pick(random, {-7, -1, 1, 2, 3, 8, 100, 65536, 2147483647})) +
          " : i32");
    for (int i = 0; i < 8; ++i) {
      const char* names[] = {"addi", "subi", "muli",  "minsi", "maxsi",      "minui",     "maxui", "andi",
                             "ori",  "xori", "divsi", "remsi", "floordivsi", "ceildivsi", "divui", "remui"};
      add(std::string("arith.") + names[random() % std::size(names)] + " " + any(random) + ", " +
          any(random) + " : i32");
    }
    const char* predicates[] = {"slt", "sge", "ult", "eq"};
    text += std::string("%q = arith.cmpi ") + predicates[random() % 4] + ", " + any(random) + ", " +
            any(random) + " : i32\n";
    add("arith.select %q, " + any(random) + ", " + any(random) + " : i32");
    // A sum that a loop carries, of a step that may be anything.
    std::string step = any(random), bound = any(random), init = any(random);
    text += "%n = arith.constant 5 : i32\n%z = arith.constant 0 : i32\n%o = arith.constant 1 : i32\n%lim = "
            "arith.remui " +
            bound + ", %n : i32\n";
    add("scf.for %i = %z to %lim step %o iter_args(%s = " + init +
        ") -> (i32) : i32 {\n%t = arith.addi %s, " + step + " : i32\nscf.yield %t : i32\n}");
    add("arith.subi %v" + std::to_string(values - 1) + ", " + any(random) + " : i32");
  }
  std::string any(Random& random) const { return "%v" + std::to_string(random() % size_t(values)); }
  void add(const std::string& instruction) {
    text += "%v" + std::to_string(values++) + " = " + instruction + "\n";
  }
};

} // namespace

TEST_CASE("what the grid says of a scalar is what the evaluator computes in all programs") {
  constexpr int64_t width = 6, height = 3;
  int known = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    Scalars scalars(random);
    std::string last = "%v" + std::to_string(scalars.values - 1);
    std::string text = "tt.func public @f(%p: !tt.ptr<i32>) {\n" + scalars.text +
                       "%w = arith.muli %v1, %v2 : i32\n%at = arith.addi %v0, %w : i32\n%a = tt.addptr %p, "
                       "%at : !tt.ptr<i32>, i32\n"
                       "tt.store %a, " +
                       last + " : !tt.ptr<i32>\ntt.return\n}\n";
    CAPTURE(text);
    auto context = makeContext();
    auto module = parseModule(*context, text, "scalars.ttir");
    REQUIRE_MESSAGE(module.has_value(), (module ? "" : module.error().text()));
    tt::ProgramGrid grid(kernelOf(**module), std::array<int64_t, 3>{width, height, 1});
    mlir::Value stored;
    (*module)->walk([&](tt::StoreOp store) { stored = store.getValue(); });
    auto facts = grid.of(stored), linear = grid.of(grid.linear(stored));
    std::vector<int32_t> out(width * height, 0);
    std::vector<HostBytes> buffers = {bytesOf(out)};
    std::vector<ArgumentValue> arguments = {buffers[0].address};
    std::vector<std::array<int64_t, 3>> programs;
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x)
        programs.push_back({x, y, 0});
    auto ran = evaluate(**module, "", {width, height, 1}, arguments, programs, buffers, {});
    REQUIRE_MESSAGE(ran.has_value(), (ran ? "" : ran.error().text()));
    if (facts) {
      ++known;
      int64_t divisor = 0;
      for (int32_t value : out)
        divisor = std::gcd(divisor, int64_t(value));
      CHECK(facts->lower == *std::ranges::min_element(out));
      CHECK(facts->upper == *std::ranges::max_element(out));
      CHECK(facts->divisor == divisor);
    }
    // A linear form is exact modulo 2^32: where its facts fit, they hold.
    if (linear && tt::fits(*linear, stored.getType()))
      for (int32_t value : out) {
        CHECK(value >= linear->lower);
        CHECK(value <= linear->upper);
        CHECK((linear->divisor == 0 ? value == 0 : value % linear->divisor == 0));
      }
  }
  CHECK(known > 100);
}

TEST_CASE("of a number from memory what a minimum and a maximum around it say is known") {
  const std::string text = R"(tt.func public @f(%p: !tt.ptr<i32>) {
    %low = arith.constant -3 : i32
    %high = arith.constant 5 : i32
    %width = arith.constant -12 : i32
    %pid = tt.get_program_id x : i32
    %v = tt.load %p : !tt.ptr<i32>
    %v1 = arith.maxsi %v, %low : i32
    %v2 = arith.minsi %v1, %high : i32
    %v3 = arith.muli %v2, %width : i32
    %v4 = arith.addi %v3, %pid : i32
    tt.store %p, %v1 : !tt.ptr<i32>
    tt.store %p, %v2 : !tt.ptr<i32>
    tt.store %p, %v4 : !tt.ptr<i32>
    tt.return
  })";
  auto context = makeContext();
  auto module = parseModule(*context, text, "clamped.ttir");
  REQUIRE_MESSAGE(module.has_value(), module.error().text());
  tt::ProgramGrid grid(kernelOf(**module), std::array<int64_t, 3>{4, 1, 1});
  std::vector<std::optional<tt::ScalarFacts>> facts;
  (*module)->walk([&](tt::StoreOp store) { facts.push_back(grid.of(grid.linear(store.getValue()))); });
  REQUIRE(facts.size() == 3);
  CHECK_FALSE(facts[0].has_value()); // no more than -3 is known, and nothing above
  REQUIRE(facts[1].has_value());
  CHECK(facts[1]->lower == -3);
  CHECK(facts[1]->upper == 5);
  REQUIRE(facts[2].has_value());
  CHECK(facts[2]->lower == -60);
  CHECK(facts[2]->upper == 36 + 3);
  CHECK(facts[2]->divisor == 1);
}

TEST_CASE("without a grid, or with a size that is an argument, nothing is promoted") {
  Random random(3);
  Product product = Product::make(random);
  auto context = makeContext();
  auto module = parseModule(*context, product.text(), "product.ttir");
  REQUIRE(module);
  std::vector<LaunchCondition> conditions;
  promoteToViews(kernelOf(**module), std::nullopt, conditions);
  CHECK(conditions.empty());
  CHECK(count<tt::DescriptorLoadOp>(**module) == 0);
}

TEST_CASE("rows that a kernel with a dot reads beside its tiles are views of one dimension") {
  constexpr int programs = 3, trips = 2, rows = 32;
  const std::string text =
      R"(tt.func public @f(%a: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %c: !tt.ptr<f32>) {
    %pid = tt.get_program_id x : i32
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %two = arith.constant 2 : i32
    %rows = arith.constant 32 : i32
    %ones = arith.constant dense<1.0> : tensor<32x32xf32>
    %r = tt.make_range {end = 32 : i32, start = 0 : i32} : tensor<32xi32>
    %as = tt.splat %a : !tt.ptr<f32> -> tensor<32x!tt.ptr<f32>>
    %cs = tt.splat %c : !tt.ptr<f32> -> tensor<32x!tt.ptr<f32>>
    %first = arith.muli %pid, %two : i32
    %front = tt.addptr %as, %r : tensor<32x!tt.ptr<f32>>, tensor<32xi32>
    %before = tt.load %front : tensor<32x!tt.ptr<f32>>
    %sum = scf.for %i = %zero to %two step %one iter_args(%s = %ones) -> (tensor<32x32xf32>) : i32 {
      %block = arith.addi %first, %i : i32
      %start = arith.muli %block, %rows : i32
      %at = tt.splat %start : i32 -> tensor<32xi32>
      %index = arith.addi %at, %r : tensor<32xi32>
      %p = tt.addptr %as, %index : tensor<32x!tt.ptr<f32>>, tensor<32xi32>
      %v = tt.load %p : tensor<32x!tt.ptr<f32>>
      %w = tt.expand_dims %v {axis = 1 : i32} : tensor<32xf32> -> tensor<32x1xf32>
      %x = tt.broadcast %w : tensor<32x1xf32> -> tensor<32x32xf32>
      %d = tt.dot %x, %ones, %s, inputPrecision = ieee : tensor<32x32xf32> * tensor<32x32xf32> -> tensor<32x32xf32>
      scf.yield %d : tensor<32x32xf32>
    }
    %column = "tt.reduce"(%sum) <{axis = 1 : i32}> ({
    ^bb0(%l: f32, %h: f32):
      %m = arith.maxnumf %l, %h : f32
      tt.reduce.return %m : f32
    }) : (tensor<32x32xf32>) -> tensor<32xf32>
    %out = arith.muli %pid, %rows : i32
    %outs = tt.splat %out : i32 -> tensor<32xi32>
    %where = arith.addi %outs, %r : tensor<32xi32>
    %q = tt.addptr %cs, %where : tensor<32x!tt.ptr<f32>>, tensor<32xi32>
    %both = arith.addf %column, %before : tensor<32xf32>
    tt.store %q, %both : tensor<32x!tt.ptr<f32>>
    tt.return
  })";
  auto context = makeContext();
  auto plain = parseModule(*context, text, "rows.ttir"), views = parseModule(*context, text, "rows.ttir");
  REQUIRE_MESSAGE(views.has_value(), views.error().text());
  REQUIRE(simplify(**views));
  std::vector<LaunchCondition> conditions;
  promoteToViews(kernelOf(**views), std::array<int64_t, 3>{programs, 1, 1}, conditions);
  REQUIRE(mlir::succeeded(mlir::verify(**views)));
  CHECK(count<tt::DescriptorLoadOp>(**views) >= 1);
  CHECK(count<tt::DescriptorStoreOp>(**views) == 0);
  auto run = [&](mlir::ModuleOp module) {
    std::vector<float> a(programs * trips * rows), c(programs * rows, -1.0f);
    std::iota(a.begin(), a.end(), -50.0f);
    std::vector<HostBytes> buffers = {bytesOf(a), bytesOf(c)};
    std::vector<ArgumentValue> arguments = {buffers[0].address, buffers[1].address};
    std::vector<std::array<int64_t, 3>> all = {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}};
    auto ran = evaluate(module, "", {programs, 1, 1}, arguments, all, buffers, {});
    REQUIRE_MESSAGE(ran.has_value(), ran.error().text());
    return c;
  };
  auto expected = run(**plain);
  CHECK(expected.front() == 32 * (-50.0f + -18.0f) + 1 - 50);
  CHECK(run(**views) == expected);
}
