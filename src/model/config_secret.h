// A secret of an object's configuration (an access key, a passphrase), as REST and dumps carry it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "crypto/secret.h"

namespace ferry::model {

// Which form the payload has. Clients send `Plain` to set a secret, receive `Redacted`, and send `Redacted` (or
// the stored status) back to keep it.
struct ConfigSecret {
  std::string status;  // "", Plain, AES-256-GCM, Secretbox, GCP, AWS, VaultTransit, AzureKeyVault, Redacted
  std::string payload;
  std::string key;
  std::string additional_data;  // binds it to its owner: the user's name, "folder_<name>", ...
  std::int64_t mode = 0;        // Secretbox: 1 when a master key was used

  // Nothing was ever set.
  bool empty() const { return status.empty() && payload.empty(); }
  bool is_plain() const { return status == "Plain"; }
  bool is_redacted() const { return status == "Redacted"; }
  bool is_encrypted() const { return !status.empty() && !is_plain() && !is_redacted(); }

  bool operator==(const ConfigSecret&) const = default;
};

// Replaces a Plain secret by its Secretbox form, bound to `additional_data`; any other is left as it is.
// A Plain secret without payload becomes an empty one.
void seal(ConfigSecret& secret, std::string_view additional_data, const crypto::Secret& master_key);
// The plain bytes, empty for an empty secret. unsupported: an external key service; invalid_argument: malformed or
// Redacted; authentication_failed: another key, owner or master key.
Result<crypto::Secret> open(const ConfigSecret& secret, const crypto::Secret& master_key);

}  // namespace ferry::model
