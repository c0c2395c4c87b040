// HttpFileSystem under the suite: against the server that this run has started (tests/emulators/httpfs_server.py).
#include <atomic>

#include "tests/conformance/vfs/suite.h"
#include "tests/support/emulator.h"
#include "vfs/httpfs/http_file_system.h"

namespace ferry::vfs {
namespace {

// All share one server, so each has a directory of its own there, which its endpoint's path names.
std::shared_ptr<FileSystem> make_http(const char* variable) {
  static std::atomic<unsigned> count = 0;
  const auto started = test::emulator(variable);
  if (!started) return nullptr;
  httpfs::Login login;
  const auto endpoint = httpfs::parse_endpoint(started->url);
  if (!endpoint) return nullptr;
  login.endpoint = *endpoint;
  login.endpoint.base += "/vfs-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
  login.username = started->words.at(0);
  login.password = crypto::Secret(std::string_view(started->words.at(1)));
  login.api_key = crypto::Secret(std::string_view(started->words.at(2)));
  auto client = std::make_shared<http::Client>(http::ClientOptions{});
  HttpStorageOptions options;
  options.budget = std::make_shared<ByteBudget>(std::uint64_t{4} << 20);
  auto service = std::make_shared<httpfs::Service>(std::move(login), std::move(client));
  return std::make_shared<HttpFileSystem>(std::move(service), std::move(options));
}

Backend http_backend(const char* name, const char* variable) {
  Backend backend;
  backend.name = name;
  backend.make = [variable] { return make_http(variable); };
  backend.longest_path = 3600;
  backend.any_bytes = false;
  backend.access_times = false;
  return backend;
}

INSTANTIATE_TEST_SUITE_P(Http, FileSystemSuite,
                         testing::Values(http_backend("httpfs", "FERRY_TEST_HTTPFS"),
                                         http_backend("httpfs_unix", "FERRY_TEST_HTTPFS_UNIX")),
                         backend_name);

}  // namespace
}  // namespace ferry::vfs
