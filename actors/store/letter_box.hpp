// store/letter_box.hpp - dead letters and quarantined records: numbered, kept within a bound in bytes, the oldest
// evicted and counted. Stateless: functions over a transaction.
#pragma once
#include "runtime/interfaces.hpp"
#include "store/database.hpp"

namespace soc::store {

/// A box: its table and its bound.
struct letter_box {
  table where;
  std::uint64_t max_bytes;
};

/// A letter whose bytes would fill more than an eighth of the box is cut, and its reason says so.
outcome put_letter(writing& now, const letter_box& box, const dead_letter& letter);
/// `removed`: how many of these there were.
outcome remove_letters(writing& now, const letter_box& box, const std::vector<std::uint64_t>& numbers,
                       std::uint64_t& removed);
/// The newest `limit`, newest first.
result<dead_letters> newest_letters(const reading& now, const letter_box& box, std::size_t limit);
/// At most `limit` after number `after`, oldest first.
result<dead_letters> letters_after(const reading& now, const letter_box& box, std::uint64_t after, std::size_t limit);

} // namespace soc::store
