#include "ingest/core/input_loader.hpp"

#include "base/yaml_text.hpp"
#include "ingest/core/rule_loader.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::ingest {

namespace {

const std::vector<std::pair<std::string, record_format>> format_names{{"json", record_format::json},
                                                                      {"xml", record_format::xml},
                                                                      {"cef", record_format::cef},
                                                                      {"leef", record_format::leef},
                                                                      {"text", record_format::text}};
const std::vector<std::pair<std::string, decoder_kind>> decoder_names{
    {"json", decoder_kind::json},     {"xml", decoder_kind::xml},         {"cef", decoder_kind::cef},
    {"leef", decoder_kind::leef},     {"kv", decoder_kind::kv},           {"csv", decoder_kind::csv},
    {"regex", decoder_kind::regex},   {"dissect", decoder_kind::dissect}, {"clf", decoder_kind::clf},
    {"auditd", decoder_kind::auditd}, {"windows", decoder_kind::windows}};

template <class T>
std::optional<T> value_named(const std::vector<std::pair<std::string, T>>& table, const std::string& name) {
  for (const auto& [known, value] : table)
    if (known == name)
      return value;
  return std::nullopt;
}

std::vector<std::string> lower_all(std::vector<std::string> texts) {
  for (auto& text : texts)
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return texts;
}

} // namespace

void input_loader::error(const std::string& code, const YAML::Node& node, std::string what, std::string hint) {
  found_.error(code, place_of(file_, node), std::move(what), std::move(hint));
}

mapping_input input_loader::load(const YAML::Node& node) {
  mapping_input input;
  yaml_map_reader r(file_, node, "input", "MAP010", found_);
  input.name = r.required_text("name");
  const auto format = r.required_text("format");
  if (const auto known = value_named(format_names, format))
    input.format = *known;
  else if (!format.empty())
    error("MAP011", r.get("format"), fmt::format("unknown format '{}'", format), "json, xml, cef, leef or text");
  if (const auto detect = r.get("detect"))
    load_detection(detect, input.detect);
  input.unwrap = r.texts("unwrap");
  load_steps(r.get("decode"), input);
  r.reject_unknown();
  return input;
}

void input_loader::load_detection(const YAML::Node& node, input_detection& detect) {
  yaml_map_reader r(file_, node, "detect", "MAP012", found_);
  detect.priority = static_cast<int>(r.integer("priority").value_or(50));
  for (const auto& key : r.texts("keys"))
    detect.keys.push_back(names_.intern(key));
  for (const auto& key : r.texts("any_keys"))
    detect.any_keys.push_back(names_.intern(key));
  if (const auto where = r.get("where"))
    detect.where = field_condition::compile(where, file_, names_, found_);
  detect.vendors = lower_all(r.texts("vendor"));
  detect.products = lower_all(r.texts("product"));
  detect.programs = lower_all(r.texts("program"));
  detect.prefixes = r.texts("prefix");
  detect.contains = r.texts("contains");
  detect.any_contains = r.texts("any_contains");
  if (const auto regex = r.text("regex"))
    detect.regex = compile_pattern(*regex, file_, r.get("regex"), found_);
  r.reject_unknown();
}

void input_loader::load_steps(const YAML::Node& node, mapping_input& input) {
  const auto by_format = [&] {
    decode_step step;
    step.decoder = input.format == record_format::json  ? decoder_kind::json
                   : input.format == record_format::xml ? decoder_kind::xml
                   : input.format == record_format::cef ? decoder_kind::cef
                                                        : decoder_kind::leef;
    return step;
  };
  if (!node) {
    if (input.format == record_format::text)
      found_.error("MAP013", {file_, 0, 0}, fmt::format("input '{}': text needs a `decode`", input.name),
                   "kv, csv, regex, dissect, clf or auditd");
    input.steps.push_back(by_format());
    return;
  }
  const auto add = [&](const YAML::Node& item) {
    decode_step step;
    if (load_step(item, step))
      input.steps.push_back(std::move(step));
  };
  if (node.IsSequence())
    std::for_each(node.begin(), node.end(), add);
  else
    add(node);
  const bool starts_itself = !input.steps.empty() && !input.steps.front().field;
  if (!starts_itself && input.format != record_format::text)
    input.steps.insert(input.steps.begin(), by_format());
  else if (!starts_itself)
    error("MAP014", node, "the first step reads the payload: leave its `field` out");
}

