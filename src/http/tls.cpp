#include "http/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <boost/asio/ssl/context.hpp>

namespace ferry::http {

namespace {

namespace ssl = boost::asio::ssl;
using ContextPtr = std::shared_ptr<ssl::context>;

Error problem(const std::string& file, std::string_view what) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return Error{ErrorCode::invalid_argument,
               file + ": " + std::string(what) + (reason ? ": " : "") + (reason ? reason : "")};
}

// IANA names ("TLS_ECDHE_...") are what the configuration documents; OpenSSL wants its own.
std::string openssl_cipher_name(SSL_CTX* context, const std::string& name) {
  const STACK_OF(SSL_CIPHER)* all = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i) {
    const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(all, i);
    if (name == SSL_CIPHER_standard_name(cipher)) return SSL_CIPHER_get_name(cipher);
  }
  return name;
}

Result<void> set_ciphers(SSL_CTX* context, const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ":") + openssl_cipher_name(context, name);
  if (names.empty() || SSL_CTX_set_cipher_list(context, list.c_str()) == 1) return {};
  return fail(problem("tls_cipher_suites", "no usable cipher suite"));
}

Result<void> load_certificate(SSL_CTX* context, const TlsOptions& options) {
  if (SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1) {
    return fail(problem(options.certificate_file, "expected a certificate chain in PEM"));
  }
  if (SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fail(problem(options.key_file, "expected the certificate's private key in PEM"));
  }
  return {};
}

Result<void> load_client_authorities(SSL_CTX* context, const TlsOptions& options) {
  STACK_OF(X509_NAME)* names = sk_X509_NAME_new_null();  // clients choose their certificate by them
  SSL_CTX_set_client_CA_list(context, names);            // owns them
  for (const std::string& file : options.ca_certificates) {
    const bool loaded = SSL_CTX_load_verify_locations(context, file.c_str(), nullptr) == 1;
    if (!loaded || SSL_add_file_cert_subjects_to_stack(names, file.c_str()) != 1) {
      return fail(problem(file, "expected CA certificates in PEM"));
    }
  }
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  X509_LOOKUP* lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
  for (const std::string& file : options.ca_revocation_lists) {
    if (lookup == nullptr || X509_load_crl_file(lookup, file.c_str(), X509_FILETYPE_PEM) < 1) {
      return fail(problem(file, "expected revocation lists in PEM"));
    }
  }
  if (!options.ca_revocation_lists.empty()) X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
  if (!options.require_client_certificate) return {};
  if (options.ca_certificates.empty()) {
    return fail(ErrorCode::invalid_argument, "client certificates are required but no CA certificate is given");
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

Result<ContextPtr> build(const TlsOptions& options) {
  ERR_clear_error();
  ContextPtr out;
  try {
    out = std::make_shared<ssl::context>(ssl::context::tls_server);
  } catch (const std::exception& error) {
    return fail(ErrorCode::internal, error.what());
  }
  SSL_CTX* context = out->native_handle();
  SSL_CTX_set_min_proto_version(context, options.min_version >= 13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  static constexpr unsigned char session_name[] = "ferry";
  SSL_CTX_set_session_id_context(context, session_name, sizeof session_name - 1);
  if (auto loaded = load_certificate(context, options); !loaded) return fail(loaded.error());
  if (auto loaded = load_client_authorities(context, options); !loaded) return fail(loaded.error());
  if (auto set = set_ciphers(context, options.cipher_suites); !set) return fail(set.error());
  return out;
}

}  // namespace

Result<std::shared_ptr<TlsContext>> TlsContext::create(TlsOptions options) {
  std::shared_ptr<TlsContext> out(new TlsContext(std::move(options)));
  if (auto loaded = out->reload(); !loaded) return fail(loaded.error());
  return out;
}

Result<void> TlsContext::reload() {
  auto fresh = build(options_);
  if (!fresh) return fail(fresh.error());
  const std::lock_guard lock(mutex_);
  context_ = std::move(*fresh);
  return {};
}

std::shared_ptr<ssl::context> TlsContext::current() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

}  // namespace ferry::http
