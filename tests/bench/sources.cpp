// tests/bench/sources.cpp - how fast the sources hand batches on when the pipeline takes them at once: a file of nginx
// lines, syslog over TCP, pushed HTTP requests. usage: bench_sources [file|syslog|http]
#include "connectors/sources/file/file_follower.hpp"
#include "connectors/sources/http/http_source.hpp"
#include "connectors/sources/source.hpp"
#include "connectors/sources/syslog/syslog_driver.hpp"
#include "runtime/error.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>

using namespace soc;
using namespace soc::sources;
using steady = std::chrono::steady_clock;

namespace {

struct totals {
  std::atomic<std::uint64_t> records{0}, bytes{0}, last_written_ns{0};
};

caf::behavior answering_lane(caf::event_based_actor*, std::shared_ptr<totals> sums) {
  return {[sums](const ingest_batch& in) {
    for (const auto& record : in.batch->records)
      sums->bytes += record.length;
    sums->records += in.batch->records.size();
    caf::anon_send(in.source.actor(), batch_done{in.ticket});
  }};
}

caf::behavior storing_bus(caf::event_based_actor*) {
  return {[](const bus_publish&) { return bus_published{1}; }};
}

double seconds_since(steady::time_point begin) {
  return std::chrono::duration<double>(steady::now() - begin).count();
}

/// Of this process, all threads: says more than the clock on a machine that others use too.
double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::uint64_t peak_rss_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) / 1024;
}

struct bench_config : caf::actor_system_config {
  bench_config() {
    set("scheduler.max-threads", 2);
    add_error_renderer(*this);
  }
};

struct bench {
  bench_config config;
  caf::actor_system system{config};
  std::shared_ptr<totals> sums = std::make_shared<totals>();
  std::shared_ptr<system_clock_source> clock = std::make_shared<system_clock_source>();
  std::vector<caf::actor> actors;

