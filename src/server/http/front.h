// HTTP as the server sees it: REST on the bindings of httpd.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "http/server.h"
#include "server/front.h"
#include "server/services.h"

namespace ferry::server {

class HttpFront final : public Front {
 public:
  // `status`: of all fronts, for GET /status; called from any thread. `services` outlives the connections.
  HttpFront(Services& services, std::vector<asio::io_context*> contexts, std::function<rest::ServicesStatus()> status);

  Result<void> listen(std::vector<std::string>& warnings) override;
  void drain() override { http_->drain(); }
  void end(const std::string&) override { http_->close(); }
  std::size_t count() const override { return http_->connections(); }
  bool busy() const override { return http_->connections() > 0; }  // drain() closed the idle ones
  std::vector<Error> reload() override;
  void status(rest::ServicesStatus&) const override {}  // it shows nothing of itself
  std::vector<Endpoint> endpoints() const override;

 private:
  const config::Httpd& config() const { return services_.config.httpd; }
  Result<void> listen_on(const config::Httpd::Binding& binding, const std::string& key);

  Services& services_;
  std::unique_ptr<http::Server> http_;
  std::vector<std::shared_ptr<http::TlsContext>> tls_;
};

}  // namespace ferry::server
