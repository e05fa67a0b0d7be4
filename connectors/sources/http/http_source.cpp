#include "connectors/sources/http/http_source.hpp"

#include "connectors/sources/http/raw_messages.hpp"
#include "runtime/error.hpp"

#include <spdlog/spdlog.h>

namespace soc::sources {

namespace {

constexpr std::chrono::seconds publish_counts_every{1};

/// One request's messages on their way to JetStream.
struct storing_request {
  push_submission submission;
  std::size_t missing = 0;
  bool failed = false;
};

void finish_drain(http_source_actor* self) {
  auto& s = self->state;
  if (s.draining && s.storing == 0 && s.drained_promise.pending())
    s.drained_promise.deliver(drained{});
}

void settle(http_source_actor* self, storing_request& request) {
  auto& s = self->state;
  if (--request.missing > 0)
    return;
  --s.storing;
  const auto& in = request.submission;
  if (!request.failed) {
    count(s.counts->batches, in.messages->size());
    count(s.counts->records, in.records);
    count(s.counts->bytes, in.bytes);
  }
  s.server->respond(in.ticket, request.failed ? unavailable_response(in.kind) : stored_response(in.kind, in.records));
  finish_drain(self);
}

void store_push(http_source_actor* self, const push_submission& submission) {
  auto& s = self->state;
  if (s.draining) {
    s.server->respond(submission.ticket, unavailable_response(submission.kind));
    return;
  }
  auto request = std::make_shared<storing_request>();
  request->submission = submission;
  request->missing = submission.messages->size();
  ++s.storing;
  for (auto& message : *submission.messages)
    self->request(s.environment.bus.actor(), s.options.store_timeout, std::move(message))
        .then([self, request](const bus_published&) { settle(self, *request); },
              [self, request](const caf::error& why) {
                count(self->state.counts->errors);
                if (!std::exchange(request->failed, true))
                  spdlog::warn("connector {}: pushed logs not stored: {}", self->state.environment.context->connector,
                               describe(why));
                settle(self, *request);
              });
}

outcome open_server(http_source_actor* self) {
  auto& s = self->state;
  auto tokens = token_set::read(s.options.tokens);
  if (!tokens)
    return tokens.error();
  auto rules = std::make_shared<push_rules>();
  rules->path = s.options.path;
  rules->otlp = s.options.otlp;
  rules->otlp_body_only = s.options.otlp_body_only;
  rules->tokens = std::move(tokens).take();
  rules->limits.max_body_bytes = s.options.max_body_bytes;
  const auto address = caf::actor_cast<caf::actor_addr>(self);
  auto handle = [rules, address, context = s.environment.context,
                 clock = s.environment.clock](http_request request, http_ticket ticket) -> http_verdict {
    const auto decision = read_push(*rules, request);
    if (!decision.has_records)
      return {false, decision.response};
    auto messages = raw_messages(context, decision.pushed, request.peer, request.idempotency_key, clock->now());
    const auto source = caf::actor_cast<caf::actor>(address);
    if (!source)
      return {false, unavailable_response(decision.kind)};
    caf::anon_send(source,
                   push_submission{ticket, decision.kind, decision.pushed.records.size(), decision.pushed.body->size(),
                                   std::make_shared<std::vector<bus_publish>>(std::move(messages))});
    return {true, {}};
  };
  const auto admit = [rules](const http_request& head) { return admit_request(*rules, head); };
  s.server = std::make_unique<http_server>(s.options, admit, std::move(handle), s.counts, s.environment.clock);
  return s.server->start();
}

source_status http_status(const http_source_state& s) {
  const auto& c = *s.counts;
  return {c.records,       c.bytes,   c.batches, c.resent_batches, c.truncated_records, c.dropped_records,
          c.dropped_bytes, c.refused, c.errors,  c.open,           s.storing,           0};
}

} // namespace

caf::behavior http_source(http_source_actor* self, source_environment environment, http_options options) {
  auto& s = self->state;
  s.environment = std::move(environment);
  s.options = std::move(options);
  if (const auto opened = open_server(self); !opened) {
    self->quit(to_error(opened.error()));
    return {};
  }
  self->delayed_send(self, publish_counts_every, source_tick{});
  return {
      [self](const push_submission& submission) { store_push(self, submission); },
      [self](const source_tick&) {
        publish_counts(*self->state.counts, self->state.environment, self->state.published);
        self->delayed_send(self, publish_counts_every, source_tick{});
      },
      [self](const source_status_query&) { return http_status(self->state); },
      [self](const http_port_query&) { return self->state.server->port(); },
      [self](const drain&) -> caf::result<drained> {
        auto& state = self->state;
        state.draining = true;
        state.drained_promise = self->make_response_promise();
        finish_drain(self);
        return caf::delegated<drained>{};
      },
  };
}

} // namespace soc::sources
