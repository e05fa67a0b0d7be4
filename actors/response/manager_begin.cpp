#include "playbook/core/inputs.hpp"
#include "response/manager_work.hpp"
#include "runtime/error.hpp"

#include <fmt/format.h>

namespace soc::response {

namespace {

constexpr std::chrono::seconds beginning_read_timeout{8};
constexpr std::size_t max_beginning = 10'000;

void say_no(caf::typed_response_promise<command_answer>& promise, std::string why) {
  promise.deliver(command_answer{false, std::move(why)});
}

/// Another node may have it.
void say_not_here(caf::typed_response_promise<command_answer>& promise, std::string why) {
  promise.deliver(command_answer{false, std::move(why), {}, true});
}

std::string no_such_playbook(const content& c, const std::string& name) {
  std::vector<std::string> known;
  for (const auto& [other, texts] : c.playbooks)
    known.push_back(other);
  const auto near = did_you_mean(name, known);
  return fmt::format("no playbook '{}'{}", name, near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
}

} // namespace

void manager_work::begin(const begin_run& ask, promise_type promise) {
  if (ask.user.empty())
    return say_no(promise, "a command needs the name of who gives it");
  if (!at().recovered) { // which runs there are, and whose, is known soon
    if (at().early_begins.size() >= max_beginning)
      return say_no(promise, "too many runs are beginning");
    at().early_begins.emplace_back(ask, promise);
    return;
  }
  if (!ask.again.empty())
    return begin_again(ask, promise);
  if (ask.incident_id.empty()) {
    if (!shared_->owns(ask.tenant, {}))
      return say_not_here(promise, "no run without an incident begins at this node");
    return begin_now(ask, {}, nullptr, promise);
  }
  const auto found = keys_beginning_with(at().incidents, ask.incident_id);
  if (found.size() == 1)
    return begin_now(ask, found[0], nullptr, promise);
  if (found.empty())
    return say_not_here(promise, fmt::format("no open incident '{}'{}", ask.incident_id, if_short(ask.incident_id)));
  say_no(promise, fmt::format("{} incidents begin with '{}'", found.size(), ask.incident_id));
}

/// `inputs` null: from the words that were given.
void manager_work::begin_now(const begin_run& ask, const std::string& incident, const nlohmann::json& inputs,
                             promise_type promise) {
  const auto content = shared_->content->get();
  const auto texts = content->playbooks.find(ask.playbook);
  if (texts == content->playbooks.end())
    return say_no(promise, no_such_playbook(*content, ask.playbook));
  const auto definition = shared_->definitions->get(texts->second.front());
  if (!definition)
    return refuse_begin(ask, fmt::format("playbook '{}' can't be read", ask.playbook), promise);
  auto given = inputs.is_null() ? playbook::inputs_of_words(*definition, ask.inputs) : result<nlohmann::json>(inputs);
  if (!given)
    return refuse_begin(ask, given.error().what, promise);
  run_start start;
  start.inputs = std::move(given).take();
  if (const auto known = at().incidents.find(incident); known != at().incidents.end()) {
    start.tenant = known->second->tenant;
    if (!start.inputs.contains("incident")) // the run leaves it out when the playbook doesn't take it
      start.inputs["incident"] = incident_json(*known->second);
  } else {
    start.tenant = ask.tenant;
  }
  if (at().beginning.size() >= max_beginning)
    return refuse_begin(ask, "too many runs are beginning", promise);
  start.id = run_id_of("by hand", incident,
                       fmt::format("{} {} {}", shared_->node, self_->now(), at().counters["runs_begun_by_hand"]++));
  start.incident_id = incident;
  start.rule = "by hand";
  start.mode = "manual";
  start.reason = ask.reason.empty() ? "begun by " + ask.user : ask.reason;
  start.asked_by = "user:" + ask.user;
  start.texts = texts->second;
  shared_->audit.send(self_, audit_note{start.tenant, ask.user, ask.again.empty() ? "run" : "rerun", start.id,
                                        ask.reason, fmt::format("playbook {}", ask.playbook)});
  at().beginning.emplace(start.id, waiting_person{promise, ask.wait});
  start_child_run(std::move(start), [](const caf::actor&) {});
}

/// The journal has its inputs; the playbook is the one of that name as it is now.
void manager_work::begin_again(const begin_run& ask, promise_type promise) {
  const auto found = keys_beginning_with(at().runs, ask.again);
  if (found.empty())
    return say_not_here(promise, fmt::format("no run {}{}", ask.again, if_short(ask.again)));
  if (found.size() > 1)
    return say_no(promise, fmt::format("{} runs begin with '{}'", found.size(), ask.again));
  const auto& before = at().runs.at(found[0]).view;
  auto once_more = ask;
  once_more.playbook = before.playbook;
  once_more.tenant = before.tenant;
  if (once_more.reason.empty())
    once_more.reason = fmt::format("{} once more, by {}", found[0], ask.user);
  auto work = *this;
  self_
      ->request(shared_->journal.actor(), beginning_read_timeout,
                journal_read{fmt::format("soc.{}.run.{}", before.tenant, found[0]), 0})
      .then(
          [work, once_more, promise](const journal_entries& entries) mutable {
            const auto began = work.shared_->read_beginning(entries.entries);
            if (!began)
              return work.refuse_begin(once_more, began.error().what, promise);
            work.begin_now(once_more, began->incident_id, began->inputs, promise);
          },
          [work, once_more, promise](const caf::error& e) mutable {
            work.refuse_begin(once_more, "its journal can't be read: " + describe(e), promise);
          });
}

void manager_work::refuse_begin(const begin_run& ask, const std::string& why, promise_type promise) {
  shared_->audit.send(self_, audit_note{ask.tenant, ask.user, ask.again.empty() ? "run" : "rerun", ask.playbook,
                                        ask.reason, "not begun: " + why});
  say_no(promise, why);
}

/// Tells whoever began a run: by the first that is heard of it, or by the last.
void manager_work::answer_beginning(const run_changed& change) {
  const auto waiting = at().beginning.find(change.view.id);
  if (waiting == at().beginning.end() || (waiting->second.for_end && !change.final))
    return;
  const auto& run = change.view;
  command_answer answer{change.playbook_error.empty(), change.playbook_error, run.id};
  if (answer.obeyed && change.final) {
    answer.obeyed = run.status == "completed";
    answer.text = fmt::format("run {} of {} is {}{}{}", run.id, run.playbook, run.status, answer.obeyed ? "" : ": ",
                              answer.obeyed ? "" : run.reason);
  } else if (answer.obeyed) {
    answer.text = fmt::format("run {} of {} has begun", run.id, run.playbook);
  }
  waiting->second.promise.deliver(std::move(answer));
  at().beginning.erase(waiting);
}

} // namespace soc::response
