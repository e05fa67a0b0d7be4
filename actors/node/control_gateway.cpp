#include "node/control_gateway.hpp"

#include "runtime/error.hpp"

namespace soc::node {

namespace {

constexpr std::chrono::seconds without_deadline{10};

transport::control_payload_reply encoded(const wire::control_reply& reply) {
  const auto bytes = wire::encode(reply);
  if (bytes)
    return {*bytes};
  wire::control_reply too_large;
  too_large.id = reply.id;
  too_large.exit_code = 1;
  too_large.error = "the answer can't be sent: " + bytes.error().what + "; ask for less (--last N)";
  const auto fallback = wire::encode(too_large);
  return {fallback ? *fallback : std::string{}};
}

} // namespace

caf::behavior control_gateway(control_gateway_self* self, ref<control::control_interface> control) {
  return {
      [self, control](const transport::control_payload& in) -> caf::result<transport::control_payload_reply> {
        auto request = wire::decode_control_request(in.payload);
        if (!request)
          return to_error(request.error());
        auto promise = self->make_response_promise<transport::control_payload_reply>();
        auto shared = std::make_shared<decltype(promise)>(promise);
        const auto patience = wire::patience_of(*request, self->now(), without_deadline) + wire::handing_on;
        self->request(control.actor(), patience, control::control_query{std::move(*request)})
            .then([shared](const wire::control_reply& reply) { shared->deliver(encoded(reply)); },
                  [shared](caf::error& e) { shared->deliver(std::move(e)); });
        return promise;
      },
  };
}

} // namespace soc::node
