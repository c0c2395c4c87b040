// A TLS server configuration that can be reloaded while connections run on the old one.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"

namespace boost::asio::ssl {
class context;
}

namespace ferry::http {

struct TlsOptions {
  std::string certificate_file;              // PEM, with its chain
  std::string key_file;                      // PEM
  int min_version = 12;                      // 12: TLS 1.2, 13: TLS 1.3
  std::vector<std::string> cipher_suites;    // OpenSSL or IANA names of TLS 1.2 suites; empty: OpenSSL's defaults
  std::vector<std::string> ca_certificates;  // PEM files that sign client certificates
  std::vector<std::string> ca_revocation_lists;
  bool require_client_certificate = false;  // needs ca_certificates
};

class TlsContext {
 public:
  // invalid_argument names the file and what is wrong with it.
  static Result<std::shared_ptr<TlsContext>> create(TlsOptions options);
  // Reads the files again; on an error the old ones stay in use.
  Result<void> reload();
  // What new connections use.
  std::shared_ptr<boost::asio::ssl::context> current() const;

 private:
  explicit TlsContext(TlsOptions options) : options_(std::move(options)) {}

  const TlsOptions options_;
  mutable std::mutex mutex_;
  std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace ferry::http
