// ingest/core/field_source.hpp - where a rule or a test takes its value from: a native field, an element of a list, an
// OCSF slot made before, or something of the record itself. Compiled once; read per record.
#pragma once
#include "ingest/core/record_context.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace soc::ingest {

struct field_source {
  enum class kind : std::uint8_t {
    native,
    item,
    element,
    tree,
    ocsf,
    payload,
    raw,
    origin,
    received,
    account,
    region,
    cloud
  };
  kind from = kind::native;
  model::field_id id = model::no_field; ///< native, item (the list), ocsf
  int index = 0;                        ///< item
  std::string path;                     ///< element: "resources[0].ARN"; as written for the others

  /// Of the text in a mapping: "srcip", "ips[0]", "resources[0].ARN", "ocsf:user.name", "json:request", "@payload".
  static field_source compile(std::string_view text, model::field_dictionary& names);
  /// The flattened native name it reads ("resources.ARN"), empty if it reads none.
  std::string native_name() const;
};

/// The value, null when it is not there.
model::value read_source(const field_source& source, record_context& record);

/// Null, "", "-", an empty list, or one of `absent` (lower case).
bool is_absent(const model::value& v, const std::vector<std::string>& absent);

/// As text without allocating for strings.
std::string_view text_of(const model::value& v, arena& memory);

} // namespace soc::ingest
