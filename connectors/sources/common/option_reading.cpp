#include "connectors/sources/common/option_reading.hpp"

#include "runtime/secrets.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::sources {

void claim_common_keys(yaml_map_reader& reader) {
  for (const auto* key : {"name", "kind", "tenant", "vendor", "product", "cloud", "account", "region", "time_zone"})
    reader.get(key);
}

std::int64_t read_number(yaml_map_reader& reader, diagnostics& found, const std::string& key, std::int64_t fallback,
                         std::int64_t least, std::int64_t most) {
  const auto number = reader.integer(key);
  if (!number)
    return fallback;
  if (*number >= least && *number <= most)
    return *number;
  found.error(code_option, reader.place(key),
              fmt::format("'{}' is {}, not within {} to {}", key, *number, least, most));
  return fallback;
}

std::optional<std::uint16_t> read_port(yaml_map_reader& reader, diagnostics& found, const std::string& key) {
  const auto number = read_number(reader, found, key, -1, 0, 65535);
  return number < 0 ? std::nullopt : std::optional(static_cast<std::uint16_t>(number));
}

std::string read_choice(yaml_map_reader& reader, diagnostics& found, const std::string& key,
                        const std::vector<std::string>& known) {
  const auto text = reader.text(key);
  if (!text)
    return known.front();
  if (std::find(known.begin(), known.end(), *text) != known.end())
    return *text;
  const auto near = did_you_mean(*text, known);
  found.error(code_option, reader.place(key), fmt::format("'{}' can't be '{}'", key, *text),
              near.empty() ? fmt::format("one of: {}", fmt::join(known, ", "))
                           : fmt::format("did you mean '{}'?", near));
  return known.front();
}

std::string read_secret_reference(yaml_map_reader& reader, diagnostics& found, const std::string& key) {
  const auto text = reader.text(key);
  if (!text)
    return {};
  if (is_secret_reference(*text))
    return *text;
  found.error(code_option, reader.place(key), fmt::format("'{}' is a secret: give a reference, not the text", key),
              "env:NAME, file:PATH or secret:NAME");
  return {};
}

} // namespace soc::sources
