// Any bytes as a file of indicators in each format, and as a STIX pattern: read, built into a set, and looked up in.
#include "intel/core/indicator_matcher.hpp"
#include "intel/core/indicator_reader.hpp"
#include "intel/core/stix_pattern.hpp"

using namespace soc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 65536)
    return 0;
  std::string text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(intel::parse_stix_pattern(text));
  text.resize(size + intel::indicator_text::padding);
  const auto whole = std::string_view(text).substr(0, size);
  diagnostics found;
  intel::indicator_builder builder;
  builder.begin({.name = "fuzz"});
  for (const auto format : {intel::indicator_format::automatic, intel::indicator_format::list,
                            intel::indicator_format::stix, intel::indicator_format::misp})
    intel::read_indicators({"fuzz", whole, format, {size % 3 == 0 ? 2 : 0, ','}, 0}, builder, found);
  model::field_dictionary names;
  auto fields = std::make_shared<intel::observable_fields>();
  fields->read(parse_yaml("f", "observables: {native: {ip: v, domain: v, url: v, hash: v, email: v}}", "INT002", found),
               names, found);
  intel::indicator_matcher matcher(
      std::make_shared<const intel::intelligence>(intel::intelligence{builder.finish(), fields}));
  const model::slot slot{names.find("v"), 1, "v", model::value::of_string(whole)};
  model::event ev;
  ev.native = {&slot, 1};
  matcher.match(ev, 1);
  return 0;
}
