#include "http/client_certificates.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

namespace ferry::http {

namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

Bio reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free);
}

int no_passphrase(char*, int, int, void*) { return -1; }

}  // namespace

Result<ClientCertificates::Entry> ClientCertificates::parse(const ClientOptions::Certificate& text) {
  Entry entry{std::unique_ptr<STACK_OF(X509), FreeChain>(sk_X509_new_null()), nullptr};
  const Bio chain = reader(text.chain), key = reader(text.key);
  if (!entry.chain || !chain || !key) throw std::bad_alloc();
  while (X509* certificate = PEM_read_bio_X509(chain.get(), nullptr, &no_passphrase, nullptr)) {
    if (sk_X509_push(entry.chain.get(), certificate) == 0) throw std::bad_alloc();
  }
  entry.key.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, &no_passphrase, nullptr));
  const X509* own = sk_X509_value(entry.chain.get(), 0);
  const bool fits = own != nullptr && entry.key && X509_check_private_key(own, entry.key.get()) == 1;
  ERR_clear_error();
  if (!fits) return fail(ErrorCode::invalid_argument, "expected a certificate chain and its private key in PEM");
  return entry;
}

Result<ClientCertificates> ClientCertificates::parse(const std::vector<ClientOptions::Certificate>& certificates) {
  ClientCertificates all;
  for (const ClientOptions::Certificate& text : certificates) {
    Result<Entry> entry = parse(text);
    if (!entry) return fail(entry.error());
    all.entries_.push_back(std::move(*entry));
  }
  return all;
}

bool ClientCertificates::Entry::issued_by_one_of(const STACK_OF(X509_NAME) * names) const {
  for (int i = 0; i < sk_X509_num(chain.get()); ++i) {
    const X509_NAME* issuer = X509_get_issuer_name(sk_X509_value(chain.get(), i));
    for (int j = 0; j < sk_X509_NAME_num(names); ++j) {
      if (X509_NAME_cmp(issuer, sk_X509_NAME_value(names, j)) == 0) return true;
    }
  }
  return false;
}

int ClientCertificates::choose(SSL* connection, void* self) {
  const auto& entries = static_cast<const ClientCertificates*>(self)->entries_;
  const STACK_OF(X509_NAME)* names = SSL_get_client_CA_list(connection);
  const Entry* chosen = &entries.front();
  for (const Entry& entry : entries) {
    if (!entry.issued_by_one_of(names)) continue;
    chosen = &entry;
    break;
  }
  STACK_OF(X509)* rest = sk_X509_dup(chosen->chain.get());
  if (rest == nullptr) return 0;
  X509* own = sk_X509_shift(rest);
  const int used = SSL_use_cert_and_key(connection, own, chosen->key.get(), rest, 1);
  sk_X509_free(rest);
  return used;
}

void ClientCertificates::install(SSL_CTX* context) const {
  SSL_CTX_set_cert_cb(context, &choose, const_cast<ClientCertificates*>(this));
}

}  // namespace ferry::http
