#include "response/core/component.hpp"

#include "base/network.hpp"
#include "base/yaml_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace soc::response {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 3> effect_names{"read", "reversible", "irreversible"};
constexpr std::array<std::string_view, 11> type_names{"text",   "integer", "boolean", "duration", "ip", "network",
                                                      "domain", "url",     "list",    "object",   "any"};
constexpr std::array<std::string_view, 3> repeat_names{"none", "natural", "key"};
constexpr std::array<std::string_view, 2> expiry_names{"platform", "target"};
constexpr std::array<std::string_view, 3> cost_names{"low", "medium", "high"};

/// Reads component.yaml; everything it says is about this file.
class component_reader {
public:
  component_reader(const std::string& file, diagnostics& found) : file_(file), found_(found) {}

  component read(const YAML::Node& root) {
    component out;
    yaml_map_reader r(file_, root, "component", "CMP002", found_);
    out.name = r.required_text("name");
    out.title = r.text("title").value_or(out.name);
    out.kind = r.required_text("kind");
    out.driver = r.text("driver").value_or("http");
    if (const auto auth = r.get("auth"); auth.IsDefined())
      out.auth = read_authentication(file_, auth, found_);
    const auto actions = r.get("actions");
    if (!actions.IsDefined() || !actions.IsMap())
      found_.error("CMP003", place_of(file_, root), "the component has no actions", "add `actions:` with at least one");
    else
      for (const auto& item : actions)
        out.actions.emplace(item.first.Scalar(), read_action(item.first.Scalar(), item.second, out.driver));
    r.reject_unknown();
    check_links(out, actions);
    return out;
  }

private:
  /// The index of `text` among `names`; reports and gives `fallback` for other text.
  template <std::size_t N>
  std::size_t one_of(yaml_map_reader& r, const std::string& key, const std::array<std::string_view, N>& names,
                     std::size_t fallback) {
    const auto text = r.text(key);
    if (!text)
      return fallback;
    const auto at = std::find(names.begin(), names.end(), *text);
    if (at != names.end())
      return static_cast<std::size_t>(at - names.begin());
    found_.error("CMP004", r.place(key),
                 fmt::format("'{}' must be one of {}, not '{}'", key, fmt::join(names, ", "), *text));
    return fallback;
  }

  action read_action(const std::string& name, const YAML::Node& node, const std::string& driver) {
    action out;
    out.name = name;
    yaml_map_reader r(file_, node, fmt::format("action '{}'", name), "CMP002", found_);
    out.title = r.text("title").value_or(name);
    out.effect = static_cast<action_effect>(one_of(r, "effect", effect_names, effect_names.size()));
    if (static_cast<std::size_t>(out.effect) == effect_names.size()) {
      found_.error("CMP005", r.place(), fmt::format("action '{}' doesn't say its effect", name),
                   "add `effect: read`, `reversible` or `irreversible`");
      out.effect = action_effect::irreversible;
    }
    for (const auto& type : r.texts("fits")) {
      out.fits.push_back(model::entity_type_from(type));
      if (out.fits.back() == model::entity_type::unknown)
        found_.error("CMP004", r.place("fits"), fmt::format("'{}' is no entity type", type));
    }
    out.target = r.text("target").value_or("");
    read_parameters(out, r.get("parameters"));
    out.inverse = r.text("inverse").value_or("");
    out.repeat = static_cast<idempotency>(one_of(r, "idempotency", repeat_names, 0));
    out.expiry = static_cast<expiry_by>(one_of(r, "expiry", expiry_names, 0));
    out.cost = cost_names[one_of(r, "cost", cost_names, 0)];
    out.timeout_ms = duration_ms(r, "timeout", out.timeout_ms);
    read_rate(out, r);
    read_verify(out, r.get("verify"));
    read_requests(out, r, driver);
    out.output = yaml_to_json(r.get("output"));
    out.driver_action = r.text("driver_action").value_or(name);
    r.reject_unknown();
    return out;
  }

