#include "playbook/core/cacao.hpp"

#include "base/hash.hpp"
#include "base/json_template.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace soc::playbook {

using nlohmann::json;

namespace {

/// Names our extension; any constant that nobody else uses.
constexpr const char* extension_id = "extension-definition--7c0e2f6a-5d0b-5a0e-9f54-2f1d0c8b7a11";
constexpr std::size_t max_foreign_steps = 400;

/// A name-based UUID (version 5 in form) of the parts.
std::string uuid_of(const std::string& what, const std::string& name) {
  auto hex = id_builder().add(what).add(name).hex();
  hex[12] = '5';
  hex[16] = "89ab"[(hex[16] <= '9' ? hex[16] - '0' : hex[16] - 'a') % 4];
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                     hex.substr(20));
}

// ---- Out

constexpr const char* cacao_variable_types[] = {"string",    "integer", "bool",       "string",
                                                "ipv4-addr", "list",    "dictionary", "string"};

class cacao_writer {
public:
  cacao_writer(const definition& d, const std::string& modified) : d_(d), modified_(modified) {}

  json write() {
    const auto playbook_id = "playbook--" + uuid_of("playbook", d_.name);
    const auto start = id_of("start", "start"), end = id_of("end", "end");
    end_ = end;
    workflow_[end] = {{"type", "end"}};
    write_block(d_.body, "");
    workflow_[start] = {{"type", "start"}, {"on_completion", step_id("", d_.body.steps.front().id)}};
    json out{{"type", "playbook"},
             {"spec_version", "cacao-2.0"},
             {"id", playbook_id},
             {"name", d_.title},
             {"description", d_.description},
             {"playbook_types", {"mitigation"}},
             {"created_by", "identity--" + uuid_of("identity", "agentic-soc")},
             {"created", modified_},
             {"modified", modified_},
             {"revoked", false},
             {"workflow_start", start},
             {"workflow", workflow_}};
    out["playbook_variables"] = variables();
    out["agent_definitions"] = {
        {agent(), {{"type", "security-category"}, {"name", "agentic-soc"}, {"category", {"soar"}}}},
        {person(), {{"type", "group"}, {"name", "analysts"}}}};
    out["extension_definitions"] = {{extension_id,
                                     {{"type", "extension-definition"},
                                      {"name", "agentic-soc playbook text"},
                                      {"created_by", out["created_by"]},
                                      {"schema", "docs/response.md"},
                                      {"version", "1.0"}}}};
    out["playbook_extensions"] = {{extension_id, {{"name", d_.name}, {"text", d_.text}}}};
    return out;
  }

private:
  std::string id_of(const std::string& type, const std::string& name) const {
    return type + "--" + uuid_of(d_.name + "/" + type, name);
  }
  std::string agent() const { return "security-category--" + uuid_of("agent", "soc"); }
  std::string person() const { return "group--" + uuid_of("agent", "analysts"); }

  static const char* type_of(const step& s) {
    switch (s.kind) {
    case step_kind::condition:
    case step_kind::branch:
      return "if-condition";
    case step_kind::parallel:
      return "parallel";
    case step_kind::for_each:
      return "while-condition";
    case step_kind::sub_playbook:
      return "playbook-action";
    case step_kind::end:
      return "end";
    default:
      return "action";
    }
  }

  std::string step_id(const std::string& scope, const std::string& name) const {
    if (name == "end" || name.empty())
      return end_;
    const auto* s = find(scope, name);
    return s == nullptr ? end_ : id_of(type_of(*s), scope + name);
  }

  const step* find(const std::string& scope, const std::string& name) const {
    const auto at = blocks_.find(scope);
    return at == blocks_.end() ? nullptr : at->second->find(name);
  }

  json variables() const {
    json out = json::object();
    for (const auto& in : d_.inputs) {
      json one{{"type", cacao_variable_types[static_cast<std::size_t>(in.type)]},
               {"description", in.description},
               {"constant", false},
               {"external", true}};
      if (!in.fallback.is_null())
        one["value"] = json_to_text(in.fallback);
      out["__" + in.name + "__"] = std::move(one);
    }
    return out;
  }

  void write_block(const block& b, const std::string& scope) {
    blocks_[scope] = &b;
    for (const auto& s : b.steps) {
      if (s.kind == step_kind::for_each && s.body)
        write_block(*s.body, scope + s.id + "/");
      write_step(s, scope);
    }
  }

