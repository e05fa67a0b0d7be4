// intel/core/indicator_set.hpp - millions of indicators in little memory: a hash table of 96-bit fingerprints with a
// 32-bit number each, and what is known of them, shared where it is the same. Made by an indicator_builder, then
// immutable and shared by threads; a reload makes another one.
#pragma once
#include "intel/core/indicator.hpp"

#include <deque>
#include <memory>
#include <unordered_map>

namespace soc::intel {

/// What one indicator says, unpacked.
struct indicator_view {
  const indicator_source* source = nullptr;
  std::uint32_t source_index = 0;
  std::string_view title;
  std::string id;                                 ///< "6f1a…": a UUID or another short id, may be empty
  const std::vector<std::string>* tags = nullptr; ///< the source's and its own
  std::uint8_t confidence = 0;
  model::severity level = model::severity::unknown;
  unix_ns valid_until = 0;
};

struct indicator_counts {
  std::array<std::uint64_t, kind_count> of_kind{};
  std::uint64_t conjunctions = 0, repeated = 0, expired = 0;
  std::uint64_t total() const; ///< without what was repeated
};

class indicator_set {
public:
  /// Calls `found(entry)` for every indicator with this fingerprint. An entry is a number for `view` or, with
  /// `conjunct_bit`, for `conjunct_of`.
  template <class F>
  void find(const fingerprint& print, F&& found) const {
    if (slots_.empty())
      return;
    for (auto at = home_of(print.low); slots_[at].entry != free_slot; at = at + 1 == slots_.size() ? 0 : at + 1)
      if (slots_[at].low == print.low && slots_[at].high == print.high)
        found(slots_[at].entry);
  }

  static constexpr std::uint32_t conjunct_bit = 0x80000000U;
  /// A term of an indicator all of whose terms must be in one event.
  struct conjunct {
    std::uint32_t conjunction = 0;
    std::uint16_t position = 0;
  };
  const conjunct& conjunct_of(std::uint32_t entry) const { return conjuncts_[entry & ~conjunct_bit]; }
  struct conjunction {
    std::uint32_t facts = 0; ///< for `view`
    std::uint16_t terms = 0; ///< at most 32
  };
  const conjunction& conjunction_at(std::uint32_t index) const { return conjunctions_[index]; }

  indicator_view view(std::uint32_t facts) const;
  bool is_valid(std::uint32_t facts, unix_ns at) const;

  kind_set kinds() const { return kinds_; }
  /// Lengths of networks there are, the longest first; single addresses (32, 128) included.
  const std::vector<std::uint8_t>& prefixes(bool v6) const { return v6 ? prefixes_v6_ : prefixes_v4_; }
  const std::vector<indicator_source>& sources() const { return sources_; }
  /// By source, in their order.
  const std::vector<indicator_counts>& counts() const { return counts_; }
  std::uint64_t size() const;
  std::size_t memory_bytes() const;

private:
  friend class indicator_builder;
  struct slot {
    std::uint64_t low = 0;
    std::uint32_t high = 0, entry = free_slot;
  };
  static constexpr std::uint32_t free_slot = 0xFFFFFFFFU;
  struct packed_facts {
    std::uint32_t source = 0, title = 0, tags = 0;
    std::uint32_t until_s = 0; ///< unix seconds, 0 = without end
    std::array<std::uint8_t, 16> id{};
    std::uint8_t confidence = 0, level = 0;
    bool has_id = false;
  };
  /// Where the search for a fingerprint begins: its share of the table.
  std::size_t home_of(std::uint64_t low) const {
    return static_cast<std::size_t>((static_cast<unsigned __int128>(low) * slots_.size()) >> 64);
  }
  void insert(const slot& s);

  std::vector<slot> slots_;
  std::deque<packed_facts> facts_; ///< grows without being copied
  std::vector<std::string> titles_;
  std::vector<std::vector<std::string>> tags_;
  std::vector<conjunct> conjuncts_;
  std::vector<conjunction> conjunctions_;
  std::vector<indicator_source> sources_;
  std::vector<indicator_counts> counts_;
  std::vector<std::uint8_t> prefixes_v4_, prefixes_v6_;
  kind_set kinds_ = 0;
};

using indicator_set_ptr = std::shared_ptr<const indicator_set>;

/// Fills a set, source by source. What the same source says twice is kept once, with the later end.
class indicator_builder {
public:
  /// Indicators that ended before `forget_before` are counted and left out.
  explicit indicator_builder(unix_ns forget_before = 0) : forget_before_(forget_before) {}

  /// What follows is of this source.
  void begin(indicator_source source);
  const indicator_source& source() const { return out_->sources_.back(); }
  /// All terms must be seen in one event; usually there is one. Without terms, or with one of a kind the source is not
  /// asked for, nothing is added.
  void add(const std::vector<indicator_term>& terms, const indicator_facts& facts);
  std::uint64_t added() const { return added_; }
  indicator_set_ptr finish();

  static constexpr std::size_t max_terms = 32;

private:
  using slot = indicator_set::slot;
  std::uint32_t facts_of(const indicator_facts& facts);
  std::uint32_t title_of(const std::string& title);
  std::uint32_t tags_of(const std::vector<std::string>& own);
  void add_term(const indicator_term& term, std::uint32_t entry);
  void place(const slot& s);
  void note_prefix(const network& net);

  static constexpr std::size_t max_titles = 1'000'000; ///< further ones are not kept
  unix_ns forget_before_;
  std::uint64_t added_ = 0;
  std::shared_ptr<indicator_set> out_ = std::make_shared<indicator_set>();
  std::deque<slot> waiting_; ///< a deque gives its memory back block by block
  std::unordered_map<std::string, std::uint32_t> known_titles_, known_tags_;
  std::string last_facts_key_;
  std::uint32_t last_facts_ = 0;
};

} // namespace soc::intel
