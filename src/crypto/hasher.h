// A digest of data that comes piece by piece.
//
//   Hasher hasher(HashAlgorithm::sha256);
//   hasher.update(piece);
//   Bytes digest = hasher.finish();
#pragma once

#include <memory>

#include "base/bytes.h"
#include "crypto/cipher.h"

struct evp_md_ctx_st;

namespace ferry::crypto {

class Hasher {
 public:
  explicit Hasher(HashAlgorithm algorithm);
  void update(ByteSpan data);
  // Once.
  Bytes finish();

 private:
  struct Delete {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Delete> context_;
  std::size_t size_;
};

}  // namespace ferry::crypto
