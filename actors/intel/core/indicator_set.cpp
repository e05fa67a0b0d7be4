#include "intel/core/indicator_set.hpp"

#include <algorithm>
#include <numeric>

namespace soc::intel {

namespace {

constexpr double table_load = 0.8;

int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// The UUID at the end of "indicator--6f1a…-…" or alone.
bool read_uuid(std::string_view text, std::array<std::uint8_t, 16>& to) {
  if (text.size() < 36)
    return false;
  text = text.substr(text.size() - 36);
  std::size_t digits = 0;
  for (const char c : text) {
    if (c == '-')
      continue;
    const int digit = hex_digit(c);
    if (digit < 0 || digits >= 32)
      return false;
    auto& byte = to[digits / 2];
    byte = static_cast<std::uint8_t>(digits % 2 == 0 ? digit << 4 : byte | digit);
    ++digits;
  }
  return digits == 32;
}

std::string uuid_text(const std::array<std::uint8_t, 16>& id) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < id.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      out += '-';
    out += digits[id[i] >> 4];
    out += digits[id[i] & 15];
  }
  return out;
}

std::string joined(const std::vector<std::string>& all) {
  std::string out;
  for (const auto& one : all)
    out += one + '\n';
  return out;
}

std::uint32_t seconds_of(unix_ns time) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(time / ns_per_s, 0, 0xFFFFFFFF));
}

} // namespace

std::uint64_t indicator_counts::total() const {
  return std::accumulate(of_kind.begin(), of_kind.end(), conjunctions) - repeated;
}

std::uint64_t indicator_set::size() const {
  std::uint64_t out = 0;
  for (const auto& c : counts_)
    out += c.total();
  return out;
}

indicator_view indicator_set::view(std::uint32_t index) const {
  const auto& f = facts_[index];
  indicator_view out;
  out.source = &sources_[f.source];
  out.source_index = f.source;
  out.title = titles_[f.title];
  out.tags = &tags_[f.tags];
  if (f.has_id)
    out.id = uuid_text(f.id);
  out.confidence = f.confidence;
  out.level = static_cast<model::severity>(f.level);
  out.valid_until = static_cast<unix_ns>(f.until_s) * ns_per_s;
  return out;
}

bool indicator_set::is_valid(std::uint32_t index, unix_ns at) const {
  const auto until = facts_[index].until_s;
  return until == 0 || at < static_cast<unix_ns>(until) * ns_per_s;
}

std::size_t indicator_set::memory_bytes() const {
  std::size_t bytes = slots_.capacity() * sizeof(slot) + facts_.size() * sizeof(packed_facts) +
                      conjuncts_.capacity() * sizeof(conjunct) + conjunctions_.capacity() * sizeof(conjunction);
  for (const auto& t : titles_)
    bytes += sizeof t + (t.capacity() > 15 ? t.capacity() + 1 : 0);
  return bytes;
}

void indicator_set::insert(const slot& s) {
  auto at = home_of(s.low);
  while (slots_[at].entry != free_slot)
    at = at + 1 == slots_.size() ? 0 : at + 1;
  slots_[at] = s;
}

void indicator_builder::begin(indicator_source source) {
  auto& set = *out_;
  if (set.titles_.empty())
    set.titles_.emplace_back();
  set.sources_.push_back(std::move(source));
  set.counts_.emplace_back();
  last_facts_key_.clear();
}

std::uint32_t indicator_builder::title_of(const std::string& title) {
  if (title.empty())
    return 0;
  const auto known = known_titles_.find(title);
  if (known != known_titles_.end())
    return known->second;
  if (out_->titles_.size() > max_titles)
    return 0;
  out_->titles_.push_back(title);
  return known_titles_[title] = static_cast<std::uint32_t>(out_->titles_.size() - 1);
}

std::uint32_t indicator_builder::tags_of(const std::vector<std::string>& own) {
  auto all = source().tags;
  for (const auto& tag : own)
    if (std::find(all.begin(), all.end(), tag) == all.end())
      all.push_back(tag);
  const auto [at, is_new] = known_tags_.emplace(joined(all), static_cast<std::uint32_t>(out_->tags_.size()));
  if (is_new)
    out_->tags_.push_back(std::move(all));
  return at->second;
}

