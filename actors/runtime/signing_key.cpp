#include "runtime/signing_key.hpp"

#include "base/whole_file.hpp"
#include "runtime/private_file.hpp"

#include <sodium.h>
#include <unistd.h>

namespace soc {

namespace {

std::string hex_of(const unsigned char* bytes, std::size_t size) {
  std::string out(2 * size + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), bytes, size);
  out.pop_back();
  return out;
}

std::string from_hex(const std::string& hex, std::size_t size) {
  std::string out(size, '\0');
  std::size_t got = 0;
  const int wrong = sodium_hex2bin(reinterpret_cast<unsigned char*>(out.data()), size, hex.data(), hex.size(), "\r\n ",
                                   &got, nullptr);
  return wrong == 0 && got == size ? out : std::string{};
}

const unsigned char* raw_bytes(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

} // namespace

signing_key::~signing_key() {
  sodium_memzero(secret_.data(), secret_.size());
}

std::shared_ptr<const signing_key> signing_key::from_seed(const std::string& seed) {
  if (sodium_init() < 0 || seed.size() != crypto_sign_SEEDBYTES)
    return nullptr;
  auto out = std::shared_ptr<signing_key>(new signing_key);
  unsigned char open_half[crypto_sign_PUBLICKEYBYTES];
  out->secret_.resize(crypto_sign_SECRETKEYBYTES);
  crypto_sign_seed_keypair(open_half, reinterpret_cast<unsigned char*>(out->secret_.data()), raw_bytes(seed));
  out->public_hex_ = hex_of(open_half, sizeof open_half);
  return out;
}

result<std::shared_ptr<const signing_key>> signing_key::open(const std::string& file) {
  if (sodium_init() < 0)
    return failure{ec::internal, "libsodium can't be used"};
  if (::access(file.c_str(), F_OK) != 0) {
    std::string seed(crypto_sign_SEEDBYTES, '\0');
    randombytes_buf(seed.data(), seed.size());
    if (const auto made = create_private_file(file, hex_of(raw_bytes(seed), seed.size()) + "\n"); !made)
      return made.error();
  }
  auto out = from_seed(from_hex(read_whole_file(file).value_or(std::string{}), crypto_sign_SEEDBYTES));
  if (!out)
    return failure{ec::corrupt, file + " holds no key (64 hex digits)"};
  return out;
}

std::string signing_key::sign(const std::string& text) const {
  unsigned char signature[crypto_sign_BYTES];
  crypto_sign_detached(signature, nullptr, raw_bytes(text), text.size(), raw_bytes(secret_));
  return hex_of(signature, sizeof signature);
}

bool signature_is_good(const std::string& public_hex, const std::string& text, const std::string& signature_hex) {
  const auto key = from_hex(public_hex, crypto_sign_PUBLICKEYBYTES),
             signature = from_hex(signature_hex, crypto_sign_BYTES);
  return !key.empty() && !signature.empty() &&
         crypto_sign_verify_detached(raw_bytes(signature), raw_bytes(text), text.size(), raw_bytes(key)) == 0;
}

} // namespace soc
