#include "ssh/keys/certificate.h"

#include <algorithm>

namespace ferry::ssh {

namespace {

constexpr std::size_t most_principals = 256;
constexpr std::size_t most_options = 64;
constexpr std::string_view rsa_certificate = "ssh-rsa-cert-v01@openssh.com";

// A type of certificates, the type of the keys inside, and how many strings such a key has.
struct Form {
  std::string_view type, key_type;
  int fields;
};
constexpr Form forms[] = {
    {"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519", 1},
    {"ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp256", 2},
    {"ecdsa-sha2-nistp384-cert-v01@openssh.com", "ecdsa-sha2-nistp384", 2},
    {"ecdsa-sha2-nistp521-cert-v01@openssh.com", "ecdsa-sha2-nistp521", 2},
    {"sk-ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519@openssh.com", 2},
    {"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", 3},
    {rsa_certificate, "ssh-rsa", 2},
};

std::unexpected<Error> malformed_certificate(std::string what) {
  return fail(ErrorCode::protocol_error, std::move(what));
}

const Form* find_form(std::string_view type) {
  const auto found = std::ranges::find(forms, type, &Form::type);
  return found == std::end(forms) ? nullptr : found;
}

// The plain key's blob: its type, then the same fields (mpints are framed as strings are).
Result<PublicKey> read_key(ByteReader& in, const Form& form) {
  ByteWriter plain;
  plain.string(form.key_type);
  for (int i = 0; i < form.fields; ++i) plain.string(in.blob());
  if (!in.ok()) return malformed_certificate("certificate too short");
  return PublicKey::parse(plain.data());
}

Result<std::vector<std::string>> read_principals(ByteSpan list) {
  std::vector<std::string> principals;
  ByteReader in(list);
  while (in.ok() && !in.done()) {
    if (principals.size() == most_principals) return malformed_certificate("too many principals");
    principals.emplace_back(in.string());
  }
  if (!in.ok()) return malformed_certificate("malformed principals");
  return principals;
}

// "Options must be lexically ordered by name"; "each named option may only appear once".
Result<std::vector<Certificate::Option>> read_options(ByteSpan list) {
  std::vector<Certificate::Option> options;
  ByteReader in(list);
  while (in.ok() && !in.done()) {
    if (options.size() == most_options) return malformed_certificate("too many options");
    const std::string_view name = in.string();
    const ByteSpan data = in.blob();
    if (!options.empty() && name <= options.back().name) return malformed_certificate("options out of order");
    options.push_back({std::string(name), Bytes(data.begin(), data.end())});
  }
  if (!in.ok()) return malformed_certificate("malformed options");
  return options;
}

}  // namespace

Result<Certificate> Certificate::parse(ByteSpan blob) {
  ByteReader in(blob);
  const std::string_view type = in.string();
  const Form* form = find_form(type);
  if (form == nullptr) return fail(ErrorCode::unsupported, "certificate type not supported");
  in.blob();  // the nonce
  auto key = read_key(in, *form);
  if (!key) return fail(key.error());
  Certificate result;
  result.type_ = type;
  result.key_ = std::move(*key);
  if (auto read = result.read_contents(in); !read) return fail(read.error());
  result.signed_size_ = blob.size() - in.rest().size();
  const ByteSpan signature = in.blob();
  if (!in.done()) return malformed_certificate("certificate too short or too long");
  result.signature_.assign(signature.begin(), signature.end());
  result.blob_.assign(blob.begin(), blob.end());
  return result;
}

Result<void> Certificate::read_contents(ByteReader& in) {
  serial_ = in.u64();
  const std::uint32_t kind = in.u32();
  key_id_ = in.string();
  const ByteSpan principals = in.blob();
  valid_after_ = in.u64();
  valid_before_ = in.u64();
  const ByteSpan critical = in.blob();
  const ByteSpan extensions = in.blob();  // allow what Ferry has not (terminals, forwarding): of no concern
  in.blob();                              // reserved
  const ByteSpan authority = in.blob();
  if (!in.ok()) return malformed_certificate("certificate too short");
  if (kind != 1 && kind != 2) return malformed_certificate("certificate of an unknown kind");
  kind_ = static_cast<Kind>(kind);
  auto names = read_principals(principals);
  if (!names) return fail(names.error());
  principals_ = std::move(*names);
  auto options = read_options(critical);
  if (!options) return fail(options.error());
  critical_options_ = std::move(*options);
  if (auto well_formed = read_options(extensions); !well_formed) return fail(well_formed.error());
  auto signer = PublicKey::parse(authority);
  if (!signer) return fail(signer.error());
  authority_ = std::move(*signer);
  return {};
}

const Certificate::Option* Certificate::find_critical_option(std::string_view name) const {
  const auto found = std::ranges::find(critical_options_, name, &Option::name);
  return found == critical_options_.end() ? nullptr : &*found;
}

bool Certificate::signed_by_authority() const {
  ByteReader in(signature_);
  const std::string_view algorithm = in.string();
  return in.ok() && authority_->allows_algorithm(algorithm) &&
         authority_->verify(algorithm, signature_, ByteSpan(blob_).first(signed_size_));
}

bool is_certificate_type(std::string_view type) { return find_form(type) != nullptr; }

std::string_view signature_algorithm_of_certificate(std::string_view algorithm) {
  if (algorithm == "rsa-sha2-256-cert-v01@openssh.com") return "rsa-sha2-256";
  if (algorithm == "rsa-sha2-512-cert-v01@openssh.com") return "rsa-sha2-512";
  if (algorithm == rsa_certificate) return {};
  const Form* form = find_form(algorithm);
  return form == nullptr ? std::string_view() : form->key_type;
}

}  // namespace ferry::ssh
