#include "intel/core/indicator.hpp"

#include "base/hash.hpp"

#include <algorithm>
#include <cstring>

namespace soc::intel {

namespace {

constexpr std::array<std::string_view, kind_count> kind_names{"ip", "domain", "url", "hash", "email"};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower_text(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

std::optional<std::string> spell_hash(std::string_view text) {
  const auto n = text.size();
  if (n != 32 && n != 40 && n != 56 && n != 64 && n != 96 && n != 128)
    return std::nullopt;
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'f'); };
  if (!std::all_of(text.begin(), text.end(), is_hex))
    return std::nullopt;
  return lower_text(text);
}

std::optional<std::string> spell_email(std::string_view text) {
  if (const auto open = text.rfind('<'); open != std::string_view::npos)
    text = text.substr(open + 1, text.find('>', open) - open - 1);
  const auto at = text.rfind('@');
  char host[max_domain];
  if (at == std::string_view::npos || at == 0 || at > 64 || spell_domain(text.substr(at + 1), host) == 0 ||
      text.find_first_of(" \t/") != std::string_view::npos)
    return std::nullopt;
  return lower_text(text);
}

/// Host, port unless it is the scheme's own, path and query.
std::optional<std::string> spell_url(std::string_view text) {
  text = text.substr(0, text.find('#'));
  std::string_view scheme;
  if (const auto end = text.find("://"); end != std::string_view::npos) {
    scheme = text.substr(0, end);
    text.remove_prefix(end + 3);
  }
  const auto host_end = std::min(text.find_first_of("/?"), text.size());
  auto host = text.substr(0, host_end);
  if (const auto at = host.rfind('@'); at != std::string_view::npos)
    host.remove_prefix(at + 1);
  auto spelled = lower_text(host);
  const auto own_port = lower_text(scheme) == "https" ? std::string_view(":443") : std::string_view(":80");
  if (spelled.ends_with(own_port))
    spelled.resize(spelled.size() - own_port.size());
  if (spelled.empty() || spelled.find_first_of(" \t\"<>") != std::string::npos)
    return std::nullopt;
  auto rest = text.substr(host_end);
  if (rest == "/")
    rest = {};
  return spelled + std::string(rest);
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

fingerprint of_bytes(std::string_view bytes, std::uint64_t seed) {
  const auto hash = hash128(bytes, seed);
  return {hash.low, static_cast<std::uint32_t>(hash.high)};
}

} // namespace

std::string_view to_string(indicator_kind kind) {
  return kind_names[static_cast<std::size_t>(kind)];
}

std::optional<indicator_kind> kind_from(std::string_view name) {
  const auto at = std::find(kind_names.begin(), kind_names.end(), name);
  if (at == kind_names.end())
    return std::nullopt;
  return static_cast<indicator_kind>(at - kind_names.begin());
}

std::size_t spell_domain(std::string_view text, char* to) {
  while (!text.empty() && text.back() == '.')
    text.remove_suffix(1);
  if (text.size() < 3 || text.size() > max_domain || text.front() == '.')
    return 0;
  bool has_dot = false, has_letter = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = lower(text[i]);
    const bool is_letter = (c >= 'a' && c <= 'z') || (static_cast<unsigned char>(c) & 0x80U) != 0;
    if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
      return 0;
    if (c == '.' && text[i - 1] == '.')
      return 0;
    has_dot |= c == '.';
    has_letter |= is_letter;
    to[i] = c;
  }
  return has_dot && has_letter ? text.size() : 0;
}

std::string_view host_of_url(std::string_view url) {
  if (const auto end = url.find("://"); end != std::string_view::npos)
    url.remove_prefix(end + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const auto at = url.rfind('@'); at != std::string_view::npos)
    url.remove_prefix(at + 1);
  if (!url.empty() && url.front() == '[')
    return url.substr(1, std::min(url.find(']'), url.size()) - 1);
  return url.substr(0, url.find(':'));
}

std::optional<std::string> spell(indicator_kind kind, std::string_view text) {
  text = trimmed(text);
  switch (kind) {
  case indicator_kind::ip: {
    const auto net = parse_network(text);
    if (!net || text.find('@') != std::string_view::npos)
      return std::nullopt;
    return soc::to_string(*net);
  }
  case indicator_kind::domain: {
    char buffer[max_domain];
    const auto size = spell_domain(text.starts_with("*.") ? text.substr(2) : text, buffer);
    if (size == 0)
      return std::nullopt;
    return std::string(buffer, size);
  }
  case indicator_kind::url:
    return spell_url(text);
  case indicator_kind::hash:
    return spell_hash(text);
  case indicator_kind::email:
    return spell_email(text);
  }
  return std::nullopt;
}

std::optional<indicator_kind> kind_of(std::string_view text) {
  text = trimmed(text);
  if (text.find("://") != std::string_view::npos)
    return spell(indicator_kind::url, text) ? std::optional(indicator_kind::url) : std::nullopt;
  for (const auto kind : {indicator_kind::ip, indicator_kind::hash, indicator_kind::email, indicator_kind::domain})
    if (spell(kind, text))
      return kind;
  char host[max_domain];
  const auto slash = text.find('/');
  if (slash != std::string_view::npos &&
      (spell_domain(host_of_url(text), host) != 0 || parse_network(host_of_url(text))))
    return spell(indicator_kind::url, text) ? std::optional(indicator_kind::url) : std::nullopt;
  return std::nullopt;
}

std::string refang(std::string_view text) {
  std::string out(trimmed(text));
  if (out.starts_with("hxxp") || out.starts_with("hXXp"))
    out.replace(1, 2, "tt");
  for (const auto* dot : {"[.]", "(.)", "[dot]", "(dot)", "{.}"})
    replace_all(out, dot, ".");
  for (const auto* at : {"[at]", "(at)", "[@]"})
    replace_all(out, at, "@");
  replace_all(out, "[:]", ":");
  replace_all(out, "[://]", "://");
  return out;
}

fingerprint fingerprint_of(indicator_kind kind, std::string_view spelled) {
  if (kind == indicator_kind::ip)
    if (const auto net = parse_network(spelled))
      return fingerprint_of(*net);
  return of_bytes(spelled, 1 + static_cast<std::uint64_t>(kind));
}

fingerprint fingerprint_of(const network& net) {
  char bytes[18];
  const std::size_t size = net.v6 ? 16 : 4;
  std::memcpy(bytes, net.address.data(), size);
  bytes[size] = static_cast<char>(net.prefix);
  return of_bytes({bytes, size + 1}, net.v6 ? 0x6006 : 0x4004);
}

} // namespace soc::intel