  void write_step(const step& s, const std::string& scope) {
    json out{{"type", type_of(s)}, {"name", s.title}};
    if (s.timeout_s > 0)
      out["timeout"] = s.timeout_s * 1000;
    switch (s.kind) {
    case step_kind::condition:
    case step_kind::branch:
      return write_choices(s, scope);
    case step_kind::parallel:
      out["next_steps"] = json::array();
      for (const auto& to : s.to)
        out["next_steps"].push_back(step_id(scope, to));
      break;
    case step_kind::for_each:
      out["condition"] = fmt::format("for each {} of {}", s.as, s.items.dump());
      out["on_true"] = step_id(scope + s.id + "/", s.body->steps.front().id);
      out["on_completion"] = step_id(scope, s.next);
      break;
    case step_kind::sub_playbook:
      out["playbook_id"] = "playbook--" + uuid_of("playbook", s.playbook);
      out["on_completion"] = step_id(scope, s.next);
      break;
    case step_kind::end:
      break;
    default:
      write_action(out, s, scope);
    }
    workflow_[id_of(type_of(s), scope + s.id)] = std::move(out);
  }

  void write_action(json& out, const step& s, const std::string& scope) {
    const bool by_person = s.kind == step_kind::approval;
    std::string text = s.kind == step_kind::action ? fmt::format("{} {}", s.action, s.parameters.dump())
                       : by_person                 ? json_to_text(s.message)
                       : s.kind == step_kind::transform
                           ? fmt::format("compute {}", s.program.empty() ? s.parameters.dump() : s.program)
                           : fmt::format("{} {}", to_string(s.kind), s.parameters.dump());
    out["commands"] = json::array({{{"type", "manual"}, {"command", text}}});
    out["agent"] = by_person ? person() : agent();
    if (s.kind == step_kind::wait && duration_s(s.duration))
      out["delay"] = *duration_s(s.duration) * 1000;
    if (s.error == on_error::step) {
      out["on_success"] = step_id(scope, s.next);
      out["on_failure"] = step_id(scope, s.error_step);
    } else {
      out["on_completion"] = step_id(scope, s.next);
    }
  }

  /// First match with else: a chain of if-conditions.
  void write_choices(const step& s, const std::string& scope) {
    std::string otherwise = s.next;
    std::vector<const choice*> tests;
    for (const auto& c : s.choices)
      if (c.when)
        tests.push_back(&c);
      else
        otherwise = c.next;
    const auto name_of = [&](std::size_t i) {
      return id_of("if-condition", i == 0 ? scope + s.id : fmt::format("{}{}#{}", scope, s.id, i));
    };
    for (std::size_t i = 0; i < tests.size(); ++i)
      workflow_[name_of(i)] = {{"type", "if-condition"},
                               {"name", s.title},
                               {"condition", fmt::format("soc:{}#{}", s.id, i + 1)},
                               {"on_true", step_id(scope, tests[i]->next)},
                               {"on_false", i + 1 < tests.size() ? name_of(i + 1) : step_id(scope, otherwise)}};
  }

  const definition& d_;
  const std::string modified_;
  std::string end_;
  json workflow_ = json::object();
  std::map<std::string, const block*> blocks_;
};

// ---- In

std::string text_of(const json& from, const char* key) {
  const auto at = from.find(key);
  return at != from.end() && at->is_string() ? at->get<std::string>() : std::string{};
}

std::string word_of(const std::string& text, const std::string& otherwise) {
  std::string out;
  for (const char c : text.substr(0, 48))
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
      out += c;
    else if (c >= 'A' && c <= 'Z')
      out += static_cast<char>(c + 32);
    else if (!out.empty() && out.back() != '_')
      out += '_';
  while (!out.empty() && out.back() == '_')
    out.pop_back();
  return out.empty() || out == "end" ? otherwise : out;
}

class cacao_reader {
public:
  cacao_reader(const std::string& file, const json& from, diagnostics& found)
      : file_(file), from_(from), found_(found) {}

