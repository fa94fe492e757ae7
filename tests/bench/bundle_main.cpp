// One program under several names: which one is asked for is the name it was started by.
#include <cstdio>
#include <string_view>

int worker_main(int argc, char** argv);
int conformance_main(int argc, char** argv);
int gpu_prepare_main(int argc, char** argv);
int gpu_tests_main(int argc, char** argv);
int cpu_products_main(int argc, char** argv);

int main(int argc, char** argv) {
  std::string_view name = argv[0];
  name.remove_prefix(name.find_last_of('/') + 1);
  if (name == "tuned-worker") return worker_main(argc, argv);
  if (name == "conformance") return conformance_main(argc, argv);
  if (name == "gpu_prepare") return gpu_prepare_main(argc, argv);
  if (name == "gpu_tests") return gpu_tests_main(argc, argv);
  if (name == "cpu_products") return cpu_products_main(argc, argv);
  std::fprintf(stderr, "%s: start me as tuned-worker, conformance, gpu_prepare, gpu_tests or cpu_products\n",
               argv[0]);
  return 2;
}
