#include "ir/judge.h"

#include <nlohmann/json.hpp>
#include <set>

namespace tuned {

using nlohmann::json;

namespace {

std::unexpected<Error> wrong(const std::string& what) {
  return fail(ErrorKind::InvalidInput, "kernel document: \"judge\": " + what);
}

/// Everything of an argument that decides what its buffer holds.
std::string textOf(const KernelArgument& argument) {
  std::string text = argument.type + (argument.output ? " output " : " ") + argument.fill;
  for (const Expression& dimension : argument.shape)
    text += " [" + dimension.text() + "]";
  if (argument.value) text += " = " + argument.value->text();
  if (argument.floatValue) text += " = " + std::to_string(*argument.floatValue);
  return text;
}

} // namespace

Result<json> judgeDocument(const json& document) {
  json judge = document.at("judge");
  if (!judge.is_object()) return wrong(std::string("expected an object, got ") + judge.type_name());
  if (judge.contains("kernel"))
    return wrong("a document without a path must bring its judge whole, not by name");
  if (judge.contains("judge")) return wrong("a judge has no judge itself");
  if (judge.contains("name")) return judge;
  judge["name"] = document.value("name", "") + "-judge";
  for (const char* key : {"sizes", "constants", "arguments", "tolerance"})
    if (!judge.contains(key) && document.contains(key)) judge[key] = document[key];
  return judge;
}

Result<void> checkJudge(const Kernel& kernel, const Kernel& judge) {
  if (judge.language != "ttir")
    return wrong("it is written in '" + judge.language + "'; a judge is kernel IR (ttir)");
  if (std::set(kernel.sizes.begin(), kernel.sizes.end()) != std::set(judge.sizes.begin(), judge.sizes.end()))
    return wrong("its sizes are not those of the kernel");
  if (kernel.arguments.size() != judge.arguments.size())
    return wrong("it has " + std::to_string(judge.arguments.size()) + " arguments, the kernel has " +
                 std::to_string(kernel.arguments.size()));
  for (size_t i = 0; i < kernel.arguments.size(); ++i)
    if (textOf(kernel.arguments[i]) != textOf(judge.arguments[i]))
      return wrong("its argument '" + judge.arguments[i].name + "' is `" + textOf(judge.arguments[i]) +
                   "`, the kernel's '" + kernel.arguments[i].name + "' is `" + textOf(kernel.arguments[i]) +
                   "`");
  return {};
}

} // namespace tuned
