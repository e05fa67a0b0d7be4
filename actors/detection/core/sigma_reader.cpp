#include "detection/core/sigma_reader.hpp"

#include "base/hash.hpp"
#include "detection/core/sigma_condition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_map>

namespace soc::detection {

std::string logsource::to_text() const {
  const auto part = [](const std::string& s) { return s.empty() ? std::string("-") : s; };
  return part(product) + "/" + part(category) + "/" + part(service);
}

unix_ns parse_timespan(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || count <= 0 || end + 1 != text.data() + text.size())
    return 0;
  static constexpr std::array<std::pair<char, std::int64_t>, 6> units{
      {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}, {'M', 2592000}}};
  for (const auto& [letter, seconds] : units)
    if (*end == letter)
      return count > 100'000'000 ? 0 : count * seconds * ns_per_s;
  return 0;
}

namespace {

const std::vector<std::string> rule_keys{
    "title",          "id",          "related",   "name",        "taxonomy",
    "status",         "description", "license",   "author",      "references",
    "date",           "modified",    "logsource", "detection",   "fields",
    "falsepositives", "level",       "tags",      "correlation", "filter",
    "generate",       "scope",       "soc",       "action",      "regression_tests_path",
    "simulation"};

expression_ptr item_expression(std::shared_ptr<const detection_item> item) {
  return item ? std::make_shared<const expression>(expression{expression_kind::item, {}, std::move(item), {}})
              : nullptr;
}

/// A search identifier: a map is and-ed, a list of maps or-ed, a list of scalars are keywords. Null when any part is
/// broken.
expression_ptr read_selection(const YAML::Node& node, const item_context& context, int depth) {
  if (depth > 16) {
    context.found.error("SIG004", place_of(context.file, node), "a search identifier is nested too deeply");
    return nullptr;
  }
  std::vector<expression_ptr> parts;
  bool broken = false;
  const auto add = [&](expression_ptr part) {
    broken |= part == nullptr;
    parts.push_back(std::move(part));
  };
  expression_kind kind = expression_kind::all;
  if (node.IsMap()) {
    for (const auto& entry : node)
      add(item_expression(read_detection_item(entry.first, entry.second, context)));
  } else if (node.IsSequence()) {
    kind = expression_kind::any;
    for (const auto& part : node) {
      if (part.IsMap() || part.IsSequence())
        add(read_selection(part, context, depth + 1));
      else
        add(item_expression(read_keywords(part, false, context)));
    }
  } else if (node.IsScalar()) {
    add(item_expression(read_keywords(node, false, context)));
  }
  if (parts.empty()) {
    context.found.error("SIG021", place_of(context.file, node), "the search identifier is empty",
                        "give it fields or keywords, or remove it");
    return nullptr;
  }
  if (broken)
    return nullptr;
  if (parts.size() == 1)
    return parts.front();
  return std::make_shared<const expression>(expression{kind, std::move(parts), nullptr, {}});
}

expression_ptr named(const std::string& name, const expression_ptr& part) {
  // An `all` of one child carries the name without changing the shared part.
  return std::make_shared<const expression>(expression{expression_kind::all, {part}, nullptr, name});
}

struct read_detection_result {
  std::vector<std::pair<std::string, expression_ptr>> selections;
  expression_ptr condition;
  std::string text;
  source_place place;
};

/// The part shared by rules and filters: search identifiers and condition of `map`. Nothing when it can't be evaluated.
std::optional<read_detection_result> read_conditions(const YAML::Node& map, const std::vector<std::string>& skip,
                                                     const item_context& context) {
  read_detection_result out;
  bool broken = false;
  YAML::Node condition;
  for (const auto& entry : map) {
    const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
    if (name == "condition") {
      condition.reset(entry.second);
    } else if (name == "timeframe" || std::find(skip.begin(), skip.end(), name) != skip.end()) {
      continue;
    } else {
      auto part = read_selection(entry.second, context, 0);
      broken |= part == nullptr;
      if (part)
        out.selections.emplace_back(name, named(name, part));
    }
  }
  if (!condition.IsDefined() || condition.IsNull()) {
    context.found.error("SIG003", place_of(context.file, map), "the detection has no condition",
                        "add `condition: selection`");
    return std::nullopt;
  }
  if (broken)
    return std::nullopt; // naming identifiers that were rejected would only repeat it
  std::vector<expression_ptr> alternatives;
  std::vector<bool> used;
  out.place = place_of(context.file, condition);
  std::vector<YAML::Node> texts;
  if (condition.IsSequence())
    for (const auto& text : condition)
      texts.push_back(text);
  else
    texts.push_back(condition);
  for (const auto& text : texts) {
    if (!text.IsScalar()) {
      context.found.error("SIG004", place_of(context.file, text), "a condition must be text");
      return std::nullopt;
    }
    auto part = parse_condition(text.Scalar(), place_of(context.file, text), out.selections, used, context.found);
    if (!part)
      return std::nullopt;
    out.text += (out.text.empty() ? "" : " | ") + text.Scalar();
    alternatives.push_back(std::move(part));
  }
  for (std::size_t i = 0; i < used.size(); ++i)
    if (!used[i])
      context.found.warning(
          "SIG009", place_of(context.file, map),
          fmt::format("search identifier '{}' is not used by the condition", out.selections[i].first));
  out.condition = alternatives.size() == 1
                      ? alternatives.front()
                      : std::make_shared<const expression>(expression{expression_kind::any, alternatives, nullptr, {}});
  return out;
}

logsource read_logsource(yaml_map_reader& map) {
  const auto lower = [](std::optional<std::string> s) {
    std::string out = s.value_or(std::string());
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
    return out;
  };
  return {lower(map.text("product")), lower(map.text("category")), lower(map.text("service"))};
}

/// Deep merge of YAML maps, `over` wins (action: global).
YAML::Node merge_yaml(const YAML::Node& base, const YAML::Node& over) {
  if (!base.IsMap() || !over.IsMap())
    return over;
  YAML::Node out(YAML::NodeType::Map);
  for (const auto& entry : base)
    if (const auto theirs = over[entry.first.Scalar()]; theirs.IsDefined())
      out[entry.first] = merge_yaml(entry.second, theirs);
    else
      out[entry.first] = entry.second;
  for (const auto& entry : over)
    if (!base[entry.first.Scalar()].IsDefined())
      out[entry.first] = entry.second;
  return out;
}

} // namespace

