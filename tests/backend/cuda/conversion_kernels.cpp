#include "tests/backend/cuda/conversion_kernels.h"

#include "tests/backend/nvptx/layout_support.h"

namespace tuned::nvptx {
namespace {

std::string numbers(const Bases& bases) {
  std::string text;
  for (uint32_t vector : bases)
    text += (text.empty() ? "" : ", ") + std::to_string(vector);
  return "[" + text + "]";
}

/// A type of elements, and how it is made of an i32 and made an integer again.
struct Element {
  const char *type, *integer; ///< integer: of the same size
  const char *fromInteger, *toInteger;
};
constexpr Element elements[] = {
    {"i1", "i1", nullptr, nullptr},
    {"i8", "i8", nullptr, nullptr},
    {"f8E5M2", "i8", "tt.bitcast", "tt.bitcast"},
    {"i16", "i16", nullptr, nullptr},
    {"f16", "i16", "tt.bitcast", "tt.bitcast"},
    {"bf16", "i16", "tt.bitcast", "tt.bitcast"},
    {"i32", "i32", nullptr, nullptr},
    {"f32", "i32", "tt.bitcast", "tt.bitcast"},
    {"i64", "i64", nullptr, nullptr},
    {"!tt.ptr<f32>", "i64", "tt.int_to_ptr", "tt.ptr_to_int"},
};

class Writer {
public:
  Writer(ConversionKernel& kernel, unsigned conversions) : kernel(kernel), left(conversions) {}

  void run() {
    kernel.numWarps = powerOfTwo(0, 4);
    line("tt.func public @conversions(%counts: !tt.ptr<i64>, %salt: i32, %rounds: i32) {");
    line("%zero = arith.constant 0 : i32");
    line("%one = arith.constant 1 : i32");
    while (left > 0)
      pieces(2, "%salt");
    line("tt.return");
    line("}");
  }

private:
  void line(const std::string& text) { kernel.text += text + "\n"; }
  std::string name() { return "%v" + std::to_string(++last); }
  /// A value of its own: `name = code`.
  std::string value(const std::string& code) {
    std::string result = name();
    line(result + " = " + code);
    return result;
  }

  void pieces(unsigned depth, const std::string& salt) {
    for (unsigned count = pick(1, 4); count > 0 && left > 0; --count) {
      unsigned kind = depth == 0 ? 0 : pick(0, 5);
      if (kind == 1)
        loop(depth, salt);
      else if (kind == 2)
        branch(depth, salt);
      else
        conversion(salt);
    }
  }

  void loop(unsigned depth, const std::string& salt) {
    std::string round = name();
    line("scf.for " + round + " = %zero to %rounds step %one : i32 {");
    ++loops;
    // Other values in each round: what an earlier one left in shared memory is wrong.
    std::string factor = value("arith.constant 40503 : i32");
    std::string step = value("arith.muli " + round + ", " + factor + " : i32");
    pieces(depth - 1, value("arith.addi " + salt + ", " + step + " : i32"));
    --loops;
    line("}");
  }

  void branch(unsigned depth, const std::string& salt) {
    unsigned bit = pick(0, 8);
    std::string mask = value("arith.constant " + std::to_string(1u << bit) + " : i32");
    std::string set = value("arith.andi %salt, " + mask + " : i32");
    std::string condition = value("arith.cmpi ne, " + set + ", %zero : i32");
    line("scf.if " + condition + " {");
    guards.push_back({bit, true});
    pieces(depth - 1, salt);
    line("} else {");
    guards.back().second = false;
    pieces(depth - 1, salt);
    guards.pop_back();
    line("}");
  }

  /// Some warps come late.
  void delay() {
    if (pick(0, 2) == 0) return;
    line(name() +
         " = tt.elementwise_inline_asm \"{ .reg .u32 %pause; mov.u32 %pause, %tid.x; shr.u32 %pause, "
         "%pause, 5; xor.b32 %pause, %pause, " +
         std::to_string(pick(0, 32)) +
         "; mul.lo.u32 %pause, %pause, 100; nanosleep.u32 %pause; mov.u32 $0, $1; }\" {constraints = "
         "\"=r,r\", "
         "packed_element = 1 : i32, pure = false} %zero : i32 -> i32");
  }

