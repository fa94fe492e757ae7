# In a bundle LLVM is linked once: one program holds the worker, the conformance runner, the GPU benchmark's compiling
# half, the CPU's benchmark beside PyTorch and the tests that need a GPU, and answers to each name through a symbolic link.
set(tools worker conformance gpu_prepare gpu_tests cpu_products)
set(worker_main ${CMAKE_SOURCE_DIR}/daemon/worker/main.cpp)
set(conformance_main ${CMAKE_SOURCE_DIR}/tests/conformance/main.cpp)
set(gpu_prepare_main ${CMAKE_CURRENT_SOURCE_DIR}/gpu/gpu_prepare.cpp ${CMAKE_CURRENT_SOURCE_DIR}/gpu/gpu_fold.cpp)
set(cpu_products_main ${CMAKE_CURRENT_SOURCE_DIR}/cpu/cpu_products.cpp ${CMAKE_CURRENT_SOURCE_DIR}/gpu/gpu_torch.cpp)
set(backend_tests ${CMAKE_SOURCE_DIR}/tests/backend/cuda)
set(gpu_tests_main ${CMAKE_SOURCE_DIR}/tests/support/main.cpp ${backend_tests}/cuda_test.cpp ${backend_tests}/cuda_judge_test.cpp
  ${backend_tests}/gpu_conversion_test.cpp ${backend_tests}/conversion_kernels.cpp)
# A file that was moved is missed by every build, not only by the next bundle or wheel.
foreach(tool IN LISTS tools)
  foreach(source IN LISTS ${tool}_main)
    if(NOT EXISTS ${source})
      message(FATAL_ERROR "the bundle's ${tool} is made of ${source}, which is not there")
    endif()
  endforeach()
endforeach()

if(TUNED_STATIC_LLVM)
  find_package(rapidcheck REQUIRED)
  add_executable(tuned-tools bundle_main.cpp)
  foreach(tool IN LISTS tools)
    add_library(bundle_${tool} OBJECT ${${tool}_main})
    target_compile_definitions(bundle_${tool} PRIVATE main=${tool}_main
      TUNED_CONFORMANCE_KNOWN="share/gpu-tuned/KNOWN.md")
    target_link_libraries(tuned-tools PRIVATE bundle_${tool})
  endforeach()
  target_link_libraries(bundle_worker PUBLIC tuned_worker_verbs CLI11::CLI11)
  target_link_libraries(bundle_gpu_tests PUBLIC tuned_backend_nvptx tuned_backend_cuda tuned_assemble rapidcheck)
  target_link_libraries(bundle_conformance PUBLIC tuned_conformance CLI11::CLI11)
  target_link_libraries(bundle_cpu_products PUBLIC tuned_cpu_bench)
  target_link_libraries(bundle_gpu_prepare PUBLIC tuned_gpu_plan tuned_tuner tuned_backends tuned_ir CLI11::CLI11 nlohmann_json::nlohmann_json)
endif()
