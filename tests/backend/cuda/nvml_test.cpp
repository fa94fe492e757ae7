// Against a library of our own (stub_nvml.cpp), which has the real one's name.
#include "backend/cuda/nvml.h"
#include "stub_nvml.h"

#include <doctest/doctest.h>
#include <unistd.h>

using namespace tuned;
using namespace tuned::cuda;

namespace {
const auto own = static_cast<unsigned>(::getpid());

std::unique_ptr<Management> opened() {
  auto device = Management::open("0000:01:00.0");
  REQUIRE_MESSAGE(device.has_value(), device.error().text());
  return std::move(*device);
}
} // namespace

TEST_CASE("a device alone: clocks, temperature and energy, nobody else") {
  stubNvml = {};
  stubNvml.processes = {{own, 1 << 20, 0, 0}};
  stubNvml.millijoules = 2500;
  auto device = opened();
  const DeviceState state = device->state();
  CHECK(state.clockMegahertz == 1980);
  CHECK(state.memoryClockMegahertz == 2619);
  CHECK(state.celsius == 40);
  CHECK(state.others == 0);
  CHECK(state.othersPercent == 0);
  CHECK(state.slowed.empty());
  CHECK(disturbance(state).empty());
  CHECK(device->joules() == 2.5);
  CHECK_FALSE(state.watts.has_value()); // this library does not tell
}

TEST_CASE("another process's work counts from the last look on") {
  stubNvml = {};
  stubNvml.processes = {{own, 0, 0, 0}, {own + 1, 0, 0, 0}};
  stubNvml.samples = {{own + 1, 100, 90, 0, 0, 0}};
  auto device = opened();
  CHECK(device->state().othersPercent == 0); // it was before
  stubNvml.samples.push_back({own + 1, 200, 60, 0, 0, 0});
  stubNvml.samples.push_back({own + 1, 300, 20, 0, 0, 0});
  stubNvml.samples.push_back({own, 300, 99, 0, 0, 0});
  const DeviceState busy = device->state();
  CHECK(busy.others == 1);
  CHECK(busy.othersPercent == 40);
  CHECK(disturbance(busy) == "other processes took 40 % of the device");
  CHECK(device->state().othersPercent == 0);
}

TEST_CASE("more samples than a first guess are all counted") {
  stubNvml = {};
  stubNvml.processes = {{own, 0, 0, 0}, {own + 1, 0, 0, 0}};
  auto device = opened();
  for (unsigned long long i = 1; i <= 1000; ++i)
    stubNvml.samples.push_back({own + 1, i, 50, 0, 0, 0});
  CHECK(device->state().othersPercent == 50);
}

TEST_CASE("heat is told; a power cap is not a disturbance") {
  stubNvml = {};
  stubNvml.slowdowns = 0x4;
  auto device = opened();
  CHECK(device->state().slowed.empty());
  stubNvml.slowdowns = 0x40 | 0x8;
  CHECK(device->state().slowed == std::vector<std::string>{"heat"});
  CHECK(disturbance(device->state()) == "the device is slowed down: heat");
}

TEST_CASE("in a container, where our own number is another, nobody is accused of our work") {
  stubNvml = {};
  stubNvml.processes = {{own + 77, 0, 0, 0}};
  auto device = opened();
  stubNvml.samples = {{own + 77, 100, 90, 0, 0, 0}};
  CHECK(device->state().others == 0);
  stubNvml.samples.push_back({own + 77, 200, 90, 0, 0, 0});
  CHECK(device->state().othersPercent == 0);
  stubNvml.processes.push_back({own + 78, 0, 0, 0});
  CHECK(device->state().others == 1);
  CHECK_FALSE(device->state().othersPercent.has_value()); // which of the two is us is not known
}

TEST_CASE("one look before this process was listed makes nobody unknown for ever") {
  stubNvml = {};
  stubNvml.processes = {{own + 1, 0, 0, 0}};
  auto device = opened();
  CHECK(device->state().others == 0); // the only one there may be us
  stubNvml.processes.push_back({own, 0, 0, 0});
  stubNvml.samples = {{own + 1, 100, 60, 0, 0, 0}};
  const DeviceState busy = device->state();
  CHECK(busy.others == 1);
  CHECK(busy.othersPercent == 60);
  stubNvml.processes.clear();
  CHECK(device->state().others == 0);
}

TEST_CASE("in a part of a GPU (MIG) others are those in that part, and energy is nobody's alone") {
  stubNvml = {};
  stubNvml.part = "MIG-7089d0f3-293f-58c9-8f8c-5ea666eedbde";
  stubNvml.partInstance = 3;
  stubNvml.millijoules = 2500;
  stubNvml.processes = {{own, 0, 3, 0}, {own + 1, 0, 5, 0}, {own + 2, 0, 0, 0}};
  auto device = Management::open("0000:01:00.0", "7089d0f3-293f-58c9-8f8c-5ea666eedbde");
  REQUIRE(device);
  stubNvml.samples = {{own + 1, 100, 90, 0, 0, 0}, {own + 2, 100, 70, 0, 0, 0}};
  DeviceState state = (*device)->state();
  CHECK(state.others == 0);
  CHECK(state.othersPercent == 0);
  CHECK(state.celsius == 40); // the whole GPU's
  CHECK_FALSE((*device)->joules().has_value());
  // One more in our own part is told, the others are not.
  stubNvml.processes.push_back({own + 4, 0, 3, 1});
  stubNvml.samples = {{own + 1, 200, 90, 0, 0, 0}, {own + 4, 200, 30, 0, 0, 0}};
  state = (*device)->state();
  CHECK(state.others == 1);
  CHECK(state.othersPercent == 30);
  // In a container: whoever is alone in the part is us.
  stubNvml.processes = {{own + 70, 0, 3, 0}, {own + 1, 0, 5, 0}};
  CHECK((*device)->state().others == 0);
  // A name that is no part's is a whole GPU's, and sees all of them.
  auto whole = Management::open("0000:01:00.0", "5ebe9f43-0000-0000-0000-000000000000");
  REQUIRE(whole);
  stubNvml.processes = {{own, 0, 3, 0}, {own + 1, 0, 5, 0}};
  CHECK((*whole)->state().others == 1);
  CHECK((*whole)->joules() == 2.5);
}

TEST_CASE("a driver that keeps no samples says nothing; one without new ones says nothing happened") {
  stubNvml = {};
  stubNvml.processes = {{own, 0, 0, 0}, {own + 1, 0, 0, 0}};
  auto device = opened();
  stubNvml.sampleStatus = 3; // not supported
  CHECK_FALSE(device->state().othersPercent.has_value());
  stubNvml.sampleStatus = 6; // not found
  CHECK(device->state().othersPercent == 0);
}

TEST_CASE("a device that the library does not know is an error with a remedy") {
  stubNvml = {};
  auto device = Management::open("0000:99:00.0");
  REQUIRE_FALSE(device.has_value());
  CHECK(device.error().kind == ErrorKind::Unavailable);
  CHECK(device.error().message.find("0000:99:00.0") != std::string::npos);
}
