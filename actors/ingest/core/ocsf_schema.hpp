// ingest/core/ocsf_schema.hpp - the OCSF 1.8.0 schema as a table: what mappings are checked against and what captions
// and types are taken from. Read once from config/ocsf (made by tools/ocsf_table.py), then shared read-only.
#pragma once
#include "base/diagnostic.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace soc::ingest {

enum class ocsf_kind : std::uint8_t { text, integer, port, real, boolean, time, datetime, ip, mac, json, object };

struct ocsf_object;

struct ocsf_attribute {
  std::string name;
  std::string type; ///< "ip_t", or an object's name
  ocsf_kind kind = ocsf_kind::text;
  bool required = false, array = false;
  const ocsf_object* object = nullptr;         ///< for kind object
  std::map<std::string, std::string> captions; ///< enum value -> caption; empty: no enum
  std::string profile;                         ///< only with this profile, empty: always
  std::string sibling;                         ///< "severity" of "severity_id"

  /// The enum value of a caption or a value, without regard to case.
  std::optional<std::string> enum_value(std::string_view text) const;
};

struct ocsf_object {
  std::string name;
  std::map<std::string, ocsf_attribute, std::less<>> attributes;
  std::vector<std::string> at_least_one, just_one;
  std::vector<const ocsf_attribute*> required; ///< whatever the profiles

  /// Null when there is none of that name.
  const ocsf_attribute* attribute(std::string_view wanted) const {
    const auto it = attributes.find(wanted);
    return it == attributes.end() ? nullptr : &it->second;
  }
};

struct ocsf_class : ocsf_object {
  std::uint32_t uid = 0;
  std::string caption;
  std::uint32_t category_uid = 0;
  std::string category;
};

class ocsf_schema {
public:
  /// Null, and an error in `found`, when the table can't be read.
  static std::unique_ptr<const ocsf_schema> load(const std::string& path, diagnostics& found);

  const std::string& version() const { return version_; }
  const ocsf_class* find_class(std::string_view name_or_uid) const;
  const ocsf_class* find_class(std::uint32_t uid) const;
  const ocsf_object* find_object(std::string_view name) const;
  /// The attribute at a path of slots ("resources[0].owner.name"); the failure names the unknown part and a near one.
  result<const ocsf_attribute*> resolve(const ocsf_object& from, std::string_view path) const;
  std::vector<std::string> class_names() const;

private:
  std::string version_;
  std::map<std::string, ocsf_object, std::less<>> objects_;
  std::map<std::string, ocsf_class, std::less<>> classes_;
  std::map<std::uint32_t, const ocsf_class*> by_uid_;
};

} // namespace soc::ingest
