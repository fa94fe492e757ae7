// Tunes matmul for one size on the CPU, shows the progress, and launches the winner.
//
//   c++ -std=c++17 tune.cpp $(pkg-config --cflags --libs gputuned) && ./a.out
#include <gputuned.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

void check(gputuned_status status) {
  if (status != GPUTUNED_OK) throw std::runtime_error(gputuned_error_message());
}

template <auto release> struct Releaser {
  template <typename Handle> void operator()(Handle* handle) const { release(handle); }
};
using Client = std::unique_ptr<gputuned_client, Releaser<gputuned_disconnect>>;
using Answer = std::unique_ptr<gputuned_answer, Releaser<gputuned_answer_free>>;
using Kernel = std::unique_ptr<gputuned_kernel, Releaser<gputuned_kernel_free>>;

int countEvents(const char*, void* events) {
  ++*static_cast<int*>(events);
  return 1; // go on
}

} // namespace

int main() try {
  constexpr int n = 64;
  gputuned_client* connected = nullptr;
  check(gputuned_connect(nullptr, &connected));
  const Client client(connected);
  check(gputuned_submit(client.get(), "matmul_f32", nullptr));

  int events = 0;
  const std::string request =
      R"({"kernel": "matmul_f32", "sizes": {"M": 64, "N": 64, "K": 64}, "device": "cpu",
                                  "budget": {"trials": 3}})";
  check(gputuned_tune(client.get(), request.c_str(), countEvents, &events, nullptr));

  const gputuned_size sizes[] = {{"M", n}, {"N", n}, {"K", n}};
  gputuned_answer* best = nullptr;
  check(gputuned_best(client.get(), "matmul_f32", sizes, 3, "cpu", &best));
  const Answer answer(best);
  gputuned_kernel* loaded = nullptr;
  check(gputuned_load(client.get(), answer.get(), &loaded));
  const Kernel kernel(loaded);

  std::vector<float> a(n * n, 0.5F), b(n * n, 2), c(n * n);
  // The document's order: look at gputuned_answer_json for names and shapes.
  const void* buffers[] = {a.data(), b.data(), c.data()};
  check(gputuned_launch(kernel.get(), buffers, gputuned_kernel_buffers(kernel.get()), nullptr));
  std::printf("%d events; every element is %g\n", events, static_cast<double>(c[0]));
  return events > 0 && std::fabs(c[0] - n) < 1e-3F && c[0] == c[n * n - 1] ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
