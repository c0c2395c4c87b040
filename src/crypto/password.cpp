#include "crypto/password.h"

#include <argon2.h>
#include <crypt.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "crypto/apr1.h"
#include "crypto/cipher.h"
#include "crypto/encoding.h"
#include "crypto/secret.h"

namespace ferry::crypto {
namespace {

constexpr std::size_t bcrypt_bytes = 72;      // what bcrypt reads of a password
constexpr std::size_t bcrypt_hash_size = 60;  // $2a$10$, 22 characters of salt, 31 of hash
constexpr std::size_t min_hash_size = 16;     // a shorter stored digest could be guessed, an empty one matches all
constexpr std::size_t max_hash_size = 1024;
constexpr std::size_t max_stored_size = 4096;

std::unexpected<Error> malformed(const char* what) { return fail(ErrorCode::invalid_argument, what); }
std::unexpected<Error> too_costly() { return fail(ErrorCode::limit_exceeded, "the password hash costs too much"); }

const char* raw(std::string_view text) { return text.data() == nullptr ? "" : text.data(); }

// The whole text as a number, without sign or leading zero.
std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || (text.size() > 1 && text[0] == '0')) return {};
  return value;
}

// Takes the text up to `separator` away, and the separator with it.
std::string_view take_field(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view field = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return field;
}

// crypt(3), safe from any thread. Empty when libcrypt refuses the setting or the password.
std::string run_crypt(std::string_view password, const std::string& setting) {
  if (password.find('\0') != std::string_view::npos) return {};
  Secret terminated(password.size() + 1);
  std::ranges::copy(as_bytes(password), terminated.bytes().begin());
  const auto state = std::make_unique<crypt_data>();
  const char* hashed = ::crypt_r(terminated.text().data(), setting.c_str(), state.get());
  std::string result = hashed == nullptr || hashed[0] == '*' ? "" : hashed;
  wipe(state.get(), sizeof *state);
  return result;
}

bool equal(std::string_view a, std::string_view b) { return equal_in_constant_time(as_bytes(a), as_bytes(b)); }

Result<bool> verify_crypt(std::string_view stored, std::string_view password) {
  const std::string hashed = run_crypt(password, std::string(stored));
  return !hashed.empty() && equal(hashed, stored);
}

// bcrypt by the one correct algorithm, that libcrypt calls $2b$. Its $2a$ differs on purpose for a few passwords
// with bytes above 127, against a bug of old PHP; the $2a$ of other programs does not.
std::string run_bcrypt(std::string_view password, std::string setting) {
  setting[2] = 'b';
  return run_crypt(password.substr(0, std::min(password.find('\0'), bcrypt_bytes)), setting);
}

// Whether all of the text is in the alphabet of crypt(3), and `size` characters long where that is not 0.
bool is_crypt_text(std::string_view text, std::size_t size = 0) {
  return (size == 0 || text.size() == size) &&
         text.find_first_not_of("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") ==
             std::string_view::npos;
}

Result<void> check_bcrypt(std::string_view stored) {
  if (stored.size() != bcrypt_hash_size || stored[6] != '$' || !is_crypt_text(stored.substr(7))) {
    return malformed("bcrypt hash of a wrong form");
  }
  const std::optional<std::uint32_t> cost = number(stored.substr(stored[4] == '0' ? 5 : 4, stored[4] == '0' ? 1 : 2));
  if (!cost || *cost < 4 || *cost > 31) return malformed("bcrypt cost");
  if (*cost > max_bcrypt_cost) return too_costly();
  return {};
}

Result<bool> verify_bcrypt(std::string_view stored, std::string_view password) {
  if (auto checked = check_bcrypt(stored); !checked) return fail(checked.error());
  if (password.substr(0, bcrypt_bytes).find('\0') != std::string_view::npos) return false;
  const std::string hashed = run_bcrypt(password, std::string(stored));
  return hashed.size() == bcrypt_hash_size && equal(std::string_view(hashed).substr(4), stored.substr(4));
}

