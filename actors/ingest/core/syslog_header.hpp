// ingest/core/syslog_header.hpp - the header of a syslog message: RFC 5424, RFC 3164 and what devices make of it.
// Pure; views into the message.
#pragma once
#include "ingest/core/field_sink.hpp"

#include <optional>
#include <string_view>

namespace soc::ingest {

struct syslog_header {
  int facility = -1, severity = -1; ///< -1: no <PRI>
  std::string_view timestamp, hostname, program, pid, msgid;
  std::string_view structured_data; ///< "[id a=\"b\"]…", empty if none
  std::string_view payload;
};

/// Nothing when the text does not start with a syslog header.
std::optional<syslog_header> parse_syslog(std::string_view message);

/// The parts as syslog.* fields; structured data as syslog.sd.<id>.<name>.
void add_syslog_fields(const syslog_header& header, field_sink& to);

} // namespace soc::ingest
