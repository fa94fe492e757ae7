// What the stub of NVIDIA's management library (stub_nvml.cpp) answers.
#pragma once

#include <string>
#include <vector>

struct StubNvml {
  struct Process {
    unsigned pid;
    unsigned long long bytes;
    unsigned gpuInstance, computeInstance;
  };
  struct Sample {
    unsigned pid;
    unsigned long long microseconds;
    unsigned multiprocessors, memory, encoder, decoder;
  };
  int initStatus = 0, sampleStatus = 0;
  std::string part;          ///< "MIG-…": what its one part of a GPU is called; empty: it is whole
  unsigned partInstance = 0; ///< the part's number
  unsigned celsius = 40;
  unsigned long long millijoules = 0, slowdowns = 0;
  std::vector<Process> processes;
  std::vector<Sample> samples;
};

/// Of the library that is linked: the test and the code under test open the same one.
extern StubNvml stubNvml;
