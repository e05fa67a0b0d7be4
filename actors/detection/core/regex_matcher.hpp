// detection/core/regex_matcher.hpp - a compiled regular expression: RE2 (linear time), or PCRE2 with match limits for
// what RE2 can't express (look-around, back references). Immutable and shared by threads.
#pragma once
#include "base/result.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace soc::detection {

struct regex_flags {
  bool ignore_case = false, multi_line = false, dot_all = false;
};

class regex_matcher {
public:
  static result<std::shared_ptr<const regex_matcher>> compile(const std::string& expression, regex_flags flags);
  ~regex_matcher();

  /// Is there a match anywhere in `text`? A PCRE2 search that exceeds its limits counts as no match and in `exceeded`.
  bool search(std::string_view text, std::uint64_t& exceeded) const;
  /// Folded texts of which at least one is in every match; empty when nothing is known.
  const std::vector<std::string>& needed() const { return needed_; }
  bool is_linear() const;

private:
  regex_matcher();
  struct parts;
  std::unique_ptr<parts> parts_;
  std::vector<std::string> needed_;
};

} // namespace soc::detection
