// Memory operations as Triton 3.9 prints them.
#include "ir/upgrade_text.h"

#include <algorithm>
#include <cctype>

namespace tuned::upgrade {
namespace {

using std::string;
using std::string_view;

/// One line that holds `[%result =] tt.NAME sem, scope, operands : types [loc(…)]`, taken apart.
struct Atomic {
  string result, sem, scope, location;
  string pointers; ///< the type of the first operand: "!tt.ptr<f32>", alone or in a tensor
  std::vector<string> operands;

  /// False where the line is not of this form.
  bool read(string_view line, string_view name) {
    size_t at = line.find(name);
    if (at == line.npos) return false;
    string_view head = trimmed(line.substr(0, at)), tail = trimmed(line.substr(at + name.size()));
    if (size_t loc = tail.rfind(" loc("); loc != tail.npos) {
      location = tail.substr(loc);
      tail = trimmed(tail.substr(0, loc));
    }
    size_t colon = tail.find(" : ");
    if (colon == tail.npos) return false;
    string_view types = trimmed(tail.substr(colon + 3));
    if (types.starts_with('(')) types = types.substr(1, types.find(')') - 1);
    pointers = splitList(types.substr(0, types.find("->")))[0];
    auto parts = splitList(tail.substr(0, colon));
    size_t element = pointers.find("!tt.ptr<");
    if (parts.size() < 3 || element == pointers.npos || pointers.find('>', element) == pointers.npos ||
        pointers.find_first_of("0123456789", element) == pointers.npos)
      return false;
    sem = parts[0];
    scope = parts[1];
    operands.assign(parts.begin() + 2, parts.end());
    if (head.ends_with('=')) result = trimmed(head.substr(0, head.size() - 1));
    return true;
  }
};

/// `tensor<4x!tt.ptr<f32>>` with another element: `tensor<4xi32>`.
string withElement(const string& pointers, const string& element) {
  size_t start = pointers.find("!tt.ptr<"), end = pointers.find('>', start);
  string type = pointers;
  return type.replace(start, end + 1 - start, element);
}

string elementOf(const string& pointers) {
  size_t start = pointers.find("!tt.ptr<") + string_view("!tt.ptr<").size();
  return pointers.substr(start, pointers.find_first_of(",>", start) - start);
}

/// The integer of as many bits, f8E5M2 being i8 and bf16 i16.
string integerOf(const string& element) {
  size_t digit = element.find_first_of("0123456789");
  if (digit == element.npos) return element;
  size_t end = element.find_first_not_of("0123456789", digit);
  return "i" + element.substr(digit, end == element.npos ? end : end - digit);
}

string constantOf(const string& name, const string& value, const string& type) {
  const bool tensor = type.starts_with("tensor<");
  return name + " = arith.constant " +
         (tensor ? "dense<" + value + "> : " + type : value + (type == "i1" ? "" : " : " + type)) + " ";
}

/// `!tt.ptr<f32>` as `!tt.ptr<i32>`, alone or in a tensor.
string toIntegers(const string& pointers) {
  size_t start = pointers.find("!tt.ptr<") + string_view("!tt.ptr<").size();
  string to = pointers;
  return to.replace(start, elementOf(pointers).size(), integerOf(elementOf(pointers)));
}

/// ` : (types) -> type`, of a tt.atomic_rmw on integers.
string signature(const string& pointers, bool masked) {
  const string bits = withElement(pointers, elementOf(pointers));
  return " : (" + pointers + ", " + bits + (masked ? ", " + withElement(pointers, "i1") : "") + ") -> " +
         bits + " ";
}

/// `result` = the integers at `pointers`, which are of type `type`, where `mask` is true (or empty).
string loadOf(const Atomic& op, const string& result, const string& name, const string& pointers,
              const string& type, const string& mask) {
  const string zero = name + "_zero";
  return constantOf(zero, "0", withElement(type, elementOf(type))) + result + " = tt.atomic_rmw or, " +
         op.sem + ", " + op.scope + ", " + pointers + ", " + zero + (mask.empty() ? "" : ", " + mask) +
         signature(type, !mask.empty());
}

string loaded(const Atomic& op, const string& name) {
  const string &type = op.pointers, integers = toIntegers(type);
  const string mask = op.operands.size() > 1 ? op.operands[1] : "";
  if (integers == type) return loadOf(op, op.result, name, op.operands[0], type, mask);
  return name + "_at = tt.bitcast " + op.operands[0] + " : " + type + " -> " + integers + " " +
         loadOf(op, name, name, name + "_at", integers, mask) + op.result + " = tt.bitcast " + name + " : " +
         withElement(type, integerOf(elementOf(type))) + " -> " + withElement(type, elementOf(type)) + " ";
}

string stored(const Atomic& op, const string& name) {
  const string &type = op.pointers, integers = toIntegers(type);
  const string mask = op.operands.size() > 2 ? ", " + op.operands[2] : "";
  string code, pointers = op.operands[0], value = op.operands[1];
  if (integers != type) {
    code = name + "_at = tt.bitcast " + pointers + " : " + type + " -> " + integers + " " + name +
           "_value = tt.bitcast " + value + " : " + withElement(type, elementOf(type)) + " -> " +
           withElement(integers, elementOf(integers)) + " ";
    pointers = name + "_at";
    value = name + "_value";
  }
  return code + name + " = tt.atomic_rmw exch, " + op.sem + ", " + op.scope + ", " + pointers + ", " + value +
         mask + signature(integers, !mask.empty());
}

/// Dimensions of `tensor<4x8xi1>`: 4 and 8.
std::vector<string> dimensionsOf(const string& tensor) {
  std::vector<string> sizes;
  for (size_t at = tensor.find('<') + 1; std::isdigit(static_cast<unsigned char>(tensor[at]));) {
    size_t end = tensor.find('x', at);
    sizes.push_back(tensor.substr(at, end - at));
    at = end + 1;
  }
  return sizes;
}

/// Code that makes one flag of all of `flags`, which are of type `type`, and gives its name.
string anyOf(string& code, string flags, string type, const string& name) {
  if (!type.starts_with("tensor<")) return flags;
  for (auto sizes = dimensionsOf(type); !sizes.empty();) {
    sizes.erase(sizes.begin());
    string smaller = "i1";
    if (!sizes.empty()) {
      smaller = "tensor<";
      for (const string& size : sizes)
        smaller += size + "x";
      smaller += "i1>";
    }
    const string next = name + "_any" + std::to_string(sizes.size());
    code += next + " = \"tt.reduce\"(" + flags + ") <{axis = 0 : i32}> ({ ^bb0(" + next + "_a: i1, " + next +
            "_b: i1): " + next + "_c = arith.ori " + next + "_a, " + next + "_b : i1 tt.reduce.return " +
            next + "_c : i1 }) : (" + type + ") -> " + smaller + " ";
    flags = next;
    type = smaller;
  }
  return flags;
}

/// Looks at what was not seen yet until all was seen, or the time is up, of which each look counts as 32 ns:
/// clocks of a GPU are not there elsewhere.
string polled(const Atomic& op, const string& name) {
  const string& pointers = op.pointers;
  const string bits = withElement(pointers, elementOf(pointers)), flags = withElement(pointers, "i1");
  const size_t timeout = op.operands[1].find(" timeout ");
  const string expected = op.operands[1].substr(0, timeout);
  const bool limited = timeout != string::npos;
  const string carried = limited ? flags + ", i64" : flags;
  string code = constantOf(name + "_none", "false", flags) + constantOf(name + "_all", "true", flags);
  if (limited) code += constantOf(name + "_start", "0", "i64") + constantOf(name + "_look", "32", "i64");
  code += op.result + (limited ? ":2" : "") + " = scf.while (" + name + "_seen = " + name + "_none" +
          (limited ? ", " + name + "_spent = " + name + "_start" : "") + ") : (" + carried + ") -> (" +
          carried + ") { " + name + "_open = arith.xori " + name + "_seen, " + name + "_all : " + flags + " ";
  code += loadOf(op, name + "_value", name, op.operands[0], pointers, name + "_open");
  code += name + "_same = arith.cmpi eq, " + name + "_value, " + expected + " : " + bits + " ";
  code += name + "_hit = arith.andi " + name + "_same, " + name + "_open : " + flags + " ";
  code += name + "_now = arith.ori " + name + "_seen, " + name + "_hit : " + flags + " ";
  code += name + "_left = arith.xori " + name + "_now, " + name + "_all : " + flags + " ";
  string again = anyOf(code, name + "_left", flags, name);
  if (limited) {
    code += name + "_early = arith.cmpi ult, " + name + "_spent, " +
            string(trimmed(string_view(op.operands[1]).substr(timeout + string_view(" timeout ").size()))) +
            " : i64 " + name + "_again = arith.andi " + again + ", " + name + "_early : i1 " + name +
            "_later = arith.addi " + name + "_spent, " + name + "_look : i64 ";
    again = name + "_again";
  }
  return code + "scf.condition(" + again + ") " + name + "_now" + (limited ? ", " + name + "_later" : "") +
         " : " + carried + " } do { ^bb0(" + name + "_next: " + flags +
         (limited ? ", " + name + "_clock: i64" : "") + "): scf.yield " + name + "_next" +
         (limited ? ", " + name + "_clock" : "") + " : " + carried + " } ";
}

} // namespace

void cachePolicy(string& line) {
  const string_view key = "cachePolicy = #tt.cache_policy<";
  size_t at = line.find(key), open = line.rfind('{', at), end = line.find('>', at),
         close = line.find('}', end);
  if (at == line.npos || open == line.npos || close == line.npos) return;
  string words, rest;
  for (string_view part : splitList(string_view(line).substr(at + key.size(), end - at - key.size()))) {
    size_t equals = part.find(" = ");
    if (equals == part.npos) return;
    string_view name = part.substr(0, equals), value = part.substr(equals + 3);
    if (name == "cache_modifier" && value != "none") words += "cacheModifier = " + string(value) + " ";
    if (name == "eviction_policy" && value != "evict_normal")
      words += "evictionPolicy = " + string(value) + " ";
  }
  for (string_view entry : splitList(string_view(line).substr(open + 1, close - open - 1)))
    if (!entry.starts_with("cachePolicy")) rest += (rest.empty() ? "" : ", ") + string(entry);
  line.replace(open, close - open + 1, words + (rest.empty() ? "" : "{" + rest + "}"));
}

void atomics(string& line, size_t number) {
  const string name = "%$atomic_" + std::to_string(number); // no variable of a user has a $
  Atomic op;
  string code;
  if (op.read(line, "tt.atomic_load") && !op.result.empty())
    code = loaded(op, name);
  else if (op.read(line, "tt.atomic_store") && op.operands.size() > 1)
    code = stored(op, name);
  else if (op.read(line, "tt.atomic_poll") && op.operands.size() == 2 && !op.result.empty())
    code = polled(op, name);
  if (!code.empty()) line = code + op.location;
}

} // namespace tuned::upgrade