  std::string tensor(const std::string& element, const LinearLayout& layout) {
    return "tensor<" + std::to_string(layout.elements()) + "x" + element +
           ", #nv.linear<registers = " + numbers(layout.registers) + ", lanes = " + numbers(layout.lanes) +
           ", warps = " + numbers(layout.warps) + ">>";
  }

  /// Element i is a hash of i and `salt`, an i32.
  std::string hash(const LinearLayout& layout, const std::string& salt) {
    std::string type = tensor("i32", layout);
    auto op = [&](const std::string& code) { return value(code + " : " + type); };
    auto constant = [&](const std::string& number) {
      return value("arith.constant dense<" + number + "> : " + type);
    };
    std::string index = value("tt.make_range {start = 0 : i32, end = " + std::to_string(layout.elements()) +
                              " : i32} : " + type);
    std::string salts = value("tt.splat " + salt + " : i32 -> " + type);
    std::string sum =
        op("arith.addi " + op("arith.muli " + index + ", " + constant("-1640531535")) + ", " + salts);
    std::string high = op("arith.shrui " + sum + ", " + constant("15"));
    std::string mixed =
        op("arith.muli " + op("arith.xori " + sum + ", " + high) + ", " + constant("-2048144777"));
    return op("arith.xori " + mixed + ", " + op("arith.shrui " + mixed + ", " + constant("13")));
  }

  /// The same as integers of the element's size.
  std::string integers(const Element& element, const LinearLayout& layout, const std::string& hashed) {
    std::string i32 = tensor("i32", layout), type = tensor(element.integer, layout);
    std::string integer = element.integer;
    if (integer == "i32") return hashed;
    if (integer != "i64") return value("arith.trunci " + hashed + " : " + i32 + " to " + type);
    std::string wide = value("arith.extui " + hashed + " : " + i32 + " to " + type);
    std::string factor = value("arith.constant dense<-7046029254386353131> : " + type);
    return value("arith.muli " + wide + ", " + factor + " : " + type);
  }

  std::string make(const Element& element, const LinearLayout& layout, const std::string& salt) {
    std::string integer = integers(element, layout, hash(layout, salt));
    if (!element.fromInteger) return integer;
    return value(std::string(element.fromInteger) + " " + integer + " : " + tensor(element.integer, layout) +
                 " -> " + tensor(element.type, layout));
  }

  /// Compares in every register of every thread and counts.
  void check(const Element& element, const LinearLayout& layout, std::string converted,
             const std::string& salt) {
    std::string type = tensor(element.integer, layout);
    if (element.toInteger)
      converted = value(std::string(element.toInteger) + " " + converted + " : " +
                        tensor(element.type, layout) + " -> " + type);
    std::string expected = integers(element, layout, hash(layout, salt));
    std::string differs = value("arith.cmpi ne, " + converted + ", " + expected + " : " + type);
    std::string flag =
        value("arith.extui " + differs + " : " + tensor("i1", layout) + " to " + tensor("i32", layout));
    count(flag, tensor("i32", layout), tensor("!tt.ptr<i64>", layout));
  }

  void count(const std::string& flag, const std::string& flagType, const std::string& pointerType) {
    std::string number = value("arith.constant " + std::to_string(kernel.conversions.size()) + " : i32");
    std::string place = value("tt.addptr %counts, " + number + " : !tt.ptr<i64>, i32");
    if (pointerType != "!tt.ptr<i64>")
      place = value("tt.splat " + place + " : !tt.ptr<i64> -> " + pointerType);
    value(
        "tt.elementwise_inline_asm \"{ .reg .b32 %one; .reg .b64 %sum; mov.b32 %one, 1; mov.b64 %sum, {%one, "
        "$1}; red.global.add.u64 [$2], %sum; mov.u32 $0, $1; }\" {constraints = \"=r,r,l\", packed_element = "
        "1 : i32, pure = false} " +
        flag + ", " + place + " : " + flagType + ", " + pointerType + " -> " + flagType);
  }

  /// The sum without carry of a tensor, over all threads.
  std::string reduce(const std::string& tensorValue, const std::string& type) {
    return value("\"tt.reduce\"(" + tensorValue +
                 ") <{axis = 0 : i32}> ({\n^bb0(%l: i32, %r: i32):\n%x = arith.xori "
                 "%l, %r : i32\ntt.reduce.return %x : i32\n}) : (" +
                 type + ") -> i32");
  }

