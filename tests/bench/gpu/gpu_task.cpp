#include "gpu_task.h"

#include "backend/nvptx/cubin/cubin.h"
#include "tuner/measure/element.h"
#include "tuner/measure/inputs.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace tuned::bench {
namespace {

/// Triton counts types of elements as the device's instructions do, which have three elsewhere than the
/// driver.
int elementTypeOf(int tritons) {
  return tritons == 8 ? 10 : tritons == 9 || tritons == 10 ? tritons - 1 : tritons;
}

/// How Triton's kernel wants each of its tensor maps, in the order of its parameters.
std::vector<TensorMapLayout> tensorMapsOf(const nlohmann::json& metadata) {
  std::vector<TensorMapLayout> layouts;
  for (const auto& map : metadata.value("tensor_maps", nlohmann::json::array()))
    layouts.push_back({map.at("swizzle"), elementTypeOf(map.at("elem_type")), map.at("elem_size"),
                       map.at("block_size").get<std::vector<int64_t>>()});
  return layouts;
}

constexpr int64_t sampleElements = 1 << 19; // at each of three places

Result<Artefact> loadTriton(const std::string& base) {
  std::string text = readFile(base + ".json");
  if (text.empty()) return fail(ErrorKind::NotFound, "not compiled by Triton");
  auto metadata = nlohmann::json::parse(text);
  if (metadata.contains("error"))
    return fail(ErrorKind::Unavailable, metadata.at("error").get<std::string>());
  Artefact artefact;
  artefact.format = "cubin";
  artefact.target = "Triton's";
  artefact.bytes = readFile(base + ".cubin");
  auto kernel = nvptx::readCubin(artefact.bytes, metadata.at("symbol"));
  if (!kernel) return fail(kernel.error());
  artefact.launch.symbol = kernel->symbol;
  artefact.launch.block[0] = metadata.at("threads");
  artefact.launch.dynamicSharedBytes = metadata.at("shared");
  std::vector<TensorMapLayout> layouts = tensorMapsOf(metadata);
  size_t nextMap = 0;
  for (const nvptx::CubinParameter& parameter : kernel->parameters) {
    artefact.launch.parameters.push_back({ParameterKind::Scalar, parameter.size});
    if (parameter.size != tensorMapBytes) continue;
    if (nextMap >= layouts.size())
      return fail(ErrorKind::InvalidInput, "Triton names " + std::to_string(layouts.size()) +
                                               " tensor maps, and its kernel takes more");
    artefact.launch.parameters.back() = {ParameterKind::TensorMap, tensorMapBytes, layouts[nextMap++]};
  }
  artefact.resources = {kernel->registers, kernel->staticSharedBytes + artefact.launch.dynamicSharedBytes,
                        kernel->stackBytes};
  return artefact;
}

} // namespace

std::string Candidate::key() const {
  return side + ":" + std::to_string(variant) + ":" + std::to_string(build);
}

std::vector<Candidate> candidates(const std::filesystem::path& folder, const PlanTask& task) {
  std::vector<Candidate> tritons, ours;
  for (size_t i = 0; i < task.variants.size(); ++i) {
    const PlanVariant& variant = task.variants[i];
    for (size_t build = 0; build < variant.builds.size(); ++build)
      ours.push_back({variant.builds[build].compiler, i, build});
    std::filesystem::path base = folder / variant.id;
    std::string stem = base.filename().string() + ".";
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(base.parent_path(), ignored)) {
      std::string name = entry.path().filename().string();
      if (name.starts_with(stem + "triton") && name.ends_with(".json"))
        tritons.push_back({name.substr(stem.size(), name.size() - stem.size() - 5), i, 0});
    }
  }
  std::ranges::stable_sort(tritons, {}, &Candidate::side);
  tritons.insert(tritons.end(), ours.begin(), ours.end());
  return tritons;
}

Result<Artefact> loadArtefact(const std::filesystem::path& folder, const PlanTask& task,
                              const Candidate& candidate) {
  const PlanVariant& variant = task.variants[candidate.variant];
  std::string base = (folder / variant.id).string() + ".";
  if (candidate.triton()) return loadTriton(base + candidate.side);
  Artefact artefact = variant.builds[candidate.build].artefact;
  artefact.bytes = readFile(base + std::to_string(candidate.build) + ".cubin");
  if (artefact.bytes.empty())
    return fail(ErrorKind::NotFound, "no file " + base + std::to_string(candidate.build) + ".cubin");
  return artefact;
}

