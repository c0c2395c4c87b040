#include "ssh/keys/host_certificate.h"

#include "crypto/encoding.h"
#include "ssh/keys/certificate.h"

namespace ferry::ssh {

Result<HostCertificate> parse_host_certificate(std::string_view line,
                                               std::span<const std::shared_ptr<const PrivateKey>> keys) {
  const auto refuse = [](std::string why) { return fail(ErrorCode::invalid_argument, std::move(why)); };
  const std::size_t space = line.find_first_of(" \t");
  const std::string_view type = line.substr(0, space);
  if (space == std::string_view::npos || !is_certificate_type(type))
    return refuse("expected a line with a certificate");
  std::string_view encoded = line.substr(line.find_first_not_of(" \t", space));
  encoded = encoded.substr(0, encoded.find_first_of(" \t\r\n"));
  const Result<Bytes> blob = crypto::base64_decode(encoded);
  if (!blob) return refuse("the certificate is not base64");
  const Result<Certificate> certificate = Certificate::parse(*blob);
  if (!certificate) return refuse(certificate.error().message);
  if (certificate->type() != type) return refuse("the certificate is not of the type its line names");
  if (certificate->kind() != Certificate::Kind::host) return refuse("a certificate for users, not for hosts");
  if (!certificate->signed_by_authority()) return refuse("the signature of its authority is wrong");
  for (const auto& key : keys) {
    if (!(key->public_key() == certificate->key())) continue;
    return HostCertificate{*blob, key, certificate->valid_after(), certificate->valid_before()};
  }
  return fail(ErrorCode::not_found, "it belongs to none of the host keys");
}

}  // namespace ferry::ssh