sigma_reader::sigma_reader(placeholder_values placeholders, diagnostics& found)
    : placeholders_(std::move(placeholders)), found_(found) {}

void sigma_reader::read(std::string file, std::string text) {
  const auto before = found_.errors();
  const auto parsed = parse_yaml(std::move(file), std::move(text), "SIG001", found_);
  if (found_.errors() != before)
    ++rejected_;
  YAML::Node global(YAML::NodeType::Map), last;
  for (const auto& document : parsed.documents) {
    if (document.IsNull())
      continue;
    const auto action =
        document.IsMap() && document["action"].IsDefined() ? document["action"].Scalar() : std::string();
    if (action == "global") {
      global = merge_yaml(global, document);
      global.remove("action");
      continue;
    }
    if (action == "reset")
      global = YAML::Node(YAML::NodeType::Map);
    auto whole = action == "repeat" && last.IsDefined() ? merge_yaml(last, document) : document;
    if (global.size() > 0)
      whole = merge_yaml(global, whole);
    last = whole;
    read_document(parsed.file, whole);
  }
}

void sigma_reader::read_document(const std::string& file, const YAML::Node& document) {
  const auto size = set_.rules.size() + set_.correlations.size() + set_.filters.size();
  try {
    if (!document.IsMap())
      found_.error("SIG002", place_of(file, document), "a rule must be a map of keys",
                   "write `title: …`, `detection: …`");
    else if (document["correlation"].IsDefined())
      read_correlation(file, document);
    else if (document["filter"].IsDefined())
      read_filter(file, document);
    else
      read_rule(file, document);
  } catch (const YAML::Exception& e) {
    found_.error("SIG004", {file, e.mark.line + 1, e.mark.column + 1}, e.msg);
  }
  if (set_.rules.size() + set_.correlations.size() + set_.filters.size() == size)
    ++rejected_;
}

