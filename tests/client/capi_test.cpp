// The C interface against a real daemon, as a C program uses it.
#include "client/capi/gputuned.h"
#include "tests/e2e/daemon_process.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <thread>

using namespace tuned;

namespace {

struct Connected {
  e2e::DaemonProcess daemon;
  gputuned_client* client = nullptr;

  Connected() {
    setenv("GPU_TUNED_KERNELS", TUNED_KERNELS, 1);
    const std::string socket = daemon.socket();
    const gputuned_connect_options options = {sizeof options, socket.c_str(), 20};
    REQUIRE_MESSAGE(gputuned_connect(&options, &client) == GPUTUNED_OK, gputuned_error_message());
  }
  ~Connected() { gputuned_disconnect(client); }
};

std::string taken(gputuned_text* text) {
  std::string out(gputuned_text_data(text), gputuned_text_size(text));
  gputuned_text_free(text);
  return out;
}

gputuned_kernel* loadSoftmax(gputuned_client* client, int64_t rows, int64_t columns) {
  const gputuned_size sizes[] = {{"n_rows", rows}, {"n_cols", columns}};
  gputuned_answer* answer = nullptr;
  REQUIRE_MESSAGE(gputuned_best(client, "softmax", sizes, 2, "cpu", &answer) == GPUTUNED_OK,
                  gputuned_error_message());
  gputuned_kernel* kernel = nullptr;
  REQUIRE_MESSAGE(gputuned_load(client, answer, &kernel) == GPUTUNED_OK, gputuned_error_message());
  gputuned_answer_free(answer);
  return kernel;
}

std::string outputOf(const std::string& command, int& status) {
  std::string out;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe))
    out += static_cast<char>(c);
  status = pclose(pipe);
  return out;
}

} // namespace

TEST_CASE("a kernel is submitted, asked for, loaded and launched through C, by several threads") {
  Connected c;
  gputuned_text* info = nullptr;
  REQUIRE(gputuned_submit(c.client, "softmax", &info) == GPUTUNED_OK);
  CHECK(taken(info).find("\"n_rows\"") != std::string::npos);
  constexpr size_t rows = 37, columns = 100;
  gputuned_kernel* kernel = loadSoftmax(c.client, rows, columns);
  CHECK(gputuned_kernel_buffers(kernel) == 2);
  CHECK(gputuned_kernel_buffer_bytes(kernel, 0) == static_cast<int64_t>(rows * columns * sizeof(float)));
  CHECK(gputuned_kernel_buffer_bytes(kernel, 2) == 0);

  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      std::vector<float> memory(2 * rows * columns + 32);
      auto* x = reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(memory.data()) + 63) / 64 * 64);
      float* y = x + (rows * columns + 15) / 16 * 16;
      for (size_t i = 0; i < rows * columns; ++i)
        x[i] = static_cast<float>((i + static_cast<size_t>(thread)) % 11);
      const void* buffers[] = {y, x};
      for (int launch = 0; launch < 10; ++launch) {
        wrong += gputuned_launch(kernel, buffers, 2, nullptr) != GPUTUNED_OK;
        for (size_t row = 0; row < rows; ++row) {
          float sum = 0;
          for (size_t i = 0; i < columns; ++i)
            sum += y[row * columns + i];
          wrong += std::fabs(sum - 1) > 1e-4F;
        }
      }
    });
  for (std::thread& thread : threads)
    thread.join();
  CHECK(wrong == 0);
  // A kernel needs no daemon any more.
  c.daemon.stop(SIGTERM);
  std::vector<float> x(4096, 1), y(4096);
  const void* buffers[] = {y.data(), x.data()};
  CHECK(gputuned_launch(kernel, buffers, 2, nullptr) == GPUTUNED_OK);
  gputuned_kernel_free(kernel);
}

