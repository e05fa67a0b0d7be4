#include "incident/core/path_context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace soc::incident {

namespace {

using model::entity;
using model::entity_role;
using model::entity_type;

// OCSF classes and activities the path reads.
constexpr std::uint32_t file_activity = 1001, process_activity = 1007, authentication = 3002, network_activity = 4001,
                        dns_activity = 4003, api_activity = 6003;
constexpr std::int64_t file_create = 1, file_update = 3, process_launch = 1, logon = 1;
constexpr std::int64_t inbound = 1, outbound = 2;

const entity* first_of(const context_event& e, entity_type type, std::initializer_list<entity_role> roles) {
  for (const auto role : roles)
    for (const auto& x : e.entities)
      if (x.type == type && x.role == role)
        return &x;
  return nullptr;
}

bool is_role_change(const std::string& operation) {
  return operation.find("AssumeRole") != std::string::npos || operation.find("GetSessionToken") != std::string::npos;
}

/// A step an event tells, before its nodes are known to the path.
struct told_step {
  const entity *from = nullptr, *to = nullptr;
  const char* verb = "";
};

std::vector<told_step> steps_of(const context_event& e) {
  std::vector<told_step> out;
  const auto add = [&](const entity* from, const char* verb, const entity* to) {
    if (from != nullptr && to != nullptr && from->key != to->key)
      out.push_back({from, to, verb});
  };
  const auto* acting = first_of(e, entity_type::process, {entity_role::actor, entity_role::parent});
  const auto* user = first_of(e, entity_type::user, {entity_role::actor, entity_role::target});
  if (e.class_uid == process_activity && e.activity == process_launch) {
    const auto* child = first_of(e, entity_type::process, {entity_role::target});
    const auto* parent = first_of(e, entity_type::process, {entity_role::parent, entity_role::actor});
    add(parent, "spawned", child);
    add(first_of(e, entity_type::file, {entity_role::target}), "ran as", child);
  } else if (e.class_uid == file_activity && (e.activity == file_create || e.activity == file_update)) {
    add(acting, "wrote", first_of(e, entity_type::file, {entity_role::target}));
  } else if (e.class_uid == network_activity) {
    add(acting, "connected to", first_of(e, entity_type::ip, {entity_role::destination}));
  } else if (e.class_uid == dns_activity) {
    add(acting, "resolved", first_of(e, entity_type::domain, {entity_role::target}));
  } else if (e.class_uid == authentication && e.activity == logon) {
    add(first_of(e, entity_type::ip, {entity_role::source}), "logged in as",
        first_of(e, entity_type::user, {entity_role::target, entity_role::actor}));
  } else if (e.class_uid == api_activity && is_role_change(e.operation)) {
    const auto* role = first_of(e, entity_type::cloud_resource, {entity_role::target});
    add(user, "assumed role", role);
  }
  return out;
}

/// The address of the machine itself, when a program on it connected to another or was connected to.
const entity* own_address(const context_event& e) {
  if (e.host.empty() || e.class_uid != network_activity ||
      first_of(e, entity_type::process, {entity_role::actor, entity_role::target}) == nullptr)
    return nullptr;
  const auto* out = e.direction == outbound  ? first_of(e, entity_type::ip, {entity_role::source})
                    : e.direction == inbound ? first_of(e, entity_type::ip, {entity_role::destination})
                                             : nullptr;
  const bool loopback = out != nullptr && (out->key.starts_with("127.") || out->key == "::1");
  return loopback ? nullptr : out;
}

/// The machine that a node is, or is on; empty when its key doesn't say.
std::string_view host_of(const path_node& n) {
  const std::string_view key = n.key;
  if (n.type == entity_type::host)
    return key;
  const auto end = key.find('|');
  const bool scoped = n.type == entity_type::process || n.type == entity_type::file;
  return scoped && end != std::string_view::npos ? key.substr(0, end) : std::string_view();
}

using node_key = std::pair<int, std::string>;

node_key key_of_node(const entity& e) {
  return {static_cast<int>(e.type), e.key};
}

class path_extender {
public:
  explicit path_extender(attack_path path) : path_(std::move(path)) {
    for (std::size_t i = 0; i < path_.nodes.size(); ++i)
      nodes_.emplace(node_key{static_cast<int>(path_.nodes[i].type), path_.nodes[i].key}, i);
    for (const auto& s : path_.steps) {
      known_.emplace(s.from, s.verb, s.to);
      if (s.verb == "spawned")
        parents_.emplace(s.to, s.from);
    }
  }

