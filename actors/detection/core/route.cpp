#include "detection/core/route.hpp"

#include "base/hash.hpp"
#include "detection/core/trigger.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

namespace soc::detection {

void exact_index::add(const std::string& text, const wake& w) {
  building_[text].push_back(w);
}

void exact_index::finish(std::vector<wake>& wakes) {
  if (building_.empty())
    return;
  std::size_t buckets = 8;
  while (buckets < building_.size() * 2)
    buckets *= 2;
  slots_.resize(buckets);
  for (auto& [text, all] : building_) {
    const auto hash = hash64(text);
    auto at = hash & (buckets - 1);
    while (slots_[at].range.count != 0)
      at = (at + 1) & (buckets - 1);
    slots_[at] = {hash, text, {static_cast<std::uint32_t>(wakes.size()), static_cast<std::uint32_t>(all.size()), 0}};
    wakes.insert(wakes.end(), all.begin(), all.end());
    max_size_ = std::max(max_size_, text.size());
  }
  building_.clear();
}

const wake_range* exact_index::find(std::string_view folded) const {
  if (folded.size() > max_size_)
    return nullptr;
  const auto hash = hash64(folded);
  const auto mask = slots_.size() - 1;
  for (auto at = hash & mask; slots_[at].range.count != 0; at = (at + 1) & mask)
    if (slots_[at].hash == hash && slots_[at].text == folded)
      return &slots_[at].range;
  return nullptr;
}

std::size_t route::scanner_bytes() const {
  std::size_t bytes = 0;
  for (const auto& f : fields)
    bytes += f.scanner ? f.scanner->memory_bytes() : 0;
  return bytes;
}

namespace {

/// Non-necessary tests with at least this many literals are searched with the others rather than one by one.
constexpr std::size_t many_literals = 8;
constexpr std::size_t min_hint_bytes = 4;

/// The longest part that stands in JSON as it is, whoever wrote it.
std::string_view plain_in_json(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ' ' || c == '.' ||
           c == ':' || c == '_' || c == '-' || c == ';' || c == ',' || c == '(' || c == ')' || c == '$' || c == '@' ||
           c == '!';
  };
  std::string_view best;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && is_plain(text[end]))
      ++end;
    if (end - i > best.size())
      best = text.substr(i, end - i);
    i = end + 1;
  }
  return best;
}

/// How often a byte stands in logs, roughly.
int commonness(char c) {
  constexpr std::string_view frequent = "etaoinsr0123456789", usual = "dlcump.-", rare = "fghbyvw ";
  return frequent.find(c) != std::string_view::npos ? 10
         : usual.find(c) != std::string_view::npos  ? 6
         : rare.find(c) != std::string_view::npos   ? 3
                                                    : 1;
}

/// The beginning of a hint, in lower case, whose last four bytes are the rarest: the scanner looks for those first, and
/// stops at each ".dll" and ".com" otherwise.
std::string_view rare_beginning(std::string_view hint) {
  constexpr std::size_t tail = 4, least = 6;
  auto best = hint;
  int best_score = std::numeric_limits<int>::max();
  for (std::size_t size = std::min(least, hint.size()); size <= hint.size(); ++size) {
    const auto part = hint.substr(size - std::min(tail, size), tail);
    const int score = std::accumulate(part.begin(), part.end(), 0, [](int sum, char c) { return sum + commonness(c); });
    if (score <= best_score) {
      best_score = score;
      best = hint.substr(0, size);
    }
  }
  return best;
}

class route_builder {
public:
  route_builder(const program& of, std::vector<std::uint32_t> rules) : program_(of), out_(std::make_shared<route>()) {
    out_->rules = std::move(rules);
    out_->decided.resize(of.tests().size());
    out_->local_field.resize(of.fields().size(), 0xFFFF);
    out_->fields.push_back({});
    out_->local_field[0] = 0;
  }

  std::shared_ptr<const route> build() {
    for (const auto rule : out_->rules)
      look_at_fields(program_.root(rule));
    connect_slots();
    choose_triggers();
    for (const auto& [test, rules] : waking_)
      wake_by(test, rules);
    for (auto& f : out_->fields)
      finish_field(f);
    if (out_->has_keywords)
      make_hint();
    return out_;
  }

private:
  /// Every field a rule of the route asks for gets a local index.
  void look_at_fields(std::uint32_t node) {
    const auto& n = program_.node(node);
    if (n.kind == node_kind::test && !tests_.contains(n.test)) {
      tests_.insert(n.test);
      const auto& test = program_.tests()[n.test];
      look_at(test.field);
      for (const auto& m : test.any)
        if (m.kind == match_kind::field)
          look_at(m.other_field);
    }
    for (const auto child : program_.children(n))
      look_at_fields(child);
  }

  void look_at(std::uint32_t field) {
    out_->has_keywords |= field == 0;
    if (out_->local_field[field] != 0xFFFF)
      return;
    out_->local_field[field] = static_cast<std::uint16_t>(out_->fields.size());
    route_field f;
    f.field = field;
    out_->fields.push_back(std::move(f));
  }