bool input_loader::load_step(const YAML::Node& node, decode_step& step) {
  if (node.IsScalar()) {
    const auto kind = value_named(decoder_names, node.Scalar());
    if (!kind) {
      error("MAP015", node, fmt::format("unknown decoder '{}'", node.Scalar()),
            "json, xml, cef, leef, kv, csv, regex, dissect, clf, auditd or windows");
      return false;
    }
    step.decoder = *kind;
    return true;
  }
  yaml_map_reader r(file_, node, "step", "MAP016", found_);
  if (!r.is_map())
    return false;
  if (const auto field = r.text("field"))
    step.field = field_source::compile(*field, names_);
  step.optional = r.boolean("optional").value_or(false);
  if (const auto when = r.get("when"))
    step.when = field_condition::compile(when, file_, names_, found_);
  int decoders = 0;
  for (const auto& [name, kind] : decoder_names) {
    const auto options = r.get(name);
    if (!options)
      continue;
    ++decoders;
    step.decoder = kind;
    if (kind == decoder_kind::kv)
      load_kv(options, step);
    else if (kind == decoder_kind::csv)
      load_csv(options, step);
    else if (kind == decoder_kind::regex || kind == decoder_kind::dissect)
      load_patterns(options, step);
    else if (options.IsMap()) {
      yaml_map_reader inner(file_, options, name, "MAP016", found_);
      step.prefix = inner.text("prefix").value_or("");
      inner.reject_unknown();
    }
  }
  r.reject_unknown();
  if (decoders != 1)
    error("MAP017", node, "a step has exactly one decoder", "- {json: {prefix: event.}, field: event}");
  return decoders == 1;
}

void input_loader::load_kv(const YAML::Node& node, decode_step& step) {
  if (!node.IsMap())
    return;
  yaml_map_reader r(file_, node, "kv", "MAP018", found_);
  step.kv.pairs = r.text("pairs").value_or("");
  step.kv.assign = r.text("assign").value_or("=");
  const auto quote = r.text("quote").value_or("\"");
  step.kv.quote = quote.empty() ? '\0' : quote[0];
  step.kv.prefix = r.text("prefix").value_or("");
  for (auto& key : r.texts("keys"))
    step.kv.keys.insert(std::move(key));
  if (step.kv.assign.empty())
    error("MAP018", node, "`assign` can't be empty");
  r.reject_unknown();
}

std::vector<std::string> input_loader::columns(const YAML::Node& node) {
  std::vector<std::string> names;
  if (!node.IsSequence())
    error("MAP019", node, "columns are a list of names; ~ skips one");
  else
    for (const auto& item : node) {
      names.push_back(item.IsNull() ? "" : item.IsScalar() ? item.Scalar() : "");
      if (!names.back().empty())
        names_.intern(names.back());
    }
  return names;
}

void input_loader::load_csv(const YAML::Node& node, decode_step& step) {
  if (!node.IsMap())
    return;
  yaml_map_reader r(file_, node, "csv", "MAP019", found_);
  const auto separator = r.text("separator").value_or(",");
  step.csv.separator = separator == "tab"     ? '\t'
                       : separator == "pipe"  ? '|'
                       : separator == "space" ? ' '
                       : separator.empty()    ? ','
                                              : separator[0];
  step.csv.header = r.boolean("header").value_or(false);
  step.csv.select = static_cast<int>(r.integer("select").value_or(-1));
  if (const auto list = r.get("columns"); list && step.csv.select < 0)
    step.csv.columns = columns(list);
  else if (list && list.IsMap())
    for (const auto& entry : list)
      step.csv.by_value[entry.first.Scalar()] = columns(entry.second);
  else if (list)
    error("MAP019", list, "with `select`, columns are a table: {TRAFFIC: [a, b], \"*\": [c]}");
  r.reject_unknown();
}

void input_loader::load_patterns(const YAML::Node& node, decode_step& step) {
  const auto add = [&](const YAML::Node& item) {
    const auto text = item.IsScalar() ? item.Scalar() : std::string{};
    if (step.decoder == decoder_kind::dissect) {
      auto p = dissect_pattern::compile(text);
      if (!p)
        return error("MAP039", item, "not a dissect pattern", "%{a} %{b}: something must stand between two fields");
      for (const auto& part : p->parts)
        names_.intern(part.name);
      step.dissects.push_back(std::move(*p));
      return;
    }
    regex_option option;
    option.pattern = compile_pattern(text, file_, item, found_);
    if (!option.pattern)
      return;
    for (const auto& [name, number] : option.pattern->named_groups()) {
      // RE2 names are identifiers: "__" stands for the dot of nested names.
      auto field = name;
      for (auto at = field.find("__"); at != std::string::npos; at = field.find("__", at + 1))
        field.replace(at, 2, ".");
      names_.intern(field);
      option.groups.emplace_back(number, std::move(field));
    }
    std::sort(option.groups.begin(), option.groups.end());
    step.patterns.push_back(std::move(option));
  };
  if (node.IsSequence())
    std::for_each(node.begin(), node.end(), add);
  else
    add(node);
}

} // namespace soc::ingest
