#include "actor/sources/fixture.hpp"
#include "connectors/sources/http/http_source.hpp"
#include "unit/sources/test_client.hpp"

using namespace soc;
using namespace soc::sources;
using namespace soc::sources::testing;

namespace soc::sources::testing {

/// What JetStream would keep: one payload an id.
struct fake_stream {
  std::mutex mutex;
  std::map<std::string, std::string> by_id;
  std::atomic<int> publishes{0};
  std::atomic<bool> away{false};
};

inline caf::behavior fake_bus(caf::event_based_actor*, std::shared_ptr<fake_stream> stream) {
  return {[stream](const bus_publish& message) -> caf::result<bus_published> {
    ++stream->publishes;
    if (stream->away)
      return to_error(ec::unavailable, "NATS is away");
    const std::lock_guard lock(stream->mutex);
    stream->by_id[message.message_id] = message.payload;
    return bus_published{stream->by_id.size()};
  }};
}

struct real_system {
  struct config_with_errors : caf::actor_system_config {
    config_with_errors() {
      set("scheduler.max-threads", 2);
      add_error_renderer(*this);
    }
  } config;
  caf::actor_system system{config};
  std::shared_ptr<fake_stream> stream = std::make_shared<fake_stream>();
  std::shared_ptr<system_clock_source> clock = std::make_shared<system_clock_source>();
  caf::actor bus = system.spawn(fake_bus, stream);
  caf::actor source;
  std::uint16_t port = 0;

  real_system() {
    http_options options;
    options.port = 0;
    source_environment environment;
    auto context = std::make_shared<model::connector_context>();
    context->connector = "push";
    environment.context = context;
    environment.bus = bus_ref(bus);
    environment.clock = clock;
    source = spawn_observed(system, {.path = "node/push", .clock = clock.get()}, http_source, environment, options);
    caf::scoped_actor self{system};
    self->request(source, std::chrono::seconds{10}, http_port_query{})
        .receive([this](std::uint16_t bound) { port = bound; }, [](caf::error&) {});
    BOOST_REQUIRE(port != 0);
  }
  ~real_system() {
    caf::anon_send_exit(source, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(bus, caf::exit_reason::user_shutdown);
    source = bus = nullptr;
  }
  std::string post(const std::string& body, const std::string& headers = {}) {
    test_client client(port);
    client.send("POST /ingest HTTP/1.1\r\nHost: x\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body);
    return client.receive([](const std::string& text) { return text.find("}") != std::string::npos; });
  }
};

} // namespace soc::sources::testing

BOOST_FIXTURE_TEST_SUITE(push_sources, real_system)

BOOST_AUTO_TEST_CASE(a_client_hears_200_when_the_stream_has_its_records) {
  const auto answer = post("{\"a\":1}\n{\"a\":2}\n");
  BOOST_TEST(answer.find("HTTP/1.1 200 OK") == 0U);
  BOOST_TEST(answer.find("{\"records\":2}") != std::string::npos);
  BOOST_TEST(stream->by_id.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_client_hears_503_when_the_stream_is_away_and_its_retry_is_stored_once) {
  stream->away = true;
  BOOST_TEST(post("line\n").find("HTTP/1.1 503") == 0U);
  stream->away = false;
  BOOST_TEST(post("line\n").find("HTTP/1.1 200") == 0U);
  BOOST_TEST(post("line\n").find("HTTP/1.1 200") == 0U);
  BOOST_TEST(stream->publishes == 3);
  BOOST_TEST(stream->by_id.size() == 1U);
  post("line\n", "Idempotency-Key: another\r\n");
  BOOST_TEST(stream->by_id.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_large_request_is_stored_in_several_messages_before_it_is_answered) {
  std::string body;
  for (int i = 0; i < 3000; ++i)
    body += std::string(1000, 'x') + std::to_string(i) + "\n";
  const auto answer = post(body);
  BOOST_TEST(answer.find("{\"records\":3000}") != std::string::npos);
  BOOST_TEST(stream->by_id.size() == 4U);
}

BOOST_AUTO_TEST_SUITE_END()