  std::optional<std::string> read() {
    const auto before = found_.errors();
    const auto workflow = from_.find("workflow");
    if (workflow == from_.end() || !workflow->is_object() || workflow->size() > max_foreign_steps)
      return fault("CAC002", "", fmt::format("there is no `workflow` of at most {} steps", max_foreign_steps));
    workflow_ = &*workflow;
    name_steps();
    const auto* start = step_at(text_of(from_, "workflow_start"));
    if (start == nullptr)
      return fault("CAC003", "", "`workflow_start` names no step");
    follow(text_of(*start, "on_completion"));
    json out{{"name", word_of(text_of(from_, "name"), "imported")},
             {"title", text_of(from_, "name")},
             {"description", text_of(from_, "description")},
             {"trigger", "manual"},
             {"steps", std::move(steps_)}};
    if (auto inputs = read_variables(); !inputs.empty())
      out["inputs"] = std::move(inputs);
    if (out["steps"].empty())
      return fault("CAC003", "", "the workflow has no steps");
    if (found_.errors() != before)
      return std::nullopt;
    return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n"; // JSON is YAML
  }

private:
  std::nullopt_t fault(const std::string& code, const std::string& step, const std::string& what) {
    found_.error(code, {file_, 0, 0}, step.empty() ? what : fmt::format("step {}: {}", step, what));
    return std::nullopt;
  }

  const json* step_at(const std::string& id) const {
    const auto at = workflow_->find(id);
    return at != workflow_->end() && at->is_object() ? &*at : nullptr;
  }

  void name_steps() {
    std::set<std::string> taken;
    for (const auto& item : workflow_->items()) {
      const auto base = word_of(text_of(item.value(), "name"), "step");
      auto name = base;
      for (int i = 2; !taken.insert(name).second; ++i)
        name = fmt::format("{}_{}", base, i);
      names_[item.key()] = name;
    }
  }

  json read_variables() const {
    json out = json::object();
    const auto all = from_.find("playbook_variables");
    if (all == from_.end() || !all->is_object())
      return out;
    for (const auto& item : all->items()) {
      json one{{"type", "text"}, {"description", text_of(item.value(), "description")}};
      if (const auto value = item.value().find("value"); value != item.value().end() && !value->is_null())
        one["default"] = json_to_text(*value);
      out[variable(item.key())] = std::move(one);
    }
    return out;
  }

  static std::string variable(std::string name) {
    while (name.starts_with('_'))
      name.erase(0, 1);
    while (name.ends_with('_'))
      name.pop_back();
    return word_of(name, "value");
  }

