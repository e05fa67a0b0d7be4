#include "connectors/targets/nftables/nftables_driver.hpp"

#include "base/network.hpp"
#include "connectors/targets/nftables/command.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::targets {

using nlohmann::json;
using response::call_outcome;
using response::component_call;

namespace {

constexpr std::size_t max_comment_bytes = 120; // the kernel takes 128

/// The set an address goes into, by the instance's settings.
struct nft_set {
  std::string family, table, name;
  json reference() const { return {{"family", family}, {"table", table}, {"name", name}}; }
};

nft_set set_for(const component_call& what, const network& address) {
  const auto& settings = what.instance->settings;
  return {settings.value("family", "inet"), settings.value("table", "soc"),
          address.v6 ? settings.value("set6", "blocked6") : settings.value("set4", "blocked4")};
}

constexpr int ssh_connect_s = 5, ssh_failed = 255;

/// The firewall's own machine: by key, the host's key known, nothing asked. The remote command is made of constants.
std::vector<std::string> over_ssh(const component_call& what, const json& ssh) {
  std::vector<std::string> out{"ssh", "-T",
                               "-o",  "BatchMode=yes",
                               "-o",  "StrictHostKeyChecking=yes",
                               "-o",  fmt::format("ConnectTimeout={}", ssh_connect_s),
                               "-p",  std::to_string(ssh.value("port", 22))};
  if (const auto known = ssh.value("known_hosts", ""); !known.empty())
    out.insert(out.end(), {"-o", "UserKnownHostsFile=" + known});
  // ssh reads the key itself: only a file will do.
  if (const auto key = what.instance->credentials.find("ssh_key");
      key != what.instance->credentials.end() && key->second.starts_with("file:"))
    out.insert(out.end(), {"-i", key->second.substr(5), "-o", "IdentitiesOnly=yes"});
  if (const auto user = ssh.value("user", ""); !user.empty())
    out.insert(out.end(), {"-l", user});
  out.insert(out.end(), {"--", ssh.value("host", "")});
  return out;
}

std::vector<std::string> arguments_for(const component_call& what) {
  std::vector<std::string> out;
  const auto& settings = what.instance->settings;
  if (const auto ssh = settings.find("ssh"); ssh != settings.end() && ssh->is_object())
    out = over_ssh(what, *ssh);
  if (const auto name = settings.value("namespace", ""); !name.empty())
    out.insert(out.end(), {"ip", "netns", "exec", name});
  out.insert(out.end(), {settings.value("nft", "nft"), "-j", "-f", "-"});
  return out;
}

json element_value(const network& address) {
  const auto text = to_string(address);
  const auto slash = text.find('/');
  if (slash == std::string::npos)
    return text;
  return {{"prefix", {{"addr", text.substr(0, slash)}, {"len", address.prefix}}}};
}

/// Runs commands in one transaction; the outcome's output is what nft prints.
call_outcome run_nft(const component_call& what, json commands) {
  using kind = call_outcome::kind;
  const auto limit = std::chrono::milliseconds(what.component->actions.at(what.action).timeout_ms);
  const auto ran = run_command(arguments_for(what), json{{"nftables", std::move(commands)}}.dump(), limit);
  if (!ran)
    return {ran.error().code == ec::timed_out ? kind::unknown : kind::transient, nullptr, ran.error().what};
  if (ran->exit_code == ssh_failed && what.instance->settings.contains("ssh"))
    return {kind::unknown, nullptr, "ssh: " + ran->errors.substr(0, 300)};
  if (ran->exit_code != 0)
    return {kind::failed, nullptr, "nft: " + ran->errors.substr(0, 300)};
  auto output = json::parse(ran->output, nullptr, false);
  return {kind::succeeded, output.is_discarded() ? json() : std::move(output), {}};
}

/// The element that is exactly this address or network: {"blocked": true, "expires_s", "comment"}.
json find_element(const json& listing, const network& wanted) {
  if (!listing.is_object() || !listing.contains("nftables"))
    return {{"blocked", false}};
  for (const auto& item : listing["nftables"]) {
    if (!item.contains("set") || !item["set"].contains("elem"))
      continue;
    for (const auto& entry : item["set"]["elem"]) {
      const auto& element = entry.is_object() && entry.contains("elem") ? entry["elem"] : entry;
      const auto& value = element.is_object() && element.contains("val") ? element["val"] : element;
      std::string text = value.is_string() ? value.get<std::string>() : "";
      if (value.is_object() && value.contains("prefix"))
        text = fmt::format("{}/{}", value["prefix"].value("addr", ""), value["prefix"].value("len", 0));
      const auto there = parse_network(text);
      if (!there || !(*there == wanted))
        continue;
      json out{{"blocked", true}};
      if (element.is_object() && element.contains("expires"))
        out["expires_s"] = element["expires"];
      if (element.is_object() && element.contains("comment"))
        out["comment"] = element["comment"];
      return out;
    }
  }
  return {{"blocked", false}};
}

call_outcome get_block(const component_call& what, const network& address) {
  auto listing = run_nft(what, json::array({{{"list", {{"set", set_for(what, address).reference()}}}}}));
  if (listing.what == call_outcome::kind::succeeded)
    listing.output = find_element(listing.output, address);
  return listing;
}

json element_command(const char* verb, const component_call& what, const network& address, json element) {
  auto body = set_for(what, address).reference();
  body["elem"] = json::array({std::move(element)});
  return {{verb, {{"element", std::move(body)}}}};
}

call_outcome block(const component_call& what, const network& address) {
  const auto present = get_block(what, address);
  if (present.what != call_outcome::kind::succeeded)
    return present;
  const bool there = present.output.value("blocked", false);
  const auto wanted_s = what.parameters.value("duration", std::int64_t{0});
  // The longer of two blocks stands: shortening one would end what another task wants.
  const bool for_good = there && !present.output.contains("expires_s");
  if (there && (for_good || (wanted_s > 0 && present.output.value("expires_s", std::int64_t{0}) >= wanted_s)))
    return {call_outcome::kind::succeeded, {{"already", true}, {"blocked", true}}, "it was blocked for longer already"};
  json element{{"val", element_value(address)},
               {"comment", what.parameters.value("comment", std::string("soc")).substr(0, max_comment_bytes)}};
  if (wanted_s > 0)
    element["timeout"] = wanted_s;
  json commands = json::array();
  if (there)
    commands.push_back(element_command("delete", what, address, element_value(address)));
  commands.push_back(element_command("add", what, address, {{"elem", std::move(element)}}));
  auto out = run_nft(what, std::move(commands));
  if (out.what == call_outcome::kind::succeeded)
    out.output = {{"blocked", true}};
  return out;
}

call_outcome unblock(const component_call& what, const network& address) {
  const auto present = get_block(what, address);
  if (present.what != call_outcome::kind::succeeded)
    return present;
  if (!present.output.value("blocked", false))
    return {call_outcome::kind::succeeded, {{"missing", true}}, "it was not there"};
  auto out = run_nft(what, json::array({element_command("delete", what, address, element_value(address))}));
  if (out.what == call_outcome::kind::succeeded)
    out.output = {{"blocked", false}};
  return out;
}

} // namespace

call_outcome nftables_driver::call(const component_call& what) {
  const auto address = parse_network(what.parameters.value("ip", std::string{}));
  if (!address)
    return {call_outcome::kind::failed, nullptr, "'ip' is no address or network"};
  if (what.action == "block_ip")
    return block(what, *address);
  if (what.action == "unblock_ip")
    return unblock(what, *address);
  if (what.action == "get_block")
    return get_block(what, *address);
  return {call_outcome::kind::failed, nullptr, "the nftables driver has no action '" + what.action + "'"};
}

} // namespace soc::targets
