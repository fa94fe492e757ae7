# tuned_llvm: headers and libraries of LLVM and MLIR. Only ir and backend link it.
add_library(tuned_llvm INTERFACE)
target_include_directories(tuned_llvm SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
target_compile_definitions(tuned_llvm INTERFACE ${LLVM_DEFINITIONS_LIST})
target_compile_options(tuned_llvm INTERFACE -Wno-unused-parameter)
if(TUNED_STATIC_LLVM)
  include(cmake/StaticLlvm.cmake)
else()
  target_link_libraries(tuned_llvm INTERFACE MLIR LLVM)
endif()

# One precompiled header for all of them.
file(WRITE ${CMAKE_BINARY_DIR}/llvm_headers.cpp "")
add_library(tuned_llvm_headers STATIC ${CMAKE_BINARY_DIR}/llvm_headers.cpp)
target_link_libraries(tuned_llvm_headers PUBLIC tuned_llvm)
target_precompile_headers(tuned_llvm_headers PRIVATE ${CMAKE_SOURCE_DIR}/cmake/llvm_headers.h)

# tuned_library(NAME [LLVM] SOURCES ... LINK ...): a static library of one room.
function(tuned_library name)
  cmake_parse_arguments(ARG "LLVM" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(ARG_LLVM)
    target_link_libraries(${name} PUBLIC tuned_llvm)
    target_precompile_headers(${name} REUSE_FROM tuned_llvm_headers)
  endif()
endfunction()

# tuned_test(NAME SOURCES ... LINK ...): a doctest program, run by ctest.
function(tuned_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES} ${CMAKE_SOURCE_DIR}/tests/support/main.cpp)
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT})
endfunction()