// "salt$digest" with a salt of `salt` characters at most and a digest of `digest`.
Result<void> check_salt_and_digest(std::string_view text, std::size_t salt, std::size_t digest) {
  const std::size_t end = text.find('$');
  if (end <= salt && is_crypt_text(text.substr(end + 1), digest)) return {};
  return malformed("the hash is not whole");
}

// What follows "$5$" or "$6$", without its rounds.
Result<std::string_view> after_rounds(std::string_view stored) {
  constexpr std::string_view rounds = "rounds=";
  std::string_view rest = stored.substr(3);
  if (!rest.starts_with(rounds)) return rest;
  rest.remove_prefix(rounds.size());
  const std::optional<std::uint32_t> count = number(take_field(rest, '$'));
  if (!count) return malformed("sha-crypt rounds");
  if (*count > max_sha_crypt_rounds) return too_costly();
  return rest;
}

Result<void> check_sha_crypt(std::string_view stored) {
  const auto rest = after_rounds(stored);
  if (!rest) return fail(rest.error());
  return check_salt_and_digest(*rest, 16, stored.starts_with("$5$") ? 43 : 86);
}

Result<bool> verify_sha_crypt(std::string_view stored, std::string_view password) {
  if (const auto rest = after_rounds(stored); !rest) return fail(rest.error());
  return verify_crypt(stored, password);
}

Result<void> check_md5_crypt(std::string_view stored) { return check_salt_and_digest(stored.substr(3), 8, 22); }

// $y$ flavour N r [more] $ salt $ hash: the characters of "./0-9A-Za-z" below the 48th stand for one number each.
Result<void> check_yescrypt_cost(std::string_view stored) {
  constexpr std::string_view digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string_view rest = stored.substr(3);
  const std::string_view parameters = take_field(rest, '$');
  if (parameters.size() < 3) return malformed("yescrypt parameters");
  const std::size_t log2_blocks = digits.find(parameters[1]) + 1;
  const std::size_t block_size = digits.find(parameters[2]) + 1;
  // 128 bytes x block size x number of blocks is what it allocates. Three characters are all that the passwords
  // of any system use; more would be several threads or passes.
  if (parameters.size() > 3 || block_size > 48 || log2_blocks > 18 || (block_size << log2_blocks) > (1U << 23)) {
    return too_costly();
  }
  return {};
}

Result<void> check_yescrypt(std::string_view stored) {
  if (auto cost = check_yescrypt_cost(stored); !cost) return cost;
  std::string_view rest = stored.substr(3);
  take_field(rest, '$');
  return check_salt_and_digest(rest, 86, 43);
}

Result<bool> verify_yescrypt(std::string_view stored, std::string_view password) {
  if (auto cost = check_yescrypt_cost(stored); !cost) return fail(cost.error());
  return verify_crypt(stored, password);
}

struct Argon2 {
  std::uint32_t memory, iterations, parallelism;
};

std::optional<Bytes> run_argon2(std::string_view password, ByteSpan salt, const Argon2& cost, std::size_t size) {
  Bytes hashed(size);
  const int error = argon2id_hash_raw(cost.iterations, cost.memory, cost.parallelism, raw(password), password.size(),
                                      salt.data(), salt.size(), hashed.data(), hashed.size());
  if (error != ARGON2_OK) return {};
  return hashed;
}

// "m=65536,t=1,p=2"
std::optional<Argon2> read_argon2_cost(std::string_view text) {
  std::array<std::uint32_t, 3> values{};
  constexpr std::array<std::string_view, 3> names = {"m=", "t=", "p="};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string_view field = take_field(text, ',');
    const std::optional<std::uint32_t> value =
        field.starts_with(names[i]) ? number(field.substr(2)) : std::optional<std::uint32_t>();
    if (!value || *value == 0) return {};
    values[i] = *value;
  }
  if (!text.empty() || values[2] > 255 || values[0] < 8 * values[2]) return {};
  return Argon2{values[0], values[1], values[2]};
}

struct Argon2Hash {
  Argon2 cost;
  Bytes salt, digest;
};

