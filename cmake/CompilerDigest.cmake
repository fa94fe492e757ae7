# cmake -DSOURCE_DIR=… -DOUT=… -P CompilerDigest.cmake: writes a header with the SHA-256 of all that decides what code
# a kernel becomes: the sources of ir/ and backend/, and how a configuration becomes compile options. Nothing of
# where or with which flags the program is built is in it, so that equal compilers share their winners.
# Included by a CMakeLists.txt it only sets tuned_compiler_sources.
set(watch "")
if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(watch CONFIGURE_DEPENDS)
endif()
foreach(room ir backend)
  # No list of sources to build: a file forgotten here would let winners of an older compiler live on.
  file(GLOB_RECURSE found ${watch} RELATIVE ${SOURCE_DIR}
       ${SOURCE_DIR}/${room}/*.cpp ${SOURCE_DIR}/${room}/*.h ${SOURCE_DIR}/${room}/*.td)
  list(APPEND tuned_compiler_sources ${found})
endforeach()
list(APPEND tuned_compiler_sources daemon/worker/variant.cpp)
list(SORT tuned_compiler_sources)
if(DEFINED OUT)
  set(all "")
  foreach(file IN LISTS tuned_compiler_sources)
    file(SHA256 ${SOURCE_DIR}/${file} digest)
    string(APPEND all "${file} ${digest}\n")
  endforeach()
  string(SHA256 digest "${all}")
  file(WRITE ${OUT} "#pragma once\n#define TUNED_COMPILER_DIGEST \"${digest}\"\n")
endif()
