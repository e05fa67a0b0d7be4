#include "ingest/core/enrichment.hpp"

#include "model/entity.hpp"

#include <algorithm>
#include <cstring>
#include <netinet/in.h>
#include <set>

namespace soc::ingest {

/// Puts slots where none is; counts the notes of one event.
class enrichment_writer {
public:
  enrichment_writer(record_context& record, const model::field_dictionary& names) : record_(record), names_(names) {}

  std::string_view text(model::field_id id) const {
    const auto* found = record_.ocsf.find(id);
    return found != nullptr && found->is_string() ? found->text() : std::string_view{};
  }
  void put(model::field_id id, model::value v) {
    if (id != model::no_field && record_.ocsf.find(id) == nullptr)
      record_.ocsf.add(names_, id, v);
  }
  /// Texts of the databases may end with a reload before the event does.
  void put_text(model::field_id id, std::string_view text) {
    if (!text.empty())
      put(id, model::value::of_string(record_.memory->copy(text)));
  }
  std::string_view tenant() const {
    return record_.raw->context ? std::string_view(record_.raw->context->tenant) : std::string_view{};
  }
  std::string_view account() const {
    return record_.raw->context ? std::string_view(record_.raw->context->account) : std::string_view{};
  }

  std::size_t notes = 0;

private:
  record_context& record_;
  const model::field_dictionary& names_;
};

namespace {

struct socket_address {
  sockaddr_storage storage{};
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

socket_address socket_address_of(const ip_bytes& address) {
  socket_address out;
  static constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(address.data(), mapped, sizeof mapped) == 0) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
    v4->sin_family = AF_INET;
    std::memcpy(&v4->sin_addr, address.data() + 12, 4);
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
    v6->sin6_family = AF_INET6;
    std::memcpy(&v6->sin6_addr, address.data(), 16);
  }
  return out;
}

std::string file_name_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

} // namespace

std::shared_ptr<const enrichment> enrichment::load(const enrichment_sources& from, model::field_dictionary& names,
                                                   diagnostics& found) {
  if (from.empty())
    return nullptr;
  auto out = std::make_shared<enrichment>();
  for (const auto& file : from.geoip) {
    auto database = geo_database::open(file);
    if (database)
      out->geo_.push_back(std::move(database).take());
    else
      found.error("MAP066", {file, 0, 0}, "not an address database: " + database.error().what, "an mmdb file");
  }
  for (const auto& file : from.assets)
    out->assets_.load(file, inventory::asset_keys(), found);
  for (const auto& file : from.identities)
    out->identities_.load(file, inventory::identity_keys(), found);
  out->networks_ = from.networks;
  std::stable_sort(out->networks_.begin(), out->networks_.end(),
                   [](const auto& a, const auto& b) { return a.range.bits > b.range.bits; });
  out->intern(names);
  return out;
}

void enrichment::intern(model::field_dictionary& names) {
  const auto id = [&](const std::string& path) {
    paths_.push_back(path);
    return names.intern(path);
  };
  for (const std::string base :
       {"src_endpoint", "dst_endpoint", "device", "evidences[0].src_endpoint", "evidences[0].dst_endpoint"}) {
    const bool network = base != "device"; // a device has no autonomous system
    endpoint_slots s{};
    s.path = base + ".ip";
    s.ip = names.intern(s.path);
    s.hostname = id(base + ".hostname");
    s.instance_uid = id(base + ".instance_uid");
    s.vpc_uid = id(base + ".vpc_uid");
    s.country = id(base + ".location.country");
    s.region = id(base + ".location.region");
    s.city = id(base + ".location.city");
    s.latitude = id(base + ".location.lat");
    s.longitude = id(base + ".location.long");
    s.system_number = network ? id(base + ".autonomous_system.number") : model::no_field;
    s.system_name = network ? id(base + ".autonomous_system.name") : model::no_field;
    endpoints_.push_back(std::move(s));
  }
  static const std::vector<std::pair<std::string, std::string>> user_paths{
      {"actor.user.name", "user"},  {"user.name", "user"},     {"actor.user.email_addr", "email"},
      {"user.email_addr", "email"}, {"actor.user.uid", "uid"}, {"user.uid", "uid"}};
  for (const auto& [path, key] : user_paths)
    users_.push_back({path, key, names.intern(path)});
  std::set<std::string> columns;
  for (const auto* list : {&assets_, &identities_})
    for (auto& name : list->column_names())
      columns.insert(std::move(name));
  columns_.assign(columns.begin(), columns.end());
  for (std::size_t i = 0; i < most_notes && !columns_.empty(); ++i) {
    const auto base = "enrichments[" + std::to_string(i) + "].";
    note_slots note{id(base + "name"), id(base + "value"), id(base + "type"), id(base + "provider"), {}};
    for (const auto& column : columns_)
      note.data.push_back(id(base + "data." + column));
    notes_.push_back(std::move(note));
  }
}

