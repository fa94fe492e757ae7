find_package(rapidcheck REQUIRED)
tuned_test(test_layout SOURCES nvptx/layout_test.cpp nvptx/layout_conversion_test.cpp LINK tuned_gpu_layout rapidcheck)
# Runs on a GPU; without one it compiles only. In a bundle it is part of tuned-tools.
tuned_test(test_gpu_conversions LLVM SOURCES cuda/gpu_conversion_test.cpp cuda/conversion_kernels.cpp
  LINK tuned_backend_nvptx tuned_backend_cuda tuned_assemble rapidcheck)
tuned_test(test_nvptx LLVM SOURCES nvptx/nvptx_test.cpp nvptx/nvptx_loops_test.cpp nvptx/nvptx_shared_test.cpp LINK tuned_backend_nvptx)
tuned_test(test_shared_memory SOURCES nvptx/shared_memory_test.cpp nvptx/shared_support.cpp LINK tuned_gpu_shared rapidcheck)
