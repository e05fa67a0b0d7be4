// sources/common/option_reading.hpp - reading numbers and ports of connector options with their limits. Problems are
// CFG diagnostics; the default stays.
#pragma once
#include "base/diagnostic.hpp"
#include "base/yaml_text.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace soc::sources {

inline const std::string code_option = "CFG020";  ///< a connector option out of its range or of a wrong form
inline const std::string code_missing = "CFG021"; ///< a connector lacks what its kind needs

/// The keys every connector has are read by the node; named here, they are no unknown keys of the kind.
void claim_common_keys(yaml_map_reader& reader);

/// The number at `key` if there and within [least, most]; else `fallback`, with an error when out of range.
std::int64_t read_number(yaml_map_reader& reader, diagnostics& found, const std::string& key, std::int64_t fallback,
                         std::int64_t least, std::int64_t most);

std::optional<std::uint16_t> read_port(yaml_map_reader& reader, diagnostics& found, const std::string& key);

/// One of `known`; else the first of them, with an error and a hint.
std::string read_choice(yaml_map_reader& reader, diagnostics& found, const std::string& key,
                        const std::vector<std::string>& known);

/// A reference to a secret (env:NAME, file:PATH); plain text is an error that does not repeat the text.
std::string read_secret_reference(yaml_map_reader& reader, diagnostics& found, const std::string& key);

} // namespace soc::sources
