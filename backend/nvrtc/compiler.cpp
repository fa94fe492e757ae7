#include "backend/nvptx/cubin/cubin.h"
#include "backend/nvrtc/library.h"
#include "backend/nvrtc/log.h"
#include "backend/nvrtc/nvrtc.h"
#include "base/clock.h"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace tuned::nvrtc {
namespace {

/// A program that goes with its scope.
struct ProgramHolder {
  const Library& api;
  Program program = nullptr;
  ~ProgramHolder() {
    if (program) api.destroy(&program);
  }
};

/// 90 of "sm_90a"; 0 of what is no such name.
int capabilityOf(const std::string& target) {
  if (!target.starts_with("sm_")) return 0;
  int value = 0;
  const char* end = target.data() + target.size();
  auto [rest, error] = std::from_chars(target.data() + 3, end, value);
  bool suffix = rest == end || (rest + 1 == end && (*rest == 'a' || *rest == 'f'));
  return error == std::errc() && suffix && value >= 10 ? value : 0;
}

Result<void> checkTarget(const Library& api, const std::string& target) {
  int capability = capabilityOf(target);
  if (capability == 0)
    return fail(ErrorKind::Unsupported, "CUDA C++ runs on NVIDIA devices, and '" + target + "' is none",
                "name a target such as sm_90a, or a device such as cuda:0");
  if (api.architectures.empty() ||
      std::ranges::find(api.architectures, capability) != api.architectures.end())
    return {};
  std::string known;
  for (int each : api.architectures)
    known += (known.empty() ? "sm_" : " sm_") + std::to_string(each);
  return fail(ErrorKind::Unsupported,
              "NVRTC " + std::to_string(api.major) + "." + std::to_string(api.minor) + " does not know " +
                  target + "; it knows " + known,
              "a newer toolchain knows newer devices: scripts/toolchain brings one");
}

std::vector<std::string> commandLine(const CudaVariant& variant, const CompileOptions& options) {
  std::vector<std::string> line = {"--gpu-architecture=" + options.target};
  for (const std::string& folder : headerFolders())
    line.push_back("--include-path=" + folder);
  for (const auto& [name, value] : variant.macros)
    line.push_back("--define-macro=" + name + "=" + value);
  line.insert(line.end(), variant.flags.begin(), variant.flags.end());
  if (options.maxRegisters > 0) line.push_back("--maxrregcount=" + std::to_string(options.maxRegisters));
  if (!options.fuseMultiplyAdd) line.push_back("--fmad=false");
  if (options.assemblerLevel != 3)
    line.push_back("--ptxas-options=-O" + std::to_string(options.assemblerLevel));
  return line;
}

std::vector<const char*> pointers(const std::vector<std::string>& texts) {
  std::vector<const char*> out;
  for (const std::string& text : texts)
    out.push_back(text.c_str());
  return out;
}

/// The name errors have in NVRTC's log. Without the folder, so that equal kernels give equal cubins wherever
/// they lie: names of what is local to a file are made from it.
std::string programName(const CudaVariant& variant) {
  size_t slash = variant.sourceName.rfind('/');
  return slash == std::string::npos ? variant.sourceName : variant.sourceName.substr(slash + 1);
}

std::string readLog(const Library& api, Program program) {
  size_t bytes = 0;
  if (api.logSize(program, &bytes) != success || bytes == 0) return {};
  std::string text(bytes, '\0');
  if (api.log(program, text.data()) != success) return {};
  text.resize(text.find_last_not_of(std::string("\0\n ", 3)) + 1);
  return text;
}

Result<Program> create(const Library& api, const CudaVariant& variant, const std::string& name) {
  std::vector<const char*> texts, spellings;
  for (const auto& [spelling, text] : variant.headers) {
    spellings.push_back(spelling.c_str());
    texts.push_back(text.c_str());
  }
  Program program = nullptr;
  int code = api.create(&program, variant.source.c_str(), name.c_str(), static_cast<int>(texts.size()),
                        texts.data(), spellings.data());
  if (code != success)
    return fail(ErrorKind::InvalidInput,
                std::string("NVRTC does not take the source: ") + api.errorString(code));
  return program;
}

/// The compiled function takes what the document says; else a launch would hand it garbage.
Result<void> checkParameters(const nvptx::CubinKernel& kernel, const CudaVariant& variant) {
  std::string document, compiled;
  bool same = kernel.parameters.size() == variant.parameters.size();
  for (const CudaParameter& each : variant.parameters)
    document += (document.empty() ? "" : ", ") + each.name + " " + std::to_string(each.bytes);
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    compiled += (i ? ", " : "") + std::to_string(kernel.parameters[i].size);
    same = same && kernel.parameters[i].size == variant.parameters[i].bytes;
  }
  if (same) return {};
  return fail(ErrorKind::InvalidInput,
              "`" + variant.entry + "` takes parameters of " + compiled +
                  " bytes, but the kernel's document lists " + document,
              "list the function's parameters in \"arguments\", in its order");
}