  /// "__name__:value" in a text becomes a reference; "${" of the foreign text is no reference.
  static std::string with_references(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
      const auto close = text.compare(i, 2, "__") == 0 ? text.find("__", i + 2) : std::string::npos;
      if (close != std::string::npos && close > i + 2 && close - i < 80 && text.find(' ', i) > close) {
        out += "${inputs." + variable(text.substr(i, close + 2 - i)) + "}";
        i = close + 2;
        if (text.compare(i, 6, ":value") == 0)
          i += 6;
      } else {
        out += text.compare(i, 2, "${") == 0 ? "$$" : std::string(1, text[i]);
        ++i;
      }
    }
    return out;
  }

  std::string name(const std::string& id) {
    const auto* s = step_at(id);
    return id.empty() || s == nullptr || text_of(*s, "type") == "end" ? "end" : names_.at(id);
  }

  void follow(const std::string& id) {
    const auto* s = step_at(id);
    if (s == nullptr || !done_.insert(id).second || text_of(*s, "type") == "end")
      return;
    const auto type = text_of(*s, "type");
    if (type == "if-condition")
      return read_if(id, *s);
    if (type == "switch-condition")
      return read_switch(id, *s);
    if (type == "parallel")
      return read_parallel(id, *s);
    if (type == "while-condition")
      return (void)fault("CAC004", names_.at(id), "loops can't be imported: write it with for_each");
    if (type == "playbook-action")
      return (void)fault(
          "CAC005", names_.at(id),
          fmt::format("it uses playbook {}: import that first and name it here", text_of(*s, "playbook_id")));
    read_action(id, *s);
  }

  void read_action(const std::string& id, const json& s) {
    std::string todo = text_of(s, "description");
    if (const auto commands = s.find("commands"); commands != s.end() && commands->is_array())
      for (const auto& c : *commands)
        todo += fmt::format("{}[{}] {}", todo.empty() ? "" : "\n", text_of(c, "type"), text_of(c, "command"));
    json out{{"id", names_.at(id)}, {"title", text_of(s, "name")}};
    if (const auto delay = s.find("delay"); delay != s.end() && delay->is_number_integer() && todo.empty())
      out["wait"] = fmt::format("{}s", std::max<std::int64_t>(1, delay->get<std::int64_t>() / 1000));
    else
      out["approval"] = {{"message", with_references(todo.empty() ? text_of(s, "name") : todo)}};
    const auto next = text_of(s, "on_success").empty() ? text_of(s, "on_completion") : text_of(s, "on_success");
    out["next"] = name(next);
    if (const auto failure = text_of(s, "on_failure"); !failure.empty())
      out["on_error"] = name(failure);
    steps_.push_back(std::move(out));
    follow(next);
    follow(text_of(s, "on_failure"));
  }

  /// "__x__:value == 'y'" and "=", "!=": all that can be said for sure.
  std::optional<json> read_condition(const std::string& text) const {
    const auto op = text.find("!=") != std::string::npos ? text.find("!=") : text.find('=');
    if (op == std::string::npos || !text.starts_with("__"))
      return std::nullopt;
    const auto left = text.substr(0, text.find_first_of(": =!"));
    auto right = text.substr(text.find_first_not_of("=!", op));
    const auto strip = [](std::string t) {
      const auto first = t.find_first_not_of(" '\""), last = t.find_last_not_of(" '\"");
      return first == std::string::npos ? std::string{} : t.substr(first, last - first + 1);
    };
    const json wanted{{"inputs." + variable(left), strip(right)}};
    if (text.compare(op, 2, "!=") == 0)
      return json{{"same", wanted}, {"condition", "not same"}};
    return json{{"same", wanted}, {"condition", "same"}};
  }

  void read_if(const std::string& id, const json& s) {
    const auto condition = read_condition(text_of(s, "condition"));
    if (!condition)
      return (void)fault("CAC006", names_.at(id),
                         fmt::format("the condition '{}' can't be translated", text_of(s, "condition")));
    auto yes = text_of(s, "on_true"), no = text_of(s, "on_false");
    if (no.empty())
      no = text_of(s, "on_completion");
    steps_.push_back({{"id", names_.at(id)},
                      {"title", text_of(s, "name")},
                      {"condition", {{{"when", *condition}, {"next", name(yes)}}, {{"else", name(no)}}}}});
    follow(yes);
    follow(no);
  }

  void read_switch(const std::string& id, const json& s) {
    json choices = json::array();
    std::vector<std::string> ways;
    const auto cases = s.find("cases");
    if (cases != s.end() && cases->is_object())
      for (const auto& item : cases->items()) {
        const auto to = json_to_text(item.value());
        if (item.key() == "default")
          choices.push_back({{"else", name(to)}});
        else
          choices.push_back({{"when", {{"inputs." + variable(text_of(s, "switch")), item.key()}}}, {"next", name(to)}});
        ways.push_back(to);
      }
    steps_.push_back({{"id", names_.at(id)}, {"title", text_of(s, "name")}, {"condition", std::move(choices)}});
    for (const auto& way : ways)
      follow(way);
  }

  void read_parallel(const std::string& id, const json& s) {
    json to = json::array();
    const auto next = s.find("next_steps");
    if (next != s.end() && next->is_array())
      for (const auto& one : *next)
        to.push_back(name(json_to_text(one)));
    steps_.push_back({{"id", names_.at(id)}, {"title", text_of(s, "name")}, {"parallel", std::move(to)}});
    if (next != s.end() && next->is_array())
      for (const auto& one : *next)
        follow(json_to_text(one));
    follow(text_of(s, "on_completion"));
  }

  const std::string& file_;
  const json& from_;
  diagnostics& found_;
  const json* workflow_ = nullptr;
  std::map<std::string, std::string> names_;
  std::set<std::string> done_;
  json steps_ = json::array();
};

} // namespace

json to_cacao(const definition& d, const std::string& modified) {
  return cacao_writer(d, modified).write();
}

std::optional<std::string> from_cacao(const std::string& file, const json& cacao, diagnostics& found) {
  if (!cacao.is_object() || text_of(cacao, "type") != "playbook" ||
      !text_of(cacao, "spec_version").starts_with("cacao-2")) {
    found.error("CAC001", {file, 0, 0}, "that is no CACAO v2.0 playbook",
                "`type` must be playbook, `spec_version` cacao-2.0");
    return std::nullopt;
  }
  const auto extensions = cacao.find("playbook_extensions");
  if (extensions != cacao.end() && extensions->is_object() && extensions->contains(extension_id))
    if (const auto text = text_of((*extensions)[extension_id], "text"); !text.empty())
      return text;
  return cacao_reader(file, cacao, found).read();
}

} // namespace soc::playbook
