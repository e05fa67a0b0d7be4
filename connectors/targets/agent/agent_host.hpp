// targets/agent/agent_host.hpp - the agent itself: judges an order by its own file (trusted key, allow-list, limits),
// writes down that it begins, acts, and writes down what came of it. The same order again gets the same answer, also
// after a crash: every action looks at what is there first. One thread; its folder belongs to it alone.
#pragma once
#include "base/diagnostic.hpp"
#include "connectors/targets/agent/file_actions.hpp"
#include "connectors/targets/agent/isolation.hpp"
#include "connectors/targets/agent/process_actions.hpp"

#include <filesystem>
#include <set>

namespace soc::targets {

/// The agent's own file (config/agent.yaml); errors are AGT001….
struct agent_settings {
  std::string host; ///< as logs name this machine; empty: its host name
  std::filesystem::path folder = "/var/lib/soc-agent";
  std::set<std::string> allowed; ///< actions; nothing else is done, whoever asks
  std::string trusted_key;       ///< hex of the cluster's public key; empty: the NATS credentials alone decide
  process_rules processes;
  file_rules files;
  isolation_rules isolation;
  std::int64_t most_per_minute = 60; ///< orders that change something
  // How to reach NATS:
  std::vector<std::string> urls;
  std::string user, password, credentials_file, nkey_seed_file, tls_ca, tls_certificate,
      tls_key; ///< password: a reference
};
agent_settings load_agent_settings(const std::string& file, const std::string& text, diagnostics& found);

class agent_host {
public:
  agent_host(agent_settings settings, std::shared_ptr<const clock_source> clock);
  /// What came in on the subject → the answer's text.
  std::string take(const std::string& message);

private:
  agent_answer judge(const std::string& message);
  agent_answer perform(const agent_order& order);
  agent_answer act(const agent_order& order);
  std::string refusal(const agent_order& order);
  std::filesystem::path note_of(const agent_order& order) const;

  const agent_settings settings_;
  std::shared_ptr<const clock_source> clock_;
  std::vector<unix_ns> recent_;
};

} // namespace soc::targets
