# gpu_compare runs on the machine with the GPU and needs neither LLVM nor the toolkit there; gpu_prepare makes its input.
add_library(tuned_gpu_plan STATIC gpu/gpu_plan.cpp gpu/gpu_table.cpp)
target_link_libraries(tuned_gpu_plan PUBLIC tuned_kernel nlohmann_json::nlohmann_json)
add_executable(gpu_compare gpu/gpu_compare.cpp gpu/gpu_task.cpp gpu/gpu_torch.cpp)
target_link_libraries(gpu_compare PRIVATE tuned_gpu_plan tuned_tuner tuned_backend_cuda tuned_assemble CLI11::CLI11
                                          -static-libstdc++ -static-libgcc)
if(TARGET tuned_backends)
  add_executable(gpu_prepare gpu/gpu_prepare.cpp gpu/gpu_fold.cpp)
  target_link_libraries(gpu_prepare PRIVATE tuned_gpu_plan tuned_tuner tuned_backends tuned_ir CLI11::CLI11)
endif()