std::string describe(const PlanTask& task, const Candidate& candidate) {
  const PlanVariant& variant = task.variants[candidate.variant];
  const std::string hints = candidate.triton() ? "" : variant.builds[candidate.build].hints;
  return variant.configuration + (hints.empty() ? "" : " + " + hints);
}

namespace {

/// Making more random numbers takes the host longer than all launches; an odd number shares no period with
/// rows.
constexpr int64_t freshElements = (int64_t{1} << 22) - 3;

/// One number all over.
std::vector<std::byte> constant(const PlanArgument& argument) {
  auto width = static_cast<size_t>(argument.bytes);
  std::vector<std::byte> bytes(static_cast<size_t>(argument.elements) * width);
  for (size_t at = 0; at < bytes.size(); at += width)
    std::memcpy(bytes.data() + at, &argument.bits, width);
  return bytes;
}

/// Numbers one by one, each on top of `base`.
std::vector<std::byte> listed(const PlanArgument& argument, uint64_t base) {
  auto width = static_cast<size_t>(argument.bytes);
  std::vector<std::byte> bytes(static_cast<size_t>(argument.elements) * width);
  for (size_t i = 0; i < argument.values.size() && (i + 1) * width <= bytes.size(); ++i) {
    uint64_t value = base + static_cast<uint64_t>(argument.values[i]);
    std::memcpy(bytes.data() + i * width, &value, width);
  }
  return bytes;
}

void repeat(LargeBytes& bytes, size_t wanted) {
  size_t period = bytes.size();
  bytes.resize(wanted);
  for (size_t at = period; at < wanted; at += period)
    std::memcpy(bytes.data() + at, bytes.data(), std::min(period, wanted - at));
}

} // namespace

Result<std::unique_ptr<GpuTask>> GpuTask::open(const std::filesystem::path& folder, const PlanTask& task,
                                               int device) {
  std::unique_ptr<GpuTask> result(new GpuTask(folder, task));
  auto opened = openCudaDevice(device, std::chrono::seconds(20));
  if (!opened) return fail(opened.error());
  result->device_ = std::move(*opened);
  for (const PlanArgument& argument : task.arguments) {
    result->buffers_.emplace_back();
    if (argument.elements == 0) continue;
    auto buffer = result->device_->allocate(static_cast<size_t>(argument.elements * argument.bytes));
    if (!buffer) return fail(buffer.error());
    result->buffers_.back() = std::move(*buffer);
  }
  for (size_t i = 0; i < task.arguments.size(); ++i)
    if (result->buffers_[i])
      if (auto done = result->fill(i); !done) return fail(done.error());
  return result;
}

Result<void> GpuTask::fill(size_t index) {
  const PlanArgument& argument = task_.arguments[index];
  Buffer& buffer = *buffers_[index];
  if (argument.fill == "constant") return device_->upload(buffer, 0, constant(argument));
  if (argument.fill == "values") return device_->upload(buffer, 0, listed(argument, 0));
  if (argument.fill == "addresses") {
    auto found = std::ranges::find(task_.arguments, argument.into, &PlanArgument::name);
    auto place = static_cast<size_t>(found - task_.arguments.begin());
    if (found == task_.arguments.end() || !buffers_[place])
      return fail(ErrorKind::InvalidInput,
                  argument.name + " points into '" + argument.into + "', which is no buffer");
    return device_->upload(buffer, 0, listed(argument, buffers_[place]->address()));
  }
  KernelArgument described;
  described.name = argument.name;
  described.type = argument.type;
  described.fill = argument.fill;
  auto bytes = makeInput(described, std::min(argument.elements, freshElements), index + 1);
  if (!bytes) return fail(bytes.error());
  repeat(*bytes, static_cast<size_t>(argument.elements * argument.bytes));
  return device_->upload(buffer, 0, *bytes);
}

