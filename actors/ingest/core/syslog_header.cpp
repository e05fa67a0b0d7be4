#include "ingest/core/syslog_header.hpp"

#include <charconv>

namespace soc::ingest {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view next_token(std::string_view& rest) {
  const auto end = rest.find(' ');
  const auto token = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return token;
}

void skip_spaces(std::string_view& rest) {
  while (!rest.empty() && rest.front() == ' ')
    rest.remove_prefix(1);
}

std::string_view unless_nil(std::string_view text) {
  return text == "-" ? std::string_view{} : text;
}

/// Length of "<134>", 0 if there is none.
std::size_t read_priority(std::string_view text, int& facility, int& severity) {
  if (text.size() < 3 || text[0] != '<')
    return 0;
  const auto close = text.find('>');
  if (close == std::string_view::npos || close < 2 || close > 4)
    return 0;
  int priority = 0;
  const auto [end, code] = std::from_chars(text.data() + 1, text.data() + close, priority);
  if (code != std::errc{} || end != text.data() + close || priority > 191)
    return 0;
  facility = priority / 8;
  severity = priority % 8;
  return close + 1;
}

/// Length of the "[id a=\"b\"]" at the start; npos when it never closes.
std::size_t length_of_element(std::string_view text) {
  bool quoted = false;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '\\' && quoted)
      ++at;
    else if (text[at] == '"')
      quoted = !quoted;
    else if (text[at] == ']' && !quoted)
      return at + 1;
  }
  return std::string_view::npos;
}

/// Length of all elements at the start; npos when one never closes.
std::size_t length_of_structured_data(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && text[at] == '[') {
    const auto length = length_of_element(text.substr(at));
    if (length == std::string_view::npos)
      return length;
    at += length;
  }
  return at;
}

std::optional<syslog_header> parse_5424(std::string_view rest, syslog_header h) {
  h.timestamp = unless_nil(next_token(rest));
  if (!h.timestamp.empty() && !is_digit(h.timestamp.front()))
    return std::nullopt;
  h.hostname = unless_nil(next_token(rest));
  h.program = unless_nil(next_token(rest));
  h.pid = unless_nil(next_token(rest));
  h.msgid = unless_nil(next_token(rest));
  if (!rest.empty() && rest.front() == '[') {
    // Payloads in brackets after a forgotten "-" are no structured data.
    if (const auto end = length_of_structured_data(rest); end != std::string_view::npos) {
      h.structured_data = rest.substr(0, end);
      rest.remove_prefix(end);
    }
  } else if (!rest.empty() && rest.front() == '-') {
    rest.remove_prefix(1);
  }
  skip_spaces(rest);
  if (rest.substr(0, 3) == "\xef\xbb\xbf")
    rest.remove_prefix(3);
  h.payload = rest;
  return h;
}

/// Length of "Oct 11 22:14:15", "Oct 11 2023 22:14:15.123", 0 if it is none.
std::size_t length_of_3164_time(std::string_view text) {
  static constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() < 15 || text[3] != ' ')
    return 0;
  if (const auto month = months.find(text.substr(0, 3)); month == std::string_view::npos || month % 3 != 0)
    return 0;
  std::size_t at = 4;
  if (text[at] == ' ')
    ++at;
  while (at < text.size() && is_digit(text[at]))
    ++at;
  if (at < text.size() && text[at] == ' ' && at + 5 < text.size() && is_digit(text[at + 1]) && is_digit(text[at + 4]) &&
      text[at + 5] == ' ')
    at += 5;
  if (at + 9 > text.size() || text[at] != ' ' || text[at + 3] != ':' || text[at + 6] != ':' || !is_digit(text[at + 8]))
    return 0;
  at += 9;
  if (at < text.size() && text[at] == '.')
    while (++at < text.size() && is_digit(text[at])) {
    }
  return at;
}

/// Length of "2023-10-11T22:14:15.123+02:00", 0 if it is none.
std::size_t length_of_iso_time(std::string_view text) {
  if (text.size() < 20 || !is_digit(text[0]) || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':')
    return 0;
  const auto end = text.find(' ');
  return end == std::string_view::npos || end > 40 ? 0 : end;
}

bool is_host_like(std::string_view token) {
  if (token.empty() || token.size() > 255 || token.back() == ':')
    return false;
  for (const char c : token)
    if (c == '=' || c == '%' || c == '{' || c == '"' || c == '|' || c == '[' || c == ',' || c == '<' || c == '(')
      return false;
  return true;
}

