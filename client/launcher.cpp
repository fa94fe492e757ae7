#include "client/launcher.h"

#include <array>

namespace tuned::client {

namespace {
constexpr size_t fewParameters = 64;
}

Result<std::shared_ptr<const Launcher>> Launcher::load(Client& client, AnswerPointer answer) {
  auto binary = client.artefact(answer->artefact);
  if (!binary) return fail(binary.error());
  return make(std::move(answer), *binary);
}

Result<std::shared_ptr<const Launcher>> Launcher::make(AnswerPointer answer, std::string_view binary) {
  auto signature = runtime::Signature::of(answer->launch);
  if (!signature) return fail(signature.error());
  auto kernel = runtime::loadKernel(answer->format, binary, answer->launch, answer->device);
  if (!kernel) return fail(kernel.error());
  return std::shared_ptr<const Launcher>(
      new Launcher(std::move(answer), std::move(*kernel), std::move(*signature)));
}

int64_t Launcher::bufferBytes(size_t index) const {
  if (index >= signature_.buffers()) return 0;
  return runtime::bytesOf(answer_->launch.arguments[signature_.parameterOf(index)]);
}

Result<void> Launcher::launch(std::span<const uint64_t> addresses, void* stream) const {
  if (addresses.size() != signature_.buffers())
    return fail(ErrorKind::InvalidInput, "'" + answer_->kernelName + "' takes " +
                                             std::to_string(signature_.buffers()) + " buffers, got " +
                                             std::to_string(addresses.size()));
  std::array<uint64_t, fewParameters> few;
  std::vector<uint64_t> many;
  std::span<uint64_t> slots(few.data(), std::min(few.size(), signature_.parameters()));
  if (signature_.parameters() > few.size()) {
    many.resize(signature_.parameters());
    slots = many;
  }
  signature_.fill(addresses, slots);
  if (auto sound = signature_.check(slots); !sound) return sound;
  return kernel_->launch(slots, answer_->grid, stream);
}

} // namespace tuned::client
