// ingest/core/inventory.hpp - lists people keep of what is theirs: machines and networks (assets), people and accounts
// (identities), as CSV with a header row or a JSON array of objects. Read while mappings are loaded, then read-only.
// Found by address, network, host name or instance; users by name, mail address or id. A row with a tenant is that
// tenant's only.
#pragma once
#include "base/diagnostic.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace soc::ingest {

using ip_bytes = std::array<std::uint8_t, 16>; ///< IPv4 as ::ffff:a.b.c.d

std::optional<ip_bytes> ip_bytes_of(std::string_view text);

struct address_range {
  ip_bytes network{};
  int bits = 128; ///< of 128
  bool holds(const ip_bytes& address) const;
  /// "10.0.0.0/8", "2001:db8::/32" or one address.
  static std::optional<address_range> parse(std::string_view text);
};

/// A private network and where it is: the same 10.0.0.5 is another machine in each.
struct named_network {
  address_range range;
  std::string account; ///< empty: of any account
  std::string uid;     ///< goes to vpc_uid
};

/// What events may be enriched with (enrichment.hpp).
struct enrichment_sources {
  std::vector<std::string> geoip, assets, identities; ///< files
  std::vector<named_network> networks;
  bool empty() const { return geoip.empty() && assets.empty() && identities.empty() && networks.empty(); }
};

struct inventory_row {
  std::string tenant, file;
  std::vector<std::pair<std::string, std::string>> columns; ///< name, value; without empty ones
  std::string_view value(std::string_view column) const;
};

class inventory {
public:
  /// Keys of a row in the first of these columns it has: what it is found by.
  static const std::vector<std::string>& asset_keys();    ///< ip, cidr, hostname, instance_uid
  static const std::vector<std::string>& identity_keys(); ///< user, email, uid

  /// Adds the rows of a file; problems are MAP06x in `found`.
  void load(const std::string& file, const std::vector<std::string>& keys, diagnostics& found);

  const inventory_row* by_text(std::string_view key, std::string_view text, std::string_view tenant) const;
  /// The row of the address itself, else of the narrowest network that holds it. `network`: rows that name one
  /// ("vpc_uid") count only there.
  const inventory_row* by_address(const ip_bytes& address, std::string_view tenant, std::string_view network) const;
  bool empty() const { return rows_.empty(); }
  std::vector<std::string> column_names() const;

private:
  void add(inventory_row row, const std::vector<std::string>& keys, const source_place& place, diagnostics& found);
  void load_csv(const std::string& file, std::string_view text, const std::vector<std::string>& keys,
                diagnostics& found);
  void load_json(const std::string& file, const std::string& text, const std::vector<std::string>& keys,
                 diagnostics& found);

  std::vector<inventory_row> rows_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_text_; ///< "key\nlower text"
  std::map<ip_bytes, std::vector<std::size_t>> by_address_;
  std::vector<std::pair<address_range, std::size_t>> ranges_; ///< narrowest first
};

} // namespace soc::ingest
