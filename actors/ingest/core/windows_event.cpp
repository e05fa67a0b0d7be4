#include "ingest/core/windows_event.hpp"

#include "base/time.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace soc::ingest {

namespace {

struct renamed {
  std::string_view from, to;
};

// Event.System and winlog.* in the names of the flat form; Sigma joins tag and attribute with '_'.
constexpr std::array<renamed, 14> nested_names{{
    {"Provider.#attributes.Name", "Provider_Name"},
    {"Provider.#attributes.Guid", "Provider_Guid"},
    {"Provider.#attributes.EventSourceName", "Provider_EventSourceName"},
    {"EventID.#text", "EventID"},
    {"EventID.#attributes.Qualifiers", "Qualifiers"},
    {"TimeCreated.#attributes.SystemTime", "TimeCreated"},
    {"Execution.#attributes.ProcessID", "Execution_ProcessID"},
    {"Execution.#attributes.ThreadID", "Execution_ThreadID"},
    {"Correlation.#attributes.ActivityID", "Correlation_ActivityID"},
    {"Correlation.#attributes.RelatedActivityID", "Correlation_RelatedActivityID"},
    {"Security.#attributes.UserID", "Security_UserID"},
    {"Provider_attributes.Name", "Provider_Name"},
    {"TimeCreated_attributes.SystemTime", "TimeCreated"},
    {"Execution_attributes.ProcessID", "Execution_ProcessID"},
}};

constexpr std::array<renamed, 16> winlogbeat_names{{
    {"winlog.channel", "Channel"},
    {"winlog.event_id", "EventID"},
    {"winlog.provider_name", "Provider_Name"},
    {"winlog.provider_guid", "Provider_Guid"},
    {"winlog.computer_name", "Computer"},
    {"winlog.record_id", "EventRecordID"},
    {"winlog.process.pid", "Execution_ProcessID"},
    {"winlog.process.thread.id", "Execution_ThreadID"},
    {"winlog.keywords", "Keywords"},
    {"winlog.level", "Level"},
    {"winlog.opcode", "Opcode"},
    {"winlog.task", "Task"},
    {"winlog.version", "Version"},
    {"winlog.user.identifier", "Security_UserID"},
    {"winlog.time_created", "TimeCreated"},
    {"winlog.activity_id", "Correlation_ActivityID"},
}};

template <std::size_t N>
std::string_view rename_by(const std::array<renamed, N>& table, std::string_view name) {
  for (const auto& r : table)
    if (r.from == name)
      return r.to;
  return {};
}

void set_name(model::slot& s, std::string_view name, const model::field_dictionary& names, arena& memory) {
  s.id = names.find(name);
  const auto kept = s.id != model::no_field ? names.name(s.id) : memory.copy(name);
  s.name_data = kept.data();
  s.name_size = static_cast<std::uint32_t>(kept.size());
}

/// A field's own name without spaces, in the arena only if it had some.
std::string_view without_spaces(std::string_view name, arena& memory) {
  if (name.find(' ') == std::string_view::npos)
    return name;
  auto* to = memory.make_array<char>(name.size());
  const auto end = std::copy_if(name.begin(), name.end(), to, [](char c) { return c != ' '; });
  return {to, static_cast<std::size_t>(end - to)};
}

/// The name in the flat form of "Event.…"; empty when the slot is to be dropped (XML name spaces).
std::string_view nested_name(std::string_view name, arena& memory) {
  const auto eat = [&name](std::string_view prefix) {
    const bool ok = name.starts_with(prefix);
    if (ok)
      name.remove_prefix(prefix.size());
    return ok;
  };
  if (!eat("Event."))
    return name;
  if (name.starts_with("#attributes") || name == "xmlns")
    return {};
  if (eat("System.")) {
    const auto to = rename_by(nested_names, name);
    return to.empty() ? name : to;
  }
  if (eat("EventData.")) {
    if (eat("#attributes."))
      return name;
    if (name == "Data.#text")
      return "Data";
    return without_spaces(name, memory);
  }
  if (eat("UserData.")) { // one element of the provider's own name around the fields
    const auto dot = name.find('.');
    if (name.find("#attributes") != std::string_view::npos)
      return {};
    return without_spaces(dot == std::string_view::npos ? name : name.substr(dot + 1), memory);
  }
  return name;
}

std::string_view winlogbeat_name(std::string_view name, arena& memory) {
  if (const auto to = rename_by(winlogbeat_names, name); !to.empty())
    return to;
  for (const std::string_view prefix : {"winlog.event_data.", "winlog.user_data."})
    if (name.starts_with(prefix))
      return without_spaces(name.substr(prefix.size()), memory);
  return name;
}

/// "2020-10-09 18:30:01" as if it were UTC; nothing for a text of another form, as one with a zone.
std::optional<unix_ns> zoneless_time(std::string_view text) {
  if (text.size() != 19 || (text[10] != ' ' && text[10] != 'T'))
    return std::nullopt;
  std::string utc(text);
  utc[10] = 'T';
  return parse_rfc3339(utc + "Z");
}

/// NXLog writes EventTime and EventReceivedTime in its host's local time and names no zone. When whoever received the
/// record stamped it in UTC, the two receipts differ by the zone and a little way: quarters of an hour tell it.
void tell_zone(std::vector<model::slot>& slots, const model::field_dictionary& names, arena& memory) {
  constexpr unix_ns quarter = 15 * 60 * ns_per_s, way = 3 * 60 * ns_per_s;
  std::optional<unix_ns> event, received, stamped;
  for (const auto& s : slots) {
    if (!s.data.is_string())
      continue;
    if (s.name() == "EventTime")
      event = zoneless_time(s.data.text());
    else if (s.name() == "EventReceivedTime")
      received = zoneless_time(s.data.text());
    else if (s.name() == "@timestamp")
      stamped = parse_rfc3339(s.data.text());
  }
  if (!event || !received || !stamped)
    return;
  const auto ahead = *received - *stamped;
  const auto quarters = (ahead + (ahead < 0 ? -quarter : quarter) / 2) / quarter;
  const auto rest = ahead - quarters * quarter;
  if (rest > way || rest < -way || quarters > 14 * 4 || quarters < -14 * 4)
    return;
  const auto minutes = (quarters < 0 ? -quarters : quarters) * 15;
  model::slot zone;
  set_name(zone, "EventTimeZone", names, memory);
  zone.data = model::value::of_string(
      memory.copy(fmt::format("{}{:02}:{:02}", quarters < 0 ? '-' : '+', minutes / 60, minutes % 60)));
  slots.push_back(zone);
}

} // namespace

