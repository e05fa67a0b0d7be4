#include "connectors/targets/agent/isolation.hpp"

#include "base/network.hpp"
#include "connectors/targets/nftables/command.hpp"

#include <fmt/format.h>

namespace soc::targets {

using answer_kind = agent_answer::kind;

namespace {

constexpr std::chrono::seconds nft_limit{10};

result<command_result> nft_here(const isolation_rules& rules, std::vector<std::string> arguments,
                                const std::string& input) {
  std::vector<std::string> all;
  if (!rules.network_namespace.empty())
    all = {"ip", "netns", "exec", rules.network_namespace};
  all.push_back("nft");
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run_command(all, input, nft_limit);
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

} // namespace

std::string isolation_ruleset(const std::vector<std::string>& allowed) {
  std::string in, out;
  for (const auto& text : allowed) {
    const auto range = parse_network(text);
    if (!range)
      continue;
    const auto address = to_string(*range);
    const auto* family = address.find(':') == std::string::npos ? "ip" : "ip6";
    in += fmt::format("    {} saddr {} accept\n", family, address);
    out += fmt::format("    {} daddr {} accept\n", family, address);
  }
  // Made anew in one transaction: what was there under this name is gone with it.
  return fmt::format(R"(table inet soc_isolation
delete table inet soc_isolation
table inet soc_isolation {{
  chain input {{
    type filter hook input priority -300; policy drop;
    iif "lo" accept
    meta l4proto ipv6-icmp icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert }} accept
{}  }}
  chain forward {{
    type filter hook forward priority -300; policy drop;
  }}
  chain output {{
    type filter hook output priority -300; policy drop;
    oif "lo" accept
    meta l4proto ipv6-icmp icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit }} accept
{}  }}
}}
)",
                     in, out);
}

agent_answer isolate_host(const isolation_rules& rules) {
  const auto ran = nft_here(rules, {"-f", "-"}, isolation_ruleset(rules.allowed));
  if (!ran)
    return {answer_kind::failed, {}, ran.error().what};
  if (ran->exit_code != 0)
    return {answer_kind::failed, {}, "nft: " + first_line(ran->errors)};
  return {answer_kind::done, {{"isolated", true}, {"reachable", rules.allowed}}, ""};
}

agent_answer release_host(const isolation_rules& rules) {
  const auto ran = nft_here(rules, {"-f", "-"}, "table inet soc_isolation\ndelete table inet soc_isolation\n");
  if (!ran)
    return {answer_kind::failed, {}, ran.error().what};
  if (ran->exit_code != 0)
    return {answer_kind::failed, {}, "nft: " + first_line(ran->errors)};
  return {answer_kind::done, {{"isolated", false}}, ""};
}

agent_answer look_at_isolation(const isolation_rules& rules) {
  const auto ran = nft_here(rules, {"list", "table", "inet", "soc_isolation"}, "");
  if (!ran)
    return {answer_kind::failed, {}, ran.error().what};
  return {answer_kind::done, {{"isolated", ran->exit_code == 0}}, ""};
}

} // namespace soc::targets