  void connect_slots() {
    out_->targets.push_back({});
    out_->native.resize(program_.dictionary_size());
    out_->ocsf.resize(program_.dictionary_size());
    const auto connect = [&](std::vector<std::uint16_t>& slots, model::field_id id, std::size_t field) {
      out_->targets.push_back({static_cast<std::uint16_t>(field), slots[id]});
      slots[id] = static_cast<std::uint16_t>(out_->targets.size() - 1);
    };
    for (std::size_t i = 1; i < out_->fields.size(); ++i) {
      const auto& field = program_.fields()[out_->fields[i].field];
      for (const auto id : field.native)
        connect(out_->native, id, i);
      for (const auto id : field.ocsf)
        connect(out_->ocsf, id, i);
    }
  }

  void choose_triggers() {
    const trigger_chooser chooser(program_, out_->rules);
    for (const auto rule : out_->rules) {
      const auto set = chooser.choose(program_.root(rule));
      if (!set.known) {
        out_->always.push_back(rule);
        continue;
      }
      for (const auto test : set.tests)
        waking_[test].push_back(rule);
    }
    for (const auto test : tests_)
      if (program_.tests()[test].any.size() > many_literals &&
          trigger_of(program_.tests()[test]) == test_trigger::values)
        waking_[test];
  }

  void wake_by(std::uint32_t test, const std::vector<std::uint32_t>& rules) {
    const auto& t = program_.tests()[test];
    wake w{test, static_cast<std::uint32_t>(out_->woken.size()), static_cast<std::uint32_t>(rules.size())};
    out_->woken.insert(out_->woken.end(), rules.begin(), rules.end());
    auto& field = out_->fields[out_->local_field[t.field]];
    const auto kind = trigger_of(t);
    if (kind == test_trigger::presence) {
      w.decides = false;
      field.present.push_back(w);
      return;
    }
    bool decided = true;
    for (const auto& text : t.exact)
      field.exact.add(text, w);
    for (const auto& m : t.any)
      decided &= wake_by_match(field, m, w);
    out_->decided[test] = decided;
  }

  bool wake_by_match(route_field& field, const compiled_match& m, wake w) {
    w.shape = m.shape;
    if (m.kind == match_kind::text && !m.cased && m.shape != pattern_shape::glob) {
      if (m.shape == pattern_shape::exact)
        field.exact.add(m.text, w);
      else
        literals_[&field - out_->fields.data()][m.text].push_back(w);
      return true;
    }
    w.decides = false;
    w.shape = pattern_shape::contains;
    const auto add = [&](const std::string& literal) { literals_[&field - out_->fields.data()][literal].push_back(w); };
    if (m.kind == match_kind::regex)
      std::for_each(m.regex->needed().begin(), m.regex->needed().end(), add);
    else
      add(m.needed);
    return false;
  }

  void finish_field(route_field& field) {
    field.exact.finish(out_->wakes);
    const auto at = literals_.find(&field - out_->fields.data());
    if (at == literals_.end())
      return;
    std::vector<scan_literal> literals;
    for (auto& [text, wakes] : at->second) {
      const bool once =
          std::all_of(wakes.begin(), wakes.end(), [](const wake& w) { return w.shape == pattern_shape::contains; });
      literals.push_back({text, once});
      field.literals.push_back({static_cast<std::uint32_t>(out_->wakes.size()),
                                static_cast<std::uint32_t>(wakes.size()), static_cast<std::uint32_t>(text.size())});
      out_->wakes.insert(out_->wakes.end(), wakes.begin(), wakes.end());
    }
    auto scanner = literal_scanner::compile(literals, false);
    if (scanner)
      field.scanner = *scanner;
  }

  /// Only possible when every keyword that can wake a rule has a part that JSON writes as it is, and no rule is tried
  /// without.
  void make_hint() {
    std::vector<scan_literal> hints;
    const auto& keywords = out_->fields.front();
    if (!keywords.present.empty() || !keywords.exact.empty())
      return;
    for (const auto rule : out_->always)
      if (asks_keywords(program_.root(rule)))
        return;
    const auto at = literals_.find(0);
    if (at == literals_.end())
      return;
    for (const auto& [text, wakes] : at->second) {
      const auto plain = plain_in_json(text);
      if (plain.size() < min_hint_bytes)
        return;
      hints.push_back({std::string(rare_beginning(plain)), true});
    }
    if (auto scanner = literal_scanner::compile(hints, true))
      out_->keyword_hint = *scanner;
  }

  bool asks_keywords(std::uint32_t node) const {
    const auto& n = program_.node(node);
    if (n.kind == node_kind::test)
      return program_.tests()[n.test].field == 0;
    const auto children = program_.children(n);
    return std::any_of(children.begin(), children.end(), [&](auto child) { return asks_keywords(child); });
  }

  const program& program_;
  std::shared_ptr<route> out_;
  std::set<std::uint32_t> tests_;
  std::map<std::uint32_t, std::vector<std::uint32_t>> waking_;                  ///< test → rules it wakes
  std::map<std::ptrdiff_t, std::map<std::string, std::vector<wake>>> literals_; ///< local field → literal → wakes
};

} // namespace

std::shared_ptr<const route> build_route(const program& of, std::vector<std::uint32_t> rules) {
  return route_builder(of, std::move(rules)).build();
}

} // namespace soc::detection
