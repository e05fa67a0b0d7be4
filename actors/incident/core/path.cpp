// The attack path: steps between entities, read from what each alert says who did to whom.
#include "incident/core/view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace soc::incident {

namespace {

using model::entity;
using model::entity_role;
using model::entity_type;

constexpr std::size_t max_steps = 400;
constexpr std::size_t max_things = 8; // files and registry values one process is shown with, a verb; more are counted
constexpr unix_ns one_moment = 2 * ns_per_s; // within which two sensors tell of one start of a process

std::string lower_of(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c | 0x20);
  return out;
}

bool has_word(const model::alert& a, const staged& s, std::initializer_list<std::string_view> words) {
  const auto text = lower_of(a.title + " " + s.stage + " " + a.rule_id);
  return std::any_of(words.begin(), words.end(), [&](auto w) { return text.find(w) != std::string::npos; });
}

bool has_technique(const staged& s, std::string_view prefix) {
  return std::any_of(s.techniques.begin(), s.techniques.end(),
                     [&](const auto& t) { return t.technique.rfind(prefix, 0) == 0; });
}

const entity* find_entity(const model::alert& a, entity_type type, std::initializer_list<entity_role> roles) {
  for (const auto role : roles)
    for (const auto& e : a.entities)
      if (e.type == type && e.role == role)
        return &e;
  return nullptr;
}

std::string tactic_of(const staged& s) {
  for (const auto& t : s.techniques)
    if (!t.tactic.empty())
      return t.tactic;
  return {};
}

/// The program a command line begins with, without quotes and without the kernel's prefixes of a path.
std::string_view program_of(std::string_view command) {
  while (!command.empty() && command.front() == ' ')
    command.remove_prefix(1);
  const bool quoted = !command.empty() && command.front() == '"';
  if (quoted)
    command.remove_prefix(1);
  command = command.substr(0, command.find(quoted ? '"' : ' '));
  for (const std::string_view prefix : {"\\??\\", "\\systemroot"})
    if (command.starts_with(prefix))
      command.remove_prefix(prefix.size());
  return command;
}

