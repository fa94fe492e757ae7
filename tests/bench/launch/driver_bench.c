/* What the driver alone takes for a launch, by the ways there are to ask for one: an empty kernel of 1, 6 and
 * 19 parameters, by cuLaunchKernel and cuLaunchKernelEx, the parameters as pointers or in one buffer, on the
 * null stream and on another.
 *
 *   driver_bench
 *
 * Microseconds of host time, medians of rounds of 100 launches; two passes over all, which tell how far
 * figures of equal ways are apart. Behind them, what making one tensor map takes. Needs a driver; without a
 * GPU it says so and ends. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { launches = 100, rounds = 61, most = 32, programs = 64, threads = 128 };

/* CUlaunchConfig and the marks of a buffer of parameters, as cuda.h has them. */
struct Config {
  unsigned grid[3], block[3], sharedBytes;
  void *stream, *attributes;
  unsigned attributeCount;
};
static void *const endOfExtra = (void*)0, *const bufferPointer = (void*)1, *const bufferSize = (void*)2;

static int (*initialize)(unsigned), (*retain)(void**, int), (*makeCurrent)(void*), (*synchronize)(void);
static int (*loadData)(void**, const void*), (*getFunction)(void**, void*, const char*),
    (*makeStream)(void**, unsigned);
static int (*launchKernel)(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*,
                           void**, void**);
static int (*launchKernelEx)(const struct Config*, void*, void**, void**);
static int (*encodeTiled)(void*, int, uint32_t, void*, const uint64_t*, const uint64_t*, const uint32_t*,
                          const uint32_t*, int, int, int, int);

static void *function, *stream;
static uint64_t slots[most];
static void *pointers[most], *extra[5];
static char buffer[8 * most];
static size_t bufferBytes;

static void check(int status, const char* what) {
  if (status == 0) return;
  fprintf(stderr, "driver_bench: %s fails with status %d\n", what, status);
  exit(1);
}

static void byPointers(void) {
  check(launchKernel(function, programs, 1, 1, threads, 1, 1, 0, stream, pointers, NULL), "cuLaunchKernel");
}
static void byBuffer(void) {
  check(launchKernel(function, programs, 1, 1, threads, 1, 1, 0, stream, NULL, extra), "cuLaunchKernel");
}
static void exByPointers(void) {
  const struct Config config = {{programs, 1, 1}, {threads, 1, 1}, 0, stream, NULL, 0};
  check(launchKernelEx(&config, function, pointers, NULL), "cuLaunchKernelEx");
}
static void exByBuffer(void) {
  const struct Config config = {{programs, 1, 1}, {threads, 1, 1}, 0, stream, NULL, 0};
  check(launchKernelEx(&config, function, NULL, extra), "cuLaunchKernelEx");
}

/* A matrix of halves, 4096 x 4096, in boxes of 128 x 64, as Triton's kernels have them. */
static void makeMap(void) {
  static _Alignas(64) char map[128];
  static const uint64_t extents[2] = {4096, 4096}, strides[1] = {8192};
  static const uint32_t box[2] = {64, 128}, steps[2] = {1, 1};
  static uintptr_t address = 1 << 20;
  address += 1024;
  check(encodeTiled(map, 6, 2, (void*)address, extents, strides, box, steps, 0, 3, 2, 0),
        "cuTensorMapEncodeTiled");
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec * 1e-3;
}

static int ascending(const void* a, const void* b) {
  const double one = *(const double*)a, other = *(const double*)b;
  return (one > other) - (one < other);
}

static double microseconds(void (*way)(void)) {
  double samples[rounds];
  for (int i = 0; i < 2 * launches; ++i)
    way();
  check(synchronize(), "cuCtxSynchronize");
  for (int i = 0; i < rounds; ++i) {
    const double began = now();
    for (int k = 0; k < launches; ++k)
      way();
    samples[i] = (now() - began) / launches;
    check(synchronize(), "cuCtxSynchronize");
  }
  qsort(samples, rounds, sizeof(double), ascending);
  return samples[rounds / 2];
}

/* An empty kernel; its first parameters are addresses, the others 32-bit integers. */
static void load(int parameters, int addresses) {
  static char text[64 * most];
  char* end = text + sprintf(text, ".version 7.0\n.target sm_70\n.address_size 64\n.visible .entry k(");
  bufferBytes = 0;
  for (int i = 0; i < parameters; ++i) {
    const size_t bytes = i < addresses ? 8 : 4;
    end += sprintf(end, "%s.param .u%zu p%d", i ? ", " : "", 8 * bytes, i);
    slots[i] = (uint64_t)(1000 + i);
    pointers[i] = &slots[i];
    memcpy(buffer + bufferBytes, &slots[i], bytes);
    bufferBytes += bytes;
  }
  sprintf(end, ") { ret; }\n");
  void* module = NULL;
  check(loadData(&module, text), "cuModuleLoadData");
  check(getFunction(&function, module, "k"), "cuModuleGetFunction");
  void* const told[] = {bufferPointer, buffer, bufferSize, &bufferBytes, endOfExtra};
  memcpy(extra, told, sizeof(extra));
}

static int openDriver(void) {
  void* library = dlopen("libcuda.so.1", RTLD_NOW);
  if (!library) return 0;
  const struct {
    const char* name;
    void* place;
  } symbols[] = {{"cuInit", &initialize},
                 {"cuDevicePrimaryCtxRetain", &retain},
                 {"cuCtxSetCurrent", &makeCurrent},
                 {"cuCtxSynchronize", &synchronize},
                 {"cuModuleLoadData", &loadData},
                 {"cuModuleGetFunction", &getFunction},
                 {"cuStreamCreate", &makeStream},
                 {"cuLaunchKernel", &launchKernel},
                 {"cuLaunchKernelEx", &launchKernelEx},
                 {"cuTensorMapEncodeTiled", &encodeTiled}};
  for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); ++i) {
    void* found = dlsym(library, symbols[i].name);
    if (!found) return 0;
    memcpy(symbols[i].place, &found, sizeof(found));
  }
  return initialize(0) == 0;
}

int main(void) {
  void *context = NULL, *own = NULL;
  if (!openDriver() || retain(&context, 0) != 0) {
    puts("nothing is timed: no NVIDIA driver of CUDA 12 or later, or no GPU");
    return 0;
  }
  check(makeCurrent(context), "cuCtxSetCurrent");
  check(makeStream(&own, 1), "cuStreamCreate");
  static const struct {
    const char* name;
    void (*way)(void);
  } ways[] = {{"cuLaunchKernel, pointers", byPointers},
              {"cuLaunchKernel, one buffer", byBuffer},
              {"cuLaunchKernelEx, pointers", exByPointers},
              {"cuLaunchKernelEx, one buffer", exByBuffer}};
  static const int kernels[][2] = {{1, 1}, {6, 3}, {19, 5}};
  puts("pass | parameters | stream | way | us");
  for (int pass = 1; pass <= 2; ++pass)
    for (size_t k = 0; k < sizeof(kernels) / sizeof(kernels[0]); ++k) {
      load(kernels[k][0], kernels[k][1]);
      for (int other = 0; other < 2; ++other) {
        stream = other ? own : NULL;
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); ++i)
          printf("%d | %d | %s | %s | %.2f\n", pass, kernels[k][0], other ? "own" : "null", ways[i].name,
                 microseconds(ways[i].way));
      }
    }
  printf("cuTensorMapEncodeTiled | %.3f us\n", microseconds(makeMap));
  return 0;
}
