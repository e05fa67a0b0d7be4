#include "playbook/core/definition.hpp"

#include "base/duration.hpp"
#include "base/hash.hpp"
#include "base/network.hpp"
#include "base/yaml_json.hpp"
#include "base/yaml_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

namespace soc::playbook {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 12> kind_names{"action",       "condition", "branch",     "parallel",
                                                      "join",         "for_each",  "wait",       "approval",
                                                      "sub_playbook", "transform", "set_output", "end"};
constexpr std::array<std::string_view, 8> input_names{"text", "integer", "boolean", "duration",
                                                      "ip",   "list",    "object",  "any"};
constexpr std::array<std::string_view, 5> trigger_names{"incident", "alert", "schedule", "manual", "playbook"};
constexpr std::size_t max_steps = 500, max_name = 64;
constexpr int max_nesting = 4;

/// Reads playbook.yaml.
class playbook_reader {
public:
  playbook_reader(const std::string& file, diagnostics& found) : file_(file), found_(found) {}

  definition read(const YAML::Node& root) {
    definition out;
    yaml_map_reader r(file_, root, "playbook", "PLB002", found_);
    const auto before = found_.errors();
    out.name = r.required_text("name");
    if (found_.errors() == before && !is_playbook_name(out.name))
      found_.error("PLB005", r.place("name"), fmt::format("'{}' can't be a playbook's name", out.name),
                   "use letters, digits, _ and -, at most 64");
    out.title = r.text("title").value_or(out.name);
    out.description = r.text("description").value_or("");
    out.trigger = static_cast<trigger_kind>(one_of(r, "trigger", trigger_names, 3));
    const auto compensation = r.text("compensation").value_or("none");
    if (compensation != "none" && compensation != "undo_all")
      found_.error("PLB004", r.place("compensation"), "'compensation' must be none or undo_all");
    out.undo_on_failure = compensation == "undo_all";
    read_inputs(out, r.get("inputs"));
    out.body = read_block(r.get("steps"), place_of(file_, root), 0);
    r.reject_unknown();
    return out;
  }

private:
  template <std::size_t N>
  std::size_t one_of(yaml_map_reader& r, const std::string& key, const std::array<std::string_view, N>& names,
                     std::size_t fallback) {
    const auto text = r.text(key);
    if (!text)
      return fallback;
    const auto at = std::find(names.begin(), names.end(), *text);
    if (at != names.end())
      return static_cast<std::size_t>(at - names.begin());
    found_.error("PLB004", r.place(key),
                 fmt::format("'{}' must be one of {}, not '{}'", key, fmt::join(names, ", "), *text));
    return fallback;
  }

  void read_inputs(definition& out, const YAML::Node& node) {
    if (!node.IsDefined() || !node.IsMap())
      return;
    for (const auto& item : node) {
      input in;
      in.name = item.first.Scalar();
      yaml_map_reader r(file_, item.second, fmt::format("input '{}'", in.name), "PLB002", found_);
      in.type = static_cast<input_type>(one_of(r, "type", input_names, 0));
      in.description = r.text("description").value_or("");
      in.fallback = yaml_to_json(r.get("default"));
      in.required = r.boolean("required").value_or(in.fallback.is_null());
      r.reject_unknown();
      out.inputs.push_back(std::move(in));
    }
  }

  block read_block(const YAML::Node& list, const source_place& at, int depth) {
    block out;
    if (!list.IsDefined() || !list.IsSequence() || list.size() == 0) {
      found_.error("PLB003", at, "there are no steps", "add `steps:` with a list");
      return out;
    }
    if (depth > max_nesting || list.size() > max_steps) {
      found_.error("PLB003", at, fmt::format("at most {} steps, nested at most {} deep", max_steps, max_nesting));
      return out;
    }
    for (const auto& node : list)
      out.steps.push_back(read_step(node, depth));
    link(out);
    return out;
  }

  step read_step(const YAML::Node& node, int depth) {
    step out;
    yaml_map_reader r(file_, node, "step", "PLB002", found_);
    out.place = place_of(file_, node);
    out.id = r.required_text("id");
    if (out.id == "end" || out.id.find_first_of("./[]{}$# ") != std::string::npos)
      found_.error("PLB005", r.place("id"), fmt::format("'{}' can't be a step's id", out.id),
                   "use letters, digits, _ and -");
    out.title = r.text("title").value_or(out.id);
    read_kind(out, r, node, depth);
    out.next = r.text("next").value_or("");
    out.timeout_s = duration(r, "timeout");
    read_retry(out.retry, r.get("retry"));
    if (const auto error = r.text("on_error")) {
      out.error = *error == "fail" ? on_error::fail : *error == "continue" ? on_error::go_on : on_error::step;
      out.error_step = out.error == on_error::step ? *error : "";
    }
    r.reject_unknown();
    return out;
  }