TEST_CASE("mistakes are statuses with a message, and nothing is written") {
  Connected c;
  REQUIRE(gputuned_submit(c.client, "softmax", nullptr) == GPUTUNED_OK);
  gputuned_answer* answer = nullptr;
  const gputuned_size sizes[] = {{"n_rows", 8}, {"n_kolumns", 8}};
  CHECK(gputuned_best(c.client, "softmax", sizes, 2, "cpu", &answer) == GPUTUNED_INVALID_INPUT);
  CAPTURE(std::string(gputuned_error_message()));
  CHECK(std::string(gputuned_error_message()).find("n_kolumns") != std::string::npos);
  CHECK(gputuned_best(c.client, "no_such_kernel", sizes, 1, "cpu", &answer) == GPUTUNED_NOT_FOUND);
  CHECK(gputuned_best(c.client, nullptr, nullptr, 0, nullptr, &answer) == GPUTUNED_INVALID_INPUT);
  CHECK(gputuned_ask(c.client, "not json", &answer) == GPUTUNED_INVALID_INPUT);
  CHECK(answer == nullptr);
  CHECK(gputuned_submit(c.client, "{\"name\": 1}", nullptr) == GPUTUNED_INVALID_INPUT);
  gputuned_text* text = nullptr;
  CHECK(gputuned_document("no_such_kernel", &text) == GPUTUNED_NOT_FOUND);
  CHECK(gputuned_tune(c.client, "{}", nullptr, nullptr, &text) == GPUTUNED_INVALID_INPUT);
  CHECK(gputuned_request(c.client, "GET", "/v1/nothing", nullptr, &text) == GPUTUNED_NOT_FOUND);
  CHECK(text == nullptr);

  gputuned_kernel* kernel = loadSoftmax(c.client, 8, 64);
  std::vector<float> x(1024);
  const void* buffers[] = {x.data(), x.data() + 512};
  CHECK(gputuned_launch(kernel, buffers, 1, nullptr) == GPUTUNED_INVALID_INPUT);
  CHECK(std::string(gputuned_error_message()).find("takes 2 buffers, got 1") != std::string::npos);
  gputuned_kernel_free(kernel);

  const gputuned_connect_options nowhere = {sizeof nowhere, "/nowhere/tuned.sock", 1};
  gputuned_client* client = nullptr;
  CHECK(gputuned_connect(&nowhere, &client) == GPUTUNED_UNAVAILABLE);
  const gputuned_connect_options small = {1, nullptr, 1};
  CHECK(gputuned_connect(&small, &client) == GPUTUNED_INVALID_INPUT);
  CHECK(client == nullptr);
  CHECK(std::string(gputuned_status_name(GPUTUNED_UNAVAILABLE)) == "unavailable");
  CHECK(std::string(gputuned_status_name(99)) == "unknown");
}

TEST_CASE("a tuning is followed with its events, and can be left") {
  Connected c;
  REQUIRE(gputuned_submit(c.client, "softmax", nullptr) == GPUTUNED_OK);
  const char* request = R"({"kernel": "softmax", "sizes": {"n_rows": 64, "n_cols": 64}, "device": "cpu"})";
  int events = 0;
  auto count = [](const char*, void* user) { return ++*static_cast<int*>(user) < 1000 ? 1 : 0; };
  gputuned_text* status = nullptr;
  REQUIRE_MESSAGE(gputuned_tune(c.client, request, count, &events, &status) == GPUTUNED_OK,
                  gputuned_error_message());
  CHECK(taken(status).find("\"done\"") != std::string::npos);
  CHECK(events >= 2);
  const gputuned_size sizes[] = {{"n_rows", 64}, {"n_cols", 64}};
  gputuned_answer* answer = nullptr;
  REQUIRE(gputuned_best(c.client, "softmax", sizes, 2, "cpu", &answer) == GPUTUNED_OK);
  gputuned_answer_view view = {};
  CHECK(gputuned_answer_get(answer, &view) == GPUTUNED_INVALID_INPUT); // its size was not said
  view.size = sizeof view;
  REQUIRE(gputuned_answer_get(answer, &view) == GPUTUNED_OK);
  CHECK(std::string(view.source) == "cache");
  CHECK(view.settled == 1);
  CHECK(view.proven == 1);
  CHECK(view.seconds > 0);
  gputuned_answer_free(answer);
}

