#include "ingest/core/rule_loader.hpp"

#include "base/yaml_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace soc::ingest {

namespace {

const std::vector<std::string> recipe_keys{"from",         "value", "format", "sum",   "regex",   "split",
                                           "item",         "pick",  "lower",  "upper", "trim",    "strip_prefix",
                                           "strip_suffix", "hex",   "scale",  "map",   "default", "time",
                                           "parse",        "each",  "when",   "max",   "fields"};

std::string folded(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::optional<rule_op> op_named(const std::string& name) {
  static const std::vector<std::pair<std::string, rule_op>> ops{
      {"url", rule_op::url},         {"user", rule_op::user},         {"path", rule_op::path},
      {"command", rule_op::command}, {"endpoint", rule_op::endpoint}, {"hashes", rule_op::hashes}};
  for (const auto& [known, op] : ops)
    if (known == name)
      return op;
  return std::nullopt;
}

bool truth_of(const YAML::Node& node) {
  return node.IsScalar() && (node.Scalar() == "true" || node.Scalar() == "yes");
}

} // namespace

std::shared_ptr<const text_pattern> compile_pattern(const std::string& text, const std::string& file,
                                                    const YAML::Node& node, diagnostics& found) {
  std::string error;
  auto pattern = text_pattern::compile(text, {}, error);
  if (!pattern)
    found.error("MAP043", place_of(file, node), fmt::format("not an RE2 pattern: {}", error),
                "RE2 has no look-around and no back references");
  return pattern;
}

void rule_loader::error(const std::string& code, const YAML::Node& node, std::string what, std::string hint) {
  found_.error(code, place_of(file_, node), std::move(what), std::move(hint));
}

field_source rule_loader::source(std::string text) {
  if (!element_prefix_.empty() && !text.empty()) {
    if (text.front() == '/')
      text.erase(0, 1);
    else if (text.front() != '@' && text.rfind("ocsf:", 0) != 0)
      text = text == "." ? element_prefix_.substr(0, element_prefix_.size() - 1) : element_prefix_ + text;
  }
  return field_source::compile(text, names_);
}

void rule_loader::add(const YAML::Node& map, std::vector<mapping_rule>& rules, std::vector<std::string>* removed) {
  if (!map)
    return;
  if (!map.IsMap()) {
    error("MAP020", map, "rules are a map of target: rule");
    return;
  }
  for (const auto& entry : map) {
    const auto path = entry.first.as<std::string>();
    if (entry.second.IsNull()) {
      remove(path, entry.first, rules);
      if (removed != nullptr)
        removed->push_back(path);
      continue;
    }
    if (entry.second.IsMap() && entry.second["each"]) {
      add_each(path, entry.second, rules);
      continue;
    }
    // Replaced in place of the order: the new one goes to the end, as written.
    std::erase_if(rules, [&](const mapping_rule& r) { return r.path == path; });
    add_rule(path, entry.second, rules);
  }
}

/// `path: null`: a mistyped path would leave the rule it is meant to take away.
void rule_loader::remove(const std::string& path, const YAML::Node& node, std::vector<mapping_rule>& rules) {
  const auto removed = std::erase_if(rules, [&](const mapping_rule& r) { return r.path == path; });
  if (root_ == nullptr || removed > 0)
    return;
  const auto known = schema_.resolve(*root_, path);
  if (!known)
    return error("MAP023", node, fmt::format("'{}': {}", path, known.error().what));
  std::vector<std::string> there;
  for (const auto& rule : rules)
    there.push_back(rule.path);
  const auto near = did_you_mean(path, there);
  error("MAP044", node, fmt::format("'{}: null' takes nothing away: no rule before it makes it", path),
        near.empty() ? "" : fmt::format("did you mean '{}'?", near));
}

void rule_loader::add_group(const YAML::Node& map, const std::string& under, std::vector<mapping_rule>& rules) {
  if (!map || !map.IsMap() || root_ == nullptr)
    return add(map, rules);
  YAML::Node fitting(YAML::NodeType::Map);
  for (const auto& entry : map) {
    const auto path = under + entry.first.as<std::string>();
    if (schema_.resolve(*root_, path))
      fitting[path] = entry.second;
  }
  add(fitting, rules);
}

void rule_loader::add_each(const std::string& path, const YAML::Node& node, std::vector<mapping_rule>& rules) {
  const auto list = node["each"].IsScalar() ? node["each"].Scalar() : std::string{};
  const auto fields = node["fields"];
  if (list.empty() || !fields || !fields.IsMap()) {
    error("MAP021", node, "each needs the list's name and `fields`",
          "resources: {each: resources, fields: {uid: ARN}}");
    return;
  }
  int max = 8;
  if (node["max"])
    max = node["max"].as<int>(8);
  const auto outer = element_prefix_;
  for (int i = 0; i < std::clamp(max, 1, 64); ++i) {
    mapping_rule guard;
    guard.op = rule_op::each;
    guard.path = fmt::format("{}[{}]", path, i);
    guard.element = fmt::format("{}{}[{}]", outer, list, i);
    const auto at = rules.size();
    rules.push_back(guard);
    element_prefix_ = guard.element + ".";
    for (const auto& entry : fields)
      add_rule(guard.path + "." + entry.first.as<std::string>(), entry.second, rules);
    rules[at].skip = rules.size() - at - 1;
  }
  element_prefix_ = outer;
}

bool rule_loader::bind_target(const std::string& path, const YAML::Node& node, rule_op op, mapping_rule& rule) {
  rule.path = path;
  rule.op = op;
  rule.target = names_.intern(path);
  if (root_ == nullptr) {
    rule.raw_type = true;
    if (op != rule_op::set)
      error("MAP022", node, "parse makes OCSF attributes, not ECS names",
            "map it to OCSF and let config/ecs.yaml do the rest");
    return op == rule_op::set;
  }
  const auto found = schema_.resolve(*root_, path);
  if (!found) {
    error("MAP023", node, fmt::format("'{}': {}", path, found.error().what));
    return false;
  }
  rule.attribute = *found;
  rule.kind = rule.attribute->kind;
  // "hashes[0]" names one element of a list, "hashes" all of it.
  rule.array = rule.attribute->array && path.back() != ']';
  rule.is_time = path == "time";
  if (op == rule_op::set && rule.kind == ocsf_kind::object && rule.attribute->object != nullptr &&
      !rule.attribute->object->attributes.empty()) {
    error("MAP024", node, fmt::format("'{}' is an object: name one of its attributes, or parse", path));
    return false;
  }
  if (rule.kind == ocsf_kind::integer)
    for (const auto& [value, caption] : rule.attribute->captions) {
      std::int64_t n = 0;
      std::from_chars(value.data(), value.data() + value.size(), n);
      rule.enum_values.push_back(n);
    }
  std::sort(rule.enum_values.begin(), rule.enum_values.end());
  if (!rule.attribute->sibling.empty() && !rule.enum_values.empty() && !rule.array) {
    const auto dot = path.rfind('.');
    rule.sibling = names_.intern((dot == std::string::npos ? "" : path.substr(0, dot + 1)) + rule.attribute->sibling);
  }
  const auto bind_part = [&](const std::string& part) {
    const auto full = path + part;
    rule.parts.push_back(schema_.resolve(*root_, full) ? names_.intern(full) : model::no_field);
  };
  if (op == rule_op::hashes)
    for (std::size_t i = 0; i < most_hashes; ++i) {
      bind_part(fmt::format("[{}].value", i));
      bind_part(fmt::format("[{}].algorithm_id", i));
    }
  const auto ends_with = [&](std::string_view end) {
    return path.size() >= end.size() && path.compare(path.size() - end.size(), end.size(), end) == 0;
  };
  rule.executable = op == rule_op::path && (ends_with("process.file") || ends_with("module.file"));
  for (const auto& part : parts_of(op))
    bind_part("." + part);
  return true;
}

void rule_loader::add_rule(const std::string& path, const YAML::Node& node, std::vector<mapping_rule>& rules) {
  auto op = rule_op::set;
  for (const auto& item :
       node.IsSequence() ? std::vector<YAML::Node>(node.begin(), node.end()) : std::vector<YAML::Node>{node}) {
    const auto parse = item.IsMap() ? item["parse"] : YAML::Node(YAML::NodeType::Undefined);
    if (!parse)
      continue;
    const auto name = parse.IsScalar() ? parse.Scalar() : std::string{};
    const auto known = op_named(name);
    if (!known) {
      error("MAP025", parse, fmt::format("unknown parse '{}'", name), "url, user, path, command, endpoint or hashes");
      return;
    }
    op = *known;
  }
  mapping_rule rule;
  if (!bind_target(path, node, op, rule))
    return;
  const auto one = [&](const YAML::Node& item) {
    value_recipe recipe;
    if (read_recipe(item, rule, recipe))
      rule.alternatives.push_back(std::move(recipe));
  };
  const bool alternatives =
      node.IsSequence() && std::any_of(node.begin(), node.end(), [](const YAML::Node& n) { return n.IsMap(); });
  if (alternatives)
    std::for_each(node.begin(), node.end(), one);
  else
    one(node);
  if (!rule.alternatives.empty())
    rules.push_back(std::move(rule));
}

void rule_loader::read_sources(const YAML::Node& node, value_recipe& recipe) {
  if (node.IsScalar())
    recipe.from.push_back(source(node.Scalar()));
  else if (node.IsSequence())
    for (const auto& item : node) {
      if (item.IsScalar())
        recipe.from.push_back(source(item.Scalar()));
      else
        error("MAP026", item, "`from` takes names of fields");
    }
  else
    error("MAP026", node, "`from` takes a name or a list of names");
}

void rule_loader::read_sum(const YAML::Node& node, value_recipe& recipe) {
  if (!node.IsSequence() || node.size() < 2)
    return error("MAP026", node, "`sum` takes a list of names", "sum: [sentbyte, rcvdbyte]");
  for (const auto& item : node) {
    if (item.IsScalar())
      recipe.sum.push_back(source(item.Scalar()));
    else
      error("MAP026", item, "`sum` takes names of fields");
  }
}

constant rule_loader::read_constant(const YAML::Node& node, const mapping_rule& rule) {
  constant c;
  if (!node.IsScalar()) {
    error("MAP027", node, "a constant is a single value");
    return c;
  }
  c.text = node.Scalar();
  const bool enumerated = rule.attribute != nullptr && !rule.attribute->captions.empty();
  if (enumerated) {
    const auto value = rule.attribute->enum_value(c.text);
    if (!value) {
      std::vector<std::string> captions;
      for (const auto& [number, caption] : rule.attribute->captions)
        captions.push_back(caption);
      const auto near = did_you_mean(c.text, captions);
      std::string all;
      for (const auto& caption : captions)
        if (all.size() < 160)
          all += (all.empty() ? "" : ", ") + caption;
      error("MAP028", node, fmt::format("'{}' is no value of '{}'", c.text, rule.path),
            near.empty() ? "one of: " + all : fmt::format("did you mean '{}'?", near));
      return c;
    }
    c.text = *value;
  }
  const bool quoted = node.Tag() == "!";
  std::int64_t n = 0;
  const auto* end = c.text.data() + c.text.size();
  const auto [at, code] = std::from_chars(c.text.data(), end, n);
  const bool number = code == std::errc{} && at == end && !c.text.empty();
  const bool wants_number =
      rule.kind == ocsf_kind::integer || rule.kind == ocsf_kind::port || rule.kind == ocsf_kind::time;
  if (number && !quoted && (wants_number || rule.raw_type))
    c.data = model::value::of_int(n);
  else if (number && wants_number)
    c.data = model::value::of_int(n);
  else if (rule.kind == ocsf_kind::boolean && (c.text == "true" || c.text == "false"))
    c.data = model::value::of_bool(c.text == "true");
  else if (wants_number || rule.kind == ocsf_kind::boolean)
    error("MAP029", node,
          fmt::format("'{}' can't be '{}': it is {}", rule.path, c.text, wants_number ? "a number" : "true or false"));
  else
    c.data = model::value::of_string(c.text);
  return c;
}

void rule_loader::read_map(const YAML::Node& node, const mapping_rule& rule, value_recipe& recipe) {
  if (!node.IsMap()) {
    error("MAP030", node, "`map` is a table: {source text: value}");
    return;
  }
  auto table = std::make_shared<value_table>();
  for (const auto& entry : node) {
    auto c = read_constant(entry.second, rule);
    const auto key = entry.first.Scalar();
    if (key == "*")
      table->other = std::move(c);
    else
      table->entries.insert_or_assign(folded(key), std::move(c));
  }
  recipe.map = std::move(table);
}

void rule_loader::read_time(const YAML::Node& node, value_recipe& recipe) {
  time_rule t;
  const auto add_format = [&](const YAML::Node& item) {
    const auto text = item.IsScalar() ? item.Scalar() : std::string{};
    if (text != "auto" && text != "filetime" && !is_time_format(text))
      error("MAP031", item, fmt::format("'{}' is no time format", text),
            "auto, filetime, or % directives: %Y-%m-%d %H:%M:%S");
    else
      t.formats.push_back(text);
  };
  if (node.IsScalar() || node.IsSequence()) {
    if (node.IsScalar() && node.Scalar() != "auto")
      add_format(node);
    for (const auto& item : node)
      add_format(item);
  } else {
    yaml_map_reader r(file_, node, "time", "MAP032", found_);
    if (const auto formats = r.get("formats"); formats && formats.IsSequence())
      for (const auto& item : formats)
        add_format(item);
    else if (formats && formats.IsScalar())
      add_format(formats);
    if (const auto zone = r.text("zone")) {
      t.zone = time_zone::find(*zone);
      if (!t.zone)
        error("MAP033", r.get("zone"), fmt::format("unknown time zone '{}'", *zone), "an IANA name or ±hh:mm");
    }
    if (const auto from = r.text("zone_from"))
      t.zone_from = source(*from);
    if (const auto unit = r.text("unit")) {
      t.unit = *unit == "s"    ? time_unit::s
               : *unit == "ms" ? time_unit::ms
               : *unit == "us" ? time_unit::us
                               : time_unit::ns;
      if (*unit != "s" && *unit != "ms" && *unit != "us" && *unit != "ns")
        error("MAP034", r.get("unit"), fmt::format("unknown unit '{}'", *unit), "s, ms, us or ns");
    }
    for (const auto& name : r.texts("join"))
      t.join.push_back(source(name));
    r.reject_unknown();
  }
  recipe.time = std::move(t);
}

void rule_loader::read_pick(const YAML::Node& node, value_recipe& recipe) {
  yaml_map_reader r(file_, node, "pick", "MAP035", found_);
  pick_rule p;
  p.list = element_prefix_ + r.required_text("list");
  p.key = r.required_text("key");
  p.equals = r.required_text("equals");
  p.value = r.required_text("value");
  r.reject_unknown();
  const auto flat = [&](const std::string& name) {
    field_source s = field_source::compile(p.list + "." + name, names_);
    return p.list.find('[') == std::string::npos ? s : field_source::compile(s.native_name(), names_);
  };
  p.keys = flat(p.key);
  p.values = flat(p.value);
  recipe.pick = std::move(p);
}

void rule_loader::read_format(const std::string& text, const YAML::Node& node, value_recipe& recipe) {
  format_piece piece;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      piece.literal += text[++i];
    } else if (text[i] == '{') {
      const auto close = text.find('}', i);
      if (close == std::string::npos) {
        error("MAP036", node, "a '{' without its '}'", "write \\{ for the character");
        return;
      }
      piece.source = source(text.substr(i + 1, close - i - 1));
      recipe.format.push_back(std::move(piece));
      piece = {};
      i = close;
    } else {
      piece.literal += text[i];
    }
  }
  if (!piece.literal.empty())
    recipe.format.push_back(std::move(piece));
}

