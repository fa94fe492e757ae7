#include "backend/nvptx/cubin/assemble.h"

#include "backend/nvptx/cubin/cubin.h"
#include "backend/toolchain/toolchain.h"

#include <array>
#include <cstdint>
#include <dlfcn.h>
#include <vector>

namespace tuned::nvptx {
namespace {

// The few declarations of nvJitLink.h that are used here, so that building needs no toolkit.
using Handle = struct OpaqueLinker*;
constexpr int success = 0;
constexpr int ptxInput = 2;

struct Library {
  int (*create)(Handle*, uint32_t, const char* const*) = nullptr;
  int (*destroy)(Handle*) = nullptr;
  int (*addData)(Handle, int, const void*, size_t, const char*) = nullptr;
  int (*complete)(Handle) = nullptr;
  int (*errorLogSize)(Handle, size_t*) = nullptr;
  int (*errorLog)(Handle, char*) = nullptr;
  int (*infoLogSize)(Handle, size_t*) = nullptr;
  int (*infoLog)(Handle, char*) = nullptr;
  int (*cubinSize)(Handle, size_t*) = nullptr;
  int (*cubin)(Handle, void*) = nullptr;
};

const std::vector<std::string> libraryNames = {"libnvJitLink.so.13", "libnvJitLink.so.12"};

std::unexpected<Error> unavailable(const std::string& why) {
  return fail(ErrorKind::Unavailable, "nvJitLink, which turns PTX into a cubin, cannot be opened: " + why,
              toolchain::remedy());
}

template <typename Function> bool resolve(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

Result<Library> openLibrary() {
  std::string path = toolchain::findFile(libraryNames).string();
  void* opened = path.empty() ? nullptr : dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  std::string why = !path.empty() && !opened ? dlerror() : "no such library in the usual places";
  for (const std::string& name : libraryNames)
    if (!opened) opened = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!opened) return unavailable(why);

  Library library;
  bool complete = resolve(opened, "nvJitLinkCreate", library.create) &&
                  resolve(opened, "nvJitLinkDestroy", library.destroy) &&
                  resolve(opened, "nvJitLinkAddData", library.addData) &&
                  resolve(opened, "nvJitLinkComplete", library.complete) &&
                  resolve(opened, "nvJitLinkGetErrorLogSize", library.errorLogSize) &&
                  resolve(opened, "nvJitLinkGetErrorLog", library.errorLog) &&
                  resolve(opened, "nvJitLinkGetInfoLogSize", library.infoLogSize) &&
                  resolve(opened, "nvJitLinkGetInfoLog", library.infoLog) &&
                  resolve(opened, "nvJitLinkGetLinkedCubinSize", library.cubinSize) &&
                  resolve(opened, "nvJitLinkGetLinkedCubin", library.cubin);
  if (!complete) return unavailable(path + " lacks a function: " + dlerror());
  return library; // stays open for the life of the process
}

const Result<Library>& library() {
  static const Result<Library> opened = openLibrary();
  return opened;
}

std::string readLog(Handle handle, int (*size)(Handle, size_t*), int (*read)(Handle, char*)) {
  size_t bytes = 0;
  if (size(handle, &bytes) != success || bytes == 0) return {};
  std::string text(bytes, '\0');
  if (read(handle, text.data()) != success) return {};
  text.resize(text.find_last_not_of(std::string("\0\n ", 3)) + 1);
  return text;
}

std::vector<std::string> commandLine(const AssembleOptions& options) {
  std::vector<std::string> line = {"-arch=" + options.architecture};
  // -O1 and -O2 are known to ptxas alone; nvJitLink's own -O takes 0 and 3.
  if (options.level != 3) line.push_back("-Xptxas=-O" + std::to_string(options.level));
  if (options.maxRegisters > 0) line.push_back("-maxrregcount=" + std::to_string(options.maxRegisters));
  return line;
}

/// nvJitLink crashes on some malformed names (seen with 13.0 and "sm_7"): only sm_ with two or three digits
/// and at most one of the suffixes a and f reaches it.
bool wellFormed(const std::string& architecture) {
  if (!architecture.starts_with("sm_")) return false;
  std::string digits = architecture.substr(3);
  if (!digits.empty() && (digits.back() == 'a' || digits.back() == 'f')) digits.pop_back();
  return (digits.size() == 2 || digits.size() == 3) &&
         digits.find_first_not_of("0123456789") == std::string::npos && digits.front() != '0';
}

/// Notes that mean slow or wrong code: setmaxnreg ignored, wgmma serialised.
std::string fatalNote(const std::string& log) {
  for (const char* code : {"C7508", "C7510", "C7511", "C7514", "C7515", "C7600"})
    if (size_t at = log.find(code); at != std::string::npos) {
      size_t from = log.rfind('\n', at);
      from = from == std::string::npos ? 0 : from + 1;
      return log.substr(from, log.find('\n', at) - from);
    }
  return {};
}

ErrorKind refusalKind(const std::string& log) {
  for (const char* phrase : {"uses too much", "too many resources", "out of registers"})
    if (log.find(phrase) != std::string::npos) return ErrorKind::OutOfResources;
  return ErrorKind::InvalidInput;
}

} // namespace

Result<Assembled> assemble(const std::string& ptx, const AssembleOptions& options) {
  if (!wellFormed(options.architecture))
    return fail(ErrorKind::InvalidInput, "'" + options.architecture + "' is not an architecture of NVIDIA's",
                "name one as sm_90a");
  if (!library()) return fail(library().error());
  const Library& api = *library();
  std::vector<std::string> line = commandLine(options);
  std::vector<const char*> arguments;
  for (const std::string& argument : line)
    arguments.push_back(argument.c_str());

  Handle handle = nullptr;
  if (int code = api.create(&handle, arguments.size(), arguments.data()); code != success)
    return fail(ErrorKind::InvalidInput,
                "nvJitLink refused its options for " + options.architecture + " (code " +
                    std::to_string(code) + ")",
                "is the architecture one that this toolkit knows?");
  struct Closer {
    const Library& api;
    Handle& handle;
    ~Closer() { api.destroy(&handle); }
  } closer{api, handle};

  int code = api.addData(handle, ptxInput, ptx.c_str(), ptx.size() + 1, "kernel.ptx");
  if (code == success) code = api.complete(handle);
  std::string log = readLog(handle, api.infoLogSize, api.infoLog);
  if (code != success) {
    std::string errors = readLog(handle, api.errorLogSize, api.errorLog);
    std::string text = errors.empty() ? "nvJitLink failed with code " + std::to_string(code) : errors;
    return fail(refusalKind(errors), "assembling for " + options.architecture + ": " + text);
  }
  if (std::string note = fatalNote(log); !note.empty())
    return fail(ErrorKind::Unsupported, "assembling for " + options.architecture + ": " + note);

  size_t bytes = 0;
  if (api.cubinSize(handle, &bytes) != success || bytes == 0)
    return fail(ErrorKind::Internal, "nvJitLink gave no cubin for " + options.architecture);
  Assembled assembled{std::string(bytes, '\0'), std::move(log)};
  if (api.cubin(handle, assembled.cubin.data()) != success)
    return fail(ErrorKind::Internal, "nvJitLink did not hand out its cubin for " + options.architecture);
  return assembled;
}

Result<std::string> assemblerVersion() {
  // The library itself tells no more than "13.5".
  static const Result<std::string> version = []() -> Result<std::string> {
    constexpr const char* empty =
        ".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry k() { ret; }\n";
    auto assembled = assemble(empty, {.architecture = "sm_80"});
    if (!assembled) return fail(assembled.error());
    auto kernel = readCubin(assembled->cubin);
    if (!kernel) return fail(kernel.error());
    return "nvjitlink " + kernel->toolVersion;
  }();
  return version;
}

std::string assemblerFault(const std::string& nameAndVersion) {
  size_t space = nameAndVersion.find(' ');
  std::string name = nameAndVersion.substr(0, space);
  if (space == std::string::npos || name == "tileiras") return {};
  if (toolchain::compareVersions(nameAndVersion.substr(space + 1), "13.3") >= 0) return {};
  return "it miscompiles wgmma with its first operand in registers, as all before 13.3";
}

} // namespace tuned::nvptx
