#include "ssh/kex/exchange.h"

#include <algorithm>

#include "ssh/messages.h"

namespace ferry::ssh {

namespace {

// RFC 4253 section 7.2: K1 = HASH(K || H || letter || session_id), Kn = HASH(K || H || K1 || ... || Kn-1).
crypto::Secret derive(crypto::HashAlgorithm algorithm, const ExchangeResult& exchange, ByteSpan session_id, char letter,
                      std::size_t size) {
  const std::byte letter_byte = static_cast<std::byte>(letter);
  crypto::Secret key(size);
  crypto::Secret material;
  while (material.size() < size) {
    const Bytes block =
        material.empty()
            ? crypto::hash(algorithm, {exchange.shared.bytes(), exchange.hash, ByteSpan(&letter_byte, 1), session_id})
            : crypto::hash(algorithm, {exchange.shared.bytes(), exchange.hash, material.bytes()});
    crypto::Secret longer(material.size() + block.size());
    std::ranges::copy(material.bytes(), longer.bytes().begin());
    std::ranges::copy(block, longer.bytes().begin() + static_cast<std::ptrdiff_t>(material.size()));
    material = std::move(longer);
  }
  std::copy_n(material.bytes().begin(), size, key.bytes().begin());
  return key;
}

}  // namespace

Result<ExchangeResult> run_exchange(const ExchangeInput& input) {
  Result<KeyAgreementAnswer> answer = agree(*input.method, input.client_public);
  if (!answer) return fail(answer.error());

  const auto put_public = [&input](ByteWriter& out, ByteSpan value) {
    if (input.method->finite_field) {
      out.mpint(value);
    } else {
      out.string(value);
    }
  };
  ByteWriter hashed(4096);
  hashed.string(input.client_version).string(input.server_version);
  hashed.string(input.client_kexinit).string(input.server_kexinit).string(input.host_key_blob);
  put_public(hashed, input.client_public);
  put_public(hashed, answer->server_public);

  ExchangeResult result;
  result.hash = crypto::hash(input.method->hash, {hashed.data(), answer->shared.bytes()});
  result.shared = std::move(answer->shared);
  const Result<Bytes> signature = input.host_key->sign(input.signature_algorithm, result.hash);
  if (!signature) return fail(signature.error());

  ByteWriter reply(1024);
  reply.u8(msg::kex_reply).string(input.host_key_blob);
  put_public(reply, answer->server_public);
  reply.string(*signature);
  result.reply = reply.take();
  return result;
}

DirectionKeys derive_keys(crypto::HashAlgorithm hash, const ExchangeResult& exchange, ByteSpan session_id,
                          KeyLetters letters, const Negotiated::Direction& direction) {
  DirectionKeys keys;
  keys.iv = derive(hash, exchange, session_id, letters.iv, direction.cipher->iv_size);
  keys.encryption = derive(hash, exchange, session_id, letters.encryption, direction.cipher->key_size);
  if (direction.mac != nullptr) {
    keys.integrity = derive(hash, exchange, session_id, letters.integrity, crypto::hash_size(direction.mac->hash));
  }
  return keys;
}

}  // namespace ferry::ssh
