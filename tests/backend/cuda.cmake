tuned_test(test_cuda SOURCES cuda/cuda_test.cpp cuda/cuda_judge_test.cpp cuda/cuda_layout_test.cpp ARGUMENTS --test-suite-exclude=gpu
  LINK tuned_backend_cuda tuned_assemble)
if(TUNED_CUDA)
  target_include_directories(test_cuda SYSTEM PRIVATE ${CUDA_INCLUDE_DIR})
  target_compile_definitions(test_cuda PRIVATE TUNED_CUDA_HEADERS)
endif()
# A fault or a hang breaks the context of its process: each has one of its own.
add_executable(test_cuda_faults cuda/cuda_faults_test.cpp ${CMAKE_SOURCE_DIR}/tests/support/main.cpp)
target_link_libraries(test_cuda_faults PRIVATE tuned_backend_cuda tuned_assemble)
foreach(kind fault hang)
  add_test(NAME test_cuda_${kind} COMMAND test_cuda_faults --test-case=${kind}*)
endforeach()
# What needs a GPU is skipped without one, and ctest says so.
add_test(NAME test_cuda_gpu COMMAND test_cuda --test-suite=gpu)
set_tests_properties(test_cuda_gpu test_cuda_fault test_cuda_hang PROPERTIES
  SKIP_REGULAR_EXPRESSION "skipped: no GPU")
# A management library of our own, under the real one's name: linked, so that opening it at run time finds this one.
add_library(stub_nvml SHARED cuda/stub_nvml.cpp)
set_target_properties(stub_nvml PROPERTIES OUTPUT_NAME nvidia-ml VERSION 1 SOVERSION 1
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/stub_nvml)
tuned_test(test_nvml SOURCES cuda/nvml_test.cpp cuda/visible_test.cpp LINK tuned_backend_cuda stub_nvml)