  void read_kind(step& out, yaml_map_reader& r, const YAML::Node& node, int depth) {
    std::size_t kinds = 0;
    for (std::size_t i = 0; i < kind_names.size(); ++i)
      if (r.is_map() && node[std::string(kind_names[i])]) {
        out.kind = static_cast<step_kind>(i);
        ++kinds;
      }
    if (kinds != 1) {
      found_.error("PLB006", out.place,
                   kinds == 0 ? fmt::format("step '{}' says not what it does", out.id)
                              : fmt::format("step '{}' is more than one kind of step", out.id),
                   fmt::format("give it one of {}", fmt::join(kind_names, ", ")));
      for (const auto kind : kind_names)
        r.get(std::string(kind));
      return;
    }
    const auto body = r.get(std::string(kind_names[static_cast<std::size_t>(out.kind)]));
    switch (out.kind) {
    case step_kind::action:
      return read_action(out, r, body);
    case step_kind::condition:
    case step_kind::branch:
      return read_choices(out, body);
    case step_kind::parallel:
      return read_targets(out, body);
    case step_kind::join:
      return read_join(out, body);
    case step_kind::for_each:
      return read_for_each(out, body, depth);
    case step_kind::wait:
      return read_wait(out, body);
    case step_kind::approval:
      return read_approval(out, body);
    case step_kind::sub_playbook:
      out.playbook = body.IsScalar() ? body.Scalar() : "";
      out.parameters = object_or_empty(r, "with");
      return;
    case step_kind::transform:
      if (body.IsMap() && body["jq"])
        return read_program(out, body);
      [[fallthrough]];
    case step_kind::set_output:
      out.parameters = yaml_to_json(body);
      if (!out.parameters.is_object())
        found_.error("PLB007", place_of(file_, body), fmt::format("step '{}' needs a map of names to values", out.id));
      return;
    case step_kind::end:
      return read_end(out, body);
    }
  }

  json object_or_empty(yaml_map_reader& r, const std::string& key) {
    const auto node = r.get(key);
    auto out = yaml_to_json(node);
    if (out.is_null())
      return json::object();
    if (!out.is_object())
      found_.error("PLB007", r.place(key), fmt::format("'{}' must be a map", key));
    return out.is_object() ? out : json::object();
  }

  void read_action(step& out, yaml_map_reader& r, const YAML::Node& body) {
    out.action = body.IsScalar() ? body.Scalar() : "";
    if (out.action.empty())
      found_.error("PLB007", place_of(file_, body), fmt::format("step '{}' names no action", out.id));
    out.parameters = object_or_empty(r, "with");
    out.where = object_or_empty(r, "on");
    out.target = yaml_to_json(r.get("target"));
    out.duration = yaml_to_json(r.get("for"));
    out.compensate = r.boolean("compensate").value_or(false);
  }

  void read_choices(step& out, const YAML::Node& body) {
    if (!body.IsSequence() || body.size() == 0) {
      found_.error("PLB007", place_of(file_, body), fmt::format("step '{}' needs a list of {{when, next}}", out.id));
      return;
    }
    for (const auto& item : body) {
      choice c;
      yaml_map_reader r(file_, item, "choice", "PLB002", found_);
      const auto otherwise = r.text("else");
      if (otherwise) {
        c.next = *otherwise;
      } else {
        c.when = json_condition::parse(file_, r.get("when"), "PLB008", found_);
        c.next = r.required_text("next");
      }
      r.reject_unknown();
      out.choices.push_back(std::move(c));
    }
  }

  void read_targets(step& out, const YAML::Node& body) {
    for (const auto& item : body)
      if (item.IsScalar())
        out.to.push_back(item.Scalar());
    if (out.to.size() < 2)
      found_.error("PLB007", place_of(file_, body),
                   fmt::format("parallel step '{}' needs at least two steps to begin", out.id));
  }

  void read_join(step& out, const YAML::Node& body) {
    const auto text = body.IsScalar() ? body.Scalar() : "";
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.need);
    if (text == "all")
      out.need = 0;
    else if (text == "any")
      out.need = 1;
    else if (error != std::errc{} || end != text.data() + text.size() || out.need == 0)
      found_.error("PLB007", place_of(file_, body), "'join' must be all, any or a number of arrivals");
  }

