// ingest/core/geo_database.hpp - country, city and autonomous system of an address, from an mmdb file: MaxMind's nested
// layout (country.iso_code) and the flat one (country_code). Opened while mappings are loaded, then read-only and
// shared.
#pragma once
#include "base/result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <sys/socket.h>

struct MMDB_s;

namespace soc::ingest {

/// What is known; views into the database, which outlives them.
struct geo_facts {
  std::string_view country, region, city, organization;
  double latitude = 0, longitude = 0;
  bool has_place = false;
  std::int64_t system_number = 0; ///< 0 = not known
};

class geo_database {
public:
  static result<std::shared_ptr<const geo_database>> open(const std::string& file);
  ~geo_database();
  geo_database(const geo_database&) = delete;
  geo_database& operator=(const geo_database&) = delete;

  /// Adds what this database knows to `facts`.
  void look_up(const sockaddr* address, geo_facts& facts) const;

private:
  geo_database() = default;
  std::unique_ptr<MMDB_s> database_;
};

} // namespace soc::ingest
