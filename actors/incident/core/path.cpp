// The attack path: steps between entities, read from what each alert says who did to whom.
#include "incident/core/view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace soc::incident {

namespace {

using model::entity;
using model::entity_role;
using model::entity_type;

constexpr std::size_t max_steps = 400;

bool has_word(const model::alert& a, const staged& s, std::initializer_list<std::string_view> words) {
  std::string text = a.title + " " + s.stage + " " + a.rule_id;
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c | 0x20);
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

/// The file is the process's own image, not something it did something to.
bool is_image(const entity* file, const entity* process) {
  if (process == nullptr || file->label.size() > process->label.size())
    return false;
  return std::equal(file->label.begin(), file->label.end(), process->label.begin(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
    return lower(x) == lower(y);
  });
}

class path_builder {
public:
  explicit path_builder(const scenario_rules& rules) : rules_(rules) {}

  void read(const model::alert& a) {
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
  std::size_t node(const entity& e) { return node(e.type, e.key, e.label); }
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
    if (path_.steps.size() >= max_steps)
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
    const auto* file =
        find_entity(a, entity_type::file, {entity_role::target, entity_role::related, entity_role::actor});
    const auto host = host_node(a);
    if (parent && child && parent != child)
      step(node(*parent), "spawned", node(*child), a, s);
    else if (acting && user)
      step(node(*user), "executed", node(*acting), a, s);
    else if (acting && host && !file)
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

  /// An alert that names nobody who acts still happened somewhere.
  void observed(const model::alert& a, const staged& s) {
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
  std::map<std::pair<int, std::string>, std::size_t> index_;
  std::map<std::size_t, std::size_t> on_host_; ///< node → its host
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
