# Left out of the fuzz build: no target links it, and with sanitizers and coverage it takes as long as half of the rest.
# A target that needs one of these fails to link until it is taken from here.
set(not_fuzzed
  auth/api_keys auth/defender auth/hook_dialogue auth/hook_program auth/hook_url auth/ip_rules auth/login
  auth/login_decision auth/memory_hosts auth/password_dialogue auth/rate_limit events/courier http/beast_impl
  http/connection http/router http/server http/tls net/listener net/proxy_protocol ssh/driver/.*
  store/second_factors store/sqlite/.* vfs/azure/azure_.* vfs/azure/identity vfs/azure/service vfs/local/.*)
list(JOIN not_fuzzed "|" not_fuzzed)

# ferry_module(<name> [TOGETHER] [COLD] [PRIVATE_LIBS <lib>...] [LIBS <lib>...])
# A static library from every .cpp below this folder (folders with a CMakeLists.txt of their own are
# modules of their own). Its LIBS are its permission to include: see scripts/check-includes.py.
# TOGETHER: where headers are precompiled (FerryPrecompiled.cmake), eight files are compiled as one, which takes a
# quarter off the time of a whole build; names in their anonymous namespaces must differ. COLD: nothing in it runs once
# for each piece of a file, so it is compiled with -O1, which takes a third less time.
function(ferry_module name)
  cmake_parse_arguments(ARG "TOGETHER;COLD" "" "LIBS;PRIVATE_LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  if(FERRY_FUZZ)
    list(FILTER sources EXCLUDE REGEX "/src/(${not_fuzzed})\\.cpp$")
  endif()
  if(sources)
    add_library(ferry_${name} STATIC ${sources})
    target_include_directories(ferry_${name} PUBLIC "${CMAKE_SOURCE_DIR}/src")
    target_link_libraries(ferry_${name} PUBLIC ${ARG_LIBS} PRIVATE ${ARG_PRIVATE_LIBS})
    if(ARG_COLD)
      target_compile_options(ferry_${name} PRIVATE $<$<CONFIG:Release>:-O1>)
      ferry_precompile(ferry_${name} cold)
    else()
      ferry_precompile(ferry_${name} hot)
    endif()
    if(FERRY_PRECOMPILE AND ARG_TOGETHER)
      set_target_properties(ferry_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
      # The compiler takes the anonymous namespaces of a unity file for those of a header.
      target_compile_options(ferry_${name} PRIVATE -Wno-subobject-linkage)
    endif()
  else()
    add_library(ferry_${name} INTERFACE)
    target_include_directories(ferry_${name} INTERFACE "${CMAKE_SOURCE_DIR}/src")
    target_link_libraries(ferry_${name} INTERFACE ${ARG_LIBS} ${ARG_PRIVATE_LIBS})
  endif()
endfunction()

# ferry_test(<name> [SEPARATE] LIBS <lib>...): one gtest program from every .cpp below this folder. Where headers are
# precompiled, eight files are compiled as one, which spares what they have in common; SEPARATE: their names collide.
function(ferry_test name)
  cmake_parse_arguments(ARG "SEPARATE" "" "LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  if(NOT sources)
    return()
  endif()
  add_executable(test_${name} ${sources})
  target_include_directories(test_${name} PRIVATE "${CMAKE_SOURCE_DIR}")
  # Tests are compiled more often than they run.
  target_compile_options(test_${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  target_compile_definitions(test_${name} PRIVATE FERRY_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
  target_link_libraries(test_${name} PRIVATE ${ARG_LIBS} GTest::gtest GTest::gtest_main)
  ferry_precompile(test_${name} test)
  if(FERRY_PRECOMPILE AND NOT ARG_SEPARATE)
    set_target_properties(test_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()
  add_test(NAME ${name} COMMAND test_${name})
  if(FERRY_SANITIZE)
    set_tests_properties(${name} PROPERTIES TIMEOUT 2400)
  else()
    set_tests_properties(${name} PROPERTIES TIMEOUT 300)
  endif()
endfunction()