  ~bench() {
    for (const auto& actor : actors)
      caf::anon_send_exit(actor, caf::exit_reason::kill);
  }
  source_environment environment() {
    source_environment out;
    auto context = std::make_shared<model::connector_context>();
    context->connector = "bench";
    out.context = context;
    actors.push_back(system.spawn(answering_lane, sums));
    out.lanes = {normalizer_ref(actors.back())};
    actors.push_back(system.spawn(storing_bus));
    out.bus = bus_ref(actors.back());
    out.clock = clock;
    return out;
  }
  template <class Driver, class Options>
  void run_driver(const Options& options, std::shared_ptr<Driver*> made = {}) {
    const driver_factory make = [options, made](const source_environment& e, source_counts_ptr counts) {
      auto driver = std::make_unique<Driver>(options, e.context, counts, e.clock);
      if (made)
        *made = driver.get();
      return driver;
    };
    actors.push_back(spawn_observed<caf::detached>(system, {.path = "bench", .clock = clock.get()}, run_source,
                                                   environment(), make));
  }
  void wait_for(std::uint64_t records) const {
    while (sums->records < records)
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
};

const std::string nginx_line =
    R"(203.0.113.9 - - [24/Nov/2026:09:00:00 +0000] "GET /index.php?id=1%20UNION%20SELECT%20password HTTP/1.1" 200 5316 "-" )"
    R"("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36")";

void bench_file() {
  const auto path = (std::filesystem::temp_directory_path() / "soc-bench.log").string();
  constexpr std::uint64_t lines = 5'000'000;
  {
    std::ofstream out(path, std::ios::binary);
    for (std::uint64_t i = 0; i < lines; ++i)
      out << nginx_line << '\n';
  }
  bench b;
  file_options options;
  options.paths = {path};
  const auto begin = steady::now();
  const auto cpu = cpu_seconds();
  b.run_driver<file_follower>(options);
  b.wait_for(lines);
  const auto s = seconds_since(begin);
  fmt::print("file: {:.2f} M lines/s, {:.0f} MB/s; {:.2f} M lines a CPU second; peak RSS {} MiB\n", lines / s / 1e6,
             b.sums->bytes / s / 1e6, lines / (cpu_seconds() - cpu) / 1e6, peak_rss_mib());
  std::vector<double> waits;
  for (int i = 0; i < 500; ++i) {
    const auto before = b.sums->records.load();
    const auto written = steady::now();
    std::ofstream(path, std::ios::app) << nginx_line << std::endl;
    while (b.sums->records == before)
      std::this_thread::yield();
    waits.push_back(seconds_since(written) * 1e3);
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  std::sort(waits.begin(), waits.end());
  fmt::print("file: a line written → its batch with the normalizer: median {:.2f} ms, p99 {:.2f} ms\n", waits[250],
             waits[495]);
  std::filesystem::remove(path);
}

int connected(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? fd : -1;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0)
      return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void bench_syslog() {
  bench b;
  syslog_options options;
  options.tcp_port = 0;
  auto made = std::make_shared<syslog_driver*>(nullptr);
  b.run_driver<syslog_driver>(options, made);
  while (!*made || (*made)->ports().tcp == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  const auto message = "<134>1 2026-11-24T09:00:00Z web-01 nginx 812 - - " + nginx_line;
  const auto frame = std::to_string(message.size()) + " " + message;
  std::string block;
  while (block.size() < 256 * 1024)
    block += frame;
  const auto per_block = block.size() / frame.size();
  constexpr std::uint64_t blocks = 10'000;
  const auto begin = steady::now();
  const auto cpu = cpu_seconds();
  const int fd = connected((*made)->ports().tcp);
  for (std::uint64_t i = 0; i < blocks; ++i)
    send_all(fd, block);
  b.wait_for(blocks * per_block);
  const auto s = seconds_since(begin);
  fmt::print(
      "syslog TCP, octet counting, 1 sender: {:.2f} M messages/s, {:.0f} MB/s; {:.2f} M messages a CPU second, the "
      "sender's included; peak RSS {} MiB\n",
      blocks * per_block / s / 1e6, b.sums->bytes / s / 1e6, blocks * per_block / (cpu_seconds() - cpu) / 1e6,
      peak_rss_mib());
  ::close(fd);
}

void push_requests(std::uint16_t port, const std::string& request, int requests) {
  const int fd = connected(port);
  char answer[4096];
  for (int i = 0; i < requests; ++i) {
    send_all(fd, request);
    if (::recv(fd, answer, sizeof answer, 0) <= 0)
      break;
  }
  ::close(fd);
}

void bench_http() {
  bench b;
  http_options options;
  options.port = 0;
  b.actors.push_back(
      spawn_observed(b.system, {.path = "bench", .clock = b.clock.get()}, http_source, b.environment(), options));
  const auto source = b.actors.back();
  std::atomic<std::uint16_t> port{0};
  b.actors.push_back(b.system.spawn([&port, source](caf::event_based_actor* self) {
    self->request(source, std::chrono::seconds{5}, http_port_query{}).then([&port](std::uint16_t p) { port = p; });
  }));
  while (port == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  for (const int records : {1, 500}) {
    std::string body;
    for (int i = 0; i < records; ++i)
      body += R"({"n":)" + std::to_string(i) + R"(,"line":")" + std::string(200, 'x') + "\"}\n";
    const auto request =
        "POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    const int each = records == 1 ? 20'000 : 500;
    constexpr int clients = 8;
    const auto begin = steady::now();
    const auto cpu = cpu_seconds();
    std::vector<std::thread> threads;
    for (int i = 0; i < clients; ++i)
      threads.emplace_back([&] { push_requests(port, request, each); });
    for (auto& thread : threads)
      thread.join();
    const auto s = seconds_since(begin);
    fmt::print(
        "http, {} clients, {} records a request: {:.0f} requests/s, {:.0f} records/s, {:.0f} MB/s, peak RSS {} MiB\n",
        clients, records, clients * each / s, 1.0 * records * clients * each / s,
        clients * each * body.size() / s / 1e6, peak_rss_mib());
  }
}

} // namespace

int main(int argc, char** argv) {
  const std::string which = argc > 1 ? argv[1] : "all";
  if (which == "file" || which == "all")
    bench_file();
  if (which == "syslog" || which == "all")
    bench_syslog();
  if (which == "http" || which == "all")
    bench_http();
}
