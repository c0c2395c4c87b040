#include "server/ping.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>

#include "base/descriptor.h"
#include "base/task.h"
#include "http/client.h"

namespace ferry::server {

namespace {

constexpr std::string_view path = "/healthz";

bool is_socket(const config::Httpd::Binding& binding) { return binding.address.starts_with('/'); }

bool can_be_asked(const config::Httpd::Binding& binding) {
  if (is_socket(binding)) return binding.enable_rest_api && !binding.enable_https;
  return binding.port != 0 && binding.enable_rest_api && !(binding.enable_https && binding.client_auth_type == 1);
}

std::string url_of(const config::Httpd::Binding& binding) {
  std::string host = binding.address;
  if (host.empty() || host == "0.0.0.0" || host == "::" || host == "[::]") host = "127.0.0.1";
  if (host.find(':') != std::string::npos && !host.starts_with('[')) host = "[" + host + "]";
  const char* scheme = binding.enable_https ? "https://" : "http://";
  return scheme + host + ":" + std::to_string(binding.port) + std::string(path);
}

Result<int> status_over_tcp(const std::string& url, std::chrono::milliseconds time) {
  // Whether it lives is asked, not who it is: its certificate is hardly one for 127.0.0.1.
  http::ClientOptions options;
  options.timeout = time;
  options.skip_tls_verify = true;
  http::Client client(std::move(options));
  asio::io_context context(1);
  std::optional<Result<http::ClientResponse>> answer;
  http::ClientRequest request{.url = url};
  asio::co_spawn(context, client.send(std::move(request)),
                 [&answer](const std::exception_ptr& thrown, Result<http::ClientResponse> response) {
                   if (!thrown) answer.emplace(std::move(response));
                 });
  context.run();
  if (!answer) return fail(ErrorCode::internal, url + ": cannot be asked");
  if (!*answer) return fail(answer->error().code, url + ": " + answer->error().message);
  return (*answer)->status;
}

Result<int> status_over_socket(const std::string& file, std::chrono::milliseconds time) {
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (file.size() >= sizeof address.sun_path)
    return fail(ErrorCode::invalid_argument, file + ": too long for a socket");
  file.copy(address.sun_path, file.size());
  const timeval limit{time.count() / 1000, (time.count() % 1000) * 1000};
  const std::string request = "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  const bool sent =
      socket && ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
      ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 &&
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size());
  if (!sent) return fail_errno(errno, file);
  constexpr std::string_view beginning = "HTTP/1.1 ";
  char text[16];
  const ssize_t count = ::recv(socket.get(), text, sizeof text, MSG_WAITALL);
  if (count < 0) return fail_errno(errno, file);
  const std::string_view line(text, static_cast<std::size_t>(count));
  if (line.size() < 12 || !line.starts_with(beginning)) return fail(ErrorCode::protocol_error, file + ": no HTTP");
  return std::atoi(std::string(line.substr(beginning.size(), 3)).c_str());
}

}  // namespace

Result<std::string> ping(const config::Httpd& config, std::chrono::milliseconds time) {
  const auto binding = std::ranges::find_if(config.bindings, can_be_asked);
  if (binding == config.bindings.end()) {
    return fail(ErrorCode::not_found, "httpd.bindings: there is none to ask: it would have to serve REST");
  }
  const std::string where = is_socket(*binding) ? binding->address : url_of(*binding);
  const auto status = is_socket(*binding) ? status_over_socket(where, time) : status_over_tcp(where, time);
  if (!status) return fail(status.error());
  if (*status != 200) return fail(ErrorCode::io_error, where + ": answers " + std::to_string(*status));
  return where;
}

}  // namespace ferry::server
