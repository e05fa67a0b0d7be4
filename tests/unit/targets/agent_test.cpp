#include "connectors/targets/agent/agent_host.hpp"
#include "runtime/signing_key.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace soc;
using namespace soc::targets;
using nlohmann::json;
namespace fs = std::filesystem;
using answer_kind = agent_answer::kind;

struct scratch {
  fs::path path;
  explicit scratch(const std::string& below = "/tmp") {
    auto name = below + "/soc-agent-test-XXXXXX";
    path = mkdtemp(name.data());
  }
  ~scratch() { fs::remove_all(path); }
};

/// A shell with two sleeping children: a tree to end.
struct sleeping_tree {
  pid_t pid = -1;
  sleeping_tree() {
    pid = fork();
    if (pid == 0) {
      execl("/bin/sh", "sh", "-c", "sleep 300 & sleep 300 & wait", nullptr);
      _exit(1);
    }
    for (int i = 0; i < 200 && children() < 2; ++i)
      usleep(10'000);
  }
  ~sleeping_tree() {
    for (const auto& p : all_processes())
      if (p.parent == pid)
        ::kill(p.pid, SIGKILL);
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  std::size_t children() const {
    std::size_t out = 0;
    for (const auto& p : all_processes())
      out += p.parent == pid ? 1 : 0;
    return out;
  }
  std::string key() const { return "web-1|" + std::to_string(pid) + "|" + format_rfc3339(process_of(pid)->started_at); }
};

struct agent_site {
  scratch folder;
  std::shared_ptr<manual_clock> clock = std::make_shared<manual_clock>(system_clock_source().now());
  agent_settings settings;
  agent_site() {
    settings.host = "web-1";
    settings.folder = folder.path / "agent";
    settings.files.quarantine = settings.folder / "quarantine";
    settings.allowed = {"kill_process", "kill_process_tree", "get_process",     "quarantine_file",
                        "restore_file", "get_file",          "collect_evidence"};
  }
  agent_answer order(const std::string& action, json parameters, const std::string& key = "k1",
                     const std::string& host = "web-1", const signing_key* by = nullptr) {
    agent_host agent(settings, clock);
    const auto text =
        to_text(agent_order{key, host, action, std::move(parameters), clock->now(), clock->now() + 5 * ns_per_s});
    const json message{{"order", text}, {"signature", by == nullptr ? "" : by->sign(signed_text(text))}};
    return *read_answer(agent.take(message.dump()));
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(agent_suite)

BOOST_AUTO_TEST_CASE(a_process_tree_is_ended_and_a_second_order_finds_it_gone) {
  agent_site site;
  sleeping_tree tree;
  const auto key = tree.key();
  const auto out = site.order("kill_process_tree", {{"process", key}});
  BOOST_REQUIRE_MESSAGE((out.what == answer_kind::done), out.detail);
  BOOST_TEST(out.output["killed"].size() == 3U);
  BOOST_TEST(tree.children() == 0U);
  BOOST_TEST((site.order("kill_process_tree", {{"process", key}}, "k2").what == answer_kind::done));
}

BOOST_AUTO_TEST_CASE(another_process_with_the_same_id_is_left_alone) {
  agent_site site;
  sleeping_tree tree;
  const auto other = "web-1|" + std::to_string(tree.pid) + "|2020-01-01T00:00:00Z";
  const auto out = site.order("kill_process", {{"process", other}});
  BOOST_TEST((out.what == answer_kind::done)); // the one that was meant is gone
  BOOST_TEST(out.output["killed"].empty());
  BOOST_TEST(process_of(tree.pid).has_value());
  BOOST_TEST((site.order("kill_process", {{"process", "web-1|" + std::to_string(tree.pid)}}, "k2").what ==
              answer_kind::refused));
}

BOOST_AUTO_TEST_CASE(a_process_whose_start_is_not_known_is_the_one_that_was_seen) {
  const process_facts now{77, 1, 1'000 * ns_per_s, "x", "/x", "x", 0};
  BOOST_TEST(is_same(now, {77, 0, 1'005 * ns_per_s}));
  BOOST_TEST(is_same(now, {77, 0, 999 * ns_per_s}));  // logs round
  BOOST_TEST(!is_same(now, {77, 0, 990 * ns_per_s})); // it began after the one meant was seen
  BOOST_TEST(!is_same(now, {78, 0, 1'005 * ns_per_s}));
  BOOST_TEST(!is_same(now, {77, 0, 0}));
  BOOST_TEST(!can_be_told({77, 0, 0}));
  BOOST_TEST((kill_process({77, 0, 0}, false, {}).what == answer_kind::refused));
}

BOOST_AUTO_TEST_CASE(the_agent_ends_neither_itself_nor_what_runs_it) {
  agent_site site;
  const auto self = process_of(::getpid());
  const auto key = "web-1|" + std::to_string(::getpid()) + "|" + format_rfc3339(self->started_at);
  BOOST_TEST((site.order("kill_process", {{"process", key}}).what == answer_kind::refused));
}

BOOST_AUTO_TEST_CASE(a_file_goes_into_quarantine_and_comes_back_as_it_was) {
  agent_site site;
  const auto path = site.folder.path / "shell.php";
  std::ofstream(path) << "<?php system($_GET[0]);";
  ::chmod(path.c_str(), 0741);
  const auto hash = sha256_of_file(path);
  const json given{{"file", "web-1|" + path.string()}};
  const auto out = site.order("quarantine_file", given);
  BOOST_REQUIRE_MESSAGE((out.what == answer_kind::done), out.detail);
  BOOST_TEST(!fs::exists(path));
  BOOST_TEST(out.output["sha256"] == hash);
  BOOST_TEST(site.order("get_file", given, "k2").output["quarantined"] == true);
  BOOST_TEST((site.order("restore_file", given, "k3").what == answer_kind::done));
  struct stat now {};
  BOOST_REQUIRE(::stat(path.c_str(), &now) == 0);
  BOOST_TEST((now.st_mode & 07777) == 0741U);
  BOOST_TEST(sha256_of_file(path) == hash);
}

BOOST_AUTO_TEST_CASE(a_file_that_comes_back_over_file_systems_has_its_mode_and_time_again) {
  if (!fs::is_directory("/dev/shm")) // elsewhere all is one file system
    return;
  agent_site site;
  const scratch other("/dev/shm");
  site.settings.files.quarantine = other.path / "quarantine";
  const auto path = site.folder.path / "shell.php";
  std::ofstream(path) << "<?php system($_GET[0]);";
  ::chmod(path.c_str(), 0741);
  fs::last_write_time(path, fs::last_write_time(path) - std::chrono::hours(48));
  const auto written = fs::last_write_time(path);
  const json given{{"file", "web-1|" + path.string()}};
  BOOST_TEST((site.order("quarantine_file", given).what == answer_kind::done));
  BOOST_TEST(!fs::exists(path));
  const auto out = site.order("restore_file", given, "k2");
  BOOST_REQUIRE_MESSAGE((out.what == answer_kind::done), out.detail);
  struct stat now {};
  BOOST_REQUIRE(::stat(path.c_str(), &now) == 0);
  BOOST_TEST((now.st_mode & 07777) == 0741U);
  BOOST_TEST((fs::last_write_time(path) == written));
}

BOOST_AUTO_TEST_CASE(a_restore_that_was_cut_off_is_completed_when_it_is_asked_for_again) {
  agent_site site;
  const auto path = site.folder.path / "shell.php";
  std::ofstream(path) << "<?php system($_GET[0]);";
  ::chmod(path.c_str(), 0741);
  const json given{{"file", "web-1|" + path.string()}};
  BOOST_TEST((site.order("quarantine_file", given).what == answer_kind::done));
  for (const auto& entry : fs::directory_iterator(site.settings.files.quarantine))
    if (entry.path().extension() == ".file") // killed after the move
      fs::rename(entry.path(), path);
  const auto out = site.order("restore_file", given, "k2");
  BOOST_REQUIRE_MESSAGE((out.what == answer_kind::done), out.detail);
  struct stat now {};
  BOOST_REQUIRE(::stat(path.c_str(), &now) == 0);
  BOOST_TEST((now.st_mode & 07777) == 0741U);
  BOOST_TEST(fs::is_empty(site.settings.files.quarantine));
}

BOOST_AUTO_TEST_CASE(links_and_files_the_machine_needs_are_never_touched) {
  agent_site site;
  const auto link = site.folder.path / "link";
  fs::create_symlink("/etc/hostname", link);
  BOOST_TEST((site.order("quarantine_file", {{"file", "web-1|" + link.string()}}).what == answer_kind::refused));
  BOOST_TEST((site.order("quarantine_file", {{"file", "web-1|/bin/sh"}}, "k2").what == answer_kind::refused));
  const auto folder = site.folder.path / "bin";
  fs::create_symlink("/usr/bin", folder);
  BOOST_TEST((site.order("quarantine_file", {{"file", "web-1|" + (folder / "env").string()}}, "k3").what ==
              answer_kind::refused));
  BOOST_TEST((site.order("quarantine_file", {{"file", "web-1|/tmp/../bin/sh"}}, "k4").what == answer_kind::refused));
  BOOST_TEST(fs::exists("/usr/bin/env"));
}

BOOST_AUTO_TEST_CASE(orders_for_others_not_allowed_or_unsigned_are_refused) {
  agent_site site;
  BOOST_TEST((site.order("get_file", {{"file", "db-1|/tmp/x"}}, "k1", "db-1").what == answer_kind::refused));
  BOOST_TEST((site.order("isolate_host", {{"host", "web-1"}}).what == answer_kind::refused));
  const auto key = signing_key::from_seed(std::string(32, 'a')), other = signing_key::from_seed(std::string(32, 'b'));
  site.settings.trusted_key = key->public_hex();
  BOOST_TEST((site.order("get_file", {{"file", "web-1|/tmp/x"}}).what == answer_kind::refused));
  BOOST_TEST(
      (site.order("get_file", {{"file", "web-1|/tmp/x"}}, "k1", "web-1", other.get()).what == answer_kind::refused));
  BOOST_TEST((site.order("get_file", {{"file", "web-1|/tmp/x"}}, "k1", "web-1", key.get()).what == answer_kind::done));
}

BOOST_AUTO_TEST_CASE(the_same_order_after_a_crash_acts_once) {
  agent_site site;
  const auto path = site.folder.path / "dropper";
  std::ofstream(path) << "first";
  const json given{{"file", "web-1|" + path.string()}};
  BOOST_TEST((site.order("quarantine_file", given).what == answer_kind::done));
  std::ofstream(path) << "second"; // the same order again must not take another file
  const auto again = site.order("quarantine_file", given);
  BOOST_TEST((again.what == answer_kind::done));
  BOOST_TEST(fs::exists(path));
}

BOOST_AUTO_TEST_CASE(evidence_is_kept_with_its_hash) {
  agent_site site;
  const auto out = site.order("collect_evidence", {{"host", "web-1"}, {"what", {"processes", "connections"}}});
  BOOST_REQUIRE((out.what == answer_kind::done));
  BOOST_TEST(out.output["counts"]["processes"].get<int>() > 1);
  BOOST_TEST(sha256_of_file(out.output["file"].get<std::string>()) == out.output["sha256"].get<std::string>());
}

BOOST_AUTO_TEST_CASE(evidence_of_a_link_or_a_pipe_says_that_it_is_no_regular_file) {
  agent_site site;
  const auto link = site.folder.path / "link", pipe = site.folder.path / "pipe", file = site.folder.path / "file";
  std::ofstream(file) << "hello";
  fs::create_symlink(file, link);
  BOOST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const auto evidence_of = [&](const fs::path& path) {
    const json given{{"host", "web-1"}, {"file", "web-1|" + path.string()}, {"what", json::array({"file"})}};
    return site.order("collect_evidence", given, path.string()).output["collected"]["file"];
  };
  BOOST_TEST(evidence_of(file)["hex"] == "68656c6c6f");
  for (const auto& path : {link, pipe}) {
    BOOST_TEST(!evidence_of(path).contains("hex"));
    BOOST_TEST(evidence_of(path)["not_read"] == "it is no regular file");
  }
}

BOOST_AUTO_TEST_CASE(junk_is_answered_and_never_brings_the_agent_down) {
  agent_site site;
  agent_host agent(site.settings, site.clock);
  for (const auto* junk : {"", "{", "[]", "{\"order\": 1}", "{\"order\": \"{}\"}", "{\"order\": \"{\\\"key\\\":1}\"}"})
    BOOST_TEST((read_answer(agent.take(junk))->what == answer_kind::refused));
}

BOOST_AUTO_TEST_CASE(the_isolation_keeps_what_the_agent_needs) {
  const auto text = isolation_ruleset({"10.0.0.5", "2001:db8::1", "10.1.0.0/16; flush ruleset"});
  BOOST_TEST(text.find("ip daddr 10.0.0.5 accept") != std::string::npos);
  BOOST_TEST(text.find("ip6 saddr 2001:db8::1 accept") != std::string::npos);
  BOOST_TEST(text.find("flush ruleset") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
