#include "base/yaml_text.hpp"
#include "ingest/core/input_loader.hpp"
#include "ingest/core/mapping.hpp"
#include "ingest/core/rule_loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace soc::ingest {

namespace {

bool is_token(std::string_view text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

/// Everything one type needs from around it.
struct type_context {
  const std::string& file;
  const ocsf_schema& schema;
  model::field_dictionary& names;
  diagnostics& found;
  const YAML::Node& shared;
  mapping& owner;
};

void mark(std::vector<bool>& set, model::field_id id) {
  if (id == model::no_field)
    return;
  if (set.size() <= id)
    set.resize(id + 1);
  set[id] = true;
}

void mark_source(const field_source& s, type_context& c, std::vector<bool>& set) {
  if (const auto native = s.native_name(); !native.empty())
    mark(set, c.names.intern(native));
}

void mark_rules(const std::vector<mapping_rule>& rules, type_context& c, std::vector<bool>& set) {
  for (const auto& rule : rules)
    for (const auto& recipe : rule.alternatives) {
      for (const auto& s : recipe.from)
        mark_source(s, c, set);
      for (const auto& p : recipe.format)
        if (p.source)
          mark_source(*p.source, c, set);
      for (const auto& s : recipe.sum)
        mark_source(s, c, set);
      if (recipe.pick) {
        mark_source(recipe.pick->keys, c, set);
        mark_source(recipe.pick->values, c, set);
      }
      if (recipe.time) {
        for (const auto& s : recipe.time->join)
          mark_source(s, c, set);
        if (recipe.time->zone_from)
          mark_source(*recipe.time->zone_from, c, set);
      }
    }
}

/// A slot at `name` or below it.
bool gives(const std::vector<mapping_rule>& rules, const std::string& name) {
  return std::any_of(rules.begin(), rules.end(), [&](const mapping_rule& r) {
    return r.path.compare(0, name.size(), name) == 0 &&
           (r.path.size() == name.size() || r.path[name.size()] == '.' || r.path[name.size()] == '[');
  });
}

void find_missing(mapping_type& type) {
  static const std::set<std::string> engine{"activity_id", "category_uid", "class_uid", "metadata",
                                            "severity_id", "time",         "type_uid",  "cloud"};
  for (const auto& [name, a] : type.ocsf->attributes)
    if (a.required && a.profile.empty() && !engine.contains(name) && !gives(type.rules, name))
      type.missing_required.push_back(name);
  const auto check = [&](const std::vector<std::string>& any) {
    if (!any.empty() && std::none_of(any.begin(), any.end(), [&](const auto& n) { return gives(type.rules, n); }))
      type.missing_required.push_back("one of " + fmt::format("{}", fmt::join(any, ", ")));
  };
  check(type.ocsf->at_least_one);
}

void load_sigma(const YAML::Node& node, mapping_type& type, type_context& c) {
  yaml_map_reader r(c.file, node, "sigma", "MAP006", c.found);
  type.log.sigma_product = r.text("product").value_or("");
  type.log.sigma_category = r.text("category").value_or("");
  type.log.sigma_service = r.text("service").value_or("");
  r.reject_unknown();
}

std::unique_ptr<mapping_type> load_type(const YAML::Node& node, type_context& c) {
  auto type = std::make_unique<mapping_type>();
  yaml_map_reader r(c.file, node, "type", "MAP005", c.found);
  type->owner = &c.owner;
  type->place = r.place();
  type->log = {c.owner.vendor, c.owner.product, r.required_text("name"), {}, {}, {}};
  if (const auto when = r.get("when"))
    type->when = field_condition::compile(when, c.file, c.names, c.found);
  const auto class_name = r.required_text("class");
  type->ocsf = c.schema.find_class(class_name);
  if (type->ocsf == nullptr) {
    if (!class_name.empty()) {
      const auto near = did_you_mean(class_name, c.schema.class_names());
      c.found.error("MAP007", r.place("class"), fmt::format("unknown OCSF class '{}'", class_name),
                    near.empty() ? "a class name or uid of OCSF 1.8.0" : fmt::format("did you mean '{}'?", near));
    }
    return nullptr;
  }
  rule_loader fields(c.file, c.schema, type->ocsf, c.names, c.found), ecs(c.file, c.schema, nullptr, c.names, c.found);
  const auto use = [&](const char* key, const std::string& under) {
    for (const auto& name : r.texts(key)) {
      const auto group = c.shared ? c.shared[name] : YAML::Node{};
      if (!group) {
        c.found.error("MAP008", r.place(key), fmt::format("no group '{}' in shared", name));
        continue;
      }
      fields.add_group(group["fields"], under, type->rules);
      ecs.add(group["ecs"], type->ecs, &type->ecs_removed);
    }
  };
  use("use", "");
  use("evidence", "evidences[0].");
  fields.add(r.get("fields"), type->rules);
  ecs.add(r.get("ecs"), type->ecs, &type->ecs_removed);
  if (const auto sigma = r.get("sigma"))
    load_sigma(sigma, *type, c);
  type->lazy = r.boolean("lazy").value_or(false);
  mark_rules(type->rules, c, type->consumed);
  std::vector<const field_source*> tested;
  if (type->when)
    type->when->collect_sources(tested);
  for (const auto* s : tested)
    mark_source(*s, c, type->consumed);
  // What a step always takes apart is used; what only some records have taken apart stays for the others.
  for (const auto& input : c.owner.inputs)
    for (const auto& step : input.steps)
      if (step.field && !step.when)
        mark_source(*step.field, c, type->consumed);
  type->known = type->consumed;
  mark_rules(type->ecs, c, type->known);
  for (const auto& name : r.texts("known"))
    mark(type->known, c.names.intern(name));
  r.reject_unknown();
  find_missing(*type);
  return type;
}

void load_zones(const YAML::Node& node, mapping& m, diagnostics& found) {
  if (!node.IsMap())
    return found.error("MAP033", place_of(m.file, node), "zones are a table: {CST: Asia/Shanghai}");
  for (const auto& entry : node) {
    const auto name = entry.second.IsScalar() ? entry.second.Scalar() : std::string{};
    const auto zone = time_zone::find(name);
    if (zone)
      m.settings.abbreviations.insert_or_assign(entry.first.as<std::string>(), *zone);
    else
      found.error("MAP033", place_of(m.file, entry.second), fmt::format("unknown time zone '{}'", name),
                  "an IANA name or ±hh:mm");
  }
}

void load_head(yaml_map_reader& r, mapping& m, diagnostics& found) {
  m.vendor = r.required_text("vendor");
  m.product = r.required_text("product");
  for (const auto* key : {"vendor", "product"})
    if (const auto& text = key[0] == 'v' ? m.vendor : m.product; !text.empty() && !is_token(text))
      found.error("MAP003", r.place(key), fmt::format("'{}' must be lower-case letters, digits and '_'", text));
  m.title = r.text("title").value_or(m.product);
  m.vendor_name = r.text("vendor_name").value_or(m.vendor);
  m.cloud = r.text("cloud").value_or("");
  m.confidence = r.required_text("confidence");
  static const std::vector<std::string> levels{"sample", "documented", "third_party", "assumed"};
  if (!m.confidence.empty() && std::find(levels.begin(), levels.end(), m.confidence) == levels.end())
    found.error("MAP004", r.place("confidence"), fmt::format("unknown confidence '{}'", m.confidence),
                "sample, documented, third_party or assumed");
  m.source = r.required_text("source");
  for (auto word : r.texts("absent")) {
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    m.settings.absent.push_back(std::move(word));
  }
  if (const auto zone = r.text("zone")) {
    m.settings.zone = time_zone::find(*zone);
    if (!m.settings.zone)
      found.error("MAP033", r.place("zone"), fmt::format("unknown time zone '{}'", *zone), "an IANA name or ±hh:mm");
  }
  if (const auto zones = r.get("zones"))
    load_zones(zones, m, found);
}

} // namespace

std::unique_ptr<mapping> load_mapping(const std::string& file, const ocsf_schema& schema,
                                      model::field_dictionary& names, diagnostics& found) {
  const auto before = found.errors();
  auto text = read_text_file(file, "MAP001", found);
  if (!text)
    return nullptr;
  const auto yaml = parse_yaml(file, std::move(*text), "MAP002", found, 200'000);
  if (yaml.documents.size() != 1) {
    if (found.errors() == before)
      found.error("MAP002", {file, 0, 0}, "a mapping is one YAML document");
    return nullptr;
  }
  auto m = std::make_unique<mapping>();
  try {
    m->file = file;
    yaml_map_reader r(file, yaml.documents[0], "mapping", "MAP003", found);
    if (!r.is_map())
      return nullptr;
    load_head(r, *m, found);
    const auto inputs = r.get("inputs"), types = r.get("types");
    const YAML::Node shared = r.get("shared");
    input_loader loader(file, names, found);
    for (const auto& node : inputs&& inputs.IsSequence() ? inputs : YAML::Node{}) {
      m->inputs.push_back(loader.load(node));
    }
    type_context c{file, schema, names, found, shared, *m};
    for (const auto& node : types&& types.IsSequence() ? types : YAML::Node{})
      if (auto type = load_type(node, c))
        m->types.push_back(std::move(type));
    if (m->inputs.empty())
      found.error("MAP009", r.place("inputs"), "no inputs: nothing says how to read this product's records");
    if (m->types.empty())
      found.error("MAP009", r.place("types"), "no types: nothing says what the records become");
    r.reject_unknown();
  } catch (const YAML::Exception& e) {
    found.error("MAP002", {file, e.mark.line + 1, e.mark.column + 1}, e.msg);
  }
  if (found.errors() != before)
    return nullptr;
  for (auto& input : m->inputs)
    input.owner = m.get();
  m->index_types();
  return m;
}

void mapping::index_types() {
  std::map<model::field_id, int> votes;
  for (const auto& type : types)
    if (type->when)
      for (const auto& e : type->when->equalities())
        ++votes[e.field];
  const auto best =
      std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (types.size() < 4 || best == votes.end())
    return;
  switch_field = best->first;
  std::vector<std::vector<std::string>> values(types.size());
  for (std::uint32_t i = 0; i < types.size(); ++i)
    if (types[i]->when)
      for (const auto& e : types[i]->when->equalities())
        if (e.field == switch_field)
          values[i].insert(values[i].end(), e.values.begin(), e.values.end());
  for (std::uint32_t i = 0; i < types.size(); ++i) {
    if (!values[i].empty())
      for (const auto& v : values[i])
        switch_types[v];
    else
      other_types.push_back(i);
  }
  for (auto& [value, list] : switch_types)
    for (std::uint32_t i = 0; i < types.size(); ++i)
      if (values[i].empty() || std::find(values[i].begin(), values[i].end(), value) != values[i].end())
        list.push_back(i);
}

const mapping_type* mapping::choose(record_context& record) const {
  const auto holds = [&](const mapping_type& type) { return !type.when || type.when->holds(record); };
  if (switch_field == model::no_field) {
    for (const auto& type : types)
      if (holds(*type))
        return type.get();
    return nullptr;
  }
  const auto* v = record.native.find(switch_field);
  const std::vector<std::uint32_t>* list = &other_types;
  if (v != nullptr && v->is_list()) {
    for (const auto& type : types)
      if (holds(*type))
        return type.get();
    return nullptr;
  }
  if (v != nullptr) {
    char folded[64];
    const auto text = text_of(*v, *record.memory);
    if (text.size() <= sizeof folded) {
      std::transform(text.begin(), text.end(), folded,
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      if (const auto it = switch_types.find(std::string_view(folded, text.size())); it != switch_types.end())
        list = &it->second;
    }
  }
  for (const auto i : *list)
    if (holds(*types[i]))
      return types[i].get();
  return nullptr;
}

} // namespace soc::ingest
