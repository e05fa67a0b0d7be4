// ingest/core/text_pattern.hpp - a regular expression of a mapping: RE2, and before it, where that gives the same and
// is faster, a pattern_program. Compiled once with the mapping, then read-only and shared by threads.
#pragma once
#include "ingest/core/pattern_program.hpp"

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace soc::ingest {

class text_pattern {
public:
  static constexpr std::size_t most_groups = 63;
  struct options {
    bool any_case = false;
    bool dot_takes_newline = true;
    std::int64_t max_bytes = 8 << 20;
  };
  /// Null and the reason in `error` when RE2 does not take it or it has too many groups.
  static std::shared_ptr<const text_pattern> compile(const std::string& pattern, const options& options,
                                                     std::string& error);
  ~text_pattern();

  /// The leftmost match anywhere in the text. groups[0] is the whole; data() is null for those that took no part.
  bool search(std::string_view text, std::span<std::string_view> groups = {}) const;
  /// What RE2 alone gives: the reference.
  bool search_re2(std::string_view text, std::span<std::string_view> groups) const;

  std::size_t group_count() const { return groups_; }
  const std::map<std::string, int>& named_groups() const;
  bool has_program() const { return program_.has_value(); }

private:
  text_pattern() = default;
  std::unique_ptr<const re2::RE2> re2_;
  std::optional<pattern_program> program_;
  std::size_t groups_ = 0;
};

} // namespace soc::ingest
