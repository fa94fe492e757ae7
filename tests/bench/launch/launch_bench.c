/* What a launch costs a C program: gputuned_launch beside a bare cuLaunchKernel, in turns on the null stream.
 *
 *   launch_bench DOCUMENT N    a kernel document with the size "n" (launch_bench.py writes one of six
 * arguments)
 *
 * The kernel runs on cuda:0 at n = N with buffers of N floats; the bare launch is of an empty kernel with
 * three pointers and three integers. Medians of rounds of 100 and of 1000 launches, host time alone; where
 * the longer ones take more each, the host has waited for the device, which then is what is timed. Needs a
 * driver and a daemon; without a GPU it says so and ends. */
#define _GNU_SOURCE
#include <gputuned.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { rounds = 31, most = 16 };

static int (*initialize)(unsigned), (*deviceGet)(int*, int), (*retain)(void**, int), (*makeCurrent)(void*);
static int (*allocate)(unsigned long long*, size_t), (*loadData)(void**, const void*), (*synchronize)(void);
static int (*getFunction)(void**, void*, const char*);
static int (*launchKernel)(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*,
                           void**, void**);

static const char emptyKernel[] = ".version 7.0\n.target sm_70\n.address_size 64\n.visible .entry k(.param "
                                  ".u64 a, .param .u64 b, .param .u64 c, "
                                  ".param .u32 d, .param .u32 e, .param .u32 f) { ret; }\n";

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int ascending(const void* a, const void* b) {
  const double one = *(const double*)a, other = *(const double*)b;
  return (one > other) - (one < other);
}

static void* symbol(void* library, const char* name) {
  void* found = dlsym(library, name);
  if (!found) fprintf(stderr, "the driver lacks %s\n", name);
  return found;
}

static int openDriver(void) {
  void* cuda = dlopen("libcuda.so.1", RTLD_NOW);
  int device = 0;
  void* context = NULL;
  if (!cuda) return 0;
  *(void**)&initialize = symbol(cuda, "cuInit");
  *(void**)&deviceGet = symbol(cuda, "cuDeviceGet");
  *(void**)&retain = symbol(cuda, "cuDevicePrimaryCtxRetain");
  *(void**)&makeCurrent = symbol(cuda, "cuCtxSetCurrent");
  *(void**)&allocate = symbol(cuda, "cuMemAlloc_v2");
  *(void**)&loadData = symbol(cuda, "cuModuleLoadData");
  *(void**)&getFunction = symbol(cuda, "cuModuleGetFunction");
  *(void**)&launchKernel = symbol(cuda, "cuLaunchKernel");
  *(void**)&synchronize = symbol(cuda, "cuCtxSynchronize");
  return initialize && deviceGet && retain && makeCurrent && allocate && loadData && getFunction &&
         launchKernel && synchronize && initialize(0) == 0 && deviceGet(&device, 0) == 0 &&
         retain(&context, device) == 0 && makeCurrent(context) == 0;
}

static int failed(gputuned_status status) {
  if (status != GPUTUNED_OK) fprintf(stderr, "%s\n", gputuned_error_message());
  return status != GPUTUNED_OK;
}

static gputuned_kernel* load(const char* document, int64_t n) {
  gputuned_client* client = NULL;
  gputuned_text* text = NULL;
  gputuned_answer* answer = NULL;
  gputuned_kernel* kernel = NULL;
  static const char idKey[] = "\"id\":\"";
  char id[64 + 1];
  const gputuned_size sizes[] = {{"n", n}};
  if (failed(gputuned_connect(NULL, &client)) || failed(gputuned_submit(client, document, &text)))
    return NULL;
  const char* said = strstr(gputuned_text_data(text), idKey);
  if (!said) return NULL;
  snprintf(id, sizeof id, "%s", said + sizeof idKey - 1); /* as long as a SHA-256 in hex */
  if (failed(gputuned_best(client, id, sizes, 1, "cuda:0", &answer)) ||
      failed(gputuned_load(client, answer, &kernel)))
    return NULL;
  gputuned_text_free(text);
  gputuned_answer_free(answer);
  gputuned_disconnect(client);
  return kernel;
}

struct Bare {
  void* function;
  void** parameters;
};

static void measure(const gputuned_kernel* kernel, const void* const* buffers, size_t taken,
                    const struct Bare* other, int launches) {
  double ours[rounds], bare[rounds];
  for (int round = 0; round < rounds; ++round) {
    double began = now();
    for (int i = 0; i < launches; ++i)
      gputuned_launch(kernel, buffers, taken, NULL);
    ours[round] = now() - began;
    synchronize();
    began = now();
    for (int i = 0; i < launches; ++i)
      launchKernel(other->function, 64, 1, 1, 128, 1, 1, 0, NULL, other->parameters, NULL);
    bare[round] = now() - began;
    synchronize();
  }
  qsort(ours, rounds, sizeof *ours, ascending);
  qsort(bare, rounds, sizeof *bare, ascending);
  printf("launch from C, rounds of %d | %.3f | bare cuLaunchKernel: %.3f | %.2f\n", launches,
         1e6 * ours[rounds / 2] / launches, 1e6 * bare[rounds / 2] / launches,
         ours[rounds / 2] / bare[rounds / 2]);
}

int main(int count, char** words) {
  if (count != 3) return fprintf(stderr, "launch_bench DOCUMENT N\n"), 2;
  if (!openDriver()) return printf("nothing is timed: there is no GPU\n"), 0;
  const int64_t n = atoll(words[2]);
  gputuned_kernel* kernel = load(words[1], n);
  if (!kernel) return 1;
  const void* buffers[most];
  unsigned long long memory[most];
  const size_t taken = gputuned_kernel_buffers(kernel);
  if (taken < 3 || taken > most)
    return fprintf(stderr, "the kernel takes %zu buffers, not 3 to 16\n", taken), 1;
  for (size_t i = 0; i < taken; ++i) {
    if (allocate(&memory[i], (size_t)gputuned_kernel_buffer_bytes(kernel, i)) != 0) return 1;
    buffers[i] = (const void*)memory[i];
  }
  void *module = NULL, *empty = NULL;
  if (loadData(&module, emptyKernel) != 0 || getFunction(&empty, module, "k") != 0) return 1;
  int numbers[3] = {1, 2, 3};
  void* parameters[] = {&memory[0], &memory[1], &memory[2], &numbers[0], &numbers[1], &numbers[2]};
  const struct Bare other = {empty, parameters};
  if (failed(gputuned_launch(kernel, buffers, taken, NULL))) return 1;
  measure(kernel, buffers, taken, &other, 100);
  measure(kernel, buffers, taken, &other, 1000);
  gputuned_kernel_free(kernel);
  return 0;
}
