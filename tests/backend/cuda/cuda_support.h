// Opening the GPU, if there is one, and PTX to something it can load.
#pragma once

#include "backend/cuda/cuda.h"
#include "backend/nvptx/cubin/assemble.h"
#include "backend/nvptx/cubin/cubin.h"

#include <doctest/doctest.h>

namespace tuned::test {

/// Null where there is no GPU; the error was then checked to say so.
inline std::unique_ptr<Device> openGpu(std::chrono::milliseconds deadline = std::chrono::seconds(20)) {
  auto device = openCudaDevice(0, deadline);
  if (device) return std::move(*device);
  CHECK(device.error().kind == ErrorKind::Unavailable);
  CHECK_FALSE(device.error().remedy.empty());
  MESSAGE("skipped: no GPU: " << device.error().text());
  return nullptr;
}

inline Artefact artefactOf(const std::string& ptx, const std::string& architecture, int threads,
                           int64_t dynamicSharedBytes = 0) {
  Artefact artefact;
  artefact.format = "cubin";
  artefact.target = architecture;
  auto assembled = nvptx::assemble(ptx, {.architecture = architecture});
  REQUIRE_MESSAGE(assembled.has_value(), assembled.error().text());
  artefact.bytes = assembled->cubin;
  auto kernel = nvptx::readCubin(artefact.bytes);
  REQUIRE(kernel.has_value());
  artefact.launch.symbol = kernel->symbol;
  artefact.launch.block = {threads, 1, 1};
  artefact.launch.dynamicSharedBytes = dynamicSharedBytes;
  for (const nvptx::CubinParameter& parameter : kernel->parameters)
    artefact.launch.parameters.push_back(
        {parameter.size == 8 ? ParameterKind::Pointer : ParameterKind::Scalar, parameter.size});
  artefact.resources = {kernel->registers, kernel->staticSharedBytes + dynamicSharedBytes,
                        kernel->stackBytes};
  return artefact;
}

} // namespace tuned::test
