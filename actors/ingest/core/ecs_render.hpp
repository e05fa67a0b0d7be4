// ingest/core/ecs_render.hpp - the ECS view of events, with scratch memory kept from one to the next. One a thread.
#pragma once
#include "model/event.hpp"

#include <memory>
#include <string>

namespace soc::ingest {

class ecs_renderer {
public:
  ecs_renderer();
  ~ecs_renderer();
  /// One JSON object, one line. The event must be mapped.
  std::string render(const model::event_batch& batch, const model::event& ev);

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace soc::ingest
