#include "connectors/sources/syslog/syslog_driver.hpp"
#include "unit/sources/test_client.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sys/wait.h>

using namespace soc;
using namespace soc::sources;
using namespace soc::sources::testing;

namespace {

class running_syslog {
public:
  explicit running_syslog(syslog_options options) : counts(std::make_shared<source_counts>()) {
    auto context = std::make_shared<model::connector_context>();
    context->connector = "net";
    driver =
        std::make_unique<syslog_driver>(std::move(options), context, counts, std::make_shared<system_clock_source>());
    const auto started = driver->start({}, [] {});
    BOOST_REQUIRE_MESSAGE(started, (started ? "" : started.error().what));
  }

  void take() {
    while (const auto batch = driver->next(0)) {
      last = batch;
      for (std::size_t i = 0; i < batch->records.size(); ++i)
        messages.emplace_back(batch->record(i));
    }
  }
  bool got(std::size_t count, std::chrono::milliseconds limit = std::chrono::seconds{10}) {
    return eventually(
        [&] {
          take();
          return messages.size() >= count;
        },
        limit);
  }

  source_counts_ptr counts;
  std::unique_ptr<syslog_driver> driver;
  std::vector<std::string> messages;
  model::raw_batch_ptr last;
};

syslog_options all_ports() {
  syslog_options options;
  options.udp_port = 0;
  options.tcp_port = 0;
  return options;
}

/// A folder with a self-signed certificate, or empty when there is no openssl command.
std::string make_certificates() {
  std::string folder = (std::filesystem::temp_directory_path() / "soc-tls-XXXXXX").string();
  BOOST_REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const auto command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=siem.test -addext "
                       "subjectAltName=DNS:siem.test -keyout " +
                       folder + "/key.pem -out " + folder + "/cert.pem >/dev/null 2>&1";
  return std::system(command.c_str()) == 0 ? folder : std::string{};
}

} // namespace

BOOST_AUTO_TEST_SUITE(syslog_over_sockets)

BOOST_AUTO_TEST_CASE(both_framings_are_taken_on_one_port_and_datagrams_beside) {
  running_syslog s(all_ports());
  test_client counted(s.driver->ports().tcp), lines(s.driver->ports().tcp);
  test_client datagrams(s.driver->ports().udp, SOCK_DGRAM);
  counted.send("7 <13>a b9 <14>c\nd e");
  lines.send("<15>line one\n<15>li");
  lines.send("ne two\n");
  datagrams.send("<16>datagram\n");
  BOOST_TEST(s.got(5));
  const std::set<std::string> seen(s.messages.begin(), s.messages.end());
  BOOST_TEST(seen == (std::set<std::string>{"<13>a b", "<14>c\nd e", "<15>line one", "<15>line two", "<16>datagram"}),
             boost::test_tools::per_element());
  BOOST_TEST(s.last->origin == "127.0.0.1");
}

BOOST_AUTO_TEST_CASE(a_closed_connection_gives_its_last_line) {
  running_syslog s(all_ports());
  test_client client(s.driver->ports().tcp);
  client.send("<13>no line end");
  client.close();
  BOOST_TEST(s.got(1));
}

BOOST_AUTO_TEST_CASE(a_broken_count_closes_the_connection_and_stops_no_other) {
  running_syslog s(all_ports());
  test_client bad(s.driver->ports().tcp), good(s.driver->ports().tcp);
  bad.send("5 <1>ab99999999999999999999999 <1>x");
  BOOST_TEST(bad.closed_by_peer());
  good.send("<13>still here\n");
  BOOST_TEST(s.got(2));
  BOOST_TEST(s.counts->errors == 1U);
}

