add_executable(bench_service service_bench.cpp ${CMAKE_SOURCE_DIR}/client/tunectl/process.cpp)
target_link_libraries(bench_service PRIVATE tuned_client)
add_executable(bench_store store_bench.cpp)
target_link_libraries(bench_store PRIVATE tuned_store CLI11::CLI11)
