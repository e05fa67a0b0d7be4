#include "ingest/core/record_shape.hpp"
#include "ingest/core/value_parts.hpp"

#include <algorithm>
#include <span>

namespace soc::ingest {

namespace {

constexpr std::int64_t executable_file_type = 8; ///< OCSF file.type_id

/// Puts slots into record.ocsf. A rule for the path itself replaces what a `parse` put there; a `parse` never replaces.
class slot_writer {
public:
  slot_writer(const model::field_dictionary& names, record_context& record) : names_(names), record_(record) {}

  void put(model::field_id id, model::value v, bool replace) {
    if (id == model::no_field || v.is_null())
      return;
    if (auto* there = record_.ocsf.find(id)) {
      if (replace)
        *there = v;
      return;
    }
    record_.ocsf.add(names_, id, v);
  }
  /// Replaces what is there.
  void put(const model::slot& target, model::value v) {
    if (auto* there = record_.ocsf.find(target.id))
      *there = v;
    else
      record_.ocsf.add(target, v);
  }
  void put_text(model::field_id id, std::string_view text) {
    if (!text.empty())
      put(id, model::value::of_string(text), false);
  }
  void put_number(model::field_id id, std::int64_t n) { put(id, model::value::of_int(n), false); }

private:
  const model::field_dictionary& names_;
  record_context& record_;
};

void put_url(const mapping_rule& rule, std::string_view text, slot_writer& out) {
  const auto p = split_url(text);
  out.put_text(rule.parts[0], text);
  out.put_text(rule.parts[1], p.scheme);
  out.put_text(rule.parts[2], p.hostname);
  if (p.port >= 0)
    out.put_number(rule.parts[3], p.port);
  out.put_text(rule.parts[4], p.path);
  out.put_text(rule.parts[5], p.query);
}

void put_endpoint(const mapping_rule& rule, std::string_view text, record_context& record, slot_writer& out) {
  const auto p = split_endpoint(text);
  if (p.is_ip) {
    if (const auto ip = clean_ip(p.host, *record.memory))
      out.put_text(rule.parts[0], *ip);
  } else {
    out.put_text(rule.parts[1], p.host);
  }
  if (p.port >= 0)
    out.put_number(rule.parts[2], p.port);
}

void put_command(const mapping_rule& rule, std::string_view text, slot_writer& out) {
  const auto program = program_of(text);
  const auto p = split_path(program);
  out.put_text(rule.parts[0], text);
  out.put_text(rule.parts[1], p.name);
  out.put_text(rule.parts[2], p.name);
  if (!p.folder.empty())
    out.put_text(rule.parts[3], program);
}

/// "MD5=…,SHA256=…" or a bare hash; each becomes the next element.
void put_hash(const mapping_rule& rule, std::string_view text, std::size_t& next, slot_writer& out) {
  while (!text.empty()) {
    const auto comma = text.find_first_of(",; ");
    auto one = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    if (const auto equal = one.find('='); equal != std::string_view::npos)
      one.remove_prefix(equal + 1);
    const int algorithm = hash_algorithm(one);
    if (algorithm == 0 || next >= most_hashes || one.find_first_not_of('0') == std::string_view::npos)
      continue;
    out.put_text(rule.parts[2 * next], one);
    out.put_number(rule.parts[2 * next + 1], algorithm);
    ++next;
  }
}

void put_hashes(const mapping_rule& rule, const rule_settings& settings, record_context& record, slot_writer& out) {
  std::size_t next = 0;
  for (const auto& recipe : rule.alternatives) {
    if (recipe.when && !recipe.when->holds(record))
      continue;
    for (const auto& source : recipe.from) {
      const auto v = read_source(source, record);
      if (is_absent(v, settings.absent))
        continue;
      if (v.is_list())
        for (const auto& item : v.items())
          put_hash(rule, text_of(item, *record.memory), next, out);
      else
        put_hash(rule, text_of(v, *record.memory), next, out);
    }
  }
}

void put_parts(const mapping_rule& rule, const model::value& v, record_context& record, slot_writer& out) {
  const auto text = text_of(v.is_list() && !v.items().empty() ? v.items()[0] : v, *record.memory);
  if (text.empty())
    return;
  switch (rule.op) {
  case rule_op::url:
    return put_url(rule, text, out);
  case rule_op::user: {
    const auto p = split_user(text);
    out.put_text(rule.parts[0], p.name);
    out.put_text(rule.parts[1], p.domain);
    return out.put_text(rule.parts[2], p.email);
  }
  case rule_op::path: {
    const auto p = split_path(text);
    out.put_text(rule.parts[0], text);
    out.put_text(rule.parts[1], p.name.empty() ? text : p.name);
    if (rule.executable)
      out.put_number(rule.parts[3], executable_file_type);
    return out.put_text(rule.parts[2], p.folder);
  }
  case rule_op::command:
    return put_command(rule, text, out);
  case rule_op::endpoint:
    return put_endpoint(rule, text, record, out);
  default:
    return;
  }
}

/// A rule's ways to a value, all of them or those a shape leaves.
const value_recipe& recipe_of(const value_recipe& recipe) {
  return recipe;
}
const value_recipe& recipe_of(const bound_recipe& bound) {
  return *bound.recipe;
}
std::span<const field_source> sources_of(const value_recipe& recipe) {
  return recipe.from;
}
std::span<const bound_source> sources_of(const bound_recipe& bound) {
  return bound.from;
}

template <class Alternatives>
void put_rule(const mapping_rule& rule, const Alternatives& alternatives, const rule_settings& settings,
              record_context& record, slot_writer& out, unix_ns& time) {
  bool had_value = false;
  for (const auto& alternative : alternatives) {
    const auto& recipe = recipe_of(alternative);
    const auto found = evaluate(recipe, sources_of(alternative), settings, record);
    if (found.is_null())
      continue;
    had_value = true;
    if (rule.op != rule_op::set)
      return put_parts(rule, found, record, out);
    if (rule.raw_type && !recipe.time)
      return out.put(rule.target, found, true);
    unix_ns exact = 0;
    auto v = convert_value(found, rule.raw_type ? ocsf_kind::datetime : rule.kind, rule.array, &recipe, settings,
                           record, &exact);
    v = fit_enum(rule, v);
    if (v.is_null())
      continue;
    if (rule.is_time)
      time = exact;
    out.put(rule.target, v, true);
    // The source's own word becomes the caption of Other.
    if (rule.sibling != model::no_field && v.kind() == model::value_kind::integer && v.integer() == 99)
      for (const auto& source : sources_of(alternative))
        if (const auto text = read_source(source, record); !is_absent(text, settings.absent)) {
          out.put_text(rule.sibling, text_of(text, *record.memory));
          break;
        }
    return;
  }
  record.findings.unreadable = record.findings.unreadable || (had_value && rule.is_time);
}

void put_text(const bound_rule& bound, const rule_settings& settings, record_context& record, slot_writer& out) {
  for (const auto& source : bound.alternatives[0].from) {
    const auto v = read_source(source, record);
    if (is_absent(v, settings.absent))
      continue;
    if (v.is_string())
      return out.put(bound.target, v);
    const auto text = convert_value(v, ocsf_kind::text, false, nullptr, settings, record);
    return text.is_null() ? void() : out.put(bound.target, text);
  }
}

bool element_exists(const mapping_rule& rule, record_context& record) {
  simdjson::dom::element unused;
  return record.trees.find(rule.element, unused);
}

} // namespace

model::value fit_enum(const mapping_rule& rule, const model::value& v) {
  if (v.kind() != model::value_kind::integer || rule.enum_values.empty())
    return v;
  const auto known = [&](std::int64_t n) {
    return std::binary_search(rule.enum_values.begin(), rule.enum_values.end(), n);
  };
  if (known(v.integer()))
    return v;
  return known(99) ? model::value::of_int(99) : model::value{};
}

const std::vector<std::string>& parts_of(rule_op op) {
  static const std::vector<std::string> none, url{"url_string", "scheme", "hostname", "port", "path", "query_string"},
      user{"name", "domain", "email_addr"}, path{"path", "name", "parent_folder", "type_id"},
      command{"cmd_line", "name", "file.name", "file.path"}, endpoint{"ip", "hostname", "port"};
  switch (op) {
  case rule_op::url:
    return url;
  case rule_op::user:
    return user;
  case rule_op::path:
    return path;
  case rule_op::command:
    return command;
  case rule_op::endpoint:
    return endpoint;
  default:
    return none;
  }
}

void run_rules(const std::vector<mapping_rule>& rules, const rule_settings& settings,
               const model::field_dictionary& names, record_context& record, unix_ns& time) {
  slot_writer out(names, record);
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const auto& rule = rules[i];
    if (rule.op == rule_op::each) {
      if (!element_exists(rule, record))
        i += rule.skip;
    } else if (rule.op == rule_op::hashes) {
      put_hashes(rule, settings, record, out);
    } else {
      put_rule(rule, rule.alternatives, settings, record, out, time);
    }
  }
}

void record_shape::run(const model::field_dictionary& names, record_context& record, unix_ns& time) const {
  const auto& settings = type_->owner->settings;
  slot_writer out(names, record);
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const auto& bound = rules_[i];
    if (bound.how == bound_rule::way::text)
      put_text(bound, settings, record, out);
    else if (bound.how == bound_rule::way::constant)
      out.put(bound.target, bound.constant);
    else if (bound.rule->op == rule_op::each)
      i += element_exists(*bound.rule, record) ? 0 : bound.skip;
    else if (bound.rule->op == rule_op::hashes)
      put_hashes(*bound.rule, settings, record, out);
    else
      put_rule(*bound.rule, bound.alternatives, settings, record, out, time);
  }
}

} // namespace soc::ingest
