#include "detection/core/matcher.hpp"

#include "base/hash.hpp"
#include "detection/core/case_folding.hpp"

#include <algorithm>
#include <charconv>

namespace soc::detection {

namespace {

constexpr std::size_t route_cache_size = 4096;
constexpr std::size_t max_list_items = 4096; ///< of one list value that are looked at
constexpr std::size_t remembered_size = 8192, searches_size = 2048, max_remembered_text = 512;

} // namespace

matcher::matcher(std::shared_ptr<const program> of, tick_function ticks) : program_(std::move(of)), ticks_(ticks) {
  cache_.resize(route_cache_size);
  remembered_.resize(remembered_size);
  searches_.resize(searches_size);
  test_states_.resize(program_->tests().size());
  rule_epochs_.resize(program_->rules().size());
  counters_.resize(program_->rules().size());
}

matcher::~matcher() = default;
matcher::matcher(matcher&&) noexcept = default;

void matcher::forget_types() {
  std::fill(cache_.begin(), cache_.end(), cached_route{});
}

const route& matcher::route_of(const model::event& ev) {
  const auto key = program_->router().key_of(ev) | 1;
  auto& place = cache_[(key >> 1) % route_cache_size];
  if (place.key != key)
    place = {key, &program_->route_for(program_->router().classify(ev))};
  return *place.on;
}

bool matcher::routed(std::uint32_t rule, const model::event& ev) const {
  return program_->router().classify(ev).admits(program_->rules()[rule].source);
}

std::span<const std::uint32_t> matcher::match(const model::event& ev) {
  return match_on(route_of(ev), ev);
}

std::span<const std::uint32_t> matcher::match_on(const route& on, const model::event& ev) {
  matched_.clear();
  if (on.rules.empty())
    return matched_;
  begin_event(on);
  collect(ev);
  for (const auto field : active_)
    if (on.fields[field].is_eager())
      scan_field(field);
  candidates_.insert(candidates_.end(), on.always.begin(), on.always.end());
  try_rules(ev, ticks_ != nullptr && events_++ % sample_every == 0);
  return matched_;
}

void matcher::prepare(const route& on) {
  const auto [known, is_new] = prepared_.try_emplace(&on, prepared_count_ + 1);
  route_number_ = known->second;
  if (!is_new)
    return;
  ++prepared_count_;
  for (const auto& f : on.fields)
    if (f.scanner)
      f.scanner->prepare(scratch_);
  if (on.keyword_hint)
    on.keyword_hint->prepare(scratch_);
}

void matcher::begin_event(const route& on) {
  prepare(on);
  route_ = &on;
  if (++epoch_ >= 0x7FFFFFFF) {
    epoch_ = 1;
    std::fill(test_states_.begin(), test_states_.end(), 0);
    std::fill(rule_epochs_.begin(), rule_epochs_.end(), 0);
    std::fill(fields_.begin(), fields_.end(), field_state{});
  }
  if (fields_.size() < on.fields.size())
    fields_.resize(on.fields.size());
  values_.clear();
  active_.clear();
  candidates_.clear();
  memory_.reset();
}

void matcher::collect(const model::event& ev) {
  for (const auto& s : ev.native)
    if (s.id < route_->native.size())
      if (const auto target = route_->native[s.id]; target != 0)
        collect_slot(target, s.data);
  for (const auto& s : ev.ocsf)
    if (s.id < route_->ocsf.size())
      if (const auto target = route_->ocsf[s.id]; target != 0)
        collect_slot(target, s.data);
  if (route_->has_keywords)
    collect_keywords(ev);
}

void matcher::collect_slot(std::uint16_t target, const model::value& v) {
  for (auto at = target; at != 0; at = route_->targets[at].next)
    add_value(route_->targets[at].field, v);
}

seen_value matcher::see(const model::value& v) {
  seen_value out{v, {}, {}, false};
  if (v.is_null())
    return out;
  if (v.is_string()) {
    out.text = v.text();
  } else if (v.kind() == model::value_kind::integer) {
    auto* at = memory_.make_array<char>(24);
    out.text = {at, static_cast<std::size_t>(std::to_chars(at, at + 24, v.integer()).ptr - at)};
    out.folded = out.text;
    out.is_folded = true;
  } else {
    out.text = memory_.copy(v.to_text());
  }
  return out;
}

void matcher::fold_value(seen_value& seen) {
  if (std::exchange(seen.is_folded, true))
    return;
  auto* to = memory_.make_array<char>(folded_capacity(seen.text.size()));
  seen.folded = {to, fold_into(seen.text, to)};
}

void matcher::fold_field(std::uint16_t field) {
  if (fields_[field].epoch != epoch_ || std::exchange(fields_[field].is_folded, true))
    return;
  for (auto at = fields_[field].first; at != 0; at = values_[at].next)
    fold_value(values_[at].seen);
}

void matcher::add_value(std::uint16_t field, const model::value& v) {
  auto& state = fields_[field];
  if (state.epoch != epoch_) {
    state = {epoch_, 0, 0, false};
    active_.push_back(field);
    if (values_.empty())
      values_.push_back({}); // 0 ends a chain
  }
  const auto link = [&](const model::value& one) {
    const auto index = static_cast<std::uint32_t>(values_.size());
    values_.push_back({see(one), 0});
    (state.first == 0 ? state.first : values_[state.last].next) = index;
    state.last = index;
  };
  if (!v.is_list())
    return link(v);
  for (const auto& item : v.items().first(std::min(v.items().size(), max_list_items)))
    link(item);
}

bool matcher::needs_all_fields(const model::event& ev) {
  route_ = &route_of(ev);
  if (!route_->has_keywords)
    return false;
  prepare(*route_);
  hinted_ = nullptr;
  return may_hold_keywords(ev);
}

/// False when the raw JSON shows that no keyword can hold.
bool matcher::may_hold_keywords(const model::event& ev) {
  if (ev.raw.empty() || ev.raw.front() != '{' || !route_->keyword_hint)
    return true;
  if (std::exchange(hinted_, ev.raw.data()) == ev.raw.data())
    return may_hold_;
  may_hold_ = false;
  route_->keyword_hint->scan(
      ev.raw, scratch_,
      [](unsigned, unsigned long long, unsigned long long, unsigned, void* found) {
        *static_cast<bool*>(found) = true;
        return 1;
      },
      &may_hold_);
  return may_hold_;
}

void matcher::collect_keywords(const model::event& ev) {
  const bool may_hold = may_hold_keywords(ev);
  hinted_ = nullptr; // the memory may soon hold another record
  if (!may_hold)
    return;
  for (const auto& s : ev.native)
    if (s.data.is_string() || s.data.is_list() || s.data.kind() == model::value_kind::integer)
      add_value(0, s.data);
  const bool is_markup = !ev.raw.empty() && (ev.raw.front() == '{' || (ev.raw.front() == '<' && ev.raw.find('>') > 5));
  if (!is_markup)
    add_value(0, model::value::of_string(ev.raw));
}

struct matcher::scanning {
  matcher* self;
  const route_field* field;
  std::size_t size;
};

void matcher::scan_field(std::uint16_t index) {
  const auto& field = route_->fields[index];
  for (const auto& w : field.present)
    wake_up(w);
  if (field.exact.empty() && !field.scanner)
    return;
  for (auto at = fields_[index].first; at != 0; at = values_[at].next) {
    auto& seen = values_[at].seen;
    if (seen.data.is_null())
      continue;
    if (seen.text.size() > max_remembered_text) {
      scan_value(index, seen);
      for (const auto w : found_)
        wake_up(route_->wakes[w]);
      continue;
    }
    const auto key = hash64(seen.text, (static_cast<std::uint64_t>(route_number_) << 16) + index + 1) | 1;
    auto& place = remembered_[(key >> 1) % remembered_size];
    if (place.key != key || place.text != seen.text) {
      scan_value(index, seen);
      place.key = key;
      place.text.assign(seen.text);
      place.wakes = found_;
    }
    for (const auto w : place.wakes)
      wake_up(route_->wakes[w]);
  }
}

/// Fills found_ with what the value wakes.
void matcher::scan_value(std::uint16_t index, seen_value& seen) {
  const auto& field = route_->fields[index];
  found_.clear();
  fold_value(seen);
  if (!field.exact.empty())
    if (const auto* range = field.exact.find(seen.folded); range != nullptr)
      for (std::uint32_t i = 0; i < range->count; ++i)
        found_.push_back(range->first + i);
  if (!field.scanner || seen.folded.empty())
    return;
  scanning context{this, &field, seen.folded.size()};
  field.scanner->scan(
      seen.folded, scratch_,
      [](unsigned literal, unsigned long long, unsigned long long end, unsigned, void* raw) {
        auto& c = *static_cast<scanning*>(raw);
        const auto& range = c.field->literals[literal];
        for (std::uint32_t i = range.first; i < range.first + range.count; ++i) {
          const auto& w = c.self->route_->wakes[i];
          if (w.shape == pattern_shape::contains || (w.shape == pattern_shape::prefix && end == range.size) ||
              (w.shape == pattern_shape::suffix && end == c.size))
            c.self->found_.push_back(i);
        }
        return 0;
      },
      &context);
}

void matcher::wake_up(const wake& w) {
  if (w.decides)
    test_states_[w.test] = epoch_ * 2 + 1;
  for (std::uint32_t i = 0; i < w.rule_count; ++i) {
    const auto rule = route_->woken[w.first_rule + i];
    if (rule_epochs_[rule] == epoch_)
      continue;
    rule_epochs_[rule] = epoch_;
    candidates_.push_back(rule);
  }
}

void matcher::try_rules(const model::event& ev, bool sampled) {
  for (const auto rule : candidates_) {
    auto& counter = counters_[rule];
    ++counter.tried;
    const auto start = sampled ? ticks_() : 0;
    if (holds(program_->root(rule))) {
      matched_.push_back(rule);
      ++counter.hits;
      counter.last_hit = ev.time;
    }
    if (sampled)
      counter.sampled_ns += ticks_() - start;
  }
  std::sort(matched_.begin(), matched_.end());
}

bool matcher::holds(std::uint32_t index) {
  const auto& node = program_->node(index);
  switch (node.kind) {
  case node_kind::test:
    return test_holds(node.test);
  case node_kind::negation:
    return !holds(program_->children(node).front());
  case node_kind::all:
    for (const auto child : program_->children(node))
      if (!holds(child))
        return false;
    return true;
  case node_kind::any:
    for (const auto child : program_->children(node))
      if (holds(child))
        return true;
    return false;
  case node_kind::never:
    return false;
  }
  return false;
}

bool matcher::test_holds(std::uint32_t test) {
  auto& state = test_states_[test];
  if (state >> 1 == epoch_)
    return (state & 1) != 0;
  const bool truth = !route_->decided[test] && evaluate(program_->tests()[test]);
  state = epoch_ * 2 + (truth ? 1 : 0);
  return truth;
}

bool matcher::evaluate(const compiled_test& test) {
  const auto field = route_->local_field[test.field];
  fold_field(field);
  if (!test.exact.empty() && fields_[field].epoch == epoch_)
    for (auto at = fields_[field].first; at != 0; at = values_[at].next)
      if (!values_[at].seen.data.is_null() && test.exact.contains(values_[at].seen.folded))
        return true;
  return std::any_of(test.any.begin(), test.any.end(), [&](const auto& m) { return match_holds(m, field); });
}

bool matcher::match_holds(const compiled_match& m, std::uint16_t field) {
  const bool present = fields_[field].epoch == epoch_;
  const auto first = present ? fields_[field].first : 0;
  if (m.kind == match_kind::exists)
    return present == m.truth;
  if (m.kind == match_kind::null && !present)
    return true;
  for (auto at = first; at != 0; at = values_[at].next) {
    const auto& seen = values_[at].seen;
    if (m.kind != match_kind::field) {
      if (m.kind == match_kind::regex ? regex_holds(m, seen) : value_matches(m, seen, exceeded_))
        return true;
      continue;
    }
    fold_field(route_->local_field[m.other_field]);
    const auto& other = fields_[route_->local_field[m.other_field]];
    for (auto right = other.epoch == epoch_ ? other.first : 0; right != 0; right = values_[right].next)
      if (field_matches(m, seen, values_[right].seen))
        return true;
  }
  return false;
}

bool matcher::regex_holds(const compiled_match& m, const seen_value& seen) {
  if (seen.data.is_null() || seen.text.size() > max_remembered_text)
    return value_matches(m, seen, exceeded_);
  const auto* regex = m.regex.get();
  auto& place = searches_[hash64(seen.text, reinterpret_cast<std::uintptr_t>(regex)) % searches_size];
  if (place.regex != regex || place.text != seen.text) {
    place.held = value_matches(m, seen, exceeded_);
    place.regex = regex;
    place.text.assign(seen.text);
  }
  return place.held;
}

std::vector<matcher::explained> matcher::explain(std::uint32_t rule, const model::event& ev) {
  const auto on = program_->route_of_rule(rule);
  match_on(*on, ev);
  std::vector<explained> out;
  const auto& r = program_->rules()[rule];
  out.push_back({0, r.condition_text, holds(program_->root(rule)), r.condition_place});
  for (const auto& [name, part] : r.selections)
    explain_node(*part, 1, out);
  forget_routes();
  return out;
}

void matcher::explain_node(const expression& e, int depth, std::vector<explained>& out) {
  const auto at = out.size();
  out.push_back({depth, e.name, true, {}});
  bool all = true, any = false;
  if (e.kind == expression_kind::item) {
    out[at].text = e.item->key.empty() ? "(keyword)" : e.item->key;
    out[at].place = e.item->place;
    out[at].held = holds(program_->node_of(e.item.get()));
    return;
  }
  for (const auto& child : e.children) {
    const auto child_at = out.size();
    explain_node(*child, depth + 1, out);
    all &= out[child_at].held;
    any |= out[child_at].held;
  }
  out[at].held = e.kind == expression_kind::all ? all : e.kind == expression_kind::any ? any : !all;
  if (out[at].text.empty())
    out[at].text = e.kind == expression_kind::all ? "all of" : e.kind == expression_kind::any ? "one of" : "not";
}

} // namespace soc::detection