/// "sshd[123]: ", "kernel: ", "su(pam_unix)[12]: "; leaves `rest` at the message when there is one.
bool read_program(std::string_view& rest, syslog_header& h) {
  std::size_t at = 0;
  while (at < rest.size() && at < 64 &&
         (std::isalnum(static_cast<unsigned char>(rest[at])) != 0 ||
          std::string_view("_-./@()\\").find(rest[at]) != std::string_view::npos))
    ++at;
  if (at == 0 || at >= rest.size())
    return false;
  const auto name = rest.substr(0, at);
  std::string_view pid;
  if (rest[at] == '[') {
    const auto close = rest.find(']', at);
    if (close == std::string_view::npos || close - at > 24)
      return false;
    pid = rest.substr(at + 1, close - at - 1);
    at = close + 1;
  }
  if (at >= rest.size() || rest[at] != ':')
    return false;
  // "CEF:0|…" and "LEEF:…" are payloads, "12:30" is no program.
  if (pid.empty() && (name == "CEF" || name == "LEEF" || is_digit(name.front())))
    return false;
  if (pid.empty() && at + 1 < rest.size() && rest[at + 1] != ' ')
    return false;
  h.program = name;
  h.pid = pid;
  rest.remove_prefix(at + 1);
  skip_spaces(rest);
  return true;
}

/// id name="value" name="value"
void add_element(std::string_view element, field_sink& to) {
  const auto id = next_token(element);
  while (!element.empty()) {
    skip_spaces(element);
    const auto equal = element.find("=\"");
    if (equal == std::string_view::npos)
      return;
    auto close = equal + 2;
    while (close < element.size() && element[close] != '"')
      close += element[close] == '\\' ? 2 : 1;
    close = std::min(close, element.size());
    to.add_copied("syslog.sd." + std::string(id) + "." + std::string(element.substr(0, equal)),
                  model::value::of_string(element.substr(equal + 2, close - equal - 2)));
    element = close + 1 < element.size() ? element.substr(close + 1) : std::string_view{};
  }
}

} // namespace

std::optional<syslog_header> parse_syslog(std::string_view message) {
  syslog_header h;
  auto rest = message;
  rest.remove_prefix(read_priority(rest, h.facility, h.severity));
  const bool has_priority = rest.size() != message.size();
  if (has_priority && rest.size() > 2 && is_digit(rest[0]) && rest[1] == ' ' && (rest[2] == '-' || is_digit(rest[2])))
    if (auto header = parse_5424(rest.substr(2), h))
      return header;
  if (has_priority)
    skip_spaces(rest);
  auto length = length_of_3164_time(rest);
  const bool iso = length == 0;
  if (iso)
    length = length_of_iso_time(rest);
  if (length == 0) {
    if (!has_priority)
      return std::nullopt;
    read_program(rest, h);
    h.payload = rest;
    return h;
  }
  h.timestamp = rest.substr(0, length);
  rest.remove_prefix(length);
  if (!rest.empty() && rest.front() == ':')
    rest.remove_prefix(1);
  skip_spaces(rest);
  auto after = rest;
  if (const auto token = next_token(after); is_host_like(token)) {
    h.hostname = token;
    rest = after;
    skip_spaces(rest);
  }
  const bool has_program = read_program(rest, h);
  // A time alone at the start of a line is an application's own, not syslog's.
  if (iso && !has_priority && (!has_program || h.hostname.empty()))
    return std::nullopt;
  if (!has_program && rest.substr(0, 2) == ": ")
    rest.remove_prefix(2);
  h.payload = rest;
  return h;
}

void add_syslog_fields(const syslog_header& h, field_sink& to) {
  if (h.facility >= 0) {
    to.add("syslog.facility", model::value::of_int(h.facility));
    to.add("syslog.severity", model::value::of_int(h.severity));
  }
  const auto add = [&](std::string_view name, std::string_view text) {
    if (!text.empty())
      to.add(name, text);
  };
  add("syslog.timestamp", h.timestamp);
  add("syslog.hostname", h.hostname);
  add("syslog.program", h.program);
  add("syslog.pid", h.pid);
  add("syslog.msgid", h.msgid);
  auto sd = h.structured_data;
  while (!sd.empty() && sd.front() == '[') {
    const auto length = length_of_element(sd);
    if (length == std::string_view::npos)
      return;
    add_element(sd.substr(1, length - 2), to);
    sd.remove_prefix(length);
  }
}

} // namespace soc::ingest