BOOST_AUTO_TEST_CASE(tcp_senders_are_held_when_nobody_takes_their_messages) {
  auto options = all_ports();
  options.queue_bytes = 1U << 20;
  running_syslog s(options);
  test_client client(s.driver->ports().tcp);
  const std::string line = "<13>" + std::string(995, 'x') + "\n";
  std::string block;
  for (int i = 0; i < 64; ++i)
    block += line;
  std::size_t sent = 0, quiet = 0;
  while (quiet < 300 && sent < (256U << 20)) {
    const auto now = client.send_what_fits(std::string_view(block).substr(sent % line.size()));
    sent += now;
    quiet = now > 0 ? 0 : quiet + 1;
    if (now == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  BOOST_TEST(sent < (64U << 20));
  const auto lines = (sent + line.size() - 1) / line.size();
  auto rest = std::string_view(line).substr((sent - 1) % line.size() + 1); // of the last line, when there is room again
  BOOST_TEST(eventually([&] {
    s.take();
    rest.remove_prefix(client.send_what_fits(rest));
    return rest.empty();
  }));
  BOOST_TEST(s.got(lines));
  BOOST_TEST(s.counts->dropped_records == 0U);
}

BOOST_AUTO_TEST_CASE(datagrams_that_nobody_takes_are_dropped_and_counted) {
  auto options = all_ports();
  options.queue_bytes = 1U << 20;
  running_syslog s(options);
  test_client client(s.driver->ports().udp, SOCK_DGRAM);
  const std::string message = "<13>" + std::string(9000, 'x');
  std::size_t sent = 0;
  BOOST_TEST(eventually([&] {
    for (int i = 0; i < 50; ++i)
      sent += client.send_what_fits(message) > 0 ? 1 : 0;
    return s.counts->dropped_records > 100U;
  }));
  eventually([&] {
    s.take();
    return s.messages.size() + s.counts->dropped_records >= sent;
  });
  BOOST_TEST(s.messages.size() + s.counts->dropped_records == sent);
}

BOOST_AUTO_TEST_CASE(a_message_over_the_limit_is_cut_and_counted) {
  auto options = all_ports();
  options.max_message_bytes = 500;
  running_syslog s(options);
  test_client tcp(s.driver->ports().tcp), udp(s.driver->ports().udp, SOCK_DGRAM);
  tcp.send("<13>" + std::string(5000, 'x') + "\n");
  udp.send("<13>" + std::string(5000, 'y'));
  BOOST_TEST(s.got(2));
  BOOST_TEST(s.messages[0].size() == 500U);
  BOOST_TEST(s.messages[1].size() == 500U);
  BOOST_TEST(s.counts->truncated_records == 2U);
}

BOOST_AUTO_TEST_CASE(connections_that_say_nothing_make_room_for_those_that_do) {
  auto options = all_ports();
  options.max_connections = 4;
  running_syslog s(options);
  std::vector<std::unique_ptr<test_client>> silent;
  for (int i = 0; i < 10; ++i)
    silent.push_back(std::make_unique<test_client>(s.driver->ports().tcp));
  test_client talker(s.driver->ports().tcp);
  talker.send("<13>hello\n");
  BOOST_TEST(s.got(1));
  BOOST_TEST(s.counts->open <= 4U);
  BOOST_TEST(s.counts->refused >= 7U);
}

BOOST_AUTO_TEST_CASE(a_real_rsyslogd_sends_over_udp_tcp_and_tls) {
  const auto folder = make_certificates();
  if (folder.empty() || std::system("command -v rsyslogd >/dev/null") != 0 ||
      !std::filesystem::exists("/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_ossl.so")) {
    BOOST_TEST_MESSAGE("SKIPPED: needs rsyslogd with its ossl driver, and openssl");
    return;
  }
  auto options = all_ports();
  options.tls_port = 0;
  options.tls_certificate = folder + "/cert.pem";
  options.tls_key = folder + "/key.pem";
  running_syslog s(options);
  const auto ports = s.driver->ports();
  const auto forward = [](std::uint16_t port, const std::string& more) {
    return "*.* action(type=\"omfwd\" target=\"127.0.0.1\" port=\"" + std::to_string(port) +
           "\" template=\"RSYSLOG_SyslogProtocol23Format\" " + more + ")\n";
  };
  std::ofstream(folder + "/app.log").close();
  std::ofstream(folder + "/rsyslog.conf")
      << "global(workDirectory=\"" << folder << "\" defaultNetstreamDriverCAFile=\"" << folder << "/cert.pem\")\n"
      << "module(load=\"imfile\" mode=\"inotify\")\n"
      << "input(type=\"imfile\" File=\"" << folder << "/app.log\" Tag=\"app\")\n"
      << forward(ports.udp, "protocol=\"udp\"") << forward(ports.tcp, "protocol=\"tcp\" TCP_Framing=\"octet-counted\"")
      << forward(ports.tls,
                 "protocol=\"tcp\" TCP_Framing=\"octet-counted\" StreamDriver=\"ossl\" StreamDriverMode=\"1\" "
                 "StreamDriverAuthMode=\"x509/name\" StreamDriverPermittedPeers=\"siem.test\"");
  const pid_t child = ::fork();
  if (child == 0) {
    ::execlp("rsyslogd", "rsyslogd", "-n", "-f", (folder + "/rsyslog.conf").c_str(), "-i",
             (folder + "/rsyslogd.pid").c_str(), nullptr);
    ::_exit(127);
  }
  std::ofstream log(folder + "/app.log", std::ios::app);
  for (int i = 0; i < 200; ++i)
    log << "real message " << i << "\n";
  log.flush();
  BOOST_TEST(eventually(
      [&] {
        s.take();
        return std::count_if(s.messages.begin(), s.messages.end(),
                             [](const std::string& m) { return m.find("real message") != std::string::npos; }) >= 600;
      },
      std::chrono::seconds{20}));
  ::kill(child, SIGTERM);
  ::waitpid(child, nullptr, 0);
  BOOST_TEST(s.counts->errors == 0U);
  std::filesystem::remove_all(folder);
}

BOOST_AUTO_TEST_SUITE_END()