rule_header sigma_reader::read_header(const std::string& file, yaml_map_reader& map, const YAML::Node& document) {
  rule_header out;
  out.place = place_of(file, document);
  out.title = map.required_text("title");
  out.id = map.text("id").value_or(std::string());
  out.name = map.text("name").value_or(std::string());
  out.description = map.text("description").value_or(std::string());
  out.status = map.text("status").value_or(std::string());
  out.author = map.text("author").value_or(std::string());
  out.tags = map.texts("tags");
  out.falsepositives = map.texts("falsepositives");
  out.level_text = map.text("level").value_or(std::string());
  out.level = model::severity_from(out.level_text);
  if (!out.level_text.empty() && out.level == model::severity::unknown)
    found_.warning("SIG014", map.place("level"), fmt::format("unknown level '{}'", out.level_text),
                   "informational, low, medium, high or critical");
  if (out.id.empty()) // The same rule in the same file keeps its id.
    out.id = id_builder().add(out.title).add(out.name).add(out.description).hex();
  if (const auto soc = map.get("soc"); soc.IsDefined() && soc.IsMap() && soc["stage"].IsDefined())
    out.stage = soc["stage"].Scalar();
  for (const auto& tag : out.tags)
    if (out.stage.empty() && tag.starts_with("soc.stage."))
      out.stage = tag.substr(10);
  for (const auto& entry : document)
    if (entry.first.IsScalar() &&
        std::find(rule_keys.begin(), rule_keys.end(), entry.first.Scalar()) == rule_keys.end())
      if (const auto near = did_you_mean(entry.first.Scalar(), rule_keys); !near.empty())
        found_.warning("SIG020", place_of(file, entry.first), fmt::format("unknown key '{}'", entry.first.Scalar()),
                       fmt::format("did you mean '{}'?", near));
  return out;
}

void sigma_reader::read_rule(const std::string& file, const YAML::Node& document) {
  yaml_map_reader map(file, document, "rule", "SIG003", found_);
  sigma_rule rule;
  rule.header = read_header(file, map, document);
  const auto source = map.get("logsource"), detection = map.get("detection");
  if (!source.IsDefined() || !source.IsMap()) {
    found_.error("SIG003", map.place(), "the rule has no logsource",
                 "add `logsource:` with product, category or service");
    return;
  }
  yaml_map_reader source_map(file, source, "logsource", "SIG004", found_);
  rule.source = read_logsource(source_map);
  if (rule.source == logsource{})
    found_.warning("SIG019", place_of(file, source), "the logsource names neither product, category nor service",
                   "the rule is tried on every event");
  if (!detection.IsDefined() || !detection.IsMap()) {
    found_.error("SIG003", map.place(), "the rule has no detection",
                 "add `detection:` with a selection and a condition");
    return;
  }
  auto read = read_conditions(detection, {}, {file, placeholders_, found_});
  if (!read)
    return;
  rule.selections = std::move(read->selections);
  rule.condition = std::move(read->condition);
  rule.condition_text = std::move(read->text);
  rule.condition_place = read->place;
  set_.rules.push_back(std::move(rule));
}

namespace {

std::optional<compare_op> compare_op_from(const std::string& name) {
  static const std::array<std::pair<std::string_view, compare_op>, 6> known{{{"lt", compare_op::lt},
                                                                             {"lte", compare_op::lte},
                                                                             {"gt", compare_op::gt},
                                                                             {"gte", compare_op::gte},
                                                                             {"eq", compare_op::eq},
                                                                             {"neq", compare_op::neq}}};
  for (const auto& [text, op] : known)
    if (name == text)
      return op;
  return std::nullopt;
}

const std::array<std::pair<std::string_view, correlation_kind>, 7> correlation_kinds{
    {{"event_count", correlation_kind::event_count},
     {"value_count", correlation_kind::value_count},
     {"temporal", correlation_kind::temporal},
     {"temporal_ordered", correlation_kind::temporal_ordered},
     {"value_sum", correlation_kind::value_sum},
     {"value_avg", correlation_kind::value_avg},
     {"value_percentile", correlation_kind::value_percentile}}};

/// The `condition` of a correlation: operators with numbers, `field`, `percentile`. False when wrong.
bool read_correlation_condition(const std::string& file, const YAML::Node& node, correlation_rule& rule,
                                diagnostics& found) {
  for (const auto& entry : node) {
    const auto key = entry.first.Scalar();
    if (key == "field") {
      if (entry.second.IsSequence())
        for (const auto& f : entry.second)
          rule.fields.push_back(f.Scalar());
      else
        rule.fields.push_back(entry.second.Scalar());
      continue;
    }
    const auto op = compare_op_from(key);
    const auto text = entry.second.IsScalar() ? entry.second.Scalar() : std::string();
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if ((!op && key != "percentile") || error != std::errc{} || end != text.data() + text.size()) {
      found.error("SIG016", place_of(file, entry.first), fmt::format("'{}: {}' is no correlation condition", key, text),
                  "gt, gte, lt, lte, eq or neq with a number; field with a name");
      return false;
    }
    if (op)
      rule.conditions.emplace_back(*op, number);
    else
      rule.percentile = number;
  }
  return true;
}

} // namespace