  /// Backwards: what led to a node of the path. Forwards: what a process of the path did.
  bool take(const context_event& e) {
    bool added = false;
    for (const auto& told : steps_of(e)) {
      const bool leads_here = nodes_.contains(key_of_node(*told.to)) && may_lead(told);
      const bool goes_on = told.from->type == entity_type::process && is_attackers(*told.from);
      if (leads_here || goes_on)
        added = add(told, e, leads_here) || added;
    }
    return added;
  }

  /// Whose address is whose. One that two machines have had in turn is nobody's.
  void learn_address(const context_event& e) {
    if (const auto* own = own_address(e)) {
      const auto [it, is_new] = addresses_.try_emplace(own->key, e.host);
      if (!is_new && it->second != e.host)
        it->second.clear();
    }
  }

  attack_path finish() {
    std::stable_sort(path_.steps.begin(), path_.steps.end(),
                     [](const auto& a, const auto& b) { return a.time < b.time; });
    close_gaps();
    name_addresses();
    return std::move(path_);
  }

private:
  /// A file leads to the process it ran as only when the path knows where the file came from or meets it otherwise.
  bool may_lead(const told_step& told) const {
    return std::string_view(told.verb) != "ran as" || nodes_.contains(key_of_node(*told.from));
  }

  /// What alerts spoke of, and what came out of that; parents found looking back do not drag in all they ever did.
  bool is_attackers(const entity& process) const {
    const auto it = nodes_.find(key_of_node(process));
    return it != nodes_.end() && !ancestors_.contains(it->second);
  }

  std::size_t node(const entity& e) {
    const auto [it, is_new] = nodes_.try_emplace(key_of_node(e), path_.nodes.size());
    if (is_new)
      path_.nodes.push_back({e.type, e.key, e.label});
    return it->second;
  }

  bool add(const told_step& told, const context_event& e, bool leads_here) {
    const bool is_new = !nodes_.contains(key_of_node(*told.from));
    const auto to_known = nodes_.contains(key_of_node(*told.to));
    if (added_ >= max_context_steps || (is_new && to_known && has_other_parent(told)))
      return false;
    const auto from = node(*told.from);
    auto& so_far = per_node_[{from, told.verb}];
    if (so_far >= max_steps_of_node && !to_known)
      return false;
    const auto to = node(*told.to);
    if (is_new && leads_here)
      ancestors_.insert(from);
    if (!known_.emplace(from, told.verb, to).second)
      return false;
    path_step step;
    step.from = from;
    step.to = to;
    step.verb = told.verb;
    step.time = e.time;
    step.event_id = e.event_id;
    step.title = e.source;
    path_.steps.push_back(std::move(step));
    ++so_far;
    ++added_;
    if (std::string_view(told.verb) == "spawned")
      parents_.emplace(to, from);
    return true;
  }

  /// A process has one parent; a second one is another sensor's name for it.
  bool has_other_parent(const told_step& told) const {
    return std::string_view(told.verb) == "spawned" && parents_.contains(nodes_.at(key_of_node(*told.to)));
  }

