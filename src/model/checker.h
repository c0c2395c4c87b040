// Collects the first rule an object breaks. Private to src/model.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/virtual_path.h"
#include "model/filesystem.h"
#include "model/filters.h"
#include "model/validate.h"

namespace ferry::model {

class Checker {
 public:
  // `holds`, or the object is refused with "field: problem".
  bool require(bool holds, std::string_view field, std::string_view problem) {
    if (!holds && error_.empty()) error_.append(field).append(": ").append(problem);
    return holds;
  }
  bool ok() const { return error_.empty(); }
  Result<void> result() const {
    if (ok()) return {};
    return fail(ErrorCode::invalid_argument, error_);
  }

  void name(const NamingRules& rules, std::string_view field, std::string& name);
  void range(std::string_view field, std::int64_t value, std::int64_t least, std::int64_t most);
  void not_negative(std::string_view field, std::int64_t value) { require(value >= 0, field, "cannot be negative"); }
  // Every word is one of `known`; duplicates are dropped.
  void words(std::string_view field, std::vector<std::string>& list, std::span<const std::string_view> known);
  // Every text is a network or an address, which gets its /32 or /128.
  void networks(std::string_view field, std::vector<std::string>& list);
  void email(std::string_view field, std::string_view address);
  // An absolute path of the machine, brought to normal form.
  void real_path(std::string_view field, std::string& path);
  // An absolute path of the virtual tree, brought to normal form.
  void virtual_path(std::string_view field, std::string& path);
  void public_keys(std::string_view field, std::vector<std::string>& keys);
  // Every text of the object, however deep, is no longer than its column (validate_texts.cpp).
  template <class Object>
  void texts(const Object& object);

  // validate_filters.cpp
  void base_filters(BaseUserFilters& filters);
  void filters(UserFilters& filters);
  void totp(const TotpConfig& totp, const std::vector<RecoveryCode>& codes);
  void certificates(std::string_view field, const std::vector<std::string>& list);
  // validate_filesystem.cpp
  void filesystem(FilesystemConfig& config);
  void secret(std::string_view field, const ConfigSecret& secret);

 private:
  void s3(S3Config& config);
  void gcs(GcsConfig& config);
  void azure(AzureBlobConfig& config);
  void sftp(SftpConfig& config);
  void http(HttpConfig& config);
  void key_prefix(std::string_view field, std::string& prefix);

  std::string error_;
};

inline void drop_duplicates(std::vector<std::string>& list) {
  std::vector<std::string> unique;
  for (std::string& item : list) {
    if (std::ranges::find(unique, item) == unique.end()) unique.push_back(std::move(item));
  }
  list = std::move(unique);
}

}  // namespace ferry::model
