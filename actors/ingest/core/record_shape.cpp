#include "ingest/core/record_shape.hpp"

#include <algorithm>
#include <charconv>

namespace soc::ingest {

namespace {

bool is_native(const field_source& source) {
  return source.from == field_source::kind::native || source.from == field_source::kind::item;
}

std::uint64_t hash_of(const mapping_type& type, const std::vector<model::slot>& native) {
  auto hash = reinterpret_cast<std::uintptr_t>(&type) ^ native.size();
  for (const auto& s : native)
    hash = (hash ^ s.id) * 0x9E3779B97F4A7C15ULL;
  return hash ^ (hash >> 29);
}

} // namespace

record_shape::record_shape(const mapping_type& type, const slot_list& native, const model::field_dictionary& names,
                           record_context& record)
    : type_(&type), places_(names.size(), -1) {
  for (std::size_t i = 0; i < native.slots.size(); ++i) {
    const auto id = native.slots[i].id;
    ids_.push_back(id);
    if (id != model::no_field && places_[id] < 0)
      places_[id] = static_cast<std::int32_t>(i);
    if (id == model::no_field || id >= type.known.size() || !type.known[id])
      unexpected_.push_back(static_cast<std::uint32_t>(i));
  }
  for (std::size_t i = 0; i < type.rules.size(); ++i) {
    const auto& rule = type.rules[i];
    if (rule.op != rule_op::each) {
      bind(rule, names, record);
      continue;
    }
    const auto guard = rules_.size();
    rules_.emplace_back().rule = &rule;
    for (std::size_t inner = 0; inner < rule.skip; ++inner)
      bind(type.rules[++i], names, record);
    rules_[guard].skip = rules_.size() - guard - 1;
    if (rules_[guard].skip == 0)
      rules_.pop_back();
  }
  join_elements();
  places_ = {};
}

/// A list that has no element i has none after it: their rules are passed over together.
void record_shape::join_elements() {
  const auto element_of = [](const bound_rule& guard) {
    const std::string_view element = guard.rule->element;
    const auto bracket = element.rfind('[');
    int index = 0;
    std::from_chars(element.data() + bracket + 1, element.data() + element.size(), index);
    return std::pair(element.substr(0, bracket), index);
  };
  for (auto i = rules_.size(); i-- > 0;) {
    if (rules_[i].rule->op != rule_op::each)
      continue;
    const auto next = i + 1 + rules_[i].skip;
    if (next >= rules_.size() || rules_[next].rule->op != rule_op::each)
      continue;
    const auto [list, index] = element_of(rules_[i]);
    const auto [next_list, next_index] = element_of(rules_[next]);
    if (list == next_list && index < next_index)
      rules_[i].skip += 1 + rules_[next].skip;
  }
}

bool record_shape::is_there(const field_source& source) const {
  return !is_native(source) || places_[source.id] >= 0;
}

/// Whether a recipe can give a value when only these native fields are there.
bool record_shape::may_give(const value_recipe& recipe) const {
  const auto there = [&](const field_source& s) { return is_there(s); };
  if (recipe.value || recipe.fallback)
    return true;
  if (recipe.pick)
    return there(recipe.pick->keys);
  if (!recipe.format.empty())
    return std::all_of(recipe.format.begin(), recipe.format.end(),
                       [&](const format_piece& p) { return !p.source || there(*p.source); });
  if (!recipe.sum.empty())
    return std::any_of(recipe.sum.begin(), recipe.sum.end(), there);
  if (recipe.time && !recipe.time->join.empty())
    return std::all_of(recipe.time->join.begin(), recipe.time->join.end(), there);
  return std::any_of(recipe.from.begin(), recipe.from.end(), there);
}

void record_shape::bind(const mapping_rule& rule, const model::field_dictionary& names, record_context& record) {
  std::vector<bound_recipe> alternatives;
  for (const auto& recipe : rule.alternatives) {
    if (!may_give(recipe))
      continue;
    std::vector<bound_source> from;
    for (const auto& source : recipe.from)
      if (is_there(source))
        from.push_back({&source, source.from == field_source::kind::native ? places_[source.id] : -1});
    sources_.push_back(std::make_unique<bound_source[]>(from.size()));
    std::copy(from.begin(), from.end(), sources_.back().get());
    alternatives.push_back({&recipe, {sources_.back().get(), from.size()}});
  }
  if (alternatives.empty())
    return;
  recipes_.push_back(std::make_unique<bound_recipe[]>(alternatives.size()));
  std::copy(alternatives.begin(), alternatives.end(), recipes_.back().get());
  bound_rule bound;
  bound.rule = &rule;
  bound.alternatives = {recipes_.back().get(), alternatives.size()};
  const auto name = names.name(rule.target);
  bound.target.id = rule.target;
  bound.target.name_data = name.data();
  bound.target.name_size = static_cast<std::uint32_t>(name.size());
  const auto& first = *alternatives.front().recipe;
  const bool simple = rule.op == rule_op::set && !rule.raw_type && !rule.is_time && !first.when;
  if (simple && first.value && first.from.empty()) {
    bound.constant = fit_enum(
        rule, convert_value(first.value->as_value(), rule.kind, rule.array, nullptr, type_->owner->settings, record));
    // What the arena of this record holds is gone with it.
    if (!bound.constant.is_null() && !bound.constant.is_list() &&
        (!bound.constant.is_string() || bound.constant.text().data() == first.value->text.data()))
      bound.how = bound_rule::way::constant;
  } else if (simple && alternatives.size() == 1 && first.plain && !first.value && rule.kind == ocsf_kind::text &&
             !rule.array && rule.sibling == model::no_field) {
    bound.how = bound_rule::way::text;
  }
  rules_.push_back(bound);
}

bool record_shape::fits(const mapping_type& type, const std::vector<model::slot>& native) const {
  return type_ == &type && native.size() == ids_.size() &&
         std::equal(native.begin(), native.end(), ids_.begin(),
                    [](const model::slot& s, model::field_id id) { return s.id == id; });
}

shape_cache::last_shape& shape_cache::last_of(const mapping_type& type) {
  return last_[(reinterpret_cast<std::uintptr_t>(&type) >> 6) % last_.size()];
}

const record_shape* shape_cache::find(const mapping_type& type, const model::field_dictionary& names,
                                      record_context& record) {
  const auto& native = record.native.slots;
  auto& last = last_of(type);
  if (last.type == &type && last.shape->fits(type, native))
    return last.shape;
  const auto hash = hash_of(type, native);
  auto& known = shapes_[hash % most];
  if (known == nullptr || !known->fits(type, native)) {
    auto& seen = seen_[hash % seen_.size()];
    if (seen != hash) {
      seen = hash;
      return nullptr;
    }
    if (known != nullptr)
      for (auto& l : last_)
        if (l.shape == known.get())
          l = {};
    known = std::make_unique<record_shape>(type, record.native, names, record);
  }
  last = {&type, known.get()};
  return known.get();
}

} // namespace soc::ingest