void sigma_reader::read_correlation(const std::string& file, const YAML::Node& document) {
  yaml_map_reader map(file, document, "correlation rule", "SIG003", found_);
  correlation_rule rule;
  rule.header = read_header(file, map, document);
  const auto refuse = [&](const YAML::Node& at, std::string message, std::string hint = {}) {
    found_.error("SIG016", place_of(file, at), std::move(message), std::move(hint));
  };
  const auto node = map.get("correlation");
  yaml_map_reader correlation(file, node, "correlation", "SIG016", found_);
  if (!correlation.is_map())
    return;
  const auto kind = correlation.required_text("type");
  const auto known =
      std::find_if(correlation_kinds.begin(), correlation_kinds.end(), [&](auto& k) { return k.first == kind; });
  if (known == correlation_kinds.end())
    return refuse(correlation.get("type"), fmt::format("unknown correlation type '{}'", kind),
                  "event_count, value_count, temporal, temporal_ordered, value_sum, value_avg or value_percentile");
  rule.kind = known->second;
  rule.rules = correlation.texts("rules");
  rule.group_by = correlation.texts("group-by");
  rule.generate = correlation.boolean("generate").value_or(map.boolean("generate").value_or(false));
  const auto span = correlation.text("timespan").value_or(correlation.text("timeframe").value_or(std::string()));
  rule.timespan = parse_timespan(span);
  if (rule.rules.empty())
    return refuse(node, "the correlation refers to no rules", "add `rules:` with ids or names");
  if (rule.timespan == 0)
    return refuse(node, fmt::format("'{}' is no timespan", span), "write it as 30s, 10m, 1h or 2d");
  if (const auto aliases = correlation.get("aliases"); aliases.IsDefined() && aliases.IsMap())
    for (const auto& alias : aliases) {
      correlation_alias one{alias.first.Scalar(), {}};
      if (!alias.second.IsMap())
        return refuse(alias.second, "an alias is a map of rule name to field name");
      for (const auto& field : alias.second)
        one.fields.emplace_back(field.first.Scalar(), field.second.Scalar());
      rule.aliases.push_back(std::move(one));
    }
  if (const auto condition = correlation.get("condition"); condition.IsDefined() && condition.IsMap()) {
    if (!read_correlation_condition(file, condition, rule, found_))
      return;
  }
  const bool temporal = rule.kind == correlation_kind::temporal || rule.kind == correlation_kind::temporal_ordered;
  if (!rule.fields.empty())
    rule.field = rule.fields.front();
  if (rule.conditions.empty() && !temporal)
    return refuse(node, "the correlation has no condition", "add `condition:` with e.g. `gte: 10`");
  if (rule.field.empty() && !temporal && rule.kind != correlation_kind::event_count)
    return refuse(node, fmt::format("'{}' needs a field", kind), "add `field:` to the condition");
  set_.correlations.push_back(std::move(rule));
}

