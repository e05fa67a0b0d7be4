// sources/common/credentials.hpp - tokens that senders present: read by reference (runtime/secrets.hpp) when a source
// starts, compared in constant time, never printed. Values.
#pragma once
#include "base/result.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace soc::sources {

/// Tokens that are accepted. Only digests are kept; a comparison takes the same time whatever is presented.
class token_set {
public:
  static result<token_set> read(const std::vector<std::string>& references);
  void add(std::string_view token);
  bool empty() const { return digests_.empty(); }
  bool accepts(std::string_view presented) const;

private:
  std::vector<std::array<unsigned char, 32>> digests_;
};

/// "Bearer X" and "Splunk X" → X; empty if it is neither.
std::string_view token_of_authorization(std::string_view header);

} // namespace soc::sources
