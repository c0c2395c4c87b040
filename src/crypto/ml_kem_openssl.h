// ML-KEM-768's encapsulation by OpenSSL 3.5 and newer; built only then (FERRY_OPENSSL_ML_KEM).
#pragma once

#include "crypto/ml_kem.h"

namespace ferry::crypto::ml_kem768 {

// As encapsulate().
Result<Encapsulation> openssl_encapsulate(ByteSpan encapsulation_key);

}  // namespace ferry::crypto::ml_kem768
