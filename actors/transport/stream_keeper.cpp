#include "transport/stream_keeper.hpp"

#include "runtime/error.hpp"
#include "transport/protocol.hpp"

#include <algorithm>

namespace soc::transport {

namespace {

constexpr std::chrono::milliseconds keeper_retry{250};

struct keep_streams {
  std::uint64_t round = 0;
};

} // namespace

} // namespace soc::transport

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::keep_streams)

namespace soc::transport {

namespace {

void ask_for_stream(stream_keeper_actor* self, std::size_t index, const char* verb) {
  auto& st = self->state;
  const auto& stream = st.streams[index];
  const auto token = st.next_token++;
  if (st.inbox->request(token, std::string("$JS.API.STREAM.") + verb + "." + stream.name, to_json(stream)))
    st.asked.emplace(token, index);
}

/// Asks for whatever is not there yet, and again after a while.
void ask_for_missing(stream_keeper_actor* self) {
  auto& st = self->state;
  st.asked.clear();
  if (std::all_of(st.made.begin(), st.made.end(), [](bool made) { return made; }))
    return;
  for (std::size_t i = 0; i < st.streams.size(); ++i)
    if (!st.made[i])
      ask_for_stream(self, i, "CREATE");
  self->delayed_send(self, keeper_retry, keep_streams{++st.round});
}

void note_stream_answer(stream_keeper_actor* self, const nats_delivery& d) {
  auto& st = self->state;
  const auto at = st.asked.find(d.token);
  if (at == st.asked.end())
    return;
  const auto index = at->second;
  st.asked.erase(at);
  if (d.status != 0)
    return; // no JetStream yet: asked again
  const auto error = parse_api_error(d.payload);
  if (error.error_code == error_stream_exists) {
    ask_for_stream(self, index, "UPDATE");
    return;
  }
  if (error.error_code != 0) {
    st.last_error = st.streams[index].name + ": " + error.description;
    self->probe().set_failure(st.last_error, self->now());
    return;
  }
  st.made[index] = true;
  if (!std::all_of(st.made.begin(), st.made.end(), [](bool made) { return made; }))
    return;
  for (auto& promise : st.waiting)
    promise.deliver(streams_ready{});
  st.waiting.clear();
}

} // namespace

caf::behavior stream_keeper(stream_keeper_actor* self, nats_link_ptr link, stream_options options) {
  auto& st = self->state;
  st.streams = streams_of(options);
  st.made.assign(st.streams.size(), false);
  auto inbox = nats_inbox::open(link, lane::prompt, caf::actor_cast<caf::actor>(self));
  if (!inbox) {
    self->quit(to_error(inbox.error()));
    return {};
  }
  st.inbox.emplace(std::move(*inbox));
  st.watch = link->watch(caf::actor_cast<caf::actor>(self));
  return {
      [=](const nats_status& status) {
        if (!status.connected)
          return;
        self->state.made.assign(self->state.streams.size(), false);
        ask_for_missing(self);
      },
      [=](const nats_delivery& d) {
        if (self->state.inbox->owns(d))
          note_stream_answer(self, d);
      },
      [=](const keep_streams& again) {
        if (again.round == self->state.round)
          ask_for_missing(self);
      },
      [=](const await_streams&) -> caf::result<streams_ready> {
        auto& made = self->state.made;
        if (std::all_of(made.begin(), made.end(), [](bool is) { return is; }))
          return streams_ready{};
        auto promise = self->make_response_promise<streams_ready>();
        self->state.waiting.push_back(promise);
        return promise;
      },
  };
}

} // namespace soc::transport