Result<Artefact> artefactOf(std::string cubin, const std::string& symbol, const CudaVariant& variant,
                            const CompileOptions& options) {
  auto kernel = nvptx::readCubin(cubin, symbol);
  if (!kernel) return fail(kernel.error());
  if (auto same = checkParameters(*kernel, variant); !same) return fail(same.error());
  Artefact artefact;
  artefact.format = "cubin";
  artefact.target = options.target;
  artefact.bytes = std::move(cubin);
  artefact.launch.symbol = kernel->symbol;
  artefact.launch.block = variant.block;
  artefact.launch.dynamicSharedBytes = variant.sharedBytes;
  for (const CudaParameter& each : variant.parameters)
    artefact.launch.parameters.push_back(
        {each.pointer ? ParameterKind::Pointer : ParameterKind::Scalar, each.bytes});
  artefact.resources = {kernel->registers, kernel->staticSharedBytes + variant.sharedBytes,
                        kernel->stackBytes};
  artefact.compiler = "nvrtc";
  return artefact;
}

class NvrtcCompiler : public SourceCompiler {
public:
  std::string backend() const override { return "nvrtc"; }

  Result<std::string> version() const override {
    if (!library()) return fail(library().error());
    std::string text = "nvrtc " + std::to_string(library()->major) + "." + std::to_string(library()->minor);
    return headerDigest().empty() ? text : text + " headers " + headerDigest();
  }

  Result<Artefact> compile(const CudaVariant& variant, const CompileOptions& options) override {
    if (!library()) return fail(library().error());
    const Library& api = *library();
    if (auto known = checkTarget(api, options.target); !known) return fail(known.error());
    auto start = std::chrono::steady_clock::now();
    const std::string name = programName(variant);
    auto program = create(api, variant, name);
    if (!program) return fail(program.error());
    ProgramHolder holder{api, *program};
    auto symbol = compileProgram(api, *program, variant, options, name);
    if (!symbol) return fail(symbol.error());
    size_t bytes = 0;
    if (api.cubinSize(*program, &bytes) != success || bytes == 0)
      return fail(ErrorKind::Internal, "NVRTC gave no cubin for " + options.target);
    std::string cubin(bytes, '\0');
    if (api.cubin(*program, cubin.data()) != success)
      return fail(ErrorKind::Internal, "NVRTC did not hand out its cubin for " + options.target);
    auto artefact = artefactOf(std::move(cubin), *symbol, variant, options);
    if (!artefact) return artefact;
    artefact->assembler = *version();
    artefact->phaseSeconds["nvrtc"] = secondsSince(start);
    return artefact;
  }

private:
  /// The entry's name in the cubin.
  static Result<std::string> compileProgram(const Library& api, Program program, const CudaVariant& variant,
                                            const CompileOptions& options, const std::string& name) {
    if (int code = api.addName(program, variant.entry.c_str()); code != success)
      return fail(ErrorKind::InvalidInput,
                  "NVRTC does not take the entry `" + variant.entry + "`: " + api.errorString(code));
    std::vector<std::string> line = commandLine(variant, options);
    std::vector<const char*> arguments = pointers(line);
    int code = api.compile(program, static_cast<int>(arguments.size()), arguments.data());
    std::string log = readLog(api, program);
    if (options.onStage && !log.empty()) options.onStage("log", log);
    if (code == compilationFailed) return fail(errorFromLog(log, name, variant.sourceName));
    if (code != success)
      return fail(ErrorKind::InvalidInput,
                  std::string("NVRTC: ") + api.errorString(code) + (log.empty() ? "" : ": " + log));
    const char* lowered = nullptr;
    if (api.loweredName(program, variant.entry.c_str(), &lowered) != success || !lowered)
      return fail(ErrorKind::InvalidInput, "`" + variant.entry + "` is no kernel of " + variant.sourceName,
                  "\"entry\" is the name of a __global__ function, with its template arguments");
    return std::string(lowered);
  }
};

} // namespace

std::unique_ptr<SourceCompiler> makeCompiler() {
  return std::make_unique<NvrtcCompiler>();
}

bool present() {
  return library().has_value();
}

} // namespace tuned::nvrtc
