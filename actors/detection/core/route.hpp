// detection/core/route.hpp - what is done with the events of one class: which slots are looked at, which literals and
// exact values wake which rules. Built from a program, immutable, shared by threads.
//
// A rule is only tried when one of its necessary tests may hold: from its condition a set of tests is chosen of which
// at least one is true whenever the rule is (the rarest such set). Their literals are searched in one pass a field,
// their exact values looked up.
#pragma once
#include "detection/core/literal_scanner.hpp"
#include "detection/core/program.hpp"

namespace soc::detection {

/// What a literal or an exact value says when it is found: test `test` holds (`decides`) or may hold; either way its
/// rules are tried.
struct wake {
  std::uint32_t test = 0;
  std::uint32_t first_rule = 0, rule_count = 0;  ///< in route::woken
  pattern_shape shape = pattern_shape::contains; ///< where the literal must stand
  bool decides = true;
};

/// Range of wakes of one literal.
struct wake_range {
  std::uint32_t first = 0, count = 0, size = 0; ///< size: bytes of the literal
};

/// Folded text → wakes. Open addressing.
class exact_index {
public:
  void add(const std::string& text, const wake& w);
  void finish(std::vector<wake>& wakes);
  /// Null when the text is unknown.
  const wake_range* find(std::string_view folded) const;
  bool empty() const { return slots_.empty(); }

private:
  struct entry {
    std::uint64_t hash = 0;
    std::string text;
    wake_range range;
  };
  std::map<std::string, std::vector<wake>> building_;
  std::vector<entry> slots_;
  std::size_t max_size_ = 0;
};

struct route_field {
  std::uint32_t field = 0; ///< of the program
  exact_index exact;
  std::shared_ptr<const literal_scanner> scanner;
  std::vector<wake_range> literals; ///< by the scanner's number
  std::vector<wake> present;        ///< woken by any value
  bool is_eager() const { return !exact.empty() || scanner || !present.empty(); }
};

/// A slot feeds a field; several fields are chained.
struct route_target {
  std::uint16_t field = 0; ///< in route::fields
  std::uint16_t next = 0;  ///< index in route::targets, 0 = none
};

struct route {
  std::vector<std::uint32_t> rules;
  std::vector<std::uint32_t> always; ///< rules nothing is necessary for
  std::vector<std::uint32_t> woken;
  std::vector<wake> wakes;
  std::vector<route_field> fields; ///< [0] keywords
  std::vector<route_target> targets;
  std::vector<std::uint16_t> native, ocsf; ///< field id → first target, 0 = not looked at
  std::vector<bool> decided;               ///< test → false unless woken
  std::vector<std::uint16_t> local_field;  ///< program field → index in `fields`, 0xFFFF = none
  bool has_keywords = false;
  /// Searched in the raw JSON of a record: without a hit no keyword can hold. Null: always look.
  std::shared_ptr<const literal_scanner> keyword_hint;

  std::size_t scanner_bytes() const;
};

std::shared_ptr<const route> build_route(const program& of, std::vector<std::uint32_t> rules);

} // namespace soc::detection
