// intel/core/stix_pattern.hpp - STIX 2.1 patterns as alternatives of indicator terms: [domain-name:value = 'x' OR
// ipv4-addr:value IN ('1.2.3.4')], AND within one observation. Source: STIX 2.1, section 9 (OASIS). Pure.
//
// Understood: =, IN and, for addresses, ISSUBSET over the values of addresses, domain names, urls, e-mail addresses and
// file hashes; AND, OR, parentheses; observations joined by OR. An alternative with anything else can't be evaluated on
// one event: it is left out, and said why.
#pragma once
#include "base/result.hpp"
#include "intel/core/indicator.hpp"

namespace soc::intel {

struct stix_pattern {
  /// Each is one indicator: all its terms must be seen in one event.
  std::vector<std::vector<indicator_term>> alternatives;
  /// Why alternatives were left out, without repetition.
  std::vector<std::string> left_out;
};

/// Fails on a mistake in the syntax, with the place: "at 17: …".
result<stix_pattern> parse_stix_pattern(std::string_view text);

} // namespace soc::intel
