#include "incident/owner_calls.hpp"

#include "base/token.hpp"
#include "runtime/error.hpp"

namespace soc::incident {

namespace {

std::string child_name(const std::string& tenant, const std::string& id) {
  return tenant + "." + id;
}

void started(manager_actor* self, const std::string& key, const caf::actor& handle, const caf::error& failed) {
  auto& live = self->state.incidents[key];
  live.starting = false;
  live.actor = incident_ref(handle);
  if (handle)
    self->monitor(handle); // gone for good with its supervisor: see forget_incident
  const auto waiting = std::exchange(live.waiting, {});
  if (failed)
    self->state.incidents.erase(key);
  for (const auto& go : waiting)
    go(failed);
}

} // namespace

void forget_incident(manager_actor* self, const caf::actor_addr& gone) {
  std::erase_if(self->state.incidents, [&](const auto& known) {
    return !known.second.starting && known.second.actor && known.second.actor.actor() == gone;
  });
}

namespace {

/// The child was there already: this manager was started again after the supervisor had made it.
void find_child(manager_actor* self, const std::string& key, const std::string& name, const caf::error& refused) {
  self->request(self->state.ports.supervisor.actor(), self->state.options.ask_timeout, which_children{})
      .then(
          [self, key, name, refused](const children& all) {
            for (const auto& child : all.all)
              if (child.name == name) {
                started(self, key, child.handle, {});
                return;
              }
            started(self, key, {}, refused);
          },
          [self, key](caf::error& why) { started(self, key, {}, why); });
}

void with_incident(manager_actor* self, const std::string& tenant, const std::string& id,
                   std::function<void(const caf::error&)> go) {
  auto& st = self->state;
  const auto key = incident_key(tenant, id);
  auto& live = st.incidents[key];
  live.used = self->now();
  if (live.actor) {
    go({});
    return;
  }
  live.waiting.push_back(std::move(go));
  if (std::exchange(live.starting, true))
    return;
  auto options = st.options.incident;
  options.tenant = tenant;
  options.id = id;
  incident_ports ports{st.ports.journal,      st.ports.store,    st.ports.bus,
                       self->stable_handle(), st.ports.response, st.ports.scenarios};
  child_spec spec;
  spec.name = child_name(tenant, id);
  spec.start = start_with(incident_behavior, options, ports);
  spec.drains = true;
  const auto name = spec.name;
  self->request(st.ports.supervisor.actor(), st.options.ask_timeout, start_child{std::move(spec)})
      .then([self, key](const child_started& child) { started(self, key, child.handle, {}); },
            [self, key, name](caf::error& why) {
              if (to_failure(why).code == ec::conflict)
                find_child(self, key, name, why);
              else
                started(self, key, {}, why);
            });
}

void ask_actor(manager_actor* self, owner_request& request, const caf::actor& incident, const answer_function& then) {
  using kind = owner_request::kind;
  const auto timeout = self->state.options.ask_timeout;
  const auto failed = [then](caf::error& why) { then(why, {}); };
  const auto done = [then](const command_done& d) {
    owner_reply reply{d.changed, d.version, {}, {}, {}};
    if (d.incident)
      reply.incident = *d.incident;
    then({}, std::move(reply));
  };
  switch (request.what) {
  case kind::change:
    self->request(incident, timeout, apply_command{std::move(*request.asked), request.who}).then(done, failed);
    break;
  case kind::join: {
    auto& join = std::get<add_alert>(*request.asked);
    if (!join.successor_of.empty()) { // it may open an incident that goes on from a closed one
      self->request(incident, timeout, apply_command{std::move(*request.asked), request.who}).then(done, failed);
      break;
    }
    self->request(incident, timeout, join_alert{request.id, join.alert, join.why_json})
        .then(
            [then](const alert_joined& j) {
              then({}, owner_reply{j.was_new, 0, {}, {}, {}});
            },
            failed);
    break;
  }
  case kind::get:
    self->request(incident, timeout, get_view{}).then(done, failed);
    break;
  case kind::content:
    self->request(incident, timeout, get_merge{request.why_json})
        .then(
            [then](const merge_content& m) {
              then({}, owner_reply{false, m.version, {}, m.content, {}});
            },
            failed);
    break;
  case kind::alerts:
    self->request(incident, timeout, get_alerts{request.alert_ids})
        .then(
            [then](const held_alerts& held) {
              then({}, owner_reply{false, 0, {}, {}, held.all});
            },
            failed);
    break;
  }
}

bool needs_alert_of_join(const owner_request& request) {
  return request.what == owner_request::kind::join &&
         (!request.asked || !std::holds_alternative<add_alert>(*request.asked));
}

void ask_remote(manager_actor* self, const std::string& node, const owner_request& request,
                const answer_function& then) {
  auto& st = self->state;
  auto bytes = encode_request(request);
  if (!bytes) {
    then(to_error(bytes.error()), {});
    return;
  }
  remote_request message{node, request.id, "incident", std::move(bytes).take(), st.options.ask_timeout};
  self->request(st.ports.remote.actor(), st.options.ask_timeout + std::chrono::seconds(1), std::move(message))
      .then(
          [then](const remote_answer& answer) {
            auto reply = decode_reply(answer.payload);
            if (reply)
              then({}, std::move(reply).take());
            else
              then(to_error(reply.error()), {});
          },
          [then](caf::error& why) { then(why, {}); });
}

} // namespace

std::string incident_key(const std::string& tenant, const std::string& id) {
  return tenant + "/" + id;
}

void ask_here(manager_actor* self, owner_request request, answer_function then) {
  if (!is_token(request.tenant) || !is_token(request.id) || needs_alert_of_join(request)) {
    then(to_error(ec::invalid_input, "a request without tenant, incident or alert"), {});
    return;
  }
  const auto tenant = request.tenant, id = request.id;
  auto shared = std::make_shared<owner_request>(std::move(request));
  with_incident(self, tenant, id, [self, shared, then, tenant, id](const caf::error& failed) {
    if (failed)
      then(failed, {});
    else
      ask_actor(self, *shared, self->state.incidents[incident_key(tenant, id)].actor.actor(), then);
  });
}

void ask_owner(manager_actor* self, owner_request request, answer_function then) {
  auto& st = self->state;
  if (st.options.owner && st.ports.remote)
    if (const auto node = st.options.owner(request.tenant, request.id); !node.empty() && node != st.options.node) {
      ask_remote(self, node, request, then);
      return;
    }
  ask_here(self, std::move(request), std::move(then));
}

} // namespace soc::incident
