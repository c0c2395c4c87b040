#include "model/config_secret.h"

#include "crypto/secret_box.h"

namespace ferry::model {

void seal(ConfigSecret& secret, std::string_view additional_data, const crypto::Secret& master_key) {
  if (!secret.is_plain()) return;
  if (secret.payload.empty()) {
    secret = {};
    return;
  }
  crypto::SealedSecret sealed = crypto::seal_secret(as_bytes(secret.payload), additional_data, master_key);
  crypto::wipe(secret.payload.data(), secret.payload.size());
  secret = {.status = "Secretbox",
            .payload = std::move(sealed.payload),
            .key = std::move(sealed.key),
            .additional_data = std::string(additional_data),
            .mode = static_cast<std::int64_t>(sealed.mode)};
}

Result<crypto::Secret> open(const ConfigSecret& secret, const crypto::Secret& master_key) {
  if (secret.empty()) return crypto::Secret();
  if (secret.is_plain()) return crypto::Secret(secret.payload);
  if (secret.status == "Secretbox") {
    return crypto::open_secret(secret.payload, secret.key, secret.additional_data, static_cast<int>(secret.mode),
                               master_key);
  }
  if (secret.status == "AES-256-GCM") {
    return crypto::open_secret_aes256_gcm(secret.payload, secret.key, secret.additional_data);
  }
  if (secret.is_redacted()) return fail(ErrorCode::invalid_argument, "the secret is redacted");
  return fail(ErrorCode::unsupported, "secrets of status " + secret.status + " need their key service");
}

}  // namespace ferry::model
