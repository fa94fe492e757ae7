add_executable(bench_service service_bench.cpp ${CMAKE_SOURCE_DIR}/client/tunectl/process.cpp)
target_link_libraries(bench_service PRIVATE tuned_client)
