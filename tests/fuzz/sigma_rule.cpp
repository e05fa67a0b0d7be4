// Any bytes as a rule file: read, compiled, and run on an event. Nothing may crash, hang or throw.
#include "detection/core/matcher.hpp"
#include "detection/core/sigma_reader.hpp"

using namespace soc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16384)
    return 0;
  diagnostics found;
  detection::sigma_reader reader({{"known", {"a*", "b"}}}, found);
  reader.read("fuzz.yml", std::string(reinterpret_cast<const char*>(data), size));
  model::field_dictionary names;
  const auto program = detection::program::compile(reader.finish(1), {}, detection::log_router(names), names, found);
  for (const auto& d : found.all())
    static_cast<void>(render(d, {reinterpret_cast<const char*>(data), size}));
  std::vector<model::slot> slots;
  for (model::field_id id = 1; id < names.size() && slots.size() < 64; ++id) {
    const auto name = names.name(id);
    slots.push_back({id, static_cast<std::uint32_t>(name.size()), name.data(), model::value::of_string(name)});
  }
  model::event ev;
  ev.native = slots;
  ev.raw = "plain text of a record: cmd.exe /c whoami";
  detection::matcher matcher(program);
  for (std::uint32_t rule = 0; rule < program->rules().size() && rule < 16; ++rule) {
    const auto only = program->route_of_rule(rule);
    matcher.match_on(*only, ev);
    matcher.forget_routes();
  }
  return 0;
}
