# The compiler's digest changes with a source of the compiler, new ones too, and with nothing else.
add_test(NAME compiler_digest COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_SOURCE_DIR}
  -DFOLDER=${CMAKE_CURRENT_BINARY_DIR}/digest -P ${CMAKE_CURRENT_SOURCE_DIR}/digest_test.cmake)
