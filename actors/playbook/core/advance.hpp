// playbook/core/advance.hpp - what follows from an event: the walk through the graph of a run. A worker of `apply`;
// lives for one event. A step begins at its first live arrival (a join when enough arrived); where the way did not
// lead, "not live" is passed on, so that a join knows whom not to wait for. Pure.
#pragma once
#include "playbook/core/machine.hpp"

namespace soc::playbook {

class advancer {
public:
  advancer(run_state& state, unix_ns now) : state_(state), now_(now) {}

  void begin(const run_event& event, definition_cache& cache);
  void start();
  void answer(const std::string& path, bool ok, const nlohmann::json& output, const std::string& error);
  void tick();
  void approve(const std::string& path, const std::string& user);
  void reject(const std::string& path, const std::string& why);
  void signal(const std::string& name, const nlohmann::json& payload);
  void cancel(const std::string& why);
  void retry();
  void compensated(const std::string& path, bool ok, const std::string& detail);

private:
  void open_frame(const std::string& scope, frame opened);
  void forget(const std::string& scope);
  void arrive(const std::string& scope, const std::string& id, bool live);
  void activate(const std::string& scope, const step& s);
  void begin_action(const std::string& scope, const step& s, activation& a);
  void begin_transform(const std::string& scope, const step& s, activation& a);
  void begin_for_each(const std::string& scope, const step& s, activation& a);
  void begin_items(const std::string& path, const step& s);
  void begin_items_one_by_one(const std::string& path, const step& s);
  void begin_wait(const std::string& scope, const step& s, activation& a);
  void begin_sub_playbook(const std::string& scope, const step& s, activation& a);
  void choose(const std::string& scope, const step& s);
  void set_values(const std::string& scope, const step& s);
  void finish(const std::string& scope, const step& s, nlohmann::json output);
  void fail(const std::string& scope, const step& s, std::string error);
  void note_effect(const std::string& path, const activation& a);
  void leave(const std::string& scope, const step& s, const std::vector<std::string>& live);
  void skip(const std::string& scope, const step& s);
  void close_if_over(const std::string& scope);
  void close_frame(const std::string& scope);
  void halt(const std::string& under);
  void end_run(run_status status, std::string reason);
  void fire_due(const std::string& path);
  nlohmann::json scope_of(const std::string& scope) const;
  const step* find(const std::string& path, std::string& scope) const;

  run_state& state_;
  const unix_ns now_;
  std::set<std::string> beginning_items_; ///< paths of the for_each steps whose loop is running
};

} // namespace soc::playbook
