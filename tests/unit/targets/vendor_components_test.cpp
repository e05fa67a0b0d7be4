// Every vendor's component against the simulator of tools/sim, which enforces the vendor's rules: the action, read
// back; the action again; the inverse, read back; and with a wrong secret nothing.
#include "connectors/targets/http/http_driver.hpp"
#include "connectors/targets/jq/jq_engine.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace {

using namespace soc;
using namespace soc::response;
using nlohmann::json;

/// The simulator as a child process, ended with it.
class vendors {
public:
  vendors() {
    int ends[2];
    BOOST_REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    const std::string script = std::string(SOC_SOURCE_DIR) + "/tools/sim/vendors.py";
    const char* arguments[] = {"python3", script.c_str(), nullptr};
    BOOST_REQUIRE(posix_spawnp(&child_, "python3", &actions, nullptr, const_cast<char**>(arguments), environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    std::string line;
    char c = 0;
    while (::read(ends[0], &c, 1) == 1 && c != '\n')
      line += c;
    ::close(ends[0]);
    endpoint = "http://" + line.substr(line.rfind(' ') + 1);
    BOOST_REQUIRE_MESSAGE(line.find("127.0.0.1") != std::string::npos, "the simulator didn't start: " << line);
  }
  ~vendors() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  std::string endpoint;

private:
  pid_t child_ = -1;
};

struct vendor_trial {
  const char* component;
  const char* action;
  json parameters;
  json settings;
  std::map<std::string, std::string> credentials;
};

std::ostream& operator<<(std::ostream& out, const vendor_trial& t) {
  return out << t.component << " " << t.action;
}

const json address{{"ip", "203.0.113.9"}, {"duration", 3600}, {"comment", "soc <test> & 'more'"}};
const std::map<std::string, std::string> cloud_keys{{"access_key", "AKIDSIM"}, {"secret_key", "sim-secret"}};
const std::map<std::string, std::string> microsoft{{"client_id", "sim-client"}, {"client_secret", "sim-client-secret"}};

/// What an instance of each needs; login_url is the simulator.
std::vector<vendor_trial> trials() {
  const json nsg{{"tenant_id", "sim-tenant"},
                 {"subscription", "s"},
                 {"resource_group", "g"},
                 {"nsg", "n"},
                 {"first", 100},
                 {"last", 110}};
  return {
      {"aws_waf",
       "block_ip",
       address,
       {{"region", "eu-central-1"},
        {"scope", "REGIONAL"},
        {"set4_id", "set4"},
        {"set4_name", "blocked4"},
        {"set6_id", "set6"},
        {"set6_name", "blocked6"}},
       cloud_keys},
      {"aws_waf",
       "block_ip",
       {{"ip", "2001:db8::9"}},
       {{"region", "eu-central-1"},
        {"scope", "REGIONAL"},
        {"set4_id", "set4"},
        {"set4_name", "blocked4"},
        {"set6_id", "set6"},
        {"set6_name", "blocked6"}},
       cloud_keys},
      {"aws_network_acl",
       "block_ip",
       address,
       {{"region", "eu-central-1"}, {"acl", "acl-1"}, {"first", 1}, {"last", 90}},
       cloud_keys},
      {"aws_iam", "disable_key", {{"user", "ann"}, {"key", "AKIA1"}}, json::object(), cloud_keys},
      {"aws_iam", "disable_user", {{"user", "ann"}}, json::object(), cloud_keys},
      {"alibaba_cloud_firewall",
       "block_ip",
       address,
       {{"book4", "book4"}, {"book6", "book6"}, {"book_domain", "bookd"}},
       cloud_keys},
      {"alibaba_cloud_firewall",
       "block_domain",
       {{"domain", "pool.example"}},
       {{"book4", "book4"}, {"book6", "book6"}, {"book_domain", "bookd"}},
       cloud_keys},
      {"alibaba_ram", "disable_key", {{"user", "ann"}, {"key", "LTAI1"}}, {{"domain", "sim.example"}}, cloud_keys},
      {"alibaba_ram", "disable_user", {{"user", "ann"}}, {{"domain", "sim.example"}}, cloud_keys},
      {"tencent_cloud_firewall", "block_ip", address, json::object(), cloud_keys},
      {"huawei_cloud_firewall", "block_ip", address, {{"project_id", "p"}, {"object_id", "o"}}, cloud_keys},
      {"azure_nsg", "block_ip", address, nsg, microsoft},
      {"entra_id", "disable_user", {{"user", "ann@sim.example"}}, {{"tenant_id", "sim-tenant"}}, microsoft},
      {"cortex_xdr", "isolate_host", {{"host", "web-1"}}, {{"key_id", "7"}}, {{"key", "sim-secret"}}},
      {"kubernetes", "cordon_node", {{"node", "node-1"}}, json::object(), {{"token", "sim-token"}}},
      {"fortigate", "block_ip", address, {{"group4", "soc4"}, {"group6", "soc6"}}, {{"token", "sim-token"}}},
      {"panos", "block_ip", address, json::object(), {{"key", "sim-secret"}}},
      {"dingtalk",
       "send_notification",
       {{"title", "Mining on web-1"}},
       {{"access_token", "sim-token"}},
       {{"secret", "sim-secret"}}},
      {"feishu", "send_notification", {{"title", "Mining on web-1"}}, {{"hook", "h"}}, {{"secret", "sim-secret"}}},
      {"slack",
       "send_notification",
       {{"title", "Mining on web-1"}},
       json::object(),
       {{"path", "services/T0/B0/sim-hook"}}},
  };
}

component_ptr component_named(const std::string& name) {
  const auto file = std::string(SOC_SOURCE_DIR) + "/connectors/targets/" + name + "/component.yaml";
  diagnostics found;
  const auto text = std::filesystem::exists(file) ? read_text_file(file, "CMP001", found) : std::nullopt;
  return text ? load_component(file, *text, found) : nullptr;
}

/// One component at one simulator.
struct trial_site {
  vendors simulator;
  targets::http_driver driver{std::make_shared<system_clock_source>(),
                              targets::jq_function_of(std::make_shared<targets::jq_engine>())};
  component_call call;

  trial_site(const vendor_trial& trial, component_ptr component) {
    resource_instance instance;
    instance.name = trial.component;
    instance.endpoint = simulator.endpoint;
    instance.settings = trial.settings;
    instance.settings["login_url"] = simulator.endpoint;
    for (const auto& [name, secret] : trial.credentials) {
      const auto variable = "SOC_TRIAL_" + name;
      setenv(variable.c_str(), secret.c_str(), 1);
      instance.credentials[name] = "env:" + variable;
    }
    call.component = std::move(component);
    call.instance = std::make_shared<const resource_instance>(instance);
    call.idempotency_key = "trial";
    call.reason = "a test";
  }

  call_outcome make(const std::string& action, const json& given) {
    call.action = action;
    json own = json::object();
    for (const auto& p : call.component->actions.at(action).parameters)
      if (given.contains(p.name))
        own[p.name] = given[p.name];
    auto checked = checked_parameters(call.component->actions.at(action), own);
    BOOST_REQUIRE_MESSAGE(checked, (checked ? "" : checked.error().what));
    call.parameters = *checked;
    return driver.call(call);
  }

  /// Whether the effect is seen, by the action's own verification.
  bool stands(const action& what, const json& given) {
    const auto seen = make(what.verify->read_action, given);
    BOOST_REQUIRE_MESSAGE((seen.what == call_outcome::kind::succeeded),
                          what.verify->read_action << ": " << seen.detail);
    return what.verify->in_effect.matches(json{{"output", seen.output}});
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(vendor_components_suite)

BOOST_DATA_TEST_CASE(a_vendors_component_acts_reads_back_and_takes_back_at_the_simulator, trials()) {
  const auto component = component_named(sample.component);
  if (!component) {
    std::cout << "SKIPPED: no component " << sample.component << "\n";
    return;
  }
  trial_site site(sample, component);
  const auto& what = component->actions.at(sample.action);
  if (what.verify)
    BOOST_TEST(!site.stands(what, sample.parameters));
  auto done = site.make(sample.action, sample.parameters);
  BOOST_REQUIRE_MESSAGE((done.what == call_outcome::kind::succeeded), done.detail);
  if (what.verify)
    BOOST_TEST(site.stands(what, sample.parameters));
  if (what.effect != action_effect::reversible)
    return;
  if (what.repeat == idempotency::natural) {
    const auto again = site.make(sample.action, sample.parameters);
    BOOST_TEST((again.what == call_outcome::kind::succeeded), again.detail);
  }
  auto given = sample.parameters;
  if (done.output.is_object())
    given.update(done.output);
  const auto back = site.make(what.inverse, given);
  BOOST_TEST((back.what == call_outcome::kind::succeeded), back.detail);
  if (what.verify)
    BOOST_TEST(!site.stands(what, sample.parameters));
}

BOOST_DATA_TEST_CASE(a_wrong_secret_is_refused_and_told_to_nobody, trials()) {
  auto wrong = sample;
  for (auto& [name, secret] : wrong.credentials)
    if (name != "access_key" && name != "client_id" && name != "user")
      secret = "not-the-secret-at-all";
  const auto component = component_named(wrong.component);
  if (!component)
    return;
  trial_site site(wrong, component);
  const auto out = site.make(wrong.action, wrong.parameters);
  BOOST_TEST((out.what == call_outcome::kind::failed), out.detail);
  BOOST_TEST(out.detail.find("not-the-secret-at-all") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
