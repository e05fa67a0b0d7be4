#include "ingest/core/time_zone.hpp"

#include "base/whole_file.hpp"

#include <algorithm>
#include <array>

namespace soc::ingest {

namespace {

std::int64_t read_big_endian(const std::string& bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value = (value << 8) | static_cast<unsigned char>(bytes[at + i]);
  return size == 4 ? static_cast<std::int32_t>(value) : static_cast<std::int64_t>(value);
}

struct tzif_counts {
  std::size_t utc, standard, leap, times, types, letters;
};

std::optional<tzif_counts> read_header(const std::string& bytes, std::size_t at) {
  if (bytes.size() < at + 44 || bytes.compare(at, 4, "TZif") != 0)
    return std::nullopt;
  const auto count = [&](std::size_t i) {
    return static_cast<std::size_t>(read_big_endian(bytes, at + 20 + i * 4, 4));
  };
  const tzif_counts c{count(0), count(1), count(2), count(3), count(4), count(5)};
  // More would not be a zone file; the bound also keeps the sums below from overflowing.
  if (std::max({c.utc, c.standard, c.leap, c.times, c.types, c.letters}) > 100'000 || c.types == 0)
    return std::nullopt;
  return c;
}

bool is_zone_name(std::string_view name) {
  return !name.empty() && name.front() != '/' && name.find("..") == std::string_view::npos && name.size() < 64 &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) || c == '/' || c == '_' || c == '-' || c == '+'; });
}

} // namespace

std::optional<int> parse_offset_s(std::string_view text) {
  if (text == "Z" || text == "z" || text == "UTC" || text == "GMT")
    return 0;
  if (text.size() < 2 || (text[0] != '+' && text[0] != '-'))
    return std::nullopt;
  int digits[4] = {0, 0, 0, 0};
  int n = 0;
  for (const char c : text.substr(1)) {
    if (c == ':')
      continue;
    if (c < '0' || c > '9' || n == 4)
      return std::nullopt;
    digits[n++] = c - '0';
  }
  if (n == 0 || n == 3)
    return std::nullopt;
  const int hours = n == 1 ? digits[0] : digits[0] * 10 + digits[1];
  const int minutes = n == 4 ? digits[2] * 10 + digits[3] : 0;
  if (hours > 18 || minutes > 59)
    return std::nullopt;
  return (text[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

std::optional<time_zone> time_zone::find(std::string_view name) {
  if (const auto offset_s = parse_offset_s(name))
    return time_zone(*offset_s);
  if (!is_zone_name(name))
    return std::nullopt;
  const auto bytes = read_whole_file("/usr/share/zoneinfo/" + std::string(name)).value_or(std::string{});
  const auto first = read_header(bytes, 0);
  if (!first)
    return std::nullopt;
  // The 64-bit block follows the 32-bit one.
  const auto at =
      44 + first->times * 5 + first->types * 6 + first->letters + first->leap * 8 + first->standard + first->utc;
  const auto c = read_header(bytes, at);
  if (!c || bytes.size() < at + 44 + c->times * 9 + c->types * 6)
    return std::nullopt;
  const auto times = at + 44, indexes = times + c->times * 8, types = indexes + c->times;
  const auto offset_of = [&](std::size_t type) {
    return static_cast<int>(read_big_endian(bytes, types + std::min(type, c->types - 1) * 6, 4));
  };
  time_zone zone(offset_of(0));
  for (std::size_t i = 0; i < c->times; ++i)
    zone.transitions_.push_back(
        {read_big_endian(bytes, times + i * 8, 8), offset_of(static_cast<unsigned char>(bytes[indexes + i]))});
  return zone;
}

std::optional<int> abbreviated_offset_s(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, int>, 27> zones{
      {{"UTC", 0},      {"GMT", 0},      {"Z", 0},        {"z", 0},        {"WET", 0},      {"WEST", 3600},
       {"CET", 3600},   {"CEST", 7200},  {"BST", 3600},   {"EET", 7200},   {"EEST", 10800}, {"MSK", 10800},
       {"EST", -18000}, {"EDT", -14400}, {"CDT", -18000}, {"MST", -25200}, {"MDT", -21600}, {"PST", -28800},
       {"PDT", -25200}, {"JST", 32400},  {"KST", 32400},  {"HKT", 28800},  {"SGT", 28800},  {"AEST", 36000},
       {"AEDT", 39600}, {"NZST", 43200}, {"NZDT", 46800}}};
  const auto* known = std::find_if(zones.begin(), zones.end(), [&](const auto& zone) { return zone.first == name; });
  return known == zones.end() ? std::nullopt : std::optional(known->second);
}

const time_zone* zone_book::find(std::string_view name) {
  constexpr std::size_t most = 1024;
  auto it = zones_.find(name);
  if (it == zones_.end()) {
    if (zones_.size() >= most)
      return nullptr;
    std::optional<time_zone> zone;
    if (const auto offset_s = abbreviated_offset_s(name))
      zone = time_zone(*offset_s);
    else
      zone = time_zone::find(name);
    it = zones_.emplace(std::string(name), std::move(zone)).first;
  }
  return it->second ? &*it->second : nullptr;
}

int time_zone::offset_at_local(std::int64_t local_s) const {
  int before = fixed_;
  // Rules beyond the last transition repeat yearly; the compiled files reach to 2037.
  auto it = std::upper_bound(transitions_.begin(), transitions_.end(), local_s + 86'400,
                             [](std::int64_t at, const transition& t) { return at < t.utc_s; });
  for (int steps = 0; it != transitions_.begin() && steps < 3; ++steps) {
    --it;
    before = it == transitions_.begin() ? fixed_ : std::prev(it)->offset_s;
    if (local_s >= it->utc_s + std::max(before, it->offset_s))
      return it->offset_s;
  }
  return before;
}

} // namespace soc::ingest
