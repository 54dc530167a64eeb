# tipring.cmake - the verbs every module is described with.
add_library(tipring_options INTERFACE)
target_compile_options(tipring_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
  -Wmissing-prototypes -Wcast-qual -Wwrite-strings -Wvla -Wundef
  -Wswitch-enum -fno-common -Werror)
target_compile_definitions(tipring_options INTERFACE _GNU_SOURCE)
target_include_directories(tipring_options INTERFACE ${CMAKE_SOURCE_DIR})
if(CMAKE_C_COMPILER_ID STREQUAL "Clang") # it objects to GNU forms gcc calls C17 with extensions, and to casts in protobuf-c's macros
  target_compile_options(tipring_options INTERFACE
    -Wno-gnu-zero-variadic-macro-arguments -Wno-gnu-statement-expression -Wno-initializer-overrides
    -Wno-cast-qual) # the initialisers protobuf-c generates; gcc looks at our own casts
endif()
if(TIPRING_SANITIZE)
  target_compile_options(tipring_options INTERFACE
    -fsanitize=${TIPRING_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(tipring_options INTERFACE -fsanitize=${TIPRING_SANITIZE})
endif()
if(TIPRING_FUZZ) # instrument every module, not only the fuzz target itself
  target_compile_options(tipring_options INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(tipring_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(TIPRING_COVERAGE)
  target_compile_options(tipring_options INTERFACE --coverage)
  target_link_options(tipring_options INTERFACE --coverage)
endif()

# tipring_library(<name> SOURCES ... DEPENDS ...)
function(tipring_library name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  target_link_libraries(${name} PUBLIC tipring_options ${A_DEPENDS})
endfunction()

# tipring_daemon(<name> SOURCES ... DEPENDS ...): an executable in bin/.
function(tipring_daemon name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE tipring_options ${A_DEPENDS})
  target_compile_definitions(${name} PRIVATE TIPRING_VERSION="${PROJECT_VERSION}")
  install(TARGETS ${name} RUNTIME DESTINATION bin)
endfunction()

# Criterion exits 0 when only the leak checker complained and when no test was linked,
# so the output is read too.
set(TIPRING_TEST_FAILS
  "ERROR: (Address|Leak|Thread)Sanitizer;WARNING: ThreadSanitizer;runtime error:;Tested: 0 ")

# tipring_test(<module> <unit> ... [LINK lib ...]): one Criterion binary per source file, found by
# mirroring the path of the calling CMakeLists.txt under tests/unit/.
function(tipring_test module)
  if(NOT BUILD_TESTING)
    return()
  endif()
  cmake_parse_arguments(A "" "" "LINK" ${ARGN})
  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR
             BASE_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE dir)
  string(REPLACE "/" "." dotted ${dir})
  foreach(unit IN LISTS A_UNPARSED_ARGUMENTS)
    set(t test_${module}_${unit})
    add_executable(${t} ${CMAKE_SOURCE_DIR}/tests/unit/${dir}/test_${unit}.c)
    target_compile_definitions(${t} PRIVATE TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
    target_link_libraries(${t} PRIVATE ${module} ${A_LINK} PkgConfig::CRITERION)
    add_test(NAME unit.${dotted}.${unit} COMMAND ${t} -j1 --color=never)
    set_tests_properties(unit.${dotted}.${unit} PROPERTIES TIMEOUT 60 LABELS unit
      FAIL_REGULAR_EXPRESSION "${TIPRING_TEST_FAILS}")
  endforeach()
endfunction()

# tipring_check(<name> SOURCE file [LINK lib ...] [ARGS ...] [LABELS ...]): a plain main() program that
# exits 0 or 1, for what Criterion can not host (threads under TSan, forks, kills).
function(tipring_check name)
  if(NOT BUILD_TESTING)
    return()
  endif()
  cmake_parse_arguments(A "" "SOURCE" "LINK;ARGS;LABELS" ${ARGN})
  add_executable(check_${name} ${A_SOURCE})
  target_link_libraries(check_${name} PRIVATE tipring_options ${A_LINK})
  add_test(NAME check.${name} COMMAND check_${name} ${A_ARGS})
  set_tests_properties(check.${name} PROPERTIES TIMEOUT 300 LABELS "check;${A_LABELS}"
    FAIL_REGULAR_EXPRESSION "ERROR: (Address|Leak)Sanitizer;WARNING: ThreadSanitizer;runtime error:")
endfunction()

# tipring_fuzz(<target> LINK <module>): libFuzzer when TIPRING_FUZZ, else corpus replay.
# Source tests/fuzz/fuzz_<target>.c, corpus tests/fuzz/corpus/<target>/ (never empty).
function(tipring_fuzz target)
  cmake_parse_arguments(A "" "" "LINK;CORPUS" ${ARGN})
  set(src ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_${target}.c)
  set(corpus ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${target} ${A_CORPUS})
  if(TIPRING_FUZZ)
    add_executable(fuzz_${target} ${src})
    target_compile_options(fuzz_${target} PRIVATE -fsanitize=fuzzer)
    target_link_options(fuzz_${target} PRIVATE -fsanitize=fuzzer)
  elseif(BUILD_TESTING)
    add_executable(fuzz_${target} ${src} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c)
    add_test(NAME corpus.${target} COMMAND fuzz_${target} ${corpus})
    set_tests_properties(corpus.${target} PROPERTIES LABELS corpus TIMEOUT 60
      FAIL_REGULAR_EXPRESSION "ERROR: (Address|Leak)Sanitizer;runtime error:")
  else()
    return()
  endif()
  target_link_libraries(fuzz_${target} PRIVATE tipring_options ${A_LINK})
endfunction()

# tipring_bench(<name> SOURCES ... LINK ...): a benchmark program in bin/, run by `./tipring bench`.
function(tipring_bench name)
  if(NOT BUILD_TESTING)
    return()
  endif()
  cmake_parse_arguments(A "" "" "SOURCES;LINK" ${ARGN})
  add_executable(bench_${name} ${A_SOURCES})
  target_link_libraries(bench_${name} PRIVATE tipring_options ${A_LINK})
endfunction()