  void read_for_each(step& out, const YAML::Node& body, int depth) {
    yaml_map_reader r(file_, body, "for_each", "PLB002", found_);
    out.items = yaml_to_json(r.get("items"));
    out.as = r.text("as").value_or(out.as);
    const auto most = r.integer("max_parallel").value_or(8);
    out.max_parallel = static_cast<std::size_t>(std::clamp<std::int64_t>(most, 1, 64));
    out.body = std::make_shared<const block>(read_block(r.get("do"), r.place(), depth + 1));
    r.reject_unknown();
  }

  void read_wait(step& out, const YAML::Node& body) {
    if (body.IsScalar()) {
      out.duration = yaml_to_json(body);
      return;
    }
    yaml_map_reader r(file_, body, "wait", "PLB002", found_);
    out.duration = yaml_to_json(r.get("for"));
    out.signal = r.text("signal").value_or("");
    r.reject_unknown();
    if (out.duration.is_null() && out.signal.empty())
      found_.error("PLB007", place_of(file_, body), fmt::format("step '{}' must wait for a time or a signal", out.id));
  }

  void read_approval(step& out, const YAML::Node& body) {
    yaml_map_reader r(file_, body, "approval", "PLB002", found_);
    out.message = yaml_to_json(r.get("message"));
    out.people = static_cast<std::uint32_t>(std::clamp<std::int64_t>(r.integer("people").value_or(1), 1, 10));
    r.reject_unknown();
  }

  void read_program(step& out, const YAML::Node& body) {
    yaml_map_reader r(file_, body, "transform", "PLB002", found_);
    out.program = r.required_text("jq");
    out.parameters = yaml_to_json(r.get("input"));
    r.reject_unknown();
  }

  void read_end(step& out, const YAML::Node& body) {
    out.parameters = yaml_to_json(body);
    if (out.parameters.is_object() && out.parameters.contains("failed")) {
      out.failed_end = true;
      out.parameters = out.parameters["failed"];
    }
  }

  std::int64_t duration(yaml_map_reader& r, const std::string& key) {
    const auto text = r.text(key);
    if (!text)
      return 0;
    const auto seconds = duration_s(json(*text));
    if (!seconds)
      found_.error("PLB009", r.place(key), fmt::format("'{}' is no duration: '{}'", key, *text),
                   "write 90s, 15m, 24h, 7d");
    return seconds.value_or(0);
  }

  void read_retry(retry_policy& out, const YAML::Node& node) {
    if (!node.IsDefined())
      return;
    yaml_map_reader r(file_, node, "retry", "PLB002", found_);
    out.attempts = static_cast<std::uint32_t>(std::clamp<std::int64_t>(r.integer("attempts").value_or(3), 1, 20));
    if (const auto s = duration(r, "backoff"); s > 0)
      out.backoff_ms = s * 1000;
    out.on = r.texts("on");
    r.reject_unknown();
  }

  /// Fills in `next`, and sees that every name leads to a step and no path comes back.
  void link(block& b) {
    std::set<std::string> ids;
    for (std::size_t i = 0; i < b.steps.size(); ++i) {
      auto& s = b.steps[i];
      if (!ids.insert(s.id).second)
        found_.error("PLB010", s.place, fmt::format("step '{}' is there twice", s.id));
      const bool leads_elsewhere =
          s.kind == step_kind::condition || s.kind == step_kind::branch || s.kind == step_kind::parallel;
      if (s.kind == step_kind::end || (leads_elsewhere && s.next.empty()))
        s.next = s.kind == step_kind::end ? "end" : "";
      else if (s.next.empty())
        s.next = i + 1 < b.steps.size() ? b.steps[i + 1].id : "end";
    }
    for (const auto& s : b.steps)
      for (const auto& name : successors(s))
        if (name != "end" && !ids.contains(name))
          unknown_step(b, s, name);
    find_cycles(b);
  }

  static std::vector<std::string> successors(const step& s) {
    std::vector<std::string> out = s.to;
    for (const auto& c : s.choices)
      out.push_back(c.next);
    if (!s.next.empty())
      out.push_back(s.next);
    if (!s.error_step.empty())
      out.push_back(s.error_step);
    return out;
  }

  void unknown_step(const block& b, const step& s, const std::string& name) {
    std::vector<std::string> known{"end"};
    for (const auto& other : b.steps)
      known.push_back(other.id);
    const auto near = did_you_mean(name, known);
    found_.error("PLB011", s.place, fmt::format("step '{}' leads to '{}', which is no step here", s.id, name),
                 near.empty() ? std::string{} : fmt::format("did you mean '{}'?", near));
  }

