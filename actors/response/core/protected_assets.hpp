// response/core/protected_assets.hpp - what no action may ever touch: addresses, networks, hosts, users, domains,
// files, cloud resources and tags, and the platform's own. A value, read from config/response; asked by the gate only.
// Pure.
#pragma once
#include "base/network.hpp"
#include "base/yaml_text.hpp"
#include "model/entity.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace soc::response {

struct protected_pattern {
  std::string pattern; ///< lower-case; * and ? are wildcards
  std::string why;
};
struct protected_network {
  network range;
  std::string why;
};

/// A set of assets known by name or address with tags: groups for limits, and protection by tag.
struct asset_group {
  std::string name;
  std::vector<std::string> tags;
  std::vector<network> networks;
  std::vector<std::string> names; ///< lower-case patterns for hosts, users, cloud resources
  std::uint32_t size = 0;         ///< members; 0 = as many as are named
  bool has(const model::entity& target) const;
};

class protected_assets {
public:
  /// Loopback, multicast, link-local, "any", the limited broadcast: never sensible targets.
  protected_assets();

  void add_network(const network& range, std::string why) { networks_.push_back({range, std::move(why)}); }
  void add_host(std::string pattern, std::string why);
  /// Reads a `protected:` map: networks, hosts, users, domains, files, resources, tags, widest_ipv4, widest_ipv6.
  void read(const std::string& file, const YAML::Node& node, diagnostics& found);

  /// Why `target` must not be touched; nothing if it may be.
  std::optional<std::string> refuses(const model::entity& target) const;
  /// The same for any text among an action's parameters: an address, a network, a URL or a name in it.
  std::optional<std::string> refuses_text(const std::string& text) const;
  std::optional<std::string> refuses_tag(const std::string& tag) const;
  /// All texts in `value`, nested.
  std::optional<std::string> refuses_parameters(const nlohmann::json& value) const;

private:
  std::optional<std::string> refuses_network(const network& range) const;
  std::optional<std::string> refuses_user(const model::entity& target) const;
  std::vector<protected_pattern>& list_of(const std::string& key);

  std::vector<protected_network> networks_;
  std::vector<protected_pattern> hosts_, users_, domains_, files_, processes_, resources_, tags_;
  std::uint8_t widest_v4_ = 24, widest_v6_ = 48; ///< shortest prefix an action may name
};

/// Reads `groups:`. Errors are RSP…
std::vector<asset_group> read_groups(const std::string& file, const YAML::Node& node, diagnostics& found);

/// Lower-case wildcard match used by all lists.
bool name_matches(std::string_view pattern, std::string_view name);

} // namespace soc::response
