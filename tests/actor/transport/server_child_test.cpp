#include "actor/transport/server_fixture.hpp"

#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace soc;
using namespace soc::transport;
using namespace soc::transport::testing;

BOOST_AUTO_TEST_SUITE(managed_server, *boost::unit_test::precondition(needs_server))

BOOST_FIXTURE_TEST_CASE(a_killed_server_is_started_again_on_the_same_port, server_fixture) {
  const auto before = server_status().pid;
  kill_server();
  BOOST_REQUIRE(eventually([&] { return server_status().running && server_status().pid != before; }));
  BOOST_TEST(eventually([&] { return link_->connected(); }));
  BOOST_TEST(server_status().last_exit == "signal 9");
}

BOOST_FIXTURE_TEST_CASE(other_users_cannot_read_the_password_nor_connect_without_it, server_fixture) {
  struct stat info {};
  BOOST_REQUIRE_EQUAL(::stat((folder_.path / "nats-client.json").c_str(), &info), 0);
  BOOST_TEST((info.st_mode & 0777) == 0600U);
  BOOST_REQUIRE_EQUAL(::stat((folder_.path / "nats/server.conf").c_str(), &info), 0);
  BOOST_TEST((info.st_mode & 0777) == 0600U);
  nats_options stranger;
  stranger.urls = {site_->endpoint().url};
  const auto link = nats_link::open(stranger);
  BOOST_TEST((!link || !(*link)->connected()));
}

BOOST_FIXTURE_TEST_CASE(two_nodes_never_share_a_data_directory, server_fixture) {
  const auto second = nats_server_site::prepare({.data_dir = folder_.path});
  BOOST_REQUIRE(!second);
  BOOST_TEST(static_cast<int>(second.error().code) == static_cast<int>(ec::refused));
}

// As after kill -9 of a node when the server did not get its signal: it lives and holds the lock.
BOOST_AUTO_TEST_CASE(a_server_left_by_a_killed_node_is_stopped_before_the_directory_is_used_again) {
  const temporary_folder folder;
  system_config config;
  caf::actor_system system(config);
  int leftover = 0;
  {
    auto site = nats_server_site::prepare({.data_dir = folder.path});
    BOOST_REQUIRE(site);
    const auto command = (*site)->command();
    auto lock = file_lock::take(command.lock);
    BOOST_REQUIRE(lock);
    leftover = fork();
    if (leftover == 0) {
      dup2(lock->descriptor(), 60); // without close-on-exec: inherited
      execl(command.program.c_str(), "nats-server", "-c", command.arguments[1].c_str(), nullptr);
      _exit(127);
    }
    std::ofstream(command.pid_file) << leftover << '\n';
  }
  BOOST_TEST(!file_lock::take(folder.path / "nats/server.lock"));
  std::thread reaper([leftover] { waitpid(leftover, nullptr, 0); });
  const auto again = nats_server_site::prepare({.data_dir = folder.path});
  BOOST_TEST(static_cast<bool>(again), (again ? "" : again.error().what));
  if (!again)
    ::kill(leftover, SIGKILL);
  reaper.join();
  BOOST_TEST(static_cast<bool>(file_lock::take(folder.path / "nats/server.lock")));
}

BOOST_AUTO_TEST_CASE(the_port_and_password_are_kept_over_restarts_of_the_node) {
  const temporary_folder folder;
  nats_endpoint first;
  {
    const auto site = nats_server_site::prepare({.data_dir = folder.path});
    BOOST_REQUIRE(site);
    first = (*site)->endpoint();
  }
  const auto site = nats_server_site::prepare({.data_dir = folder.path});
  BOOST_REQUIRE(site);
  BOOST_TEST((*site)->endpoint().url == first.url);
  BOOST_TEST((*site)->endpoint().password == first.password);
}

BOOST_AUTO_TEST_CASE(a_missing_program_is_said_with_what_to_install) {
  const temporary_folder folder;
  const auto site = nats_server_site::prepare({.data_dir = folder.path, .binary = "no-such-nats-server"});
  BOOST_REQUIRE(!site);
  BOOST_TEST(site.error().what.find("apt install nats-server") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