bool rule_loader::read_recipe(const YAML::Node& node, const mapping_rule& rule, value_recipe& recipe) {
  if (!node.IsMap()) {
    read_sources(node, recipe);
    return !recipe.from.empty();
  }
  for (const auto& entry : node) {
    const auto key = entry.first.as<std::string>();
    const auto& value = entry.second;
    const auto text = value.IsScalar() ? value.Scalar() : std::string{};
    recipe.plain = recipe.plain && (key == "from" || key == "when" || key == "parse");
    if (key == "from")
      read_sources(value, recipe);
    else if (key == "value")
      recipe.value = read_constant(value, rule);
    else if (key == "default")
      recipe.fallback = read_constant(value, rule);
    else if (key == "sum")
      read_sum(value, recipe);
    else if (key == "format")
      read_format(text, value, recipe);
    else if (key == "regex")
      recipe.regex = compile_pattern(text, file_, value, found_);
    else if (key == "split")
      recipe.split = text;
    else if (key == "item")
      recipe.item = value.as<int>(0);
    else if (key == "pick")
      read_pick(value, recipe);
    else if (key == "lower")
      recipe.lower = truth_of(value);
    else if (key == "upper")
      recipe.upper = truth_of(value);
    else if (key == "trim") {
      recipe.trim = true;
      recipe.trim_chars = text == "true" ? " \t\r\n" : text;
    } else if (key == "strip_prefix")
      recipe.strip_prefix = text;
    else if (key == "strip_suffix")
      recipe.strip_suffix = text;
    else if (key == "hex")
      recipe.hex = truth_of(value);
    else if (key == "scale")
      recipe.scale = value.as<double>(1);
    else if (key == "map")
      read_map(value, rule, recipe);
    else if (key == "time")
      read_time(value, recipe);
    else if (key == "when")
      recipe.when = field_condition::compile(value, file_, names_, found_);
    else if (key != "parse") {
      const auto near = did_you_mean(key, recipe_keys);
      error("MAP037", entry.first, fmt::format("unknown key '{}' in a rule", key),
            near.empty() ? "" : fmt::format("did you mean '{}'?", near));
    }
  }
  const bool has_source = !recipe.from.empty() || recipe.value || recipe.pick || !recipe.format.empty() ||
                          !recipe.sum.empty() || recipe.fallback || (recipe.time && !recipe.time->join.empty());
  if (!has_source)
    error("MAP038", node, fmt::format("'{}' has no source", rule.path), "from, value, format, sum or pick");
  return has_source;
}

} // namespace soc::ingest
