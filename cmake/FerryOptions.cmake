# Language level, warnings, hardening and sanitizers: the same for every target.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# -O3 takes a sixth longer to compile, and neither transfers nor our ML-KEM get faster.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

option(FERRY_WERROR "treat warnings as errors" ON)
set(FERRY_SANITIZE "" CACHE STRING "sanitizers, e.g. address,undefined")

option(FERRY_FUZZ "build the fuzz targets and the coverage they need" OFF)

find_program(FERRY_CCACHE ccache)
if(FERRY_CCACHE)
  # What ccache must overlook to cache files that use precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${FERRY_CCACHE}")
  add_compile_options(-fpch-preprocess)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wnon-virtual-dtor -Wcast-align -Wimplicit-fallthrough)
# g++ 12 sees overlaps in std::string concatenation that cannot happen (GCC bug 105651).
add_compile_options(-Wno-restrict)
# It inlines Asio's operator new for coroutine frames but not its operator delete, and sees a mismatch.
add_compile_options(-Wno-mismatched-new-delete)
if(FERRY_WERROR)
  add_compile_options(-Werror)
endif()
if(FERRY_SANITIZE)
  add_compile_options(-fsanitize=${FERRY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FERRY_SANITIZE})
  if(FERRY_SANITIZE MATCHES "thread")
    # The thread sanitizer knows no fences; Asio's locks order what its fences would.
    add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
    add_compile_options(-Wno-tsan)  # the reference counts of its executors have fences nevertheless
  endif()
else()
  add_compile_options(-fstack-protector-strong $<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2>)
  add_link_options(-Wl,-z,relro,-z,now)
endif()

if(FERRY_FUZZ)
  add_compile_options(-fsanitize-coverage=trace-pc,trace-cmp)
  # What these would find, the address sanitizer finds too or no parser does; they cost an eighth of the compile time. The
  # asan preset has them.
  add_compile_options(-fno-sanitize=null,object-size,vptr)
endif()

# Asio and Beast are compiled once, in base and http, instead of in every file that includes them.
add_compile_definitions(
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_DISABLE_BOOST_COROUTINE)