  void read_requests(action& out, yaml_map_reader& r, const std::string& driver) {
    if (const auto request = r.get("request"); request.IsDefined())
      out.http.push_back(read_exchange(file_, request, found_));
    if (const auto several = r.get("requests"); several.IsDefined() && several.IsSequence())
      for (const auto& request : several) {
        out.http.push_back(read_exchange(file_, request, found_));
        if (out.http.back().id.empty() && several.size() > 1)
          found_.error("CMP012", place_of(file_, request), "one of several requests needs an `id`");
      }
    if (out.http.empty() && driver == "http")
      found_.error("CMP006", r.place(), fmt::format("action '{}' has no request", out.name), "add `request:`");
    for (auto& exchange : out.http)
      exchange.reads = exchange.reads || out.effect == action_effect::read;
  }

  std::int64_t duration_ms(yaml_map_reader& r, const std::string& key, std::int64_t fallback) {
    const auto text = r.text(key);
    if (!text)
      return fallback;
    const auto seconds = parse_duration_s(*text);
    if (!seconds)
      found_.error("CMP004", r.place(key), fmt::format("'{}' is no duration: '{}'", key, *text), "write 5s, 2m, 1h");
    return seconds.value_or(1) * 1000;
  }

  void read_rate(action& out, yaml_map_reader& r) {
    const auto node = r.get("rate_limit");
    if (!node.IsDefined())
      return;
    yaml_map_reader rate(file_, node, "rate_limit", "CMP002", found_);
    out.rate_most = rate.integer("most").value_or(0);
    out.rate_per_s = duration_ms(rate, "per", 1000) / 1000;
    rate.reject_unknown();
  }

  void read_parameters(action& out, const YAML::Node& node) {
    if (!node.IsDefined() || !node.IsMap())
      return;
    for (const auto& item : node) {
      parameter p;
      p.name = item.first.Scalar();
      yaml_map_reader r(file_, item.second, fmt::format("parameter '{}'", p.name), "CMP002", found_);
      p.type = static_cast<parameter_type>(one_of(r, "type", type_names, 0));
      p.required = r.boolean("required").value_or(false);
      p.description = r.text("description").value_or("");
      if (const auto fallback = r.text("default"))
        p.fallback = *fallback;
      r.reject_unknown();
      out.parameters.push_back(std::move(p));
    }
  }

  void read_verify(action& out, const YAML::Node& node) {
    if (!node.IsDefined())
      return;
    yaml_map_reader r(file_, node, "verify", "CMP002", found_);
    const auto read = r.required_text("read");
    const auto condition = json_condition::parse(file_, r.get("in_effect"), "CMP007", found_);
    r.reject_unknown();
    if (condition)
      out.verify = verification{read, *condition};
  }

  void check_links(const component& c, const YAML::Node& actions) {
    for (const auto& [name, a] : c.actions) {
      const auto at = place_of(file_, actions);
      if (a.effect == action_effect::reversible && !c.actions.contains(a.inverse))
        found_.error("CMP008", at, fmt::format("reversible action '{}' has no inverse in this component", name),
                     "add `inverse: <action>`, or say `effect: irreversible`");
      if (a.verify && (!c.actions.contains(a.verify->read_action) ||
                       c.actions.at(a.verify->read_action).effect != action_effect::read))
        found_.error(
            "CMP009", at,
            fmt::format("action '{}' is verified by '{}', which is no read action here", name, a.verify->read_action));
      const auto takes = [&target = a.target](const parameter& p) { return p.name == target; };
      if (!a.target.empty() && std::none_of(a.parameters.begin(), a.parameters.end(), takes))
        found_.error("CMP010", at,
                     fmt::format("the target '{}' of action '{}' is none of its parameters", a.target, name));
    }
  }

  const std::string& file_;
  diagnostics& found_;
};

std::optional<std::int64_t> integer_from(const json& value) {
  if (value.is_number_integer())
    return value.get<std::int64_t>();
  if (!value.is_string())
    return std::nullopt;
  const auto& s = value.get_ref<const std::string&>();
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), out);
  return error == std::errc{} && end == s.data() + s.size() ? std::optional(out) : std::nullopt;
}

std::optional<json> boolean_from(const json& value) {
  if (value.is_boolean())
    return value;
  if (value == "true" || value == "yes")
    return json(true);
  return value == "false" || value == "no" ? std::optional(json(false)) : std::nullopt;
}