namespace {

TensorDescriptor descriptorOf(const PlanArgument& argument, const PlanVariant& variant, uint64_t address) {
  TensorDescriptor descriptor;
  descriptor.address = address;
  descriptor.elementBytes = argument.bytes;
  descriptor.elementType = argument.type.substr(1);
  descriptor.shape = argument.shape;
  descriptor.strides = argument.strides;
  auto own = variant.blocks.find(argument.name);
  descriptor.block = own == variant.blocks.end() ? argument.block : own->second;
  return descriptor;
}

} // namespace

Result<std::vector<ArgumentValue>> GpuTask::arguments(const Candidate& candidate) {
  nlohmann::json metadata;
  if (candidate.triton())
    metadata = nlohmann::json::parse(
        readFile((folder_ / task_.variants[candidate.variant].id).string() + "." + candidate.side + ".json"));
  std::vector<ArgumentValue> values;
  for (size_t i = 0; i < task_.arguments.size(); ++i) {
    const PlanArgument& argument = task_.arguments[i];
    if (argument.hidden) continue;
    if (!buffers_[i]) {
      values.emplace_back(Scalar{argument.bits, argument.bytes});
    } else if (argument.block.empty()) {
      values.emplace_back(buffers_[i]->address());
    } else {
      values.emplace_back(descriptorOf(argument, task_.variants[candidate.variant], buffers_[i]->address()));
    }
  }
  if (!candidate.triton()) return values;
  // Triton's kernels take two pointers more: scratch memory, so much for each program, and a profile.
  auto grid = task_.variants[candidate.variant].grid;
  int64_t scratch = metadata.at("global_scratch").get<int64_t>() * grid[0] * grid[1] * grid[2];
  if (scratch > 0 && (!scratch_ || static_cast<int64_t>(scratch_->size()) < scratch)) {
    auto buffer = device_->allocate(static_cast<size_t>(scratch));
    if (!buffer) return fail(buffer.error());
    scratch_ = std::move(*buffer);
  }
  values.emplace_back(scratch > 0 ? scratch_->address() : uint64_t{0});
  values.emplace_back(uint64_t{0});
  return values;
}

Result<std::vector<double>> GpuTask::outputs(LoadedKernel& kernel, const Candidate& candidate) {
  for (size_t i = 0; i < buffers_.size(); ++i)
    if (task_.arguments[i].output)
      if (auto done = device_->fill(*buffers_[i], 0, buffers_[i]->size(), std::byte{0xff}); !done)
        return fail(done.error());
  auto values = arguments(candidate);
  if (!values) return fail(values.error());
  if (auto done = device_->launch(kernel, task_.variants[candidate.variant].grid, *values); !done)
    return fail(done.error());
  std::vector<double> result;
  for (size_t i = 0; i < buffers_.size(); ++i) {
    const PlanArgument& argument = task_.arguments[i];
    if (!argument.output) continue;
    ElementInfo info = elementInfo(argument.type);
    int64_t count = std::min(sampleElements, argument.elements);
    for (int64_t first : {int64_t{0}, (argument.elements - count) / 2, argument.elements - count}) {
      std::vector<std::byte> bytes(static_cast<size_t>(count * argument.bytes));
      auto done = device_->download(*buffers_[i], static_cast<size_t>(first * argument.bytes), bytes);
      if (!done) return fail(done.error());
      for (int64_t element = 0; element < count; ++element)
        result.push_back(readElement(info.type, bytes.data() + element * argument.bytes));
    }
  }
  return result;
}

Result<std::vector<double>> GpuTask::time(LoadedKernel& kernel, const Candidate& candidate, int repeats) {
  auto values = arguments(candidate);
  if (!values) return fail(values.error());
  return device_->time(kernel, task_.variants[candidate.variant].grid, *values,
                       {.repeats = repeats, .coldCache = true});
}

std::string disagreement(const PlanTask& task, const std::vector<double>& values,
                         const std::vector<double>& expected) {
  double worst = 0;
  size_t at = 0, wrong = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    double limit = task.absolute + task.relative * std::abs(expected[i]);
    double difference = std::abs(values[i] - expected[i]);
    if (difference <= limit) continue;
    ++wrong;
    if (!(difference - limit <= worst)) worst = difference - limit, at = i;
  }
  if (wrong == 0) return {};
  return std::to_string(wrong) + " of " + std::to_string(values.size()) + " differ, at " +
         std::to_string(at) + " " + std::to_string(values[at]) + " for " + std::to_string(expected[at]);
}

} // namespace tuned::bench
