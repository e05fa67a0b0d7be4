// Linux audit events (audit.rules(7), ausearch): the records of one event joined by serial, each record's fields under
// its type. Hex-coded strings are decoded, enriched fields (after 0x1d) keep their upper-case names.
#include "ingest/core/text_decoders.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace soc::ingest {

namespace {

constexpr std::array<std::string_view, 14> hex_coded_keys{"proctitle", "comm", "exe",  "cwd",  "name", "cmd", "acct",
                                                          "key",       "path", "data", "file", "dir",  "vm",  "op"};

bool is_hex_text(std::string_view text) {
  return text.size() >= 2 && text.size() % 2 == 0 &&
         text.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
}

int hex_digit(char c) {
  return c <= '9' ? c - '0' : c - 'A' + 10;
}

/// NULs separate arguments: they become blanks.
std::string_view decode_hex(std::string_view text, arena& memory) {
  auto* out = memory.make_array<char>(text.size() / 2);
  for (std::size_t i = 0; i < text.size() / 2; ++i) {
    const char c = static_cast<char>(hex_digit(text[2 * i]) * 16 + hex_digit(text[2 * i + 1]));
    out[i] = c == '\0' ? ' ' : c;
  }
  return {out, text.size() / 2};
}

bool may_be_hex(std::string_view type, std::string_view key) {
  if (type == "EXECVE")
    return key.size() >= 2 && key[0] == 'a' && key.find_first_not_of("0123456789[]", 1) == std::string_view::npos;
  return std::find(hex_coded_keys.begin(), hex_coded_keys.end(), key) != hex_coded_keys.end();
}

/// The fields of one record. A name seen twice (PATH of a rename) becomes a list at the end.
class audit_record {
public:
  audit_record(std::string_view type, field_sink& to) : type_(type), to_(to) {}

  void read(std::string_view text) {
    while (!text.empty()) {
      const auto start = text.find_first_not_of(" \x1d\n\r,");
      if (start == std::string_view::npos)
        return;
      text.remove_prefix(start);
      const auto equal = text.find('=');
      if (equal == std::string_view::npos)
        return;
      auto key = text.substr(0, equal);
      if (const auto blank = key.find_last_of(" \x1d"); blank != std::string_view::npos)
        key.remove_prefix(blank + 1);
      text.remove_prefix(equal + 1);
      read_value(key, text);
    }
  }

private:
  void read_value(std::string_view key, std::string_view& text) {
    if (!text.empty() && (text.front() == '"' || text.front() == '\'')) {
      const auto close = text.find(text.front(), 1);
      const auto value = text.substr(1, close == std::string_view::npos ? close : close - 1);
      const bool nested = text.front() == '\'' && value.find('=') != std::string_view::npos;
      text = close == std::string_view::npos ? std::string_view{} : text.substr(close + 1);
      if (nested) // msg='op=login acct="root" …'
        read(value);
      else
        add(key, value);
      return;
    }
    const auto end = text.find_first_of(" \x1d\n");
    const auto value = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end);
    if (value == "(null)" || value == "(none)" || value == "?")
      return;
    add(key, may_be_hex(type_, key) && is_hex_text(value) ? decode_hex(value, to_.memory()) : value);
  }

  void add(std::string_view key, std::string_view value) {
    name_.assign(type_).append(".").append(key);
    to_.add_copied(name_, model::value::of_string(value));
  }

  std::string_view type_;
  field_sink& to_;
  std::string name_;
};

model::value list_of(const std::vector<model::value>& items, arena& memory) {
  auto* at = memory.make_array<model::value>(items.size());
  std::copy(items.begin(), items.end(), at);
  return model::value::of_list({at, items.size()});
}

/// Slots of the same name become one with a list: two PATH records.
void gather_repeated(std::vector<model::slot>& slots, std::size_t first, arena& memory) {
  std::unordered_map<std::string_view, std::size_t> places;
  std::vector<std::vector<model::value>> repeated;
  std::size_t kept = first;
  for (std::size_t i = first; i < slots.size(); ++i) {
    const auto [place, is_new] = places.emplace(slots[i].name(), kept);
    if (is_new) {
      slots[kept++] = slots[i];
      repeated.emplace_back();
      continue;
    }
    auto& items = repeated[place->second - first];
    if (items.empty())
      items.push_back(slots[place->second].data);
    items.push_back(slots[i].data);
  }
  slots.resize(kept);
  for (std::size_t i = first; i < kept; ++i)
    if (!repeated[i - first].empty())
      slots[i].data = list_of(repeated[i - first], memory);
}

/// EXECVE a0 a1 …: the command line as one text.
void add_command_line(field_sink& to, std::size_t first) {
  std::string line;
  for (std::size_t i = first; i < to.out().size(); ++i) {
    const auto name = to.out()[i].name();
    if (name.size() < 9 || name.substr(0, 8) != "EXECVE.a" || name[8] < '0' || name[8] > '9' ||
        !to.out()[i].data.is_string())
      continue;
    if (!line.empty())
      line += ' ';
    line += to.out()[i].data.text();
  }
  if (!line.empty())
    to.add("EXECVE.command_line", to.memory().copy(line));
}

} // namespace

std::optional<std::string_view> audit_serial(std::string_view line) {
  const auto at = line.find("msg=audit(");
  if (at == std::string_view::npos || at > 300)
    return std::nullopt;
  const auto close = line.find(')', at);
  if (close == std::string_view::npos)
    return std::nullopt;
  return line.substr(at + 10, close - at - 10);
}

decode_result decode_auditd(std::string_view text, field_sink& to) {
  const auto first = to.out().size();
  std::vector<model::value> types;
  bool header = false;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    const auto serial = audit_serial(line);
    const auto type_at = line.find("type=");
    if (!serial || type_at == std::string_view::npos)
      continue;
    const auto type = line.substr(type_at + 5, line.find(' ', type_at) - type_at - 5);
    if (!header) {
      const auto colon = serial->rfind(':');
      if (colon == std::string_view::npos)
        return decode_failure{"the audit serial has no number", 0};
      to.add("audit.time", serial->substr(0, colon));
      to.add("audit.serial", serial->substr(colon + 1));
      if (line.substr(0, 5) == "node=")
        to.add("audit.node", line.substr(5, line.find(' ') - 5));
      header = true;
    }
    types.push_back(model::value::of_string(type));
    const auto body = static_cast<std::size_t>(serial->data() + serial->size() - line.data());
    if (body + 2 < line.size())
      audit_record(type, to).read(line.substr(body + 2));
  }
  if (!header)
    return decode_failure{"no 'type=… msg=audit(time:serial):' in it", 0};
  gather_repeated(to.out(), first, to.memory());
  add_command_line(to, first);
  to.add("types", list_of(types, to.memory()));
  return std::nullopt;
}

} // namespace soc::ingest