std::string_view file_name_of(std::string_view path) {
  const auto slash = path.find_last_of("\\/");
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view without_exe(std::string_view name) {
  return name.ends_with(".exe") ? name.substr(0, name.size() - 4) : name;
}

bool same_program(std::string_view one, std::string_view other) {
  const auto a = lower_of(one), b = lower_of(other);
  return without_exe(file_name_of(program_of(a))) == without_exe(file_name_of(program_of(b)));
}

/// The file is the process's own image, not something it did something to: the label of a process is the path of its
/// image, or its command line.
bool is_image(const entity* file, const entity* process) {
  if (process == nullptr)
    return false;
  const auto path = lower_of(file->label), label = lower_of(process->label);
  if (label.starts_with(path))
    return true;
  const auto program = without_exe(program_of(label));
  const auto image = without_exe(path);
  if (program.empty() || !image.ends_with(program))
    return false;
  const auto before = image.size() - program.size();
  return before == 0 || image[before - 1] == '\\' || image[before - 1] == '/' || program.front() == '\\';
}

class path_builder {
public:
  explicit path_builder(const scenario_rules& rules) : rules_(rules) {}

  void read(const model::alert& a) {
    now_ = a.time;
    const auto s = stage_of(rules_, a);
    const auto before = path_.steps.size();
    network_steps(a, s);
    process_steps(a, s);
    identity_steps(a, s);
    if (path_.steps.size() == before && !last_step_known_)
      observed(a, s);
    last_step_known_ = false;
  }

  attack_path finish() {
    std::stable_sort(path_.steps.begin(), path_.steps.end(),
                     [](const auto& a, const auto& b) { return a.time < b.time; });
    find_gaps();
    root();
    return std::move(path_);
  }

private:
  std::size_t node(const entity& e) {
    if (e.type == entity_type::process && !index_.contains({static_cast<int>(e.type), e.key}))
      if (const auto known = told_by_another_sensor(e))
        index_.emplace(std::pair(static_cast<int>(e.type), e.key), *known);
    return node(e.type, e.key, e.label);
  }

  /// Sensors name one process by ids of their own: the same command on the same host at the same moment is one.
  std::optional<std::size_t> told_by_another_sensor(const entity& e) {
    auto [it, is_new] = commands_.try_emplace(e.key.substr(0, e.key.find('|')) + "|" + lower_of(e.label));
    const auto before = std::exchange(it->second, {e.key, now_});
    const auto known = is_new ? index_.end() : index_.find({static_cast<int>(e.type), before.key});
    if (known == index_.end() || now_ - before.time > one_moment || before.time - now_ > one_moment)
      return std::nullopt;
    return known->second;
  }

  /// A process has one parent, whatever the sensors call it.
  std::size_t parent_node(const entity& parent, std::size_t child) {
    const auto known = parents_.find(child);
    if (known != parents_.end() && same_program(parent.label, path_.nodes[known->second].label))
      index_.try_emplace({static_cast<int>(parent.type), parent.key}, known->second);
    const auto out = node(parent);
    parents_.try_emplace(child, out);
    return out;
  }

  std::size_t node(entity_type type, const std::string& key, const std::string& label) {
    const auto [it, fresh] = index_.try_emplace({static_cast<int>(type), key}, path_.nodes.size());
    if (fresh)
      path_.nodes.push_back({type, key, label});
    return it->second;
  }
  std::optional<std::size_t> host_node(const model::alert& a) {
    if (a.host.empty())
      return std::nullopt;
    return node(entity_type::host, a.host, a.host);
  }

  void step(std::size_t from, std::string verb, std::size_t to, const model::alert& a, const staged& s) {
    last_step_known_ = true;
    for (auto& known : path_.steps)
      if (known.from == from && known.to == to && known.verb == verb) {
        ++known.count;
        return;
      }
    if (path_.steps.size() >= max_steps || counted_with_others(from, verb))
      return;
    const auto tactic = tactic_of(s);
    path_step told;
    told.from = from;
    told.to = to;
    told.verb = std::move(verb);
    told.time = a.time;
    told.alert_id = a.id;
    told.tactic = tactic;
    told.title = a.title;
    told.impact = tactic == "TA0040" || tactic == "TA0010";
    path_.steps.push_back(std::move(told));
    if (const auto host = host_node(a)) {
      on_host_.emplace(from, *host);
      on_host_.emplace(to, *host);
    }
  }

  /// One process that writes a hundred files is told with some of them.
  bool counted_with_others(std::size_t from, std::string_view verb) {
    if (verb != "wrote" && verb != "read" && verb != "changed" && verb != "encrypted")
      return false;
    path_step* last = nullptr;
    std::size_t shown = 0;
    for (auto& known : path_.steps)
      if (known.from == from && known.verb == verb) {
        last = &known;
        ++shown;
      }
    if (shown < max_things)
      return false;
    ++last->count;
    return true;
  }

  void network_steps(const model::alert& a, const staged& s) {
    const auto* source = find_entity(a, entity_type::ip, {entity_role::source, entity_role::actor});
    const auto* destination = find_entity(a, entity_type::ip, {entity_role::destination, entity_role::target});
    const auto* domain =
        find_entity(a, entity_type::domain, {entity_role::destination, entity_role::target, entity_role::related});
    const auto* process =
        find_entity(a, entity_type::process, {entity_role::actor, entity_role::source, entity_role::target});
    const auto host = host_node(a);
    if (process && (destination || domain)) {
      const auto from = node(*process);
      if (domain)
        step(from, destination ? "connected to" : "resolved", node(*domain), a, s);
      if (destination)
        step(from, "connected to", node(*destination), a, s);
      return;
    }
    if (source) {
      const bool attack =
          has_technique(s, "T1190") || has_word(a, s, {"injection", "exploit", "attack", "upload", "traversal"});
      const auto* url =
          find_entity(a, entity_type::url, {entity_role::target, entity_role::destination, entity_role::related});
      const bool login = find_entity(a, entity_type::user, {entity_role::target, entity_role::actor}) && !url;
      if (login)
        return; // identity_steps tells it better
      const auto verb = tactic_of(s) == "TA0043" ? "scanned"
                        : attack                 ? "exploited"
                        : url                    ? "requested"
                                                 : "connected to";
      if (host)
        step(node(*source), verb, *host, a, s);
      else if (destination)
        step(node(*source), verb, node(*destination), a, s);
      else if (url)
        step(node(*source), verb, node(*url), a, s);
    } else if (destination && host) {
      step(*host, "connected to", node(*destination), a, s);
    } else if (domain && host) {
      step(*host, "resolved", node(*domain), a, s);
    }
  }

  void process_steps(const model::alert& a, const staged& s) {
    const auto* parent = find_entity(a, entity_type::process, {entity_role::parent, entity_role::actor});
    const auto* child = find_entity(a, entity_type::process, {entity_role::target, entity_role::related});
    const auto* acting =
        find_entity(a, entity_type::process, {entity_role::actor, entity_role::target, entity_role::parent});
    const auto* user = find_entity(a, entity_type::user, {entity_role::actor, entity_role::source});
    const auto* file = find_entity(a, entity_type::file, {entity_role::target, entity_role::related});
    const auto* key = find_entity(a, entity_type::registry_key, {entity_role::target, entity_role::related});
    const auto host = host_node(a);
    if (acting && key)
      step(node(*acting), "changed", node(*key), a, s);
    if (parent && child && parent != child)
      relate(*parent, *child, a, s);
    else if (acting && user)
      step(node(*user), "executed", node(*acting), a, s);
    else if (acting && host && !file && !key)
      step(*host, "executed", node(*acting), a, s);
    if (file && !is_image(file, acting) && !is_image(file, child)) {
      const auto verb = has_technique(s, "T1486") || has_word(a, s, {"encrypt", "ransom"}) ? "encrypted"
                        : has_word(a, s, {"read", "access", "dump", "download"})           ? "read"
                                                                                           : "wrote";
      if (acting)
        step(node(*acting), verb, node(*file), a, s);
      else if (user)
        step(node(*user), verb, node(*file), a, s);
      else if (host)
        step(*host, verb, node(*file), a, s);
    }
  }

  /// What one process does to another: one that is only related ran already.
  void relate(const entity& process, const entity& other, const model::alert& a, const staged& s) {
    const auto to = node(other);
    if (other.role != entity_role::related)
      return step(parent_node(process, to), "spawned", to, a, s);
    const bool injects =
        has_word(a, s, {"inject", "remote thread"}) || (has_technique(s, "T1055") && !has_word(a, s, {"access"}));
    step(node(process), injects ? "injected into" : "accessed", to, a, s);
  }

  void identity_steps(const model::alert& a, const staged& s) {
    const auto* source = find_entity(a, entity_type::ip, {entity_role::source, entity_role::actor});
    const auto* actor = find_entity(a, entity_type::user, {entity_role::actor, entity_role::source});
    const auto* target = find_entity(a, entity_type::user, {entity_role::target, entity_role::destination});
    const auto* resource = find_entity(a, entity_type::cloud_resource,
                                       {entity_role::target, entity_role::destination, entity_role::related});
    const bool local =
        find_entity(a, entity_type::process, {entity_role::actor, entity_role::target, entity_role::parent});
    if (source && (actor || target) && !local)
      step(node(*source), "logged in as", node(actor ? *actor : *target), a, s);
    if (actor && target && actor->key != target->key)
      step(node(*actor), has_word(a, s, {"role", "assume", "sts"}) ? "assumed role" : "became", node(*target), a, s);
    if (resource && (actor || target)) {
      const auto verb = has_word(a, s, {"create", "launch", "runinstances", "start"})     ? "created"
                        : has_word(a, s, {"delete", "stop", "terminate"})                 ? "removed"
                        : has_word(a, s, {"read", "get", "list", "describe", "download"}) ? "read"
                        : has_word(a, s, {"role", "assume"})                              ? "assumed role"
                                                                                          : "used";
      step(node(target && actor ? *target : actor ? *actor : *target), verb, node(*resource), a, s);
    } else if (actor && !local && !a.host.empty() && !source) {
      step(node(*actor), "acted on", *host_node(a), a, s);
    }
  }

  /// An alert that names nobody who acts still happened somewhere; what is everyday by its severity is in the timeline.
  void observed(const model::alert& a, const staged& s) {
    if (a.level == model::severity::informational || a.level == model::severity::low)
      return;
    if (const auto host = host_node(a))
      step(*host, "showed", node(entity_type::unknown, a.rule_id + "|" + a.title, a.title), a, s);
  }

  /// A step is explained when its origin was reached before, lives on a host that was reached, or comes from outside.
  void find_gaps() {
    std::set<std::size_t> reached;
    std::set<std::string> named;
    for (auto& x : path_.steps) {
      const auto& from = path_.nodes[x.from];
      const bool outside = from.type == entity_type::ip && !model::is_private_ip(from.label);
      const auto host = on_host_.find(x.from);
      const bool known = reached.contains(x.from) || (host != on_host_.end() && reached.contains(host->second));
      if (!known && !outside && !reached.empty() && x.verb != "showed") {
        x.gap = true;
        auto words = fmt::format("how {} {} was reached is not recorded", model::to_string(from.type), from.label);
        if (named.insert(words).second)
          path_.gaps.push_back(std::move(words));
      }
      reached.insert(x.from);
      reached.insert(x.to);
      if (host != on_host_.end())
        reached.insert(host->second);
    }
  }

  /// The likely entry goes first: an outside address, else who acted first.
  void root() {
    if (path_.steps.empty())
      return;
    std::size_t entry = path_.steps.front().from;
    for (const auto& x : path_.steps) {
      const auto& from = path_.nodes[x.from];
      if (from.type == entity_type::ip && !model::is_private_ip(from.label) && x.verb != "connected to") {
        entry = x.from;
        break;
      }
    }
    if (entry == 0)
      return;
    std::rotate(path_.nodes.begin(), path_.nodes.begin() + static_cast<std::ptrdiff_t>(entry),
                path_.nodes.begin() + static_cast<std::ptrdiff_t>(entry) + 1);
    const auto moved = [&](std::size_t& n) { n = n == entry ? 0 : n < entry ? n + 1 : n; };
    for (auto& x : path_.steps) {
      moved(x.from);
      moved(x.to);
    }
  }

  const scenario_rules& rules_;
  attack_path path_;
  struct told_process {
    std::string key;
    unix_ns time = 0;
  };
  unix_ns now_ = 0; ///< of the alert being read
  std::map<std::pair<int, std::string>, std::size_t> index_;
  std::map<std::string, told_process> commands_; ///< "host|command line", the latest
  std::map<std::size_t, std::size_t> parents_;   ///< node of a process → node of its parent
  std::map<std::size_t, std::size_t> on_host_;   ///< node → its host
  bool last_step_known_ = false;
};

} // namespace

attack_path path_of(const std::vector<sample>& samples, const scenario_rules& rules) {
  path_builder builder(rules);
  for (const auto& x : samples)
    builder.read(*x.alert);
  return builder.finish();
}

} // namespace soc::incident