void sigma_reader::read_filter(const std::string& file, const YAML::Node& document) {
  yaml_map_reader map(file, document, "filter", "SIG003", found_);
  filter_rule rule;
  rule.header = read_header(file, map, document);
  const auto node = map.get("filter");
  yaml_map_reader filter(file, node, "filter", "SIG017", found_);
  if (!filter.is_map())
    return;
  if (const auto source = map.get("logsource"); source.IsDefined() && source.IsMap()) {
    yaml_map_reader source_map(file, source, "logsource", "SIG004", found_);
    rule.source = read_logsource(source_map);
  }
  rule.rules = filter.texts("rules");
  if (rule.rules.empty()) {
    found_.error("SIG017", place_of(file, node), "the filter names no rules", "add `rules:` with ids, names, or any");
    return;
  }
  if (const auto soc = map.get("soc"); soc.IsDefined() && soc.IsMap()) {
    yaml_map_reader own(file, soc, "soc", "SIG017", found_);
    rule.owner = own.text("owner").value_or(std::string());
    if (const auto expires = own.text("expires")) {
      const auto time = parse_rfc3339(expires->size() == 10 ? *expires + "T00:00:00Z" : *expires);
      if (!time) {
        found_.error("SIG017", own.place("expires"), fmt::format("'{}' is no date", *expires),
                     "write it as 2026-12-31");
        return;
      }
      rule.expires = *time;
    }
  }
  auto read = read_conditions(node, {"rules"}, {file, placeholders_, found_});
  if (!read)
    return;
  rule.selections = std::move(read->selections);
  rule.condition = std::move(read->condition);
  set_.filters.push_back(std::move(rule));
}

rule_set sigma_reader::finish(unix_ns now) {
  apply_filters(now);
  check_references();
  auto out = std::move(set_);
  set_ = {};
  return out;
}

namespace {

bool refers_to(const std::string& reference, const rule_header& header) {
  return reference == header.id || (!header.name.empty() && reference == header.name);
}

/// Does the filter's logsource admit the rule? An empty component admits all.
bool admits(const logsource& filter, const logsource& rule) {
  const auto fits = [](const std::string& a, const std::string& b) { return a.empty() || a == b; };
  return fits(filter.product, rule.product) && fits(filter.category, rule.category) &&
         fits(filter.service, rule.service);
}

} // namespace

void sigma_reader::apply_filters(unix_ns now) {
  for (const auto& filter : set_.filters) {
    if (filter.expires != 0 && now >= filter.expires) {
      found_.warning("SIG017", filter.header.place,
                     fmt::format("filter '{}' expired on {} and is not applied", filter.header.title,
                                 format_rfc3339(filter.expires)),
                     filter.owner.empty() ? "renew or remove it"
                                          : fmt::format("ask {} to renew or remove it", filter.owner));
      continue;
    }
    for (const auto& reference : filter.rules) {
      bool any = false;
      for (auto& rule : set_.rules)
        if (admits(filter.source, rule.source) && (reference == "any" || refers_to(reference, rule.header))) {
          any = true;
          rule.condition = std::make_shared<const expression>(
              expression{expression_kind::all, {rule.condition, filter.condition}, nullptr, {}});
          for (const auto& [name, part] : filter.selections)
            rule.selections.emplace_back(filter.header.title + ": " + name, part);
        }
      if (!any)
        found_.warning("SIG017", filter.header.place,
                       fmt::format("filter '{}' names rule '{}', which is not loaded", filter.header.title, reference));
    }
  }
}

void sigma_reader::check_references() {
  std::unordered_map<std::string, const rule_header*> ids;
  const auto add = [&](const rule_header& header) {
    const auto [at, is_new] = ids.emplace(header.id, &header);
    if (!is_new)
      found_.warning(
          "SIG015", header.place,
          fmt::format("id {} is also the id of '{}' in {}", header.id, at->second->title, at->second->place.file),
          "give each rule an id of its own");
    if (!header.name.empty())
      ids.emplace(header.name, &header);
  };
  for (const auto& r : set_.rules)
    add(r.header);
  for (const auto& c : set_.correlations)
    add(c.header);
  std::erase_if(set_.correlations, [&](const correlation_rule& c) {
    for (const auto& reference : c.rules)
      if (!ids.contains(reference)) {
        found_.error("SIG016", c.header.place,
                     fmt::format("the correlation refers to '{}', which is not loaded", reference),
                     "load the rule's file too, or correct the id or name");
        ++rejected_;
        return true;
      }
    return false;
  });
  for (const auto& c : set_.correlations)
    for (auto& r : set_.rules)
      if (!c.generate)
        for (const auto& reference : c.rules)
          if (refers_to(reference, r.header))
            r.generate = false;
}

} // namespace soc::detection