/// `value` as the parameter's type, nothing if it is none.
std::optional<json> as_type(parameter_type type, const json& value) {
  const bool is_text = value.is_string();
  switch (type) {
  case parameter_type::integer: {
    const auto n = integer_from(value);
    return n ? std::optional(json(*n)) : std::nullopt;
  }
  case parameter_type::boolean:
    return boolean_from(value);
  case parameter_type::duration: {
    const auto s = is_text ? parse_duration_s(value.get_ref<const std::string&>()) : integer_from(value);
    return s && *s > 0 && *s <= longest_duration_s ? std::optional(json(*s)) : std::nullopt;
  }
  case parameter_type::ip:
  case parameter_type::network: {
    const auto n = is_text ? parse_network(value.get_ref<const std::string&>()) : std::nullopt;
    const bool fits = n && (type == parameter_type::network || n->prefix == (n->v6 ? 128 : 32));
    return fits ? std::optional(json(to_string(*n))) : std::nullopt;
  }
  case parameter_type::domain:
  case parameter_type::url: {
    const auto kind = type == parameter_type::domain ? model::entity_type::domain : model::entity_type::url;
    auto key = is_text ? model::canonical_key(kind, value.get_ref<const std::string&>()) : std::string{};
    return key.empty() ? std::nullopt : std::optional(json(std::move(key)));
  }
  case parameter_type::list:
    return value.is_array() ? std::optional(value) : std::nullopt;
  case parameter_type::object:
    return value.is_object() ? std::optional(value) : std::nullopt;
  case parameter_type::text:
    return value.is_structured() ? std::nullopt : std::optional(is_text ? value : json(value.dump()));
  case parameter_type::any:
    break;
  }
  return value;
}

} // namespace

std::string_view to_string(action_effect effect) {
  return effect_names[static_cast<std::size_t>(effect) % 3];
}
std::string_view to_string(parameter_type type) {
  return type_names[static_cast<std::size_t>(type) % 11];
}

const action* catalogue::find(const std::string& component, const std::string& action) const {
  const auto c = components.find(component);
  if (c == components.end())
    return nullptr;
  const auto a = c->second->actions.find(action);
  return a == c->second->actions.end() ? nullptr : &a->second;
}

std::vector<std::string> catalogue::action_names() const {
  std::vector<std::string> out;
  for (const auto& [name, c] : components)
    for (const auto& [action_name, a] : c->actions)
      out.push_back(action_name);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

const action* catalogue::any(const std::string& action) const {
  for (const auto& [name, c] : components)
    if (const auto at = c->actions.find(action); at != c->actions.end())
      return &at->second;
  return nullptr;
}

component_ptr load_component(const std::string& file, const std::string& text, diagnostics& found) {
  diagnostics own;
  const auto yaml = parse_yaml(file, text, "CMP001", own);
  component out;
  if (yaml.documents.size() == 1)
    out = component_reader(file, own).read(yaml.documents[0]);
  else if (own.errors() == 0)
    own.error("CMP001", {file, 0, 0}, "one document expected");
  const bool good = own.errors() == 0;
  found.append(own);
  return good ? std::make_shared<const component>(std::move(out)) : nullptr;
}

result<json> checked_parameters(const action& what, const json& given) {
  json out = json::object();
  if (!given.is_object() && !given.is_null())
    return failure{ec::invalid_input, "parameters must be a map"};
  for (const auto& item : given.items()) {
    const auto known = [&](const parameter& p) { return p.name == item.key(); };
    if (std::none_of(what.parameters.begin(), what.parameters.end(), known))
      return failure{ec::invalid_input, fmt::format("action '{}' takes no parameter '{}'", what.name, item.key())};
  }
  for (const auto& p : what.parameters) {
    const auto at = given.is_object() ? given.find(p.name) : given.end();
    const json& value = given.is_object() && at != given.end() && !at->is_null() ? *at : p.fallback;
    if (value.is_null() && p.required)
      return failure{ec::invalid_input, fmt::format("action '{}' needs parameter '{}'", what.name, p.name)};
    if (value.is_null())
      continue;
    auto typed = as_type(p.type, value);
    if (!typed)
      return failure{ec::invalid_input,
                     fmt::format("parameter '{}' of action '{}' must be {}", p.name, what.name, to_string(p.type))};
    out[p.name] = std::move(*typed);
  }
  return out;
}

} // namespace soc::response
