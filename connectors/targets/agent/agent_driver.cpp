#include "connectors/targets/agent/agent_driver.hpp"

#include <fmt/format.h>

namespace soc::targets {

using nlohmann::json;
using response::call_outcome;
using response::component_call;
using kind = call_outcome::kind;

namespace {

/// The host: of the parameter that is host-scoped, or `host` itself.
std::string host_of_call(const json& parameters) {
  for (const auto* name : {"process", "file", "host"})
    if (const auto at = parameters.find(name); at != parameters.end() && at->is_string()) {
      const auto key = split_key(at->get<std::string>());
      if (const auto host = std::string_view(name) == "host" ? key.rest : key.host; !host.empty())
        return host;
    }
  return {};
}

call_outcome outcome_of_answer(const std::string& text) {
  auto answer = read_answer(text);
  if (!answer)
    return {kind::unknown, nullptr, "the agent's answer can't be read"};
  const auto what = answer->what == agent_answer::kind::done    ? kind::succeeded
                    : answer->what == agent_answer::kind::again ? kind::transient
                                                                : kind::failed;
  return {what, std::move(answer->output), std::move(answer->detail)};
}

} // namespace

result<std::shared_ptr<agent_line>> agent_driver::line() {
  std::lock_guard lock(mutex_);
  if (line_)
    return line_;
  auto options = options_();
  if (!options)
    return options.error();
  auto made = agent_line::connect(*options);
  if (made)
    line_ = *made;
  return made;
}

call_outcome agent_driver::call(const component_call& what) {
  const auto at = what.component->actions.find(what.action);
  const auto host = host_of_call(what.parameters);
  if (at == what.component->actions.end() || host.empty())
    return {kind::failed, nullptr, "the host is not known: an entity of the form host|… is needed"};
  auto to = line();
  if (!to)
    return {kind::transient, nullptr, to.error().what};
  const auto limit = std::chrono::milliseconds(at->second.timeout_ms);
  agent_order order{what.idempotency_key, host,          at->second.driver_action,
                    what.parameters,      clock_->now(), clock_->now() + limit.count() * ns_per_ms};
  const auto text = to_text(order);
  const json message{{"order", text}, {"signature", sign_ ? sign_(signed_text(text)) : ""}};
  const auto answer =
      (*to)->ask(agent_subject(host), message.dump(-1, ' ', false, json::error_handler_t::replace), limit);
  if (answer)
    return outcome_of_answer(*answer);
  if (answer.error().code == ec::not_found)
    return {kind::transient, nullptr, fmt::format("no agent listens on {}", host)};
  if (answer.error().code == ec::unavailable) {
    std::lock_guard lock(mutex_);
    line_.reset(); // where NATS is may have changed
    return {kind::transient, nullptr, answer.error().what};
  }
  return {at->second.effect == response::action_effect::read ? kind::transient : kind::unknown, nullptr,
          fmt::format("the agent on {} didn't answer", host)};
}

} // namespace soc::targets
