#include "client/tunectl/verbs/hand_over.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <unistd.h>

namespace tuned::tunectl {

int become(const Globals& globals, std::vector<std::string> command) {
  std::vector<char*> pointers;
  for (std::string& argument : command)
    pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  ::execv(pointers[0], pointers.data());
  return report(
      globals, {ErrorKind::NotFound, "cannot start " + command[0] + ": " + std::strerror(errno), std::nullopt,
                std::filesystem::path(command[0]).filename().string() + " has to lie beside tunectl"});
}

std::string takeOption(std::vector<std::string>& arguments, const std::string& option) {
  std::string value;
  for (auto at = arguments.begin(); at != arguments.end();) {
    if (*at == option && at + 1 != arguments.end()) {
      value = *(at + 1);
      at = arguments.erase(at, at + 2);
    } else if (at->starts_with(option + "=")) {
      value = at->substr(option.size() + 1);
      at = arguments.erase(at);
    } else {
      ++at;
    }
  }
  return value;
}

} // namespace tuned::tunectl
