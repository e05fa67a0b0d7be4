#include "control/incident_context.hpp"

#include <set>

namespace soc::control {

namespace {

constexpr std::chrono::milliseconds context_timeout{5000};
constexpr std::size_t events_per_question = 300;

/// What is asked and answered for one incident.
struct context_run : std::enable_shared_from_this<context_run> {
  call asking;
  incident::view_ptr of;
  std::function<void(const incident::view&)> then;
  incident::attack_path path;
  std::set<std::pair<int, std::string>> asked;
  std::vector<incident::context_event> events;
  std::size_t waiting = 0;
  int rounds = 0;

  context_run(const call& c, incident::view_ptr v, std::function<void(const incident::view&)> f)
      : asking(c), of(std::move(v)), then(std::move(f)), path(of->path) {}

  void next_round() {
    std::vector<lake::search_events> questions;
    if (rounds++ < 2)
      for (const auto& q : incident::questions_of(path, of->first_event, of->last_event))
        if (asked.emplace(static_cast<int>(q.type), q.key).second)
          questions.push_back({"",
                               "",
                               of->tenant,
                               q.from,
                               q.to,
                               {std::string(model::to_string(q.type)) + ":" + q.key},
                               events_per_question});
    if (questions.empty())
      return finish();
    waiting = questions.size();
    for (auto& q : questions)
      ask(std::move(q));
  }

  void ask(lake::search_events question) {
    const auto self = shared_from_this();
    asking.self->request(asking.services->events.actor(), context_timeout, std::move(question))
        .then(
            [self](const lake::found_events& found) {
              for (const auto& e : found.all)
                self->events.push_back(incident::context_of(*e.batch, e.batch->events[e.index]));
              self->answered();
            },
            [self](const caf::error&) { self->answered(); });
  }

  void answered() {
    if (--waiting > 0)
      return;
    path = incident::extended_path(of->path, events);
    next_round();
  }

  void finish() {
    auto extended = *of;
    extended.path = std::move(path);
    then(extended);
  }
};

} // namespace

void extend_by_events(const call& c, incident::view_ptr of, std::function<void(const incident::view&)> then) {
  if (!c.services->events)
    return then(*of);
  std::make_shared<context_run>(c, std::move(of), std::move(then))->next_round();
}

} // namespace soc::control