windows_shape windows_shape_of(const std::vector<model::slot>& slots) {
  bool channel = false, id = false;
  for (const auto& s : slots) {
    const auto name = s.name();
    if (name.starts_with("Event.System."))
      return windows_shape::nested;
    if (name == "winlog.channel" || name == "winlog.event_id" || name.starts_with("winlog.event_data."))
      return windows_shape::winlogbeat;
    channel |= name == "Channel";
    id |= name == "EventID";
  }
  return channel && id ? windows_shape::flat : windows_shape::none;
}

bool flatten_windows_event(std::vector<model::slot>& slots, const model::field_dictionary& names, arena& memory) {
  const auto shape = windows_shape_of(slots);
  if (shape == windows_shape::none)
    return false;
  if (shape == windows_shape::flat) {
    for (auto& s : slots)
      if (s.id == model::no_field && s.name().find(' ') != std::string_view::npos)
        set_name(s, without_spaces(s.name(), memory), names, memory);
    tell_zone(slots, names, memory);
    return true;
  }
  std::size_t kept = 0;
  for (auto s : slots) {
    const auto name =
        shape == windows_shape::nested ? nested_name(s.name(), memory) : winlogbeat_name(s.name(), memory);
    if (name.empty())
      continue;
    if (name != s.name())
      set_name(s, name, names, memory);
    slots[kept++] = s;
  }
  slots.resize(kept);
  return true;
}

} // namespace soc::ingest