/// Lists say the same of all their lines: those share one entry.
std::uint32_t indicator_builder::facts_of(const indicator_facts& facts) {
  std::array<std::uint8_t, 16> id{};
  const bool has_id = read_uuid(facts.id, id);
  auto key = std::to_string(facts.valid_until) + ' ' + std::to_string(facts.confidence) + ' ' +
             std::to_string(static_cast<int>(facts.level)) + ' ' + facts.title + '\n' + joined(facts.tags);
  if (!has_id && !last_facts_key_.empty() && key == last_facts_key_)
    return last_facts_;
  const auto& from = source();
  indicator_set::packed_facts packed;
  packed.source = static_cast<std::uint32_t>(out_->sources_.size() - 1);
  packed.title = title_of(facts.title);
  packed.tags = tags_of(facts.tags);
  packed.until_s = seconds_of(facts.valid_until);
  packed.id = id;
  packed.has_id = has_id;
  packed.confidence = facts.confidence != 0 ? facts.confidence : from.confidence;
  packed.level = static_cast<std::uint8_t>(facts.level != model::severity::unknown ? facts.level : from.level);
  out_->facts_.push_back(packed);
  last_facts_ = static_cast<std::uint32_t>(out_->facts_.size() - 1);
  last_facts_key_ = has_id ? std::string() : std::move(key);
  return last_facts_;
}

void indicator_builder::note_prefix(const network& net) {
  auto& all = net.v6 ? out_->prefixes_v6_ : out_->prefixes_v4_;
  const auto at = std::lower_bound(all.begin(), all.end(), net.prefix, std::greater<>());
  if (at == all.end() || *at != net.prefix)
    all.insert(at, net.prefix);
}

void indicator_builder::add_term(const indicator_term& term, std::uint32_t entry) {
  if (term.kind == indicator_kind::ip)
    if (const auto net = parse_network(term.spelled))
      note_prefix(*net);
  out_->kinds_ |= bit_of(term.kind);
  const auto print = fingerprint_of(term.kind, term.spelled);
  waiting_.push_back({print.low, print.high, entry});
}

void indicator_builder::add(const std::vector<indicator_term>& terms, const indicator_facts& facts) {
  if (terms.empty() || terms.size() > max_terms)
    return;
  auto& counts = out_->counts_.back();
  if (facts.valid_until != 0 && facts.valid_until < forget_before_) {
    ++counts.expired;
    return;
  }
  for (const auto& term : terms)
    if ((source().kinds & bit_of(term.kind)) == 0)
      return;
  const auto known = facts_of(facts);
  ++added_;
  if (terms.size() == 1) {
    ++counts.of_kind[static_cast<std::size_t>(terms.front().kind)];
    return add_term(terms.front(), known);
  }
  ++counts.conjunctions;
  const auto conjunction = static_cast<std::uint32_t>(out_->conjunctions_.size());
  out_->conjunctions_.push_back({known, static_cast<std::uint16_t>(terms.size())});
  for (std::uint16_t i = 0; i < terms.size(); ++i) {
    out_->conjuncts_.push_back({conjunction, i});
    add_term(terms[i], static_cast<std::uint32_t>(out_->conjuncts_.size() - 1) | indicator_set::conjunct_bit);
  }
}

/// Into the table, unless the source has said it before.
void indicator_builder::place(const slot& s) {
  auto& set = *out_;
  bool is_known = false;
  if ((s.entry & indicator_set::conjunct_bit) == 0) {
    auto& mine = set.facts_[s.entry];
    for (auto at = set.home_of(s.low); set.slots_[at].entry != indicator_set::free_slot;
         at = at + 1 == set.slots_.size() ? 0 : at + 1) {
      auto& other = set.slots_[at];
      if (other.low != s.low || other.high != s.high || (other.entry & indicator_set::conjunct_bit) != 0)
        continue;
      const auto& theirs = set.facts_[other.entry];
      if (theirs.source != mine.source)
        continue;
      is_known = true;
      if (theirs.until_s != 0 && (mine.until_s == 0 || mine.until_s > theirs.until_s))
        other.entry = s.entry;
    }
    if (is_known)
      ++set.counts_[mine.source].repeated;
  }
  if (!is_known)
    set.insert(s);
}

indicator_set_ptr indicator_builder::finish() {
  auto& set = *out_;
  known_titles_ = {};
  known_tags_ = {};
  if (!waiting_.empty())
    set.slots_.resize(static_cast<std::size_t>(static_cast<double>(waiting_.size()) / table_load) + 8);
  for (; !waiting_.empty(); waiting_.pop_front())
    place(waiting_.front());
  return std::move(out_);
}

} // namespace soc::intel
