#include "client/launcher.h"

#include <array>

namespace tuned::client {

namespace {
constexpr size_t fewParameters = 64;
}

Result<std::shared_ptr<const Launcher>> Launcher::load(Client& client, AnswerPointer answer,
                                                       std::vector<LaunchCondition> without) {
  auto binary = client.artefact(answer->artefact);
  if (!binary) return fail(binary.error());
  auto fallback = std::make_unique<Fallback>(client.socket(), answer, std::move(without));
  return make(std::move(answer), *binary, std::move(fallback));
}

Result<std::shared_ptr<const Launcher>> Launcher::make(AnswerPointer answer, std::string_view binary) {
  return make(std::move(answer), binary, nullptr);
}

Result<std::shared_ptr<const Launcher>> Launcher::make(AnswerPointer answer, std::string_view binary,
                                                       std::unique_ptr<Fallback> fallback) {
  auto signature = runtime::Signature::of(answer->launch);
  if (!signature) return fail(signature.error());
  auto kernel = runtime::loadKernel(answer->format, binary, answer->launch, answer->device);
  if (!kernel) return fail(kernel.error());
  return std::shared_ptr<const Launcher>(
      new Launcher(std::move(answer), std::move(*kernel), std::move(*signature), std::move(fallback)));
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
  if (auto sound = signature_.check(slots); !sound)
    return launchInstead(sound.error(), slots, addresses, stream);
  return kernel_->launch(slots, answer_->grid, stream);
}

Result<void> Launcher::launchInstead(const Error& why, std::span<const uint64_t> slots,
                                     std::span<const uint64_t> addresses, void* stream) const {
  if (!fallback_) return fail(why);
  auto other = fallback_->launcher(signature_.brokenBy(slots), why);
  if (other) return (*other)->launch(addresses, stream);
  Error none = why;
  none.message += ", and no other build can be had: " + other.error().text();
  return fail(none);
}

} // namespace tuned::client
