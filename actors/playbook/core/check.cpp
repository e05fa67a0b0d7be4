#include "base/json_template.hpp"
#include "playbook/core/definition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace soc::playbook {

using nlohmann::json;

namespace {

std::vector<std::string> checked_successors(const step& s) {
  std::vector<std::string> out = s.to;
  for (const auto& c : s.choices)
    out.push_back(c.next);
  if (!s.next.empty())
    out.push_back(s.next);
  if (!s.error_step.empty())
    out.push_back(s.error_step);
  return out;
}

std::string hint_for(const std::string& wrong, const std::vector<std::string>& known) {
  const auto near = did_you_mean(wrong, known);
  return near.empty() ? std::string{} : fmt::format("did you mean '{}'?", near);
}

/// Literal values can be held against a parameter's type before anything runs; references can't.
bool fits_type(const std::string& type, const json& value) {
  if (value.is_string() && value.get_ref<const std::string&>().find("${") != std::string::npos)
    return true;
  if (type == "integer")
    return value.is_number_integer();
  if (type == "boolean")
    return value.is_boolean();
  if (type == "duration")
    return duration_s(value).has_value();
  if (type == "list")
    return value.is_array();
  if (type == "object")
    return value.is_object();
  return type == "any" || value.is_primitive();
}

/// Checks one playbook against what surrounds it.
class playbook_checker {
public:
  playbook_checker(const definition& d, const action_table& actions, const library& others, diagnostics& found,
                   const program_check& compiles)
      : d_(d), actions_(actions), others_(others), found_(found), compiles_(compiles) {}

  void run() {
    std::set<std::string> names{"inputs", "run"};
    check_block(d_.body, names, {});
    check_sub_cycles(d_, {d_.name});
  }

private:
  /// Steps that come before each step of a block on some way.
  static std::map<std::string, std::set<std::string>> steps_before(const block& b) {
    std::map<std::string, std::set<std::string>> out;
    const auto spread = [&](const std::string& from, auto&& self) -> void {
      const auto* s = b.find(from);
      if (s == nullptr)
        return;
      for (const auto& to : checked_successors(*s)) {
        auto& known = out[to];
        const auto size = known.size();
        known.insert(from);
        known.insert(out[from].begin(), out[from].end());
        if (known.size() != size)
          self(to, self);
      }
    };
    for (const auto& s : b.steps)
      spread(s.id, spread);
    return out;
  }

  void check_block(const block& b, const std::set<std::string>& names, const std::set<std::string>& outer_steps) {
    const auto before = steps_before(b);
    std::set<std::string> reached{b.steps.front().id};
    for (const auto& [id, earlier] : before)
      if (earlier.contains(b.steps.front().id))
        reached.insert(id);
    for (const auto& s : b.steps) {
      if (!reached.contains(s.id))
        found_.error("PLB020", s.place, fmt::format("step '{}' is never reached", s.id),
                     "no way leads to it from the first step");
      auto earlier = outer_steps;
      if (const auto at = before.find(s.id); at != before.end())
        earlier.insert(at->second.begin(), at->second.end());
      check_step(b, s, names, earlier);
    }
  }

  void check_step(const block& b, const step& s, const std::set<std::string>& names,
                  const std::set<std::string>& earlier) {
    check_references(s, json{s.parameters, s.where, s.target, s.duration, s.items, s.message}, names, earlier);
    for (const auto& c : s.choices)
      if (c.when)
        for (const auto& field : c.when->fields())
          check_path(s, field, false, names, earlier);
    if (s.kind == step_kind::action)
      check_action(s);
    if (!s.program.empty() && compiles_)
      if (const auto good = compiles_(s.program); !good)
        found_.error("PLB035", s.place, fmt::format("step '{}': jq: {}", s.id, good.error().what));
    if (s.kind == step_kind::sub_playbook)
      check_sub_playbook(s);
    if (s.kind == step_kind::for_each && s.body && !s.body->steps.empty()) {
      auto inner = names;
      inner.insert({s.as, "index"});
      auto visible = earlier;
      check_block(*s.body, inner, visible);
    }
    if (s.kind != step_kind::join)
      warn_of_meeting(b, s);
  }

  /// Two ways that run at once and meet at an ordinary step: the second arrival is ignored.
  void warn_of_meeting(const block& b, const step& s) {
    for (const auto& other : b.steps) {
      if (other.kind != step_kind::parallel)
        continue;
      std::size_t ways = 0;
      for (const auto& to : other.to)
        ways += to == s.id || leads_to(b, to, s.id) ? 1 : 0;
      if (ways > 1 && !passes_join(b, other, s.id)) {
        found_.warning("PLB021", s.place,
                       fmt::format("the parallel ways of '{}' meet at '{}', which doesn't join them", other.id, s.id),
                       "put a join step there: an ordinary step begins with the first arrival");
        return;
      }
    }
  }

  static bool leads_to(const block& b, const std::string& from, const std::string& to) {
    const auto* s = b.find(from);
    if (s == nullptr)
      return false;
    const auto next = checked_successors(*s);
    return std::any_of(next.begin(), next.end(), [&](const auto& n) { return n == to || leads_to(b, n, to); });
  }

  static bool passes_join(const block& b, const step& split, const std::string& to) {
    return std::any_of(b.steps.begin(), b.steps.end(), [&](const auto& j) {
      return j.kind == step_kind::join && leads_to(b, split.id, j.id) && leads_to(b, j.id, to);
    });
  }

