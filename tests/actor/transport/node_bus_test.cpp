#include "actor/transport/server_fixture.hpp"
#include "transport/node_bus.hpp"
#include "transport/subjects.hpp"

using namespace soc;
using namespace soc::transport;
using namespace soc::transport::testing;

namespace {

struct answer_now {
  caf::typed_response_promise<control_payload_reply> promise;
};

} // namespace

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(answer_now)

namespace {

/// Answers each request after `delay`.
caf::behavior slow_control(caf::event_based_actor* self, std::chrono::milliseconds delay) {
  return {
      [=](const control_payload&) -> caf::result<control_payload_reply> {
        auto promise = self->make_response_promise<control_payload_reply>();
        self->delayed_send(self, delay, answer_now{promise});
        return promise;
      },
      [](answer_now& due) {
        wire::control_reply reply;
        reply.ok = true;
        due.promise.deliver(control_payload_reply{*wire::encode(reply)});
      },
  };
}

struct node_bus_fixture : server_fixture {
  caf::actor control = system_.spawn(slow_control, 2000ms);
  caf::actor asker;

  node_bus_fixture() {
    node_bus_options options;
    options.node = "node-a";
    options.answer_timeout = 100ms;
    spawn("node-bus", node_bus, link_, options, ref<control_handler_interface>(control),
          ref<envelope_handler_interface>());
    asker = spawn("bus", bus, open_link(), bus_options{});
  }
  ~node_bus_fixture() { caf::anon_send_exit(control, caf::exit_reason::kill); }

  /// What is said of a request that ends in so long; 0: it doesn't say.
  wire::control_reply answer_within(std::chrono::seconds left) {
    wire::control_request request;
    request.words = {"reload"};
    if (left.count() > 0)
      request.deadline = system_clock_source().now() + left.count() * ns_per_s;
    bus_request message{control_subject("node-a"), *wire::encode(request), 8000ms};
    const auto reply = ask<bus_reply>(system_, asker, std::move(message));
    BOOST_REQUIRE_MESSAGE(reply, (reply ? "" : reply.error().what));
    return *wire::decode_control_reply(reply->payload);
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(requests_to_a_node, *boost::unit_test::precondition(needs_server))

BOOST_FIXTURE_TEST_CASE(a_command_has_the_time_that_whoever_asked_still_waits, node_bus_fixture) {
  BOOST_TEST(answer_within(6s).ok);
}

BOOST_FIXTURE_TEST_CASE(a_command_that_states_no_deadline_has_the_nodes_time_and_may_still_be_done, node_bus_fixture) {
  const auto reply = answer_within(0s);
  BOOST_TEST(!reply.ok);
  BOOST_TEST(reply.error == "no answer in time; what was asked may still be done");
}

BOOST_AUTO_TEST_SUITE_END()