Result<Argon2Hash> read_argon2id(std::string_view stored) {
  std::string_view rest = stored.substr(std::string_view("$argon2id$").size());
  if (take_field(rest, '$') != "v=19") return malformed("argon2id version");
  const std::optional<Argon2> cost = read_argon2_cost(take_field(rest, '$'));
  Result<Bytes> salt = base64_decode(take_field(rest, '$'), Base64::unpadded);
  Result<Bytes> expected = base64_decode(rest, Base64::unpadded);
  if (!cost || !salt || salt->size() < 8 || !expected) return malformed("argon2id hash of a wrong form");
  if (expected->size() < min_hash_size || expected->size() > max_hash_size) return malformed("argon2id hash size");
  const std::uint64_t work = std::uint64_t{cost->memory} * cost->iterations;
  if (cost->memory > max_argon2_memory || work > max_argon2_work) return too_costly();
  return Argon2Hash{*cost, std::move(*salt), std::move(*expected)};
}

Result<void> check_argon2id(std::string_view stored) {
  const auto read = read_argon2id(stored);
  return read ? Result<void>() : fail(read.error());
}

Result<bool> verify_argon2id(std::string_view stored, std::string_view password) {
  const auto read = read_argon2id(stored);
  if (!read) return fail(read.error());
  const std::optional<Bytes> hashed = run_argon2(password, read->salt, read->cost, read->digest.size());
  if (!hashed) return fail(ErrorCode::internal, "argon2 failed");
  return equal_in_constant_time(*hashed, read->digest);
}

struct Pbkdf2Hash {
  const EVP_MD* algorithm;
  std::uint32_t iterations;
  Bytes salt, digest;
};

Result<Pbkdf2Hash> read_pbkdf2_fields(const EVP_MD* digest, bool base64_salt, std::string_view fields) {
  const std::optional<std::uint32_t> iterations = number(take_field(fields, '$'));
  const std::size_t last = fields.rfind('$');
  if (!iterations || *iterations == 0 || last == std::string_view::npos)
    return malformed("pbkdf2 hash of a wrong form");
  if (*iterations > max_pbkdf2_iterations) return too_costly();
  Result<Bytes> salt = to_bytes(fields.substr(0, last));
  if (base64_salt) salt = base64_decode(fields.substr(0, last));
  Result<Bytes> expected = base64_decode(fields.substr(last + 1));
  if (!expected) expected = base64_decode(fields.substr(last + 1), Base64::unpadded);
  if (!salt || !expected || expected->size() < min_hash_size) return malformed("pbkdf2 salt or digest");
  // Every digest size more than the hash's own repeats all the iterations.
  if (expected->size() > static_cast<std::size_t>(EVP_MD_get_size(digest)) * 2) return too_costly();
  return Pbkdf2Hash{digest, *iterations, std::move(*salt), std::move(*expected)};
}

Result<Pbkdf2Hash> read_pbkdf2(std::string_view stored) {
  std::string_view rest = stored.substr(1);
  const std::string_view name = take_field(rest, '$');
  const EVP_MD* digest = name.ends_with("sha1") ? EVP_sha1() : name.ends_with("sha256") ? EVP_sha256() : EVP_sha512();
  return read_pbkdf2_fields(digest, name.starts_with("pbkdf2-b64salt-"), rest);
}

Result<void> check_pbkdf2(std::string_view stored) {
  const auto read = read_pbkdf2(stored);
  return read ? Result<void>() : fail(read.error());
}

Result<bool> verify_pbkdf2(std::string_view stored, std::string_view password) {
  const auto read = read_pbkdf2(stored);
  if (!read) return fail(read.error());
  Bytes hashed(read->digest.size());
  const int done = PKCS5_PBKDF2_HMAC(
      raw(password), static_cast<int>(password.size()), reinterpret_cast<const unsigned char*>(read->salt.data()),
      static_cast<int>(read->salt.size()), static_cast<int>(read->iterations), read->algorithm,
      static_cast<int>(hashed.size()), reinterpret_cast<unsigned char*>(hashed.data()));
  if (done != 1) return fail(ErrorCode::internal, "pbkdf2 failed");
  return equal_in_constant_time(hashed, read->digest);
}

