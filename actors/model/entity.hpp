// model/entity.hpp - entities: the nodes that connect alerts and rebuild the attack path (product.md). A value: type,
// role, a canonical key that is equal exactly when the thing is the same, and a label for people.
#pragma once
#include "model/event.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace soc::model {

/// Numbers cross the wire: append only.
enum class entity_type : std::uint8_t {
  unknown = 0,
  ip = 1,
  domain = 2,
  file_hash = 3,
  file = 4,
  process = 5,
  host = 6,
  container = 7,
  cloud_resource = 8,
  user = 9,
  url = 10,
  email = 11,
  registry_key = 12,
};

/// What it does in the event. Numbers cross the wire: append only.
enum class entity_role : std::uint8_t {
  unknown = 0,
  actor = 1,
  target = 2,
  source = 3,
  destination = 4,
  observer = 5,
  parent = 6,
  related = 7,
};

std::string_view to_string(entity_type type);
std::string_view to_string(entity_role role);
entity_type entity_type_from(std::string_view name); ///< unknown for other text
entity_role entity_role_from(std::string_view name);

struct entity {
  entity_type type = entity_type::unknown;
  entity_role role = entity_role::unknown;
  std::string key;   ///< canonical and scoped: see canonical_key
  std::string label; ///< as people know it: "/var/www/html/shell.php"
  bool operator==(const entity&) const = default;
};

/// The canonical key of a raw value, empty when the value is no such thing ("-", "::", "N/A", a malformed address):
/// ip: IPv4 dotted, IPv4-mapped IPv6 as IPv4, IPv6 compressed lower-case; private and link-local ones scoped
/// ("10.0.0.1@vpc-1"); domain, host: lower-case, no trailing dot; hash: lower-case hex; user: "scope\name" lower-case;
/// process: "host|pid|start"; file: "host|path"; url: scheme and host lower-case, no fragment. `scope` is the host,
/// account or VPC it is only unique in.
std::string canonical_key(entity_type type, std::string_view text, std::string_view scope = {});

/// Dotted or colon form of an address in its one canonical spelling; nothing if it is none.
std::optional<std::string> canonical_ip(std::string_view text);
/// Private, loopback, link-local, unique-local, shared (RFC 1918, 6598, 4193 …). `ip` must be canonical.
bool is_private_ip(std::string_view ip);

/// All entities of a mapped event, from the slots of `entity_slots`, without repetition, in slot order.
std::vector<entity> entities_of(const event_batch& batch, const event& ev);

/// One OCSF path that holds an entity. `scope_path` names the slot whose value scopes the key.
struct entity_slot {
  std::string_view path;
  entity_type type;
  entity_role role;
  std::string_view scope_path;
};
std::span<const entity_slot> entity_slots();

} // namespace soc::model
