// intel/core/indicator.hpp - indicators of compromise: what kinds there are, how each is spelled so that equal things
// are equal, and how a kind is told from text. Values and pure functions; used by the readers, the set and the matcher.
#pragma once
#include "base/network.hpp"
#include "base/time.hpp"
#include "model/alert.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace soc::intel {

enum class indicator_kind : std::uint8_t { ip, domain, url, hash, email };
constexpr std::size_t kind_count = 5;
/// One bit a kind.
using kind_set = std::uint8_t;
constexpr kind_set bit_of(indicator_kind kind) {
  return static_cast<kind_set>(1U << static_cast<unsigned>(kind));
}
constexpr kind_set all_kinds = (1U << kind_count) - 1;

std::string_view to_string(indicator_kind kind);
/// "ip", "domain", "url", "hash", "email".
std::optional<indicator_kind> kind_from(std::string_view name);

/// The one spelling of a value of this kind; nothing when it is none. ip: address or network in CIDR notation; domain:
/// lower-case without a trailing dot, at least two labels; url: host and path without scheme, default port and
/// fragment; hash: MD5, SHA-1, SHA-2 in lower-case hex; email: lower-case, out of "Name <a@b>".
std::optional<std::string> spell(indicator_kind kind, std::string_view text);
/// What a line of a plain list is, nothing when it is no indicator.
std::optional<indicator_kind> kind_of(std::string_view text);
/// Undoes what keeps people from clicking: hxxp://evil[.]example, evil(dot)example, user[at]example.
std::string refang(std::string_view text);

/// Writes the lower-case domain to `to` (at most 253 bytes) and returns its size; 0 when it is no domain name.
std::size_t spell_domain(std::string_view text, char* to);
constexpr std::size_t max_domain = 253;
/// The host of a url: "evil.example" of "http://user@evil.example:8080/x". Empty when there is none.
std::string_view host_of_url(std::string_view url);

/// 96 bits of XXH3 over kind and spelling. With 10 million indicators a value that is none is taken for one with
/// probability 10^7 / 2^96 = 1.3e-22.
struct fingerprint {
  std::uint64_t low = 0;
  std::uint32_t high = 0;
  auto operator<=>(const fingerprint&) const = default;
};
fingerprint fingerprint_of(indicator_kind kind, std::string_view spelled);
/// Of an address or network; single addresses and networks of every length differ.
fingerprint fingerprint_of(const network& net);

/// One thing looked for. Several that must be seen in one event are an indicator with several terms.
struct indicator_term {
  indicator_kind kind = indicator_kind::ip;
  std::string spelled;
  bool operator==(const indicator_term&) const = default;
};

/// What is known of an indicator besides its value.
struct indicator_facts {
  std::string title;             ///< "Emotet C2", empty if the source says nothing
  std::string id;                ///< STIX or MISP id
  std::vector<std::string> tags; ///< as Sigma tags: "attack.command_and_control"
  std::uint8_t confidence = 0;   ///< 0–100, 0 = not stated
  model::severity level = model::severity::unknown;
  unix_ns valid_until = 0; ///< 0 = without end
};

/// Where indicators come from, and what holds for all of its own that say nothing else.
struct indicator_source {
  std::string name; ///< [a-z0-9_-]+
  std::uint8_t confidence = 0;
  model::severity level = model::severity::unknown;
  std::vector<std::string> tags;
  std::string stage;
  unix_ns lifetime = 0; ///< of indicators without an end of their own, from when they were written; 0 = without end
  kind_set kinds = all_kinds;
};

} // namespace soc::intel