Result<void> check_apr1(std::string_view stored) {
  if (stored.substr(apr1_prefix.size()).starts_with('$')) return malformed("apr1 hash without a salt");
  return check_salt_and_digest(stored.substr(apr1_prefix.size()), 8, 22);
}

Result<bool> verify_apr1(std::string_view stored, std::string_view password) {
  std::string_view rest = stored.substr(apr1_prefix.size());
  const std::string_view salt = take_field(rest, '$');
  if (salt.empty() || rest.empty()) return malformed("apr1 hash of a wrong form");
  return equal(apr1(password, salt), stored);
}

// {MD5} and its like: the plain digest, in hex.
struct PlainDigest {
  HashAlgorithm algorithm;
  Bytes digest;
};

Result<PlainDigest> read_digest(std::string_view stored) {
  const std::string_view name = stored.substr(1, stored.find('}') - 1);
  const HashAlgorithm algorithm = name == "MD5"      ? HashAlgorithm::md5
                                  : name == "SHA256" ? HashAlgorithm::sha256
                                                     : HashAlgorithm::sha512;
  Result<Bytes> expected = hex_decode(stored.substr(name.size() + 2));
  if (!expected || expected->size() != hash_size(algorithm)) return malformed("digest of a wrong size");
  return PlainDigest{algorithm, std::move(*expected)};
}

Result<void> check_digest(std::string_view stored) {
  const auto read = read_digest(stored);
  return read ? Result<void>() : fail(read.error());
}

Result<bool> verify_digest(std::string_view stored, std::string_view password) {
  const auto read = read_digest(stored);
  if (!read) return fail(read.error());
  return equal_in_constant_time(hash(read->algorithm, {as_bytes(password)}), read->digest);
}

struct Form {
  std::string_view prefix;
  Result<bool> (*verify)(std::string_view stored, std::string_view password);
  Result<void> (*check)(std::string_view stored);
  int parameters = 0;  // fields that follow, each with its '$'
};
constexpr std::string_view argon2id_prefix = "$argon2id$";
constexpr std::array forms = {
    Form{"$2a$", &verify_bcrypt, &check_bcrypt, 1},
    Form{"$2b$", &verify_bcrypt, &check_bcrypt, 1},
    Form{"$2y$", &verify_bcrypt, &check_bcrypt, 1},
    Form{argon2id_prefix, &verify_argon2id, &check_argon2id, 2},
    Form{"$pbkdf2-sha1$", &verify_pbkdf2, &check_pbkdf2, 1},
    Form{"$pbkdf2-sha256$", &verify_pbkdf2, &check_pbkdf2, 1},
    Form{"$pbkdf2-sha512$", &verify_pbkdf2, &check_pbkdf2, 1},
    Form{"$pbkdf2-b64salt-sha256$", &verify_pbkdf2, &check_pbkdf2, 1},
    Form{"$1$", &verify_crypt, &check_md5_crypt},
    Form{apr1_prefix, &verify_apr1, &check_apr1},
    Form{"$5$rounds=", &verify_sha_crypt, &check_sha_crypt, 1},
    Form{"$5$", &verify_sha_crypt, &check_sha_crypt},
    Form{"$6$rounds=", &verify_sha_crypt, &check_sha_crypt, 1},
    Form{"$6$", &verify_sha_crypt, &check_sha_crypt},
    Form{"$y$", &verify_yescrypt, &check_yescrypt, 1},
    Form{"{MD5}", &verify_digest, &check_digest},
    Form{"{SHA256}", &verify_digest, &check_digest},
    Form{"{SHA512}", &verify_digest, &check_digest},
};

const Form* find_form(std::string_view stored) {
  const auto found = std::ranges::find_if(forms, [&](const Form& form) { return stored.starts_with(form.prefix); });
  return found == forms.end() ? nullptr : &*found;
}

std::atomic<std::uint64_t> computed = 0;