  void find_cycles(const block& b) {
    std::map<std::string, int> color; // 1: on the path, 2: seen
    const auto visit = [&](const step& s, auto&& self) -> bool {
      color[s.id] = 1;
      for (const auto& name : successors(s)) {
        const auto* next = b.find(name);
        if (next == nullptr || color[name] == 2)
          continue;
        if (color[name] == 1 || !self(*next, self)) {
          if (color[name] == 1)
            found_.error("PLB012", s.place, fmt::format("from step '{}' the way leads back to '{}'", s.id, name),
                         "repeat with for_each or retry; a playbook has no loops");
          return false;
        }
      }
      color[s.id] = 2;
      return true;
    };
    for (const auto& s : b.steps)
      if (color[s.id] == 0 && !visit(s, visit))
        return;
  }

  const std::string& file_;
  diagnostics& found_;
};

std::optional<json> input_value(input_type type, const json& value) {
  const bool is_text = value.is_string();
  switch (type) {
  case input_type::text:
    return value.is_structured() ? std::nullopt : std::optional(is_text ? value : json(value.dump()));
  case input_type::integer:
    return value.is_number_integer() ? std::optional(value) : std::nullopt;
  case input_type::boolean:
    return value.is_boolean() ? std::optional(value) : std::nullopt;
  case input_type::duration: {
    const auto s = duration_s(value);
    return s ? std::optional(value) : std::nullopt;
  }
  case input_type::ip: {
    const auto n = is_text ? parse_network(value.get_ref<const std::string&>()) : std::nullopt;
    return n ? std::optional(json(to_string(*n))) : std::nullopt;
  }
  case input_type::list:
    return value.is_array() ? std::optional(value) : std::nullopt;
  case input_type::object:
    return value.is_object() ? std::optional(value) : std::nullopt;
  case input_type::any:
    break;
  }
  return value;
}

} // namespace

std::string_view to_string(step_kind kind) {
  return kind_names[static_cast<std::size_t>(kind) % kind_names.size()];
}

std::string_view to_string(input_type type) {
  return input_names[static_cast<std::size_t>(type) % input_names.size()];
}

bool is_playbook_name(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= max_name && std::all_of(text.begin(), text.end(), fits);
}

std::string_view to_string(trigger_kind kind) {
  return trigger_names[static_cast<std::size_t>(kind) % trigger_names.size()];
}

std::size_t block::index(const std::string& id) const {
  const auto at = std::find_if(steps.begin(), steps.end(), [&](const auto& s) { return s.id == id; });
  return static_cast<std::size_t>(at - steps.begin());
}

const step* block::find(const std::string& id) const {
  const auto at = index(id);
  return at < steps.size() ? &steps[at] : nullptr;
}

definition_ptr load_playbook(const std::string& file, const std::string& text, diagnostics& found) {
  diagnostics own;
  const auto yaml = parse_yaml(file, text, "PLB001", own, 100'000);
  definition out;
  if (yaml.documents.size() == 1)
    out = playbook_reader(file, own).read(yaml.documents[0]);
  else if (own.errors() == 0)
    own.error("PLB001", {file, 0, 0}, "one document expected");
  const bool good = own.errors() == 0;
  found.append(own);
  if (!good)
    return nullptr;
  out.text = text;
  out.file = file;
  out.version = to_hex(hash128(text)).substr(0, 12);
  return std::make_shared<const definition>(std::move(out));
}

result<json> checked_inputs(const definition& d, const json& given) {
  json out = json::object();
  if (!given.is_object() && !given.is_null())
    return failure{ec::invalid_input, "inputs must be a map"};
  for (const auto& in : d.inputs) {
    const auto at = given.is_object() ? given.find(in.name) : given.end();
    const bool there = given.is_object() && at != given.end() && !at->is_null();
    const json& value = there ? *at : in.fallback;
    if (value.is_null() && in.required)
      return failure{ec::invalid_input, fmt::format("playbook '{}' needs input '{}'", d.name, in.name)};
    if (value.is_null())
      continue;
    auto typed = input_value(in.type, value);
    if (!typed)
      return failure{ec::invalid_input,
                     fmt::format("input '{}' of playbook '{}' must be {}", in.name, d.name, to_string(in.type))};
    out[in.name] = std::move(*typed);
  }
  return out;
}

std::optional<std::int64_t> duration_s(const json& value) {
  if (value.is_number_integer()) {
    const auto s = value.get<std::int64_t>();
    return s >= 0 && s <= longest_duration_s ? std::optional(s) : std::nullopt;
  }
  if (!value.is_string())
    return std::nullopt;
  return parse_duration_s(value.get_ref<const std::string&>());
}

} // namespace soc::playbook
