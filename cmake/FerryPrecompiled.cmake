# The headers that nearly every file reads, read once. Not in debug builds: these show when an include is missing.
if(CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT FERRY_SANITIZE)
  set(default_precompile OFF)
else()
  set(default_precompile ON)
endif()
option(FERRY_PRECOMPILE "precompile the headers of the standard library, Asio and JSON" ${default_precompile})
if(FERRY_PRECOMPILE)
  # From precompiled headers g++ 12 reports what it would pass over in a system header (GCC bug 105651 again).
  add_compile_options(-Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
endif()

set(hot_headers
  <algorithm> <array> <atomic> <chrono> <filesystem> <functional> <map> <memory> <mutex> <optional> <set> <span>
  <string> <string_view> <unordered_map> <variant> <vector> <fmt/format.h>
  <boost/asio/as_tuple.hpp> <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp> <boost/asio/detached.hpp>
  <boost/asio/io_context.hpp> <boost/asio/ip/tcp.hpp> <boost/asio/local/stream_protocol.hpp> <boost/asio/post.hpp>
  <boost/asio/redirect_error.hpp> <boost/asio/steady_timer.hpp> <boost/asio/use_awaitable.hpp>)
set(cold_headers ${hot_headers} <nlohmann/json.hpp>)
set(test_headers ${hot_headers} <gtest/gtest.h>)

# ferry_precompile(<target> hot|cold|test): one set serves all targets that name it. g++ uses precompiled headers only
# where they were compiled with the same optimization: hot with -O2, the others with -O1.
function(ferry_precompile target set)
  if(NOT FERRY_PRECOMPILE)
    return()
  endif()
  if(NOT TARGET ferry_${set}_headers)
    file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/${set}_headers.cpp" CONTENT "")
    add_library(ferry_${set}_headers OBJECT "${CMAKE_BINARY_DIR}/${set}_headers.cpp")
    target_link_libraries(ferry_${set}_headers PRIVATE Boost::headers fmt::fmt nlohmann_json::nlohmann_json)
    target_precompile_headers(ferry_${set}_headers PRIVATE ${${set}_headers})
    if(NOT set STREQUAL "hot")
      target_compile_options(ferry_${set}_headers PRIVATE $<$<CONFIG:Release>:-O1>)
    endif()
    if(set STREQUAL "test")  # compiled as the programs are that use it
      target_link_libraries(ferry_${set}_headers PRIVATE GTest::gtest)
      set_target_properties(ferry_${set}_headers PROPERTIES POSITION_INDEPENDENT_CODE OFF)
      target_compile_options(ferry_${set}_headers PRIVATE -fPIE)
    endif()
  endif()
  target_precompile_headers(${target} REUSE_FROM ferry_${set}_headers)
endfunction()
