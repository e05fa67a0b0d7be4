#include "connectors/sources/common/credentials.hpp"

#include "runtime/secrets.hpp"

#include <algorithm>
#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace soc::sources {

namespace {

std::array<unsigned char, 32> digest_of(std::string_view text) {
  std::array<unsigned char, 32> out{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data());
  return out;
}

bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
         });
}

} // namespace

result<token_set> token_set::read(const std::vector<std::string>& references) {
  token_set out;
  for (const auto& reference : references) {
    const auto secret = soc::read_secret(reference);
    if (!secret)
      return secret.error();
    out.add(*secret);
  }
  return out;
}

void token_set::add(std::string_view token) {
  digests_.push_back(digest_of(token));
}

bool token_set::accepts(std::string_view presented) const {
  const auto digest = digest_of(presented);
  int matches = 0;
  for (const auto& known : digests_)
    matches |= CRYPTO_memcmp(known.data(), digest.data(), digest.size()) == 0 ? 1 : 0;
  return matches != 0 && !presented.empty();
}

std::string_view token_of_authorization(std::string_view header) {
  const auto space = header.find(' ');
  if (space == std::string_view::npos)
    return {};
  const auto scheme = header.substr(0, space);
  if (!same_word(scheme, "bearer") && !same_word(scheme, "splunk"))
    return {};
  auto token = header.substr(space + 1);
  while (!token.empty() && token.front() == ' ')
    token.remove_prefix(1);
  while (!token.empty() && token.back() == ' ')
    token.remove_suffix(1);
  return token;
}

} // namespace soc::sources