TEST_CASE("an objective is asked for and tuned through C") {
  Connected c;
  REQUIRE(gputuned_submit(c.client, "softmax", nullptr) == GPUTUNED_OK);
  const auto request = [](const char* objective) {
    return std::string(
               R"({"kernel": "softmax", "sizes": {"n_rows": 16, "n_cols": 64}, "device": "cpu", "objective": )") +
           objective + "}";
  };
  gputuned_text* text = nullptr;
  REQUIRE_MESSAGE(gputuned_tune(c.client, request(R"({"time": 1, "energy": 0})").c_str(), nullptr, nullptr,
                                &text) == GPUTUNED_OK,
                  gputuned_error_message());
  CHECK(taken(text).find("\"passed\"") != std::string::npos);
  gputuned_answer* answer = nullptr;
  REQUIRE(gputuned_ask(c.client, request(R"({"time": 1})").c_str(), &answer) == GPUTUNED_OK);
  gputuned_answer_view view = {};
  view.size = sizeof view;
  REQUIRE(gputuned_answer_get(answer, &view) == GPUTUNED_OK);
  CHECK(std::string(view.source) == "cache");
  CHECK(std::isnan(view.joules));
  // A program of the time before there were joules.
  view.size = offsetof(gputuned_answer_view, joules);
  view.joules = 7;
  REQUIRE(gputuned_answer_get(answer, &view) == GPUTUNED_OK);
  CHECK(view.joules == 7);
  gputuned_answer_free(answer);
  // Energy, where the processor's counter may be read; else the tuning says that it is not counted.
  text = nullptr;
  REQUIRE(gputuned_tune(c.client, request(R"({"time": 0, "energy": 1})").c_str(), nullptr, nullptr, &text) ==
          GPUTUNED_OK);
  const std::string status = taken(text);
  CAPTURE(status);
  CHECK((status.find("\"joules\"") != std::string::npos || status.find("not counted") != std::string::npos));
  // What was measured by time alone is no answer for energy, and weights have to be some.
  CHECK(gputuned_ask(c.client, request(R"({"time": 0, "energy": 0})").c_str(), &answer) ==
        GPUTUNED_INVALID_INPUT);
  CHECK(gputuned_ask(c.client, request(R"({"money": 1})").c_str(), &answer) == GPUTUNED_INVALID_INPUT);
  CHECK(gputuned_ask(c.client, R"({"sizes": {}, "of_tomorrow": 1})", &answer) == GPUTUNED_INVALID_INPUT);
  CHECK(std::string(gputuned_error_message()).find("a later one may know more") != std::string::npos);
}

TEST_CASE("the examples run") {
  Connected c;
  for (const char* name : {"example_softmax_c", "example_tune_cpp"}) {
    int status = -1;
    const std::string said = outputOf(
        "GPU_TUNED_SOCKET=" + c.daemon.socket() + " " + client::programFolder() + "/" + name, status);
    CHECK_MESSAGE(status == 0, name << ": " << said);
  }
}

TEST_CASE("whose memory an address is, is asked of the driver; memory of the host is no device's") {
  int32_t device = -1;
  CHECK(gputuned_pointer_device(&device, nullptr) == GPUTUNED_INVALID_INPUT);
  const gputuned_status status = gputuned_pointer_device(&device, &device);
  CHECK((status == GPUTUNED_UNAVAILABLE || status == GPUTUNED_INVALID_INPUT)); // without a driver, with one
  CHECK(device == -1);
  CHECK(std::string(gputuned_error_message()).size() > 10);
}
