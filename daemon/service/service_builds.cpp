// The part of the service that takes in what others built, and forgets.
#include "base/model/launch_check.h"
#include "base/sha256.h"
#include "daemon/service/answers/convert.h"
#include "daemon/service/service.h"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <openssl/evp.h>
#include <spdlog/spdlog.h>

namespace tuned {

namespace {
constexpr size_t longestOrigin = 80;

Result<std::string> fromBase64(const std::string& text) {
  std::string out(text.size() / 4 * 3 + 3, '\0');
  const int got =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (got < 0 || text.size() % 4 != 0) return fail(ErrorKind::InvalidInput, "binary: not base64");
  size_t padding = 0;
  while (padding < 2 && text.size() > padding && text[text.size() - 1 - padding] == '=')
    ++padding;
  out.resize(static_cast<size_t>(got) - padding);
  return out;
}

std::unexpected<Error> wrong(const std::string& what, const std::string& remedy = {}) {
  return fail(ErrorKind::InvalidInput, what, remedy);
}

/// Whether it is an image of what it says. No more than the head is looked at here: reading others' binaries
/// is for workers, which may crash.
Result<void> checkImage(const std::string& bytes, const std::string& format, const std::string& target) {
  if (format != "cubin" && format != "object")
    return wrong("format: '" + format + "' is neither cubin nor object");
  if (bytes.size() < SELFMAG || !bytes.starts_with(ELFMAG))
    return wrong("binary: not an ELF file, which both cubins and objects are");
  if (format == "object") return {};
  constexpr Elf64_Half cudaMachine = 190; // EM_CUDA
  Elf64_Ehdr head{};
  std::memcpy(&head, bytes.data(), std::min(bytes.size(), sizeof head));
  if (bytes.size() < sizeof head || head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_machine != cudaMachine)
    return wrong("binary: an ELF file, but no cubin");
  const auto inside = [&](uint64_t at, uint64_t count, uint64_t size) {
    return count == 0 || (at <= bytes.size() && count * size <= bytes.size() - at);
  };
  if (!inside(head.e_shoff, head.e_shnum, sizeof(Elf64_Shdr)) ||
      !inside(head.e_phoff, head.e_phnum, sizeof(Elf64_Phdr)))
    return wrong("binary: a cubin that was cut short: " + std::to_string(bytes.size()) + " bytes");
  // The flags hold the architecture in their low byte, from ABI version 8 on in the next.
  const auto number =
      std::to_string((head.e_ident[EI_ABIVERSION] >= 8 ? head.e_flags >> 8 : head.e_flags) & 0xff);
  const std::string name = "sm_" + number;
  if (target != name && target != name + "a" && target != name + "f")
    return wrong("target: '" + target + "', but the binary is for " + name,
                 "say what the binary was compiled for");
  return {};
}

bool takesMap(const ParameterSlot& slot) {
  return slot.kind == ParameterKind::TensorMap;
}

/// The launch must be one that this kernel's arguments can be packed for: what is not said cannot be
/// launched.
Result<void> checkLaunch(const LaunchMetadata& launch, const Kernel& kernel) {
  if (auto sound = checkLaunchable(launch); !sound)
    return wrong("launch." + sound.error().message, sound.error().remedy);
  for (int64_t extent : launch.grid)
    if (extent < 1)
      return wrong("launch.grid: three numbers from 1 on are needed",
                   "a build of others brings its own grid");
  if (launch.parameters.size() < kernel.arguments.size())
    return wrong("launch.parameters: " + std::to_string(launch.parameters.size()) + " for the kernel's " +
                     std::to_string(kernel.arguments.size()) + " arguments",
                 "one for each argument of the kernel, in its order; compilers' own may follow");
  for (size_t i = 0; i < kernel.arguments.size(); ++i) {
    const KernelArgument& argument = kernel.arguments[i];
    const ParameterSlot& slot = launch.parameters[i];
    const bool pointer = argument.type.starts_with("*");
    auto bytes = elementBytes(argument.type);
    const int size = pointer || !bytes ? 8 : *bytes;
    if (slot.takesAddress() != pointer || (!slot.map && slot.sizeBytes != size))
      return wrong("launch.parameters[" + std::to_string(i) + "]: argument '" + argument.name + "' is a " +
                   (pointer ? "pointer of 8 bytes, or a tensor map of it"
                            : argument.type + " of " + std::to_string(size) + " bytes"));
    if (slot.map && bytes && slot.map->elementBytes != *bytes)
      return wrong("launch.parameters[" + std::to_string(i) + "].map.element_bytes: argument '" +
                   argument.name + "' is " + argument.type);
  }
  return {};
}
} // namespace

Result<protocol::BuildInfo> Service::addBuild(const protocol::BuildRequest& request,
                                              const std::string& user) {
  if (request.kernel.empty() == request.document.empty())
    return wrong("give either 'kernel' (an id or a name) or 'document'");
  if (request.origin.empty() || request.origin.size() > longestOrigin)
    return wrong("origin: 1 to 80 bytes", "say whose build it is: \"triton 3.6.0\"");
  auto known = request.document.empty() ? kernels_.find(request.kernel, user) : take(request.document, user);
  if (!known) return fail(known.error());
  const Kernel& kernel = *known->kernel;
  if (auto sound = checkSizes(kernel, request.sizes); !sound) return fail(sound.error());
  if (auto sound = checkLaunch(request.launch, kernel); !sound) return fail(sound.error());
  if (request.format == "object" && std::ranges::any_of(request.launch.parameters, &takesMap))
    return wrong("launch.parameters: tensor maps, and the host has no unit that reads them");
  auto bytes = fromBase64(request.binary);
  if (!bytes) return fail(bytes.error());
  if (auto sound = checkImage(*bytes, request.format, request.target); !sound) return fail(sound.error());

  Build build;
  build.artefact = sha256(*bytes);
  build.format = request.format;
  build.target = request.target;
  build.compiler = request.origin;
  build.launch = request.launch;
  if (auto arguments = argumentsOf(kernel, request.sizes)) build.launch.arguments = std::move(*arguments);
  const BuildKey key{known->id,
                     toKey(request.sizes),
                     toKey(request.configuration),
                     toolchainId(request.target, request.origin, ""),
                     "",
                     request.origin};
  auto beside = store_->foreignBuildsBeside(key);
  if (!beside) return fail(beside.error());
  if (*beside >= options_.othersBuilds)
    return fail(ErrorKind::OutOfResources,
                "kernel " + kernel.name + " has " + std::to_string(*beside) +
                    " builds of others at these sizes",
                "forget the kernel (tunectl forget KERNEL) and bring the best; others_builds in the daemon's "
                "configuration is the limit");
  auto id = store_->putBuild(key, build, *bytes);
  if (!id) return fail(id.error());
  dropHits();
  collectBrought(static_cast<int64_t>(bytes->size()));
  return protocol::BuildInfo{*id, build.artefact};
}

/// What others bring is kept within the same bytes as our own binaries that won nothing, but for what came
/// since it was counted last.
void Service::collectBrought(int64_t bytes) {
  constexpr int64_t leastBytes = int64_t{256} << 20, leastCharge = 16 << 10;
  const int64_t most = std::max(options_.artefactBytes, leastBytes);
  int64_t now = brought_ += std::max(bytes, leastCharge);
  if (now < most / 8 || !brought_.compare_exchange_strong(now, 0)) return;
  auto gone = store_->collectForeign(most, [this] { return ending_.load(); });
  if (!gone && !ending_) spdlog::warn("builds of others could not be collected: {}", gone.error().text());
  if (gone && gone->artefacts > 0)
    spdlog::info(
        "{} builds of others, of {} bytes, were dropped: all together may have {} bytes (artefact_bytes)",
        gone->artefacts, gone->bytes, most);
}

Result<protocol::Forgotten> Service::forget(const protocol::ForgetRequest& request) {
  if (request.kernel.empty() && request.sizes.empty() && request.device.empty())
    return wrong("nothing is named to be forgotten", "give a kernel, sizes or a device");
  if (request.kernel.empty() && !request.sizes.empty())
    return wrong("sizes belong to a kernel", "give 'kernel', too");
  auto gone =
      store_->forget({request.kernel, request.sizes.empty() ? "" : toKey(request.sizes), request.device},
                     [this] { return ending(); });
  kernels_.drop(); // also when it was cut short
  provisional_.drop();
  dropHits();
  if (!gone) return fail(gone.error());
  if (gone->documents + gone->builds + gone->measurements == 0)
    return fail(ErrorKind::NotFound, "nothing that is known matches", "tunectl ls shows what there is");
  return protocol::Forgotten{gone->documents, gone->builds, gone->measurements};
}

} // namespace tuned
