// Certificates that the HTTP client shows to servers that ask for one. Private to src/http.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <vector>

#include "base/error.h"
#include "http/client.h"

namespace ferry::http {

class ClientCertificates {
 public:
  // invalid_argument: no PEM of a certificate chain and its private key.
  static Result<ClientCertificates> parse(const std::vector<ClientOptions::Certificate>& certificates);

  bool empty() const { return entries_.empty(); }
  // Connections of this context show the first that was issued by whom the server names, or the first of all. Must
  // outlive the context.
  void install(SSL_CTX* context) const;

 private:
  struct FreeKey {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };
  struct FreeChain {
    void operator()(STACK_OF(X509) * chain) const { sk_X509_pop_free(chain, X509_free); }
  };
  struct Entry {
    std::unique_ptr<STACK_OF(X509), FreeChain> chain;  // its own certificate first
    std::unique_ptr<EVP_PKEY, FreeKey> key;
    bool issued_by_one_of(const STACK_OF(X509_NAME) * names) const;
  };
  static Result<Entry> parse(const ClientOptions::Certificate& text);
  static int choose(SSL* connection, void* self);

  std::vector<Entry> entries_;
};

}  // namespace ferry::http
