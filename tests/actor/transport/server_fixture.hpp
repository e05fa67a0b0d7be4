// tests/actor/transport/server_fixture.hpp - a real nats-server on a directory of its own, a link and an actor system
// with real threads. Nothing sleeps for a fixed time: conditions are awaited with a deadline. Without nats-server cases
// are skipped, visibly.
#pragma once
#include "runtime/error.hpp"
#include "transport/bus.hpp"
#include "transport/journal.hpp"
#include "transport/nats_server_child.hpp"
#include "transport/stream_keeper.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/all.hpp>
#include <nlohmann/json.hpp>

#include <csignal>
#include <filesystem>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

namespace soc::transport::testing {

using namespace std::chrono_literals;

inline bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds within = 8s) {
  const auto until = std::chrono::steady_clock::now() + within;
  while (std::chrono::steady_clock::now() < until) {
    if (condition())
      return true;
    std::this_thread::sleep_for(2ms); // between two looks at the condition
  }
  return condition();
}

struct temporary_folder {
  temporary_folder() {
    auto name = (std::filesystem::temp_directory_path() / "soc-transport-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::filesystem::path path;
};

inline bool have_nats_server() {
  const temporary_folder probe;
  return nats_server_site::prepare({.data_dir = probe.path}) ? true : false;
}

/// Decorator: skipped with a reason on a machine without nats-server.
inline boost::test_tools::assertion_result needs_server(boost::unit_test::test_unit_id) {
  static const bool there = have_nats_server();
  boost::test_tools::assertion_result out(there);
  if (!there)
    out.message() << "nats-server is not installed";
  return out;
}

/// Collects the messages of one kind that an actor is sent.
template <class M>
class inbox_of {
public:
  explicit inbox_of(caf::actor_system& system) {
    actor_ = system.spawn([box = box_](caf::event_based_actor* self) -> caf::behavior {
      self->set_default_handler(caf::drop);
      return {[box](const M& m) {
        const std::lock_guard lock(box->mutex);
        box->all.push_back(m);
      }};
    });
  }
  ~inbox_of() { caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown); }
  const caf::actor& actor() const { return actor_; }
  std::vector<M> all() const {
    const std::lock_guard lock(box_->mutex);
    return box_->all;
  }
  std::size_t size() const {
    const std::lock_guard lock(box_->mutex);
    return box_->all.size();
  }

private:
  struct shared {
    std::mutex mutex;
    std::vector<M> all;
  };
  std::shared_ptr<shared> box_ = std::make_shared<shared>();
  caf::actor actor_;
};

struct system_config : caf::actor_system_config {
  system_config() {
    set("scheduler.max-threads", 2);
    add_error_renderer(*this);
  }
};

/// The answer to a request, or the failure. An event-based helper asks: blocking actors are not sound on every libcaf.
template <class Reply, class Request>
result<Reply> ask(caf::actor_system& system, const caf::actor& whom, Request request,
                  std::chrono::milliseconds within = 10s) {
  auto answer = std::make_shared<std::promise<result<Reply>>>();
  auto future = answer->get_future();
  system.spawn([=](caf::event_based_actor* self) {
    self->request(whom, within, request)
        .then([=](const Reply& reply) { answer->set_value(reply); },
              [=](const caf::error& why) { answer->set_value(to_failure(why)); });
  });
  if (future.wait_for(within + 2s) != std::future_status::ready)
    return failure{ec::timed_out, "no answer"};
  return future.get();
}

/// A server child, a link to it, and all streams. Actors are spawned through `spawn` and ended before the link.
class server_fixture {
public:
  server_fixture() {
    auto prepared = nats_server_site::prepare({.data_dir = folder_.path, .node = "test", .restart_min = 20ms});
    BOOST_REQUIRE_MESSAGE(prepared, (prepared ? "" : prepared.error().what));
    site_ = *prepared;
    server_ = spawn("server", nats_server_child, site_);
    link_ = open_link();
    const auto keeper = spawn("streams", stream_keeper, link_, stream_options{});
    BOOST_REQUIRE(ask<streams_ready>(system_, keeper, await_streams{}));
  }
  ~server_fixture() {
    for (const auto& actor : spawned_)
      if (actor != server_)
        end(actor);
    spawned_.clear();
    end(server_);
    server_ = counter_ = nullptr;
    system_.await_all_actors_done();
    links_.clear();
    link_.reset();
  }

  template <class F, class... Args>
  caf::actor spawn(const std::string& path, F behaviour, Args... args) {
    actor_context context;
    context.path = path;
    context.dead_letters = letters_;
    spawned_.push_back(spawn_observed(system_, std::move(context), behaviour, std::move(args)...));
    return spawned_.back();
  }
  /// Ends an actor and waits until it has let go of everything.
  void end(const caf::actor& actor) {
    auto ended = std::make_shared<std::promise<void>>();
    auto future = ended->get_future();
    system_.spawn([=](caf::event_based_actor* self) -> caf::behavior {
      self->monitor(actor);
      self->set_down_handler([=](caf::down_msg&) {
        ended->set_value();
        self->quit();
      });
      self->send_exit(actor, caf::exit_reason::user_shutdown);
      return {[](caf::unit_t) {}};
    });
    BOOST_TEST((future.wait_for(10s) == std::future_status::ready));
  }

  nats_link_ptr open_link() {
    auto link = nats_link::open(site_->connect_options());
    BOOST_REQUIRE(link);
    BOOST_REQUIRE(eventually([&] { return (*link)->connected(); }));
    links_.push_back(*link);
    return *link;
  }

  nats_server_status server_status() { return *ask<nats_server_status>(system_, server_, nats_server_query{}); }
  /// kill -9; the child actor starts another one.
  void kill_server() { ::kill(server_status().pid, SIGKILL); }

  /// Messages of a stream under `filter`.
  std::vector<journal_entry> messages_of(const std::string& filter) {
    const auto reader = spawn("reader", journal, link_, journal_options{});
    auto all = ask<journal_entries>(system_, reader, journal_read{filter, 0}, 20s);
    BOOST_REQUIRE_MESSAGE(all, (all ? "" : all.error().what));
    return all->entries;
  }

  /// How many messages a stream holds, by JetStream's own word.
  std::uint64_t stream_size(const std::string& stream) {
    if (!counter_)
      counter_ = spawn("counter", bus, link_, bus_options{});
    const auto info = ask<bus_reply>(system_, counter_, bus_request{"$JS.API.STREAM.INFO." + stream, ""});
    const auto json = nlohmann::json::parse(info ? info->payload : "", nullptr, false);
    return json.is_object() && json.contains("state") ? json["state"]["messages"].get<std::uint64_t>() : ~0ULL;
  }

  temporary_folder folder_;
  std::shared_ptr<nats_server_site> site_;
  system_config config_;
  caf::actor_system system_{config_};
  dead_letter_ref letters_;
  std::vector<caf::actor> spawned_;
  std::vector<nats_link_ptr> links_;
  nats_link_ptr link_;
  caf::actor server_, counter_;
};

} // namespace soc::transport::testing
