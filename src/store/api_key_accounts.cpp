// API keys as they are written. The secret part is 130 random bits, so one fast hash keeps it: nobody can try them
// all, and each request of a program has to be checked.
#include "crypto/cipher.h"
#include "crypto/encoding.h"
#include "crypto/token.h"
#include "store/accounts.h"

namespace ferry::store {

Result<Accounts::NewApiKey> Accounts::add_api_key(model::ApiKey key) {
  const std::string secret = crypto::random_id();
  key.id = crypto::random_id();
  key.key = "{SHA256}" + crypto::hex_encode(crypto::hash(crypto::HashAlgorithm::sha256, {as_bytes(secret)}));
  if (auto valid = model::validate(key, options_.users.naming); !valid) return fail(valid.error());
  auto stored = provider_.add_api_key(std::move(key));
  if (!stored) return fail(stored.error());
  std::string text = stored->id + "." + secret;
  return NewApiKey{std::move(*stored), std::move(text)};
}

Result<model::ApiKey> Accounts::update_api_key(std::string_view id, model::ApiKey key) {
  return provider_.change_api_key(id, [&](model::ApiKey& stored) -> Result<void> {
    key.id = stored.id;
    key.key = stored.key;
    if (auto valid = model::validate(key, options_.users.naming); !valid) return valid;
    stored = std::move(key);
    return {};
  });
}

Result<void> Accounts::check(model::ApiKey& key) const {
  if (key.key.empty() || !crypto::is_password_hash(key.key)) {
    return fail(ErrorCode::invalid_argument, "key: the hash of a key expected");
  }
  return model::validate(key, options_.users.naming);
}

}  // namespace ferry::store
