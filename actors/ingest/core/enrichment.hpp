// ingest/core/enrichment.hpp - what is known of the addresses and users of an event beside what it says itself: place
// and autonomous system of public addresses, the network a private one belongs to, rows of asset and identity lists.
// Added to the OCSF slots right after mapping, so before detection. Loaded with the mappings, then read-only and
// shared.
#pragma once
#include "base/diagnostic.hpp"
#include "ingest/core/geo_database.hpp"
#include "ingest/core/inventory.hpp"
#include "ingest/core/record_context.hpp"
#include "model/field.hpp"

#include <memory>
#include <string>
#include <vector>

namespace soc::ingest {

class enrichment {
public:
  /// What can't be read is said in `found` (MAP06x) and left out. Slot names are interned into `names`.
  static std::shared_ptr<const enrichment> load(const enrichment_sources& from, model::field_dictionary& names,
                                                diagnostics& found);

  /// Adds slots to record.ocsf; never changes one that is there.
  void apply(record_context& record, const model::field_dictionary& names) const;

  /// Every path it may fill.
  const std::vector<std::string>& paths() const { return paths_; }

private:
  /// Slots of one endpoint or device.
  struct endpoint_slots {
    std::string path; ///< "src_endpoint.ip"
    model::field_id ip, hostname, instance_uid, vpc_uid, country, region, city, latitude, longitude, system_number,
        system_name;
  };
  struct user_slot {
    std::string path, key; ///< "actor.user.name", "user"
    model::field_id id;
  };
  struct note_slots {
    model::field_id name, value, type, provider;
    std::vector<model::field_id> data; ///< by column
  };
  static constexpr std::size_t most_notes = 8;

  void intern(model::field_dictionary& names);
  void add_endpoint(const endpoint_slots& slots, class enrichment_writer& out) const;
  void add_user(const user_slot& slot, class enrichment_writer& out) const;
  void add_note(const std::string& path, std::string_view value, const char* type, const inventory_row& row,
                class enrichment_writer& out) const;
  const named_network* network_of(const ip_bytes& address, std::string_view account) const;

  std::vector<std::shared_ptr<const geo_database>> geo_;
  inventory assets_, identities_;
  std::vector<named_network> networks_;
  std::vector<endpoint_slots> endpoints_;
  std::vector<user_slot> users_;
  std::vector<note_slots> notes_;
  std::vector<std::string> columns_, paths_;
};

} // namespace soc::ingest