  void check_references(const step& s, const json& pattern, const std::set<std::string>& names,
                        const std::set<std::string>& earlier) {
    const auto found = references(pattern);
    if (!found) {
      found_.error("PLB022", s.place, fmt::format("step '{}': {}", s.id, found.error().what));
      return;
    }
    for (const auto& reference : *found)
      check_path(s, reference.path, reference.has_default, names, earlier);
  }

  void check_path(const step& s, const std::string& path, bool optional, const std::set<std::string>& names,
                  const std::set<std::string>& earlier) {
    const auto word = [](std::string_view text) { return std::string(text.substr(0, text.find_first_of(".["))); };
    const auto first = word(path);
    const auto rest = first.size() < path.size() && path[first.size()] == '.'
                          ? word(std::string_view(path).substr(first.size() + 1))
                          : std::string{};
    if (first == "steps") {
      if (!earlier.contains(rest) && !optional)
        found_.error("PLB023", s.place,
                     fmt::format("step '{}' uses '{}', but step '{}' doesn't come before it", s.id, path, rest),
                     hint_for(rest, {earlier.begin(), earlier.end()}));
    } else if (!names.contains(first)) {
      std::vector<std::string> known(names.begin(), names.end());
      known.push_back("steps");
      found_.error("PLB024", s.place, fmt::format("step '{}' uses '{}', but there is no '{}' here", s.id, path, first),
                   hint_for(first, known));
    } else if (first == "inputs" && !rest.empty()) {
      check_input_name(s, rest);
    }
  }

  void check_input_name(const step& s, const std::string& name) {
    std::vector<std::string> known;
    for (const auto& in : d_.inputs)
      known.push_back(in.name);
    if (std::find(known.begin(), known.end(), name) == known.end())
      found_.error("PLB025", s.place,
                   fmt::format("step '{}' uses input '{}', which the playbook doesn't declare", s.id, name),
                   hint_for(name, known));
  }

  void check_action(const step& s) {
    const auto at = actions_.find(s.action);
    if (at == actions_.end()) {
      std::vector<std::string> known;
      for (const auto& [name, facts] : actions_)
        known.push_back(name);
      found_.error("PLB026", s.place, fmt::format("no component has an action '{}'", s.action),
                   hint_for(s.action, known));
      return;
    }
    std::vector<std::string> known;
    for (const auto& p : at->second.parameters) {
      known.push_back(p.name);
      const bool given = s.parameters.contains(p.name) || (p.name == at->second.target && !s.target.is_null());
      const bool by_duration = p.name == "duration" && !s.duration.is_null();
      if (p.required && !given && !by_duration)
        found_.error("PLB027", s.place,
                     fmt::format("step '{}': action '{}' needs parameter '{}'", s.id, s.action, p.name));
      if (s.parameters.contains(p.name) && !fits_type(p.type, s.parameters[p.name]))
        found_.error("PLB028", s.place, fmt::format("step '{}': parameter '{}' must be {}", s.id, p.name, p.type));
    }
    for (const auto& item : s.parameters.items())
      if (std::find(known.begin(), known.end(), item.key()) == known.end())
        found_.error("PLB029", s.place,
                     fmt::format("step '{}': action '{}' takes no parameter '{}'", s.id, s.action, item.key()),
                     hint_for(item.key(), known));
    if (s.compensate && at->second.effect != "reversible")
      found_.warning("PLB030", s.place,
                     fmt::format("step '{}' can't be compensated: '{}' is {}", s.id, s.action, at->second.effect));
  }

  void check_sub_playbook(const step& s) {
    const auto at = others_.find(s.playbook);
    if (at == others_.end()) {
      std::vector<std::string> known;
      for (const auto& [name, d] : others_)
        known.push_back(name);
      found_.error("PLB031", s.place, fmt::format("there is no playbook '{}'", s.playbook),
                   hint_for(s.playbook, known));
      return;
    }
    for (const auto& in : at->second->inputs)
      if (in.required && !s.parameters.contains(in.name))
        found_.error("PLB032", s.place,
                     fmt::format("step '{}': playbook '{}' needs input '{}'", s.id, s.playbook, in.name));
  }

  void check_sub_cycles(const definition& d, std::set<std::string> path) {
    const auto visit = [&](const block& b, auto&& self) -> void {
      for (const auto& s : b.steps) {
        if (s.body)
          self(*s.body, self);
        if (s.kind != step_kind::sub_playbook)
          continue;
        if (path.contains(s.playbook)) {
          if (&d == &d_)
            found_.error("PLB033", s.place,
                         fmt::format("playbook '{}' comes back to itself through '{}'", d_.name, s.playbook));
          else
            found_.error("PLB033", {d_.file, 0, 0},
                         fmt::format("its sub-playbook '{}' comes back to '{}'", d.name, s.playbook));
          continue;
        }
        const auto at = others_.find(s.playbook);
        auto deeper = path;
        deeper.insert(s.playbook);
        if (at != others_.end() && path.size() < 32)
          check_sub_cycles(*at->second, std::move(deeper));
      }
    };
    visit(d.body, visit);
  }

  const definition& d_;
  const action_table& actions_;
  const library& others_;
  diagnostics& found_;
  const program_check& compiles_;
};

} // namespace

void check_playbook(const definition& d, const action_table& actions, const library& others, diagnostics& found,
                    const program_check& compiles) {
  playbook_checker(d, actions, others, found, compiles).run();
}

} // namespace soc::playbook
