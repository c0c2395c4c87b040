// HTTPS: a certificate made on the spot, its reload while connections run, client certificates, bad files.
#include <openssl/ssl.h>

#include "tests/unit/http/certificate_files.h"
#include "tests/unit/http/server_fixture.h"

namespace ferry::test {
namespace {

// One HTTPS request with OpenSSL's own client; what came back, and whose certificate was shown.
class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, int max_version = TLS1_3_VERSION)
      : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_max_proto_version(context_, max_version);
    SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
    SSL_CTX_set_security_level(context_, 0);
    const std::string target = "127.0.0.1:" + std::to_string(port);
    bio_ = BIO_new_ssl_connect(context_);
    BIO_set_conn_hostname(bio_, target.c_str());
    connected_ = BIO_do_connect(bio_) == 1;
  }
  ~TlsClient() {
    BIO_free_all(bio_);
    SSL_CTX_free(context_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool connected() const { return connected_; }
  std::string ask(std::string_view request) {
    BIO_write(bio_, request.data(), static_cast<int>(request.size()));
    std::string out;
    char piece[2048];
    for (int count = 0; (count = BIO_read(bio_, piece, sizeof piece)) > 0;) {
      out.append(piece, static_cast<std::size_t>(count));
      if (out.find("hello ") != std::string::npos) break;
    }
    return out;
  }
  std::string peer_name() {
    SSL* ssl = nullptr;
    BIO_get_ssl(bio_, &ssl);
    X509* certificate = SSL_get1_peer_certificate(ssl);
    char name[64] = "";
    if (certificate != nullptr) X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, 64);
    X509_free(certificate);
    return name;
  }

 private:
  SSL_CTX* context_;
  BIO* bio_;
  bool connected_ = false;
};

constexpr std::string_view hello = "GET /hello/tls HTTP/1.1\r\nHost: x\r\n\r\n";

class HttpsServer : public testing::Test {
 protected:
  void SetUp() override { write_certificate(options().certificate_file, options().key_file, "first"); }
  http::TlsOptions options() {
    http::TlsOptions options;
    options.certificate_file = directory_.file("cert.pem");
    options.key_file = directory_.file("key.pem");
    return options;
  }
  TemporaryDirectory directory_;
};

TEST_F(HttpsServer, serves_and_reloads) {
  auto tls = http::TlsContext::create(options());
  ASSERT_TRUE(tls) << tls.error().message;
  RunningServer server(test_router(), {}, *tls);
  TlsClient before(server.port());
  EXPECT_NE(before.ask(hello).find("hello tls"), std::string::npos);
  EXPECT_EQ(before.peer_name(), "first");
  write_certificate(options().certificate_file, options().key_file, "second");
  ASSERT_TRUE((*tls)->reload());
  TlsClient after(server.port());
  EXPECT_NE(after.ask(hello).find("hello tls"), std::string::npos);
  EXPECT_EQ(after.peer_name(), "second");
  EXPECT_NE(before.ask(hello).find("hello tls"), std::string::npos);  // the old connection goes on
  std::ofstream(options().certificate_file) << "broken";
  EXPECT_FALSE((*tls)->reload());
  TlsClient still(server.port());
  EXPECT_EQ(still.peer_name(), "second");
}

TEST_F(HttpsServer, versions_below_the_minimum_are_refused) {
  auto strict = options();
  strict.min_version = 13;
  auto tls = http::TlsContext::create(strict);
  ASSERT_TRUE(tls);
  RunningServer server(test_router(), {}, *tls);
  EXPECT_FALSE(TlsClient(server.port(), TLS1_2_VERSION).connected());
  EXPECT_TRUE(TlsClient(server.port()).connected());
  RunningServer usual(test_router(), {}, *http::TlsContext::create(options()));
  EXPECT_TRUE(TlsClient(usual.port(), TLS1_2_VERSION).connected());
  EXPECT_FALSE(TlsClient(usual.port(), TLS1_1_VERSION).connected());
}

TEST_F(HttpsServer, cipher_suites_by_either_name) {
  auto chosen = options();
  chosen.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"};
  EXPECT_TRUE(http::TlsContext::create(chosen));
  chosen.cipher_suites = {"ECDHE-ECDSA-AES128-GCM-SHA256"};
  EXPECT_TRUE(http::TlsContext::create(chosen));
  chosen.cipher_suites = {"NO_SUCH_SUITE"};
  EXPECT_FALSE(http::TlsContext::create(chosen));
}

TEST_F(HttpsServer, client_certificates_can_be_required) {
  auto demanding = options();
  demanding.require_client_certificate = true;
  EXPECT_FALSE(http::TlsContext::create(demanding));  // nothing to check them against
  demanding.ca_certificates = {options().certificate_file};
  auto tls = http::TlsContext::create(demanding);
  ASSERT_TRUE(tls) << tls.error().message;
  RunningServer server(test_router(), {}, *tls);
  TlsClient client(server.port());
  EXPECT_EQ(client.ask(hello), "");
}

TEST_F(HttpsServer, bad_files_are_named) {
  auto missing = options();
  missing.key_file = directory_.file("none.pem");
  const auto tls = http::TlsContext::create(missing);
  ASSERT_FALSE(tls);
  EXPECT_NE(tls.error().message.find("none.pem"), std::string::npos);
  write_certificate(directory_.file("other.pem"), directory_.file("other-key.pem"), "other");
  auto mismatched = options();
  mismatched.key_file = directory_.file("other-key.pem");
  EXPECT_FALSE(http::TlsContext::create(mismatched));
  auto bad_authority = options();
  bad_authority.ca_certificates = {directory_.file("none.pem")};
  EXPECT_FALSE(http::TlsContext::create(bad_authority));
}

TEST_F(HttpsServer, plain_text_on_the_tls_port_is_dropped) {
  RunningServer server(test_router(), {}, *http::TlsContext::create(options()));
  RawClient client(server.port());
  client.send(hello);
  EXPECT_EQ(client.read_all().find("hello tls"), std::string::npos);
}

}  // namespace
}  // namespace ferry::test
