#include "lake/search_actor.hpp"

#include "runtime/error.hpp"

namespace soc::lake {

namespace {

using steady = std::chrono::steady_clock;

result<event_query> query_of(const search_events& m) {
  event_query out;
  out.tenant = m.tenant;
  out.from = m.from;
  out.to = m.to;
  out.limit = m.limit;
  for (const auto& text : m.entities) {
    out.entities.push_back(entity_query::of(text));
    if (out.entities.back().text.empty())
      return failure{ec::invalid_input, "an entity without a name: '" + text + "'"};
  }
  return out;
}

result<event_search> begin_search(const search_options& options, const search_events& m) {
  auto asked = query_of(m);
  if (!asked)
    return asked.error();
  event_condition condition;
  if (!m.condition.empty()) {
    auto compiled = options.compile(m.condition, m.logsource);
    if (!compiled)
      return compiled.error();
    condition = std::move(*compiled);
  }
  return event_search(*options.store, std::move(*asked), std::move(condition), options.reading());
}

void answer_first(search_actor* self, bool whole) {
  auto& first = self->state.waiting.front();
  auto found = first.search.finish(true);
  found.whole = whole;
  found.seconds = std::chrono::duration<double>(first.worked).count();
  first.promise.deliver(std::move(found));
  self->state.waiting.pop_front();
}

void work(search_actor* self) {
  auto& st = self->state;
  if (st.waiting.empty())
    return;
  auto& first = st.waiting.front();
  const auto began = steady::now();
  bool more = true;
  while (more && steady::now() - began < st.options.step_time)
    more = first.search.step();
  first.worked += steady::now() - began;
  if (!more || first.worked >= st.options.time_limit)
    answer_first(self, !more);
  if (!st.waiting.empty())
    self->send(self, go_on_searching{});
}

caf::result<found_events> ask(search_actor* self, const search_events& m) {
  auto& st = self->state;
  if (st.waiting.size() >= st.options.max_waiting)
    return to_error(ec::unavailable, "too many searches wait; try again");
  auto search = begin_search(st.options, m);
  if (!search)
    return to_error(search.error().code, search.error().what);
  auto promise = self->make_response_promise<found_events>();
  st.waiting.push_back({std::move(*search), promise, {}});
  if (st.waiting.size() == 1)
    self->send(self, go_on_searching{});
  return promise;
}

} // namespace

caf::behavior search_worker(search_actor* self, search_options options) {
  self->state.options = std::move(options);
  return {
      [self](const search_events& m) { return ask(self, m); },
      [self](const lake_query&) { return self->state.options.store->status(); },
      [self](const go_on_searching&) { work(self); },
  };
}

} // namespace soc::lake
