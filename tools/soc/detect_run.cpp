#include "tools/soc/detect_run.hpp"

#include "base/json_writer.hpp"
#include "ingest/core/json_decoder.hpp"
#include "ingest/core/json_splitter.hpp"
#include "ingest/core/windows_event.hpp"

#include <cstdio>
#include <iostream>
#include <memory>
#include <sys/resource.h>

namespace soc::cli {

void run_totals::add(const run_totals& more) {
  records += more.records;
  quarantined += more.quarantined;
  matches += more.matches;
  bytes += more.bytes;
}

namespace {

using steady = std::chrono::steady_clock;

double seconds_since(steady::time_point start) {
  return std::chrono::duration<double>(steady::now() - start).count();
}

/// The records of one file, decoded one after the other.
class record_walk {
public:
  record_walk(model::dictionary_ptr names) : names_(names), decoder_(names, {}) {}

  template <class Each>
  bool walk(const std::string& path, run_totals& totals, Each each) {
    std::FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
    if (file == nullptr)
      return false;
    ingest::json_splitter splitter;
    std::uint32_t index = 0;
    const auto take = [&](std::string_view document, std::uint64_t) {
      slots_.clear();
      memory_.reset();
      model::event ev;
      ev.raw = document;
      ev.record_index = index++;
      ++totals.records;
      if (decode(document))
        ++totals.quarantined;
      ev.native = slots_;
      each(ev);
    };
    std::string buffer(chunk_bytes + ingest::json_decoder::padding, '\0');
    while (const auto size = std::fread(buffer.data(), 1, chunk_bytes, file)) {
      totals.bytes += size;
      splitter.feed({buffer.data(), size}, take);
    }
    splitter.finish(take);
    if (file != stdin)
      std::fclose(file);
    return true;
  }

private:
  bool decode(std::string_view document) {
    if (document.starts_with('<'))
      return ingest::decode_windows_xml(document, *names_, memory_, slots_).has_value();
    if (decoder_.decode(document, memory_, slots_))
      return true;
    ingest::flatten_windows_event(slots_, *names_, memory_);
    return false;
  }

  static constexpr std::size_t chunk_bytes = 1 << 20;
  model::dictionary_ptr names_;
  ingest::json_decoder decoder_;
  arena memory_{1 << 18};
  std::vector<model::slot> slots_;
};

void write_match(std::string& out, const detection::sigma_rule& rule, const std::string& file, const model::event& ev) {
  json_writer json(out);
  json.begin_object().key("rule_id").string(rule.header.id).key("title").string(rule.header.title);
  json.key("level").string(rule.header.level_text).key("tags").begin_array();
  for (const auto& tag : rule.header.tags)
    json.string(tag);
  json.end_array().key("file").string(file).key("record").integer(ev.record_index);
  json.key("time").string(ev.time == 0 ? std::string() : format_rfc3339(ev.time)).end_object();
  out += '\n';
}

} // namespace

bool detect_run::load(const detection::rule_sources& from, diagnostics& found) {
  const auto start = steady::now();
  auto names = std::make_shared<model::field_dictionary>();
  loaded_ = detection::load_rules(from, *names, system_clock_source().now(), found);
  names_ = names;
  load_seconds_ = seconds_since(start);
  const auto prepare = steady::now();
  loaded_.compiled->prepare_routes();
  prepare_seconds_ = seconds_since(prepare);
  return loaded_.loaded > 0;
}

bool detect_run::detect(const std::vector<std::string>& files, unsigned, std::ostream& out) {
  const auto start = steady::now();
  detection::matcher matcher(loaded_.compiled);
  record_walk walk(names_);
  bool readable = true;
  std::string lines;
  for (const auto& file : files)
    readable &= walk.walk(file, totals_, [&](const model::event& ev) {
      for (const auto rule : matcher.match(ev)) {
        ++totals_.matches;
        write_match(lines, loaded_.compiled->rules()[rule], file, ev);
      }
      if (lines.size() > 65536) {
        out << lines;
        lines.clear();
      }
    });
  out << lines << std::flush;
  seconds_ = seconds_since(start);
  return readable;
}

bool detect_run::explain(const std::string& rule, const std::vector<std::string>& files, std::ostream& out) {
  const auto index = loaded_.compiled->find_rule(rule);
  if (!index) {
    std::cerr << "no rule '" << rule << "' is loaded\n";
    return false;
  }
  detection::matcher matcher(loaded_.compiled);
  record_walk walk(names_);
  bool readable = true;
  for (const auto& file : files)
    readable &= walk.walk(file, totals_, [&](const model::event& ev) {
      const bool routed = matcher.routed(*index, ev);
      out << file << " record " << ev.record_index << (routed ? "" : " (not shown to the rule: another logsource)")
          << '\n';
      for (const auto& line : matcher.explain(*index, ev))
        out << std::string(static_cast<std::size_t>(line.depth) * 2 + 2, ' ') << (line.held ? "true   " : "false  ")
            << line.text << '\n';
    });
  return readable;
}

std::string detect_run::stats_json() const {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::string out;
  json_writer json(out);
  const double span = seconds_ > 0 ? seconds_ : 1e-9;
  json.begin_object().key("rules_loaded").integer(static_cast<std::int64_t>(loaded_.loaded));
  json.key("rules_failed").integer(static_cast<std::int64_t>(loaded_.failed));
  json.key("records").integer(static_cast<std::int64_t>(totals_.records));
  json.key("quarantined").integer(static_cast<std::int64_t>(totals_.quarantined));
  json.key("matches").integer(static_cast<std::int64_t>(totals_.matches));
  json.key("seconds").real(seconds_).key("records_per_s").real(static_cast<double>(totals_.records) / span);
  json.key("bytes_per_s").real(static_cast<double>(totals_.bytes) / span);
  json.key("rules_read_s").real(load_seconds_).key("rules_compile_s").real(prepare_seconds_);
  json.key("scanner_bytes").integer(static_cast<std::int64_t>(loaded_.compiled->scanner_bytes()));
  json.key("peak_rss_bytes").integer(static_cast<std::int64_t>(usage.ru_maxrss) * 1024).end_object();
  return out;
}

} // namespace soc::cli
