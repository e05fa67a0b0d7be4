// Any text as a time, and as a time format: never out of range, and a format that is accepted is read without a fault.
#include "ingest/core/time_text.hpp"

#include <cstdlib>

using namespace soc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 512)
    return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const auto tokyo = *ingest::time_zone::find("Asia/Tokyo");
  static const ingest::zone_names own{{"XYZ", *ingest::time_zone::find("America/Chicago")}};
  std::string_view unknown;
  const ingest::time_context context{&tokyo, 1'767'225'600 * ns_per_s, &own, &unknown};
  for (const auto unit : {ingest::time_unit::by_size, ingest::time_unit::s, ingest::time_unit::ns})
    ingest::parse_time_text(text, context, unit);
  const auto cut = text.find('\n');
  if (cut == std::string_view::npos)
    return 0;
  const auto format = text.substr(0, cut);
  if (ingest::is_time_format(format))
    ingest::parse_time_format(text.substr(cut + 1), format, context);
  ingest::zone_book zones;
  zones.find(text.substr(cut + 1));
  return 0;
}
