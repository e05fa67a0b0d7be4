// intel/core/indicator_reader.hpp - reads one file of indicators into a builder: a STIX 2.1 bundle, MISP JSON, or a
// plain list. Reading goes on past what is wrong; it is counted and the first cases are named. Pure: the text is passed
// in.
#pragma once
#include "base/diagnostic.hpp"
#include "intel/core/indicator_set.hpp"

namespace soc::intel {

enum class indicator_format : std::uint8_t { automatic, list, stix, misp };
std::optional<indicator_format> format_from(std::string_view name); ///< "auto", "list", "stix", "misp"

struct list_layout {
  int column = 0;       ///< from 1; 0 = the first word, or what follows 0.0.0.0 in a hosts file
  char separator = ','; ///< of columns
};

struct indicator_text {
  std::string file;      ///< for messages
  std::string_view text; ///< at least `padding` readable bytes follow
  indicator_format format = indicator_format::automatic;
  list_layout layout;
  unix_ns written = 0; ///< of the file: what a source's lifetime counts from; 0 = not known
  static constexpr std::size_t padding = 64;
};

struct read_counts {
  std::uint64_t added = 0;
  std::uint64_t not_understood = 0;    ///< lines that are no indicator, patterns that can't be evaluated
  std::uint64_t not_for_detection = 0; ///< revoked, deleted, to_ids false
  std::uint64_t too_broad = 0;         ///< 0.0.0.0/0, the hash of nothing, …
};

/// Errors INT001: the file as a whole can't be read. Warnings INT003 to INT005: single indicators.
read_counts read_indicators(const indicator_text& from, indicator_builder& to, diagnostics& found);

/// What must not be an indicator although it is written like one: it would match nearly everything. Says why.
std::optional<std::string> too_broad(const indicator_term& term);

} // namespace soc::intel