  void conversion(const std::string& outerSalt) {
    --left;
    auto shape = this->shape();
    unsigned members = pick(0, 4) == 0 ? 2 : 1; // two: nv.convert_layouts
    std::string own = value("arith.constant " + std::to_string(7919 * kernel.conversions.size()) + " : i32");
    std::string salt = value("arith.addi " + outerSalt + ", " + own + " : i32");
    std::vector<LinearLayout> from, to;
    std::vector<Element> types;
    std::string operands, operandTypes, resultTypes;
    ConversionKernel::Conversion conversion{0, loops, guards, {}};
    for (unsigned i = 0; i < members; ++i) {
      from.push_back(layout(shape));
      to.push_back(layout(shape));
      types.push_back(elements[pick(0, std::size(elements))]);
      conversion.perRun += uint64_t{32} * kernel.numWarps * to[i].registerCount();
      conversion.text += types[i].type + std::string(" of ") + from[i].text() + " to " + to[i].text() + "; ";
      const char* comma = i ? ", " : "";
      operands += comma + make(types[i], from[i], salt);
      operandTypes += comma + tensor(types[i].type, from[i]);
      resultTypes += comma + tensor(types[i].type, to[i]);
    }
    delay();
    std::string result = name();
    line(result + (members == 2 ? ":2 = nv.convert_layouts " : " = nv.convert_layout ") + operands + " : " +
         operandTypes + " -> " + resultTypes);
    for (unsigned i = 0; i < members; ++i)
      check(types[i], to[i], members == 2 ? result + "#" + std::to_string(i) : result, salt);
    if (pick(0, 3) == 0) compareSums(from[0], to[0], salt, conversion);
    kernel.conversions.push_back(std::move(conversion));
  }

  /// A reduction in either layout, with an exchange between warps where they share the tensor.
  void compareSums(const LinearLayout& from, const LinearLayout& to, const std::string& salt,
                   ConversionKernel::Conversion& conversion) {
    if (!zerosReplicate(from) || !zerosReplicate(to)) return;
    delay();
    std::string a = reduce(hash(from, salt), tensor("i32", from));
    std::string b = reduce(hash(to, salt), tensor("i32", to));
    std::string differs = value("arith.cmpi ne, " + a + ", " + b + " : i32");
    count(value("arith.extui " + differs + " : i1 to i32"), "i32", "!tt.ptr<i64>");
    conversion.perRun += uint64_t{32} * kernel.numWarps;
  }

  /// What reductions take: no replica in a thread, and others by zeros alone.
  static bool zerosReplicate(const LinearLayout& layout) {
    auto zeros = [](const Bases& bases) { return std::ranges::count(bases, 0u); };
    FreeVariables free = freeVariables(layout);
    return free.registers == 0 && std::popcount(free.lanes) == zeros(layout.lanes) &&
           std::popcount(free.warps) == zeros(layout.warps);
  }

  /// With no more elements and registers than a thread has to spare.
  std::vector<int64_t> shape() {
    auto shape = randomShape(pick(1, 6));
    for (int64_t& size : shape)
      while (LinearLayout{shape, {}, {}, {}}.elements() > 32 * 32 * kernel.numWarps && size > 1)
        size /= 2;
    return shape;
  }
  LinearLayout layout(const std::vector<int64_t>& shape) {
    LinearLayout layout = constructedOrAny(shape, kernel.numWarps);
    auto rank = static_cast<unsigned>(shape.size());
    return layout.registerCount() <= 64 ? layout : coalesced(shape, randomOrder(rank), 4, kernel.numWarps);
  }

  ConversionKernel& kernel;
  unsigned left, loops = 0, last = 0;
  std::vector<std::pair<unsigned, bool>> guards;
};

} // namespace

uint64_t ConversionKernel::Conversion::expected(uint32_t salt, unsigned rounds) const {
  uint64_t runs = 1;
  for (unsigned loop = 0; loop < loops; ++loop)
    runs *= rounds;
  for (auto [bit, set] : guards)
    if ((salt >> bit & 1) != set) return 0;
  return runs * perRun;
}

ConversionKernel randomConversionKernel(uint64_t seed, unsigned conversions) {
  auto generate = rc::gen::exec([conversions] {
    ConversionKernel kernel;
    Writer(kernel, conversions).run();
    return kernel;
  });
  return generate(rc::Random(seed), rc::kNominalSize).value();
}

} // namespace tuned::nvptx
