add_executable(bench_compile compile_bench.cpp)
target_link_libraries(bench_compile PRIVATE tuned_worker_compile CLI11::CLI11)
target_compile_definitions(bench_compile PRIVATE TUNED_KERNEL_LIBRARY="${CMAKE_SOURCE_DIR}/configs/kernels")
# What benchmarks of one kernel begin with.
tuned_library(tuned_bench_problem SOURCES bench_problem.cpp LINK tuned_kernel tuned_base nlohmann_json::nlohmann_json)
# The analytic first guess beside what a whole space took.
add_executable(bench_guess guess_bench.cpp)
target_link_libraries(bench_guess PRIVATE tuned_bench_problem tuned_worker_compile CLI11::CLI11)
# Registers told from live values beside what the assembler says.
add_executable(bench_spills spill_bench.cpp)
target_link_libraries(bench_spills PRIVATE tuned_bench_problem tuned_worker_compile tuned_tuner CLI11::CLI11)
# Winners of tunings on the CPU beside the best of their space.
add_executable(bench_regret regret/recorded.cpp regret/regret.cpp regret/replayed.cpp)
target_link_libraries(bench_regret PRIVATE tuned_bench_problem tuned_worker_compile tuned_tuner CLI11::CLI11)
