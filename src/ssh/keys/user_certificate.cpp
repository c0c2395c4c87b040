#include "ssh/keys/user_certificate.h"

#include <algorithm>

#include "base/ip_network.h"

namespace ferry::ssh {

namespace {

constexpr std::string_view force_command = "force-command", source_address = "source-address",
                           verify_required = "verify-required";

std::unexpected<Error> refuse_certificate(std::string why) {
  return fail(ErrorCode::authentication_failed, std::move(why));
}

// The text that the data of an option holds as a string; nothing when it holds anything else.
std::optional<std::string_view> text_of(const Certificate::Option& option) {
  ByteReader in(option.data);
  const std::string_view text = in.string();
  if (!in.done()) return std::nullopt;
  return text;
}

// Addresses and networks, separated by commas.
Result<void> check_address(const Certificate::Option& option, std::string_view client_ip) {
  const auto list = text_of(option);
  const auto client = IpAddress::parse(client_ip);
  if (!list || !client) return refuse_certificate("the certificate's addresses cannot be compared");
  std::string_view rest = *list;
  bool inside = false;
  while (true) {
    const std::size_t comma = rest.find(',');
    const auto network = IpNetwork::parse(rest.substr(0, comma));
    if (!network) return refuse_certificate("the certificate names an address that is none");
    inside = inside || network->contains(*client);
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (!inside) return refuse_certificate("the certificate is not for this address");
  return {};
}

Result<void> check_options(const Certificate& certificate, std::string_view client_ip) {
  for (const Certificate::Option& option : certificate.critical_options()) {
    if (option.name == source_address) {
      if (auto allowed = check_address(option, client_ip); !allowed) return allowed;
    } else if (option.name == force_command) {
      const auto line = text_of(option);
      if (!line || line->empty()) return refuse_certificate("the certificate forces a command that is none");
    } else if (option.name != verify_required || !option.data.empty()) {
      return refuse_certificate("the certificate has a critical option that is not known");
    }
  }
  return {};
}

}  // namespace

Result<void> check_user_certificate(const Certificate& certificate, const UserTrust& trust, std::string_view client_ip,
                                    std::int64_t unix_seconds) {
  if (certificate.kind() != Certificate::Kind::user) return refuse_certificate("not a certificate for users");
  if (std::ranges::find(trust.authorities, certificate.authority()) == trust.authorities.end()) {
    return refuse_certificate("the certificate's authority is not trusted");
  }
  if (!certificate.signed_by_authority()) return refuse_certificate("the certificate's signature is wrong");
  if (trust.revoked.revokes(certificate)) return refuse_certificate("the certificate is revoked");
  const auto now = static_cast<std::uint64_t>(std::max<std::int64_t>(unix_seconds, 0));
  if (now < certificate.valid_after()) return refuse_certificate("the certificate is not valid yet");
  if (now >= certificate.valid_before()) return refuse_certificate("the certificate has expired");
  // OpenSSH's authorities mean "everybody" by no name at all.
  if (certificate.principals().empty()) return refuse_certificate("the certificate names nobody");
  return check_options(certificate, client_ip);
}

bool requires_user_verification(const Certificate& certificate) {
  return certificate.find_critical_option(verify_required) != nullptr;
}

std::optional<std::string> forced_command(const Certificate& certificate) {
  const Certificate::Option* option = certificate.find_critical_option(force_command);
  if (option == nullptr) return std::nullopt;
  return std::string(text_of(*option).value_or(std::string_view()));
}

Result<std::vector<PublicKey>> parse_authorities(std::string_view text) {
  std::vector<PublicKey> keys;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
    if (line.empty() || line.front() == '#') continue;
    auto key = PublicKey::parse_line(line);
    if (!key) return fail(ErrorCode::invalid_argument, "not a public key: " + key.error().message);
    keys.push_back(std::move(*key));
  }
  if (keys.empty()) return fail(ErrorCode::invalid_argument, "no public key in it");
  return keys;
}

}  // namespace ferry::ssh
