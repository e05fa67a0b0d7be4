#include "ingest/core/value_parts.hpp"

#include "model/entity.hpp"

#include <algorithm>
#include <charconv>

namespace soc::ingest {

namespace {

int port_of(std::string_view text) {
  int port = -1;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
  return code == std::errc{} && end == text.data() + text.size() && port >= 0 && port <= 65535 ? port : -1;
}

bool is_scheme(std::string_view text) {
  return !text.empty() && text.size() <= 16 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '+' || c == '-' || c == '.';
  });
}

/// Only digits and dots, or hex and colons with at least two.
bool looks_like_ip(std::string_view text) {
  if (text.find_first_not_of("0123456789.") == std::string_view::npos)
    return std::count(text.begin(), text.end(), '.') == 3;
  return text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos &&
         std::count(text.begin(), text.end(), ':') >= 2;
}

} // namespace

url_parts split_url(std::string_view text) {
  url_parts p;
  auto rest = text;
  const auto scheme_end = rest.find("://");
  const bool has_scheme = scheme_end != std::string_view::npos && is_scheme(rest.substr(0, scheme_end));
  if (has_scheme) {
    p.scheme = rest.substr(0, scheme_end);
    rest.remove_prefix(scheme_end + 3);
  }
  const auto authority_end = rest.find_first_of("/?#");
  auto authority = rest.substr(0, authority_end);
  // Without a scheme "www.example.com/x" and "host:443" name a host; "/x" and "index.html" are paths.
  const bool has_host =
      has_scheme || (!authority.empty() && authority_end != std::string_view::npos && rest[authority_end] == '/' &&
                     authority.find('.') != std::string_view::npos && authority.find(' ') == std::string_view::npos);
  if (has_host) {
    rest = authority_end == std::string_view::npos ? std::string_view{} : rest.substr(authority_end);
    if (const auto at = authority.rfind('@'); at != std::string_view::npos)
      authority.remove_prefix(at + 1);
    const auto e = split_endpoint(authority);
    p.hostname = e.host;
    p.port = e.port;
    if (p.port < 0)
      p.port = p.scheme == "http" ? 80 : p.scheme == "https" ? 443 : -1;
  }
  rest = rest.substr(0, rest.find('#'));
  const auto question = rest.find('?');
  p.path = rest.substr(0, question);
  if (question != std::string_view::npos)
    p.query = rest.substr(question + 1);
  return p;
}

user_parts split_user(std::string_view text) {
  user_parts p;
  if (const auto slash = text.find('\\'); slash != std::string_view::npos) {
    p.domain = text.substr(0, slash);
    p.name = text.substr(slash + 1);
    while (!p.name.empty() && p.name.front() == '\\')
      p.name.remove_prefix(1);
    return p;
  }
  p.name = text;
  const auto at = text.rfind('@');
  if (at != std::string_view::npos && at > 0 && at + 1 < text.size()) {
    p.domain = text.substr(at + 1);
    if (p.domain.find('.') != std::string_view::npos && p.domain.find(' ') == std::string_view::npos)
      p.email = text;
  }
  return p;
}

path_parts split_path(std::string_view text) {
  const auto slash = text.find_last_of("/\\");
  if (slash == std::string_view::npos)
    return {text, {}};
  return {text.substr(slash + 1), text.substr(0, slash == 0 ? 1 : slash)};
}

std::string_view program_of(std::string_view line) {
  while (!line.empty() && line.front() == ' ')
    line.remove_prefix(1);
  if (!line.empty() && (line.front() == '"' || line.front() == '\'')) {
    const auto close = line.find(line.front(), 1);
    return line.substr(1, close == std::string_view::npos ? close : close - 1);
  }
  // "C:\Program Files\a.exe -x" unquoted: up to the .exe.
  if (line.size() > 2 && line[1] == ':')
    for (const auto ending : {std::string_view(".exe"), std::string_view(".EXE")})
      if (const auto at = line.find(ending); at != std::string_view::npos)
        return line.substr(0, at + 4);
  return line.substr(0, line.find(' '));
}

endpoint_parts split_endpoint(std::string_view text) {
  endpoint_parts p;
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    p.host = text.substr(1, close == std::string_view::npos ? close : close - 1);
    if (close != std::string_view::npos && close + 1 < text.size() && text[close + 1] == ':')
      p.port = port_of(text.substr(close + 2));
  } else if (const auto colon = text.find(':');
             colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
    p.host = text.substr(0, colon);
    p.port = port_of(text.substr(colon + 1));
  } else {
    p.host = text;
  }
  p.is_ip = looks_like_ip(p.host);
  return p;
}

std::optional<std::string_view> clean_ip(std::string_view text, arena& memory) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '['))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == ']'))
    text.remove_suffix(1);
  if (text.size() < 2 || text.size() > 80)
    return std::nullopt;
  // A dotted address in its usual spelling is canonical already.
  unsigned part = 0, parts = 1, digits = 0;
  bool plain = text.size() <= 15;
  for (std::size_t i = 0; plain && i < text.size(); ++i) {
    if (text[i] == '.') {
      plain = digits > 0;
      ++parts;
      part = digits = 0;
    } else if (text[i] >= '0' && text[i] <= '9') {
      plain = !(digits > 0 && part == 0);
      part = part * 10 + static_cast<unsigned>(text[i] - '0');
      plain = plain && ++digits <= 3 && part <= 255;
    } else {
      plain = false;
    }
  }
  if (plain && parts == 4 && digits > 0)
    return text;
  if (const auto percent = text.find('%'); percent != std::string_view::npos)
    text = text.substr(0, percent);
  auto canonical = model::canonical_ip(text);
  if (!canonical) {
    const auto e = split_endpoint(text);
    if (e.port >= 0)
      canonical = model::canonical_ip(e.host);
  }
  if (!canonical)
    return std::nullopt;
  return memory.copy(*canonical);
}

std::optional<std::string_view> clean_mac(std::string_view text, arena& memory) {
  char hex[12];
  std::size_t n = 0;
  for (const char c : text) {
    if (c == ':' || c == '-' || c == '.')
      continue;
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0 || n == 12)
      return std::nullopt;
    hex[n++] = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (n != 12)
    return std::nullopt;
  auto* out = memory.make_array<char>(17);
  for (std::size_t i = 0, at = 0; i < 12; ++i) {
    if (i > 0 && i % 2 == 0)
      out[at++] = ':';
    out[at++] = hex[i];
  }
  return std::string_view(out, 17);
}

int hash_algorithm(std::string_view hex) {
  if (hex.size() < 8 || hex.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos)
    return 0;
  switch (hex.size()) {
  case 32:
    return 1;
  case 40:
    return 2;
  case 64:
    return 3;
  case 128:
    return 4;
  default:
    return 99;
  }
}

} // namespace soc::ingest