const named_network* enrichment::network_of(const ip_bytes& address, std::string_view account) const {
  for (const auto& network : networks_)
    if (network.range.holds(address) && (network.account.empty() || network.account == account))
      return &network;
  return nullptr;
}

void enrichment::add_note(const std::string& path, std::string_view value, const char* type, const inventory_row& row,
                          enrichment_writer& out) const {
  if (out.notes >= notes_.size())
    return;
  const auto& note = notes_[out.notes++];
  out.put_text(note.name, path);
  out.put_text(note.value, value);
  out.put_text(note.type, type);
  out.put_text(note.provider, file_name_of(row.file));
  for (std::size_t i = 0; i < columns_.size(); ++i)
    out.put_text(note.data[i], row.value(columns_[i]));
}

void enrichment::add_endpoint(const endpoint_slots& slots, enrichment_writer& out) const {
  const auto text = out.text(slots.ip);
  const auto address = text.empty() ? std::nullopt : ip_bytes_of(text);
  if (!address) {
    if (const auto host = out.text(slots.hostname); !host.empty())
      if (const auto* row = assets_.by_text("hostname", host, out.tenant()))
        add_note(slots.path, host, "asset", *row, out);
    return;
  }
  const bool is_private = model::is_private_ip(text);
  if (is_private) {
    if (const auto* network = network_of(*address, out.account()))
      out.put_text(slots.vpc_uid, network->uid);
  } else if (!geo_.empty()) {
    geo_facts facts;
    const auto socket = socket_address_of(*address);
    for (const auto& database : geo_)
      database->look_up(socket.get(), facts);
    out.put_text(slots.country, facts.country);
    out.put_text(slots.region, facts.region);
    out.put_text(slots.city, facts.city);
    if (facts.has_place) {
      out.put(slots.latitude, model::value::of_real(facts.latitude));
      out.put(slots.longitude, model::value::of_real(facts.longitude));
    }
    if (facts.system_number != 0)
      out.put(slots.system_number, model::value::of_int(facts.system_number));
    out.put_text(slots.system_name, facts.organization);
  }
  if (assets_.empty())
    return;
  const auto* row = assets_.by_address(*address, out.tenant(), out.text(slots.vpc_uid));
  if (row == nullptr)
    if (const auto host = out.text(slots.hostname); !host.empty())
      row = assets_.by_text("hostname", host, out.tenant());
  if (row == nullptr)
    return;
  // A network's row says whose it is, not which machine this is.
  if (!row->value("ip").empty()) {
    out.put_text(slots.hostname, row->value("hostname"));
    out.put_text(slots.instance_uid, row->value("instance_uid"));
  }
  add_note(slots.path, text, "asset", *row, out);
}

void enrichment::add_user(const user_slot& slot, enrichment_writer& out) const {
  const auto text = out.text(slot.id);
  if (text.empty())
    return;
  if (const auto* row = identities_.by_text(slot.key, text, out.tenant()))
    add_note(slot.path, text, "identity", *row, out);
}

void enrichment::apply(record_context& record, const model::field_dictionary& names) const {
  enrichment_writer out(record, names);
  for (const auto& slots : endpoints_)
    add_endpoint(slots, out);
  if (!identities_.empty())
    for (const auto& slot : users_)
      add_user(slot, out);
}

} // namespace soc::ingest