  /// An origin that a stored event leads to is no gap any more.
  void close_gaps() {
    for (auto& s : path_.steps) {
      if (!s.gap)
        continue;
      const auto host = machine_of(path_.nodes[s.from]);
      const bool explained = std::any_of(path_.steps.begin(), path_.steps.end(), [&](const auto& x) {
        return x.time <= s.time && ((!x.event_id.empty() && x.to == s.from) || (&x != &s && is_on(x, host)));
      });
      if (!explained)
        continue;
      s.gap = false;
      const auto& label = path_.nodes[s.from].label;
      std::erase_if(path_.gaps, [&](const auto& words) { return words.find(" " + label + " ") != std::string::npos; });
    }
  }

  /// The machine whose address a node is; empty when it is none or not known.
  std::string_view machine_of(const path_node& n) const {
    const auto it = n.type == entity_type::ip ? addresses_.find(n.key) : addresses_.end();
    return it == addresses_.end() ? std::string_view() : std::string_view(it->second);
  }

  bool is_on(const path_step& s, std::string_view host) const {
    return !host.empty() && (host_of(path_.nodes[s.from]) == host || host_of(path_.nodes[s.to]) == host);
  }

  void name_addresses() {
    for (auto& n : path_.nodes)
      if (const auto host = machine_of(n); !host.empty())
        n.label += fmt::format(" ({})", host);
  }

  attack_path path_;
  std::map<std::string, std::string> addresses_; ///< key of an address → the machine it belongs to, "" = several
  std::map<node_key, std::size_t> nodes_;
  std::set<std::tuple<std::size_t, std::string, std::size_t>> known_;
  std::map<std::pair<std::size_t, std::string>, std::size_t> per_node_;
  std::set<std::size_t> ancestors_;
  std::map<std::size_t, std::size_t> parents_; ///< node of a process → node of its parent
  std::size_t added_ = 0;
};

bool is_worth_asking(entity_type type) {
  return type == entity_type::process || type == entity_type::file || type == entity_type::user ||
         type == entity_type::cloud_resource;
}

} // namespace

context_event context_of(const model::event_batch& batch, const model::event& ev) {
  const auto slot = [&](std::string_view name) { return ev.ocsf_value(batch.dictionary->find(name)); };
  context_event out;
  out.time = ev.time;
  out.event_id = model::event_id(batch, ev);
  if (ev.type != nullptr)
    out.source = ev.type->vendor + "/" + ev.type->product;
  out.class_uid = ev.class_uid;
  if (const auto activity = slot("activity_id"); activity.kind() == model::value_kind::integer)
    out.activity = activity.integer();
  out.operation = slot("api.operation").to_text();
  if (const auto direction = slot("connection_info.direction_id"); direction.kind() == model::value_kind::integer)
    out.direction = direction.integer();
  out.host = model::canonical_key(entity_type::host, slot("device.hostname").to_text());
  out.entities = model::entities_of(batch, ev);
  return out;
}

std::vector<context_question> questions_of(const attack_path& path, unix_ns first, unix_ns last, unix_ns before) {
  std::vector<context_question> out;
  // Processes say most: they are asked for first.
  for (const bool processes : {true, false})
    for (const auto& n : path.nodes)
      if (is_worth_asking(n.type) && (n.type == entity_type::process) == processes &&
          out.size() < max_context_questions)
        out.push_back({n.type, n.key, first - before, last + before});
  return out;
}

attack_path extended_path(attack_path path, const std::vector<context_event>& events) {
  std::vector<const context_event*> in_time;
  for (const auto& e : events)
    in_time.push_back(&e);
  std::stable_sort(in_time.begin(), in_time.end(), [](const auto* a, const auto* b) {
    return std::tie(a->time, a->event_id) < std::tie(b->time, b->event_id);
  });
  path_extender extender(std::move(path));
  for (const auto* e : in_time)
    extender.learn_address(*e);
  // Until nothing new is told: a parent found in one round has parents of its own.
  bool more = true;
  for (int round = 0; more && round < 8; ++round) {
    more = false;
    for (const auto* e : in_time)
      more = extender.take(*e) || more;
  }
  return extender.finish();
}

} // namespace soc::incident
