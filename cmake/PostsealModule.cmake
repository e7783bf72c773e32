# postseal_module(NAME [DEPS module...] [LIBS target...] [EXCLUDE file...])
#
# Makes the library postseal_NAME of the .cpp files in the current folder and, with POSTSEAL_TESTS, the program
# NAME_test of its *_test.cpp files. DEPS are the modules directly below that it uses; the layer test
# (tools/check_layers.py) reads the #include lines themselves, so a forgotten DEPS fails at link time and a forbidden
# one fails there.

add_library(postseal_options INTERFACE)
target_compile_options(postseal_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                                                  -Wnon-virtual-dtor -Woverloaded-virtual -fno-omit-frame-pointer)
target_compile_options(postseal_options INTERFACE $<$<BOOL:${POSTSEAL_WERROR}>:-Werror>)
# g++ 12 raises these late in optimised and sanitised builds, about code of the standard library that is right
# (std::function moved, vectors of bytes compared): they stay visible, they do not fail the build.
target_compile_options(postseal_options INTERFACE
  $<$<CXX_COMPILER_ID:GNU>:-Wno-error=maybe-uninitialized -Wno-error=stringop-overread -Wno-error=stringop-overflow
                           -Wno-error=array-bounds -Wno-error=restrict>)
target_include_directories(postseal_options INTERFACE "${CMAKE_SOURCE_DIR}/src")
target_compile_definitions(postseal_options INTERFACE POSTSEAL_VERSION="${PROJECT_VERSION}")
if(POSTSEAL_FUZZ)
  target_compile_options(postseal_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(POSTSEAL_SANITIZE)
  target_compile_options(postseal_options INTERFACE -fsanitize=${POSTSEAL_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(postseal_options INTERFACE -fsanitize=${POSTSEAL_SANITIZE})
  if(POSTSEAL_SANITIZE MATCHES "undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # These three make g++ take half as long again for a coroutine; what they find, AddressSanitizer stops at as well, or
    # the fuzz targets, which clang builds with all of them, replay.
    target_compile_options(postseal_options INTERFACE -fno-sanitize=null,alignment,vptr)
  endif()
endif()

function(postseal_module name)
  cmake_parse_arguments(arg "" "" "DEPS;LIBS;EXCLUDE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "*.cpp")
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  foreach(file ${arg_EXCLUDE})
    list(REMOVE_ITEM sources "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
  endforeach()
  list(TRANSFORM arg_DEPS PREPEND postseal_)

  if(sources)
    add_library(postseal_${name} STATIC ${sources})
    target_link_libraries(postseal_${name} PUBLIC postseal_options ${arg_DEPS} ${arg_LIBS})
  else()  # a module of headers only
    add_library(postseal_${name} INTERFACE)
    target_link_libraries(postseal_${name} INTERFACE postseal_options ${arg_DEPS} ${arg_LIBS})
  endif()

  if(POSTSEAL_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE postseal_${name} GTest::gtest GTest::gmock GTest::gtest_main)
    target_compile_definitions(${name}_test PRIVATE POSTSEAL_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    add_test(NAME ${name} COMMAND ${name}_test)
  endif()
endfunction()
