#include "tools/soc/offline_context.hpp"

#include "node/event_conditions.hpp"
#include "tools/soc/mapping_support.hpp"

#include <iostream>
#include <set>

namespace soc::cli {

std::optional<offline_context> offline_context::open(const std::string& directory) {
  offline_context out;
  auto store = lake::catalog::look(directory);
  const auto loaded = load_mappings();
  if (!store || !loaded.set) {
    std::cerr << "soc correlate: " << (store ? "the mappings can't be read" : store.error().what) << '\n';
    return std::nullopt;
  }
  out.store_ = *store;
  out.reading_ = node::reading_with(loaded.set, loaded.names);
  return out;
}

std::vector<incident::context_event> offline_context::ask(const incident::context_question& q) const {
  lake::event_query asked;
  asked.from = q.from;
  asked.to = q.to;
  asked.limit = 300;
  asked.entities.push_back(lake::entity_query::of(std::string(model::to_string(q.type)) + ":" + q.key));
  lake::event_search search(*store_, std::move(asked), {}, reading_);
  while (search.step()) {
  }
  std::vector<incident::context_event> out;
  for (const auto& e : search.finish(false).all)
    out.push_back(incident::context_of(*e.batch, e.batch->events[e.index]));
  return out;
}

incident::attack_path offline_context::extend(const incident::view& of) const {
  auto path = of.path;
  std::vector<incident::context_event> events;
  std::set<std::pair<int, std::string>> asked;
  for (int round = 0; round < 2; ++round) {
    for (const auto& q : incident::questions_of(path, of.first_event, of.last_event)) {
      if (!asked.emplace(static_cast<int>(q.type), q.key).second)
        continue;
      auto more = ask(q);
      std::move(more.begin(), more.end(), std::back_inserter(events));
    }
    path = incident::extended_path(of.path, events);
  }
  return path;
}

} // namespace soc::cli