std::string hash_bcrypt(std::string_view password, int cost) {
  std::array<char, 16> salt;
  random_bytes(std::as_writable_bytes(std::span(salt)));
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting;
  const auto rounds = static_cast<unsigned long>(std::clamp(cost, 4, max_bcrypt_cost));
  if (::crypt_gensalt_rn("$2b$", rounds, salt.data(), salt.size(), setting.data(), setting.size()) == nullptr) {
    throw std::runtime_error("libcrypt makes no bcrypt salt");
  }
  std::string hashed = run_bcrypt(password, setting.data());
  if (hashed.size() != bcrypt_hash_size) throw std::runtime_error("libcrypt makes no bcrypt hash");
  hashed[2] = 'a';
  return hashed;
}

std::string hash_argon2id(std::string_view password, const PasswordHashing& hashing) {
  Argon2 cost{hashing.argon2_memory, std::max(hashing.argon2_iterations, 1U),
              std::max<std::uint32_t>(hashing.argon2_parallelism, 1)};
  cost.memory = std::clamp(cost.memory, 8 * cost.parallelism, max_argon2_memory);
  cost.iterations = std::min(cost.iterations, static_cast<std::uint32_t>(max_argon2_work / cost.memory));
  Bytes salt(16);
  random_bytes(salt);
  const std::optional<Bytes> hashed = run_argon2(password, salt, cost, 32);
  if (!hashed) throw std::runtime_error("argon2 failed");
  return std::string(argon2id_prefix) + "v=19$m=" + std::to_string(cost.memory) +
         ",t=" + std::to_string(cost.iterations) + ",p=" + std::to_string(cost.parallelism) + "$" +
         base64_encode(salt, Base64::unpadded) + "$" + base64_encode(*hashed, Base64::unpadded);
}

// bcrypt would cut this password short.
bool too_much_for_bcrypt(std::string_view password) {
  return password.size() > bcrypt_bytes || password.find('\0') != std::string_view::npos;
}

bool uses_argon2id(const PasswordHashing& hashing, std::string_view password) {
  return hashing.algorithm == PasswordHashing::Algorithm::argon2id || too_much_for_bcrypt(password);
}

}  // namespace

std::uint64_t password_hashes_computed() { return computed; }

Result<bool> verify_password(std::string_view stored_hash, std::string_view password) {
  const Form* form = find_form(stored_hash);
  if (form == nullptr) return fail(ErrorCode::unsupported, "no known form of a password hash");
  if (stored_hash.size() > max_stored_size || stored_hash.find('\0') != std::string_view::npos) {
    return malformed("password hash too long, or with a NUL inside");
  }
  Result<bool> verified = form->verify(stored_hash, password);
  if (verified) ++computed;
  return verified;
}

std::string hash_password(std::string_view password, const PasswordHashing& hashing) {
  ++computed;
  if (uses_argon2id(hashing, password)) return hash_argon2id(password, hashing);
  return hash_bcrypt(password, hashing.bcrypt_cost);
}

std::string_view cost_of_hash(std::string_view stored_hash) {
  const Form* form = find_form(stored_hash);
  if (form == nullptr) return {};
  std::size_t size = form->prefix.size();
  for (int left = form->parameters; left > 0; --left) {
    size = std::min(stored_hash.find('$', size), stored_hash.size() - 1) + 1;
  }
  return stored_hash.substr(0, size);
}

bool is_password_hash(std::string_view text) { return find_form(text) != nullptr; }

Result<void> check_password_hash(std::string_view text) {
  const Form* form = find_form(text);
  if (form == nullptr) return fail(ErrorCode::unsupported, "no known form of a password hash");
  if (text.size() > max_stored_size || text.find('\0') != std::string_view::npos) {
    return malformed("password hash too long, or with a NUL inside");
  }
  return form->check(text);
}

bool needs_rehash(std::string_view stored, const PasswordHashing& hashing, std::string_view password) {
  const Form* form = find_form(stored);
  if (form == nullptr) return false;
  if (form->verify == &verify_argon2id) return !uses_argon2id(hashing, password);
  return form->verify == &verify_bcrypt && uses_argon2id(hashing, password);
}

}  // namespace ferry::crypto
