// runtime/signing_key.hpp - a node's Ed25519 key: vouches for audit heads and for orders to agents. Made at the first
// start in a 0600 file, read at every other. Immutable; shared.
#pragma once
#include "base/result.hpp"

#include <memory>
#include <string>

namespace soc {

class signing_key {
public:
  /// Reads the key in `file`, or makes one there. io_error, corrupt.
  static result<std::shared_ptr<const signing_key>> open(const std::string& file);
  /// A key that lives in memory alone, from 32 bytes of seed; for tests.
  static std::shared_ptr<const signing_key> from_seed(const std::string& seed);
  ~signing_key();

  const std::string& public_hex() const { return public_hex_; }
  std::string sign(const std::string& text) const; ///< hex

private:
  signing_key() = default;
  std::string secret_, public_hex_;
};

bool signature_is_good(const std::string& public_hex, const std::string& text, const std::string& signature_hex);

} // namespace soc
