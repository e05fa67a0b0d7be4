#include "ingest/core/geo_database.hpp"

#include <charconv>
#include <cstdlib>
#include <maxminddb.h>

namespace soc::ingest {

namespace {

/// The first of several paths that is there; paths end with a null pointer.
bool find_value(MMDB_entry_s& entry, std::initializer_list<const char* const*> paths, MMDB_entry_data_s& out) {
  for (const auto* path : paths)
    if (MMDB_aget_value(&entry, &out, path) == MMDB_SUCCESS && out.has_data)
      return true;
  return false;
}

void take_text(MMDB_entry_s& entry, std::initializer_list<const char* const*> paths, std::string_view& into) {
  MMDB_entry_data_s data;
  if (into.empty() && find_value(entry, paths, data) && data.type == MMDB_DATA_TYPE_UTF8_STRING)
    into = {data.utf8_string, data.data_size};
}

double real_of(const MMDB_entry_data_s& data) {
  if (data.type == MMDB_DATA_TYPE_DOUBLE)
    return data.double_value;
  if (data.type == MMDB_DATA_TYPE_FLOAT)
    return data.float_value;
  if (data.type == MMDB_DATA_TYPE_UTF8_STRING)
    return std::strtod(std::string(data.utf8_string, data.data_size).c_str(), nullptr);
  return 0;
}

/// A number, or "AS64500".
std::int64_t system_of(const MMDB_entry_data_s& data) {
  if (data.type == MMDB_DATA_TYPE_UINT32)
    return data.uint32;
  if (data.type == MMDB_DATA_TYPE_UINT16)
    return data.uint16;
  std::int64_t number = 0;
  if (data.type == MMDB_DATA_TYPE_UTF8_STRING) {
    std::string_view text(data.utf8_string, data.data_size);
    if (text.substr(0, 2) == "AS")
      text.remove_prefix(2);
    std::from_chars(text.data(), text.data() + text.size(), number);
  }
  return number;
}

constexpr const char* country_nested[] = {"country", "iso_code", nullptr};
constexpr const char* country_flat[] = {"country_code", nullptr};
constexpr const char* country_plain[] = {"country", nullptr};
constexpr const char* city_nested[] = {"city", "names", "en", nullptr};
constexpr const char* city_flat[] = {"city", nullptr};
constexpr const char* region_nested[] = {"subdivisions", "0", "iso_code", nullptr};
constexpr const char* region_flat[] = {"state1", nullptr};
constexpr const char* region_plain[] = {"region", nullptr};
constexpr const char* latitude_nested[] = {"location", "latitude", nullptr};
constexpr const char* latitude_flat[] = {"latitude", nullptr};
constexpr const char* longitude_nested[] = {"location", "longitude", nullptr};
constexpr const char* longitude_flat[] = {"longitude", nullptr};
constexpr const char* number_long[] = {"autonomous_system_number", nullptr};
constexpr const char* number_short[] = {"asn", nullptr};
constexpr const char* organization_long[] = {"autonomous_system_organization", nullptr};
constexpr const char* organization_short[] = {"as_name", nullptr};

} // namespace

result<std::shared_ptr<const geo_database>> geo_database::open(const std::string& file) {
  std::shared_ptr<geo_database> out(new geo_database);
  auto database = std::make_unique<MMDB_s>();
  const int code = MMDB_open(file.c_str(), MMDB_MODE_MMAP, database.get());
  if (code != MMDB_SUCCESS)
    return failure{ec::invalid_input, MMDB_strerror(code)};
  out->database_ = std::move(database);
  return std::shared_ptr<const geo_database>(std::move(out));
}

geo_database::~geo_database() {
  if (database_)
    MMDB_close(database_.get());
}

void geo_database::look_up(const sockaddr* address, geo_facts& facts) const {
  int error = 0;
  auto found = MMDB_lookup_sockaddr(database_.get(), address, &error);
  if (error != MMDB_SUCCESS || !found.found_entry)
    return;
  auto& entry = found.entry;
  take_text(entry, {country_nested, country_flat, country_plain}, facts.country);
  take_text(entry, {region_nested, region_flat, region_plain}, facts.region);
  take_text(entry, {city_nested, city_flat}, facts.city);
  take_text(entry, {organization_long, organization_short}, facts.organization);
  MMDB_entry_data_s latitude, longitude, number;
  if (!facts.has_place && find_value(entry, {latitude_nested, latitude_flat}, latitude) &&
      find_value(entry, {longitude_nested, longitude_flat}, longitude)) {
    facts.latitude = real_of(latitude);
    facts.longitude = real_of(longitude);
    facts.has_place = true;
  }
  if (facts.system_number == 0 && find_value(entry, {number_long, number_short}, number))
    facts.system_number = system_of(number);
}

} // namespace soc::ingest
