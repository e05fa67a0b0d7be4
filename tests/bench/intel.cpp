// bench_intel [N]: N indicators (10 million if not given) as plain lists and as STIX indicators with an id and an end
// each: time to load, memory, look-ups a second, and events a second.
#include "cpu_clock.hpp"
#include "intel/core/indicator_matcher.hpp"
#include "intel/core/indicator_reader.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <sys/resource.h>

using namespace soc;
using namespace soc::intel;

namespace {

double peak_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

std::uint64_t mixed(std::uint64_t i) {
  i = (i ^ (i >> 31)) * 0x9E3779B97F4A7C15ULL;
  i = (i ^ (i >> 29)) * 0xBF58476D1CE4E5B9ULL;
  return i ^ (i >> 32);
}

/// Of ten indicators four are domains, three hashes, two addresses, one a url.
indicator_kind kind_of_number(std::uint64_t i) {
  static constexpr indicator_kind kinds[] = {indicator_kind::domain, indicator_kind::domain, indicator_kind::domain,
                                             indicator_kind::domain, indicator_kind::hash,   indicator_kind::hash,
                                             indicator_kind::hash,   indicator_kind::ip,     indicator_kind::ip,
                                             indicator_kind::url};
  return kinds[i % 10];
}

std::string text_of_number(std::uint64_t i) {
  const auto m = mixed(i);
  switch (kind_of_number(i)) {
  case indicator_kind::hash:
    return fmt::format("{:016x}{:016x}{:016x}{:016x}", m, mixed(m), mixed(m + 1), mixed(m + 2));
  case indicator_kind::ip:
    return fmt::format("{}.{}.{}.{}", 1 + m % 223, (m >> 8) & 255, (m >> 16) & 255, (m >> 24) & 255);
  case indicator_kind::url:
    return fmt::format("http://h{:x}.example/{:x}/gate.php", m & 0xFFFFF, m >> 20);
  default:
    return fmt::format("{:x}.c{:x}.example", m & 0xFFFFFFFF, m >> 44);
  }
}

indicator_set_ptr load_list(std::uint64_t count) {
  std::string text;
  for (std::uint64_t i = 0; i < count; ++i)
    text += text_of_number(i) + '\n';
  const auto size = text.size();
  text.resize(size + indicator_text::padding);
  const auto start = cpu_seconds();
  diagnostics found;
  indicator_builder builder;
  builder.begin({.name = "list", .confidence = 50});
  const auto counts =
      read_indicators({"list", std::string_view(text).substr(0, size), indicator_format::list, {}, 0}, builder, found);
  text = {};
  auto set = builder.finish();
  std::printf("plain list: %lu indicators of %.0f MB text loaded in %.2f s, %.0f MB kept, peak %.0f MB with the text\n",
              static_cast<unsigned long>(counts.added), static_cast<double>(size) / 1e6, cpu_seconds() - start,
              static_cast<double>(set->memory_bytes()) / 1e6, peak_mb());
  return set;
}

indicator_set_ptr load_stix(std::uint64_t count) {
  const auto start = cpu_seconds();
  indicator_builder builder;
  builder.begin({.name = "stix"});
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto kind = kind_of_number(i);
    const auto m = mixed(i + 7);
    builder.add({{kind, *spell(kind, text_of_number(i))}},
                {.title = fmt::format("campaign {}", m % 5000),
                 .id = fmt::format("indicator--{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", m & 0xFFFFFFFF, i & 0xFFFF,
                                   (i >> 16) & 0xFFF, m >> 52, mixed(m) >> 16),
                 .tags = {"attack.command_and_control"},
                 .confidence = static_cast<std::uint8_t>(m % 101),
                 .valid_until = static_cast<unix_ns>(2'000'000'000 + m % 1'000'000) * ns_per_s});
  }
  auto set = builder.finish();
  std::printf(
      "as of STIX, an id, a title and an end each: built in %.2f s, %.0f MB kept, peak of the process %.0f MB\n",
      cpu_seconds() - start, static_cast<double>(set->memory_bytes()) / 1e6, peak_mb());
  return set;
}

void look_up(const indicator_set& set, std::uint64_t first, std::uint64_t count, const char* what) {
  std::uint64_t found = 0;
  std::vector<fingerprint> prints;
  for (std::uint64_t i = 0; i < 2'000'000; ++i) {
    const auto number = first + mixed(i) % count;
    const auto kind = kind_of_number(number);
    prints.push_back(fingerprint_of(kind, *spell(kind, text_of_number(number))));
  }
  const auto start = cpu_seconds();
  for (const auto& p : prints)
    set.find(p, [&](std::uint32_t) { ++found; });
  std::printf("%s: %.1f M look-ups/s, %lu of %zu found\n", what,
              static_cast<double>(prints.size()) / (cpu_seconds() - start) / 1e6, static_cast<unsigned long>(found),
              prints.size());
}

/// Events with two addresses, a queried name and a hash, one in a thousand of them listed.
void run_events(const indicator_set_ptr& set, std::uint64_t count) {
  model::field_dictionary names;
  diagnostics ignored;
  auto fields = std::make_shared<observable_fields>();
  fields->read(parse_yaml("f", "observables: {ocsf: {ip: [a, b], domain: [c], hash: [d]}}", "INT002", ignored), names,
               ignored);
  indicator_matcher matcher(std::make_shared<const intelligence>(intelligence{set, fields}));
  constexpr std::size_t events = 100'000;
  std::vector<std::array<std::string, 4>> texts(events);
  for (std::size_t i = 0; i < events; ++i) {
    const auto from = i % 1000 == 0 ? 0 : count; // beyond the list: unknown
    const auto at = [&](std::uint64_t last) {
      return text_of_number((from + mixed(i + last) % count) / 10 * 10 + last);
    };
    texts[i] = {at(7), at(8), "www." + at(1), at(4)};
  }
  std::uint64_t matches = 0;
  const auto start = cpu_seconds();
  for (int round = 0; round < 10; ++round)
    for (const auto& t : texts) {
      model::slot slots[4];
      for (std::size_t i = 0; i < 4; ++i) {
        slots[i].id = names.find(std::string(1, static_cast<char>('a' + i)));
        slots[i].data = model::value::of_string(t[i]);
      }
      model::event ev;
      ev.ocsf = slots;
      ev.time = 1;
      matches += matcher.match(ev, 0).size();
    }
  const auto took = cpu_seconds() - start;
  std::printf("events of four observables: %.2f M events/s, %.1f M look-ups/s, %lu matches\n", 10 * events / took / 1e6,
              static_cast<double>(matcher.lookups()) / took / 1e6, static_cast<unsigned long>(matches));
}

} // namespace

int main(int argc, char** argv) {
  const std::uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000;
  {
    const auto set = load_list(count);
    look_up(*set, 0, count, "listed values");
    look_up(*set, count * 2, count, "unknown values");
    run_events(set, count);
  }
  load_stix(count);
  return 0;
}
