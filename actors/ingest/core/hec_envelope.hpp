// ingest/core/hec_envelope.hpp - the wrapper of Splunk's HTTP Event Collector around a record: {"time":…, "host":…,
// "source":…, "sourcetype":…, "index":…, "fields":{…}, "event":…} (docs.splunk.com, "Format events for HTTP Event
// Collector"). Pure; views into the text or copies in the arena.
#pragma once
#include "base/arena.hpp"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace soc::ingest {

struct hec_envelope {
  std::string_view event; ///< the record: the text of a string, the JSON of anything else
  std::vector<std::pair<std::string_view, std::string_view>> fields; ///< "hec.host" -> "web01", "hec.fields" -> JSON
  std::string_view time;                                             ///< as sent, empty when it was not
};

/// Nothing unless `text` is an object of only these keys, with an event and at least one of the others.
/// json_decoder::padding readable bytes follow `text`.
std::optional<hec_envelope> peel_hec(std::string_view text, arena& memory);

/// Cheap: whether the first key is one of an envelope's.
bool may_be_hec(std::string_view text);

} // namespace soc::ingest
