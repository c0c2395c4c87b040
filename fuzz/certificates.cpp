// OpenSSH certificates: their form, and that nothing but what a trusted authority signed is ever accepted.
#include "crypto/encoding.h"
#include "fuzz/input.h"
#include "ssh/keys/user_certificate.h"

using namespace ferry;

namespace {

// The authority of the seeds; the fuzzer does not have its private half.
constexpr std::string_view authority_line =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHrq+thAEnHdIymIhh8qdsnB7rZcz8gC5uCOsYWijoIO";

const ssh::UserTrust& trust() {
  static const ssh::UserTrust made = [] {
    ssh::UserTrust trusted;
    trusted.authorities = ssh::parse_authorities(authority_line).value();
    return trusted;
  }();
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Input in(data, size);
  const Bytes blob(in.rest().begin(), in.rest().end());  // its own allocation: reading past it is seen
  const auto certificate = ssh::Certificate::parse(blob);
  if (!certificate) return 0;
  fuzz::require(certificate->blob() == blob && certificate->principals().size() <= 256);
  fuzz::require(ssh::is_certificate_type(certificate->type()));
  (void)ssh::forced_command(*certificate);
  const auto accepted = ssh::check_user_certificate(*certificate, trust(), "10.1.2.3", 1'900'000'000);
  // The seeds' principals are all that the authority has ever signed.
  if (accepted) fuzz::require(certificate->principals().front() == "maria");
  return 0;
}
