#include "response/response_manager.hpp"

#include "response/audit_actor.hpp"
#include "response/call_pool.hpp"
#include "response/gate_actor.hpp"
#include "response/manager_work.hpp"

namespace soc::response {

namespace {

/// Runs and tasks are many and come and go: one that keeps failing must not bring the others down.
supervisor_spec crowd() {
  supervisor_spec out;
  out.limits.intensity = 100;
  return out;
}

playbook_views playbooks_of(const content& c, playbook::definition_cache& definitions) {
  playbook_views out;
  for (const auto& [name, texts] : c.playbooks)
    if (const auto known = definitions.get(texts.front())) {
      playbook_view view{name, known->title, known->version, std::string(playbook::to_string(known->trigger)), {}};
      for (const auto& in : known->inputs)
        view.inputs.push_back(std::string(in.name) + (in.required && in.fallback.is_null() ? "" : "?") + ":" +
                              std::string(playbook::to_string(in.type)));
      out.all.push_back(std::move(view));
    }
  return out;
}

} // namespace

nlohmann::json incident_json(const incident_view& incident) {
  nlohmann::json entities = nlohmann::json::array();
  for (const auto& e : incident.entities)
    entities.push_back(entity_json({e.type, e.role, e.key, e.label}, e.verdict, e.last_seen));
  return {{"id", incident.id},
          {"tenant", incident.tenant},
          {"title", incident.title},
          {"scenario", incident.scenario},
          {"severity", model::to_string(incident.level)},
          {"severity_id", static_cast<int>(incident.level)},
          {"status", incident.status},
          {"score", incident.score},
          {"stages", incident.stages},
          {"techniques", incident.techniques},
          {"hosts", incident.hosts},
          {"entities", std::move(entities)},
          {"overdue", incident.overdue},
          {"due_soon", incident.due_soon},
          {"automation", incident.automation}};
}

caf::behavior response_manager(manager_actor* self, services_ptr shared) {
  manager_work(self, shared).recover();
  manager_work(self, shared).look_at_waits();
  return {
      [=](const incident_changed& change) { manager_work(self, shared).hear(change); },
      [=](const look_at_incident&) { manager_work(self, shared).look(); },
      [=](const perform_action& wish) {
        manager_work(self, shared).perform(wish, caf::actor_cast<caf::actor>(self->current_sender()));
      },
      [=](const undo_step& what) { manager_work(self, shared).undo(what); },
      [=](const cancel_steps& what) { manager_work(self, shared).cancel(what); },
      [=](const run_changed& change) { manager_work(self, shared).take_run(change); },
      [=](const task_report& report) { manager_work(self, shared).take_report(report); },
      [=](const recover_responses&) { manager_work(self, shared).recover(); },
      [=](const operator_command& order) -> caf::result<command_answer> {
        auto promise = self->make_response_promise<command_answer>();
        manager_work(self, shared).command(order, promise);
        return promise;
      },
      [=](const begin_run& ask) -> caf::result<command_answer> {
        auto promise = self->make_response_promise<command_answer>();
        manager_work(self, shared).begin(ask, promise);
        return promise;
      },
      [=](const alert_raised& raised) -> caf::result<alert_answered> {
        auto promise = self->make_response_promise<alert_answered>();
        manager_work(self, shared).take_alert(raised.alert, promise);
        return promise;
      },
      [=](const look_at_clock_now&) { manager_work(self, shared).look_at_clock(); },
      [=](const soc::response::look_at_waits&) { manager_work(self, shared).look_at_waits(); },
      [=](const wake_sleepers& w) { manager_work(self, shared).wake_due(w.due); },
      [=](const list_playbooks&) { return playbooks_of(*shared->content->get(), *shared->definitions); },
      [=](const list_tasks& query) { return manager_work(self, shared).list(query); },
      [=](const list_runs& query) { return manager_work(self, shared).list(query); },
      [=](const drain&) { return drained{}; },
  };
}

supervisor_spec plan_response(services_ptr shared) {
  supervisor_spec out;
  const auto child = [](std::string name, auto start) {
    child_spec spec;
    spec.name = std::move(name);
    spec.start = std::move(start);
    return spec;
  };
  out.children.push_back(child("audit", start_with(audit, shared)));
  out.children.push_back(child("gate", start_with(gate, shared)));
  out.children.push_back(child("calls", start_with(call_pool, shared)));
  out.children.push_back(supervisor_child("tasks", crowd()));
  out.children.push_back(supervisor_child("runs", crowd()));
  out.children.push_back(child("manager", start_with(response_manager, shared)));
  out.children.back().drains = true;
  return out;
}

} // namespace soc::response
