#include "tools/soc/detect_run.hpp"

#include "base/json_writer.hpp"
#include "ingest/core/record_assembler.hpp"
#include "tools/soc/data_root.hpp"
#include "tools/soc/event_findings.hpp"
#include "tools/soc/input_reader.hpp"
#include "tools/soc/mapping_support.hpp"
#include "tools/soc/ordered_work.hpp"

#include <simdjson.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <iostream>
#include <sys/resource.h>

namespace soc::cli {

namespace {

// Small enough to stay in the cache between reading, decoding and matching.
constexpr std::size_t detect_batch_bytes = 256 * 1024;

/// Batches whose memory is used again when nobody holds them any more.
class batch_pool {
public:
  std::shared_ptr<model::raw_batch> take() {
    for (auto& one : all_)
      if (one.use_count() == 1) {
        std::atomic_thread_fence(std::memory_order_acquire); // what the last holder read is behind us
        one->bytes.clear();
        one->records.clear();
        return one;
      }
    all_.push_back(std::make_shared<model::raw_batch>());
    return all_.back();
  }

private:
  std::vector<std::shared_ptr<model::raw_batch>> all_; ///< as many as are in flight at once
};

/// Wall and processor time of a phase.
class phase_clock {
public:
  run_times elapsed() const {
    return {seconds(CLOCK_MONOTONIC) - start_.wall, seconds(CLOCK_PROCESS_CPUTIME_ID) - start_.cpu};
  }

private:
  static double seconds(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
  }
  run_times start_{seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID)};
};

} // namespace

bool detect_run::load(const detection::rule_sources& from, const intel::intel_request& indicators, diagnostics& found) {
  auto names = std::make_shared<model::field_dictionary>();
  diagnostics of_mappings; // `soc mapping` reports them
  mappings_ = ingest::mapping_set::load(ingest::mapping_sources::below(data_root()), *names, of_mappings);
  intern_time_names(*names);
  const phase_clock reading;
  loaded_ = detection::load_rules(from, *names, system_clock_source().now(), found);
  reading_ = reading.elapsed();
  if (!indicators.paths.empty()) {
    const phase_clock indicating;
    intelligence_ = intel::load_intelligence(indicators, *names, found);
    indicating_ = indicating.elapsed();
  }
  names_ = names;
  const phase_clock compiling;
  loaded_.compiled->prepare_routes();
  compiling_ = compiling.elapsed();
  return loaded_.loaded > 0 || (intelligence_.what && intelligence_.what->indicators->size() > 0);
}

bool detect_run::each_batch(const std::string& file, const std::function<void(numbered_batch)>& out) {
  auto reader = input_reader::open(file);
  if (!reader) {
    std::cerr << reader.error().what << '\n';
    return false;
  }
  const auto now = system_clock_source().now();
  numbered_batch batch;
  batch_pool batches;
  std::uint32_t records = 0;
  const auto hand_on = [&] {
    if (batch.raw) {
      batch.raw->bytes.reserve(batch.raw->bytes.size() + ingest::json_decoder::padding);
      out(std::move(batch));
    }
    batch = {};
  };
  const auto add = [&](std::string_view record, std::uint64_t position) {
    if (batch.raw && batch.raw->bytes.size() + record.size() > detect_batch_bytes)
      hand_on();
    if (!batch.raw) {
      batch = {batches.take(), records};
      batch.raw->origin = file;
      batch.raw->received_at = now;
      batch.raw->bytes.reserve(std::max(detect_batch_bytes, record.size()) + ingest::json_decoder::padding);
    }
    batch.raw->add(record, position);
    ++records;
  };
  ingest::record_assembler assembler;
  std::string chunk;
  bool readable = true;
  while (true) {
    const auto more = reader->next(chunk);
    totals_.bytes += chunk.size();
    if (!chunk.empty())
      assembler.feed(chunk, add);
    if (!more)
      std::cerr << file << ": " << more.error().what << '\n';
    readable = static_cast<bool>(more);
    if (!more || !*more)
      break;
  }
  assembler.flush(add);
  hand_on();
  return readable;
}

bool detect_run::detect(const std::vector<std::string>& files, unsigned threads, std::ostream& out) {
  const phase_clock running;
  correlator_ = std::make_unique<detection::correlator>(loaded_.compiled);
  bool readable = true;
  if (threads > 1) {
    readable = detect_threaded(files, threads, out);
  } else {
    batch_detector detector(content());
    for (const auto& file : files)
      readable &=
          each_batch(file, [&](const numbered_batch& batch) { take(detector.detect(batch, *correlator_), out); });
    add_counters(detector);
  }
  if (!files.empty())
    end_windows(files.back(), out);
  out << std::flush;
  running_ = running.elapsed();
  return readable;
}

bool detect_run::find(const std::vector<std::string>& files, std::ostream& out) {
  if (!mappings_) {
    std::cerr << "the mappings can't be read\n";
    return false;
  }
  const phase_clock running;
  auto context = std::make_shared<model::connector_context>();
  context->connector = "cli";
  ingest::normalizer normalizer(mappings_, names_, {.keep_unknown = true, .eager = true});
  event_findings findings({loaded_.compiled, names_, intelligence_.what, true});
  bool readable = true;
  for (const auto& file : files) {
    const auto counts =
        normalize_file(file, context, normalizer, [&](const model::event_batch& batch) { findings.take(batch); });
    totals_.records += counts.records;
    totals_.bytes += counts.bytes;
    totals_.quarantined += counts.quarantined;
    readable = readable && !counts.failed;
  }
  for (const auto& a : findings.finish()) {
    auto& total = a->origin == model::alert_origin::intelligence ? totals_.indicator_matches
                  : a->origin == model::alert_origin::native     ? totals_.native_alerts
                                                                 : totals_.matches;
    ++total;
    out << model::to_ocsf_json(*a) << '\n';
  }
  out << std::flush;
  running_ = running.elapsed();
  return readable;
}

/// In the order of the input: correlations want it.
void detect_run::take(const detected_batch& done, std::ostream& out) {
  totals_.add(done.totals);
  std::string lines;
  for (const auto& one : done.records) {
    lines += one.lines;
    for (const auto& hit : correlator_->feed(one.observations)) {
      ++totals_.matches;
      write_match(lines, loaded_.compiled->correlations()[hit.correlation].header, done.file, one.record,
                  hit.firing.last);
    }
  }
  out << lines;
}

/// Nothing more comes: windows that wait for their end are over.
void detect_run::end_windows(const std::string& file, std::ostream& out) {
  constexpr unix_ns far_ahead = 400LL * 24 * 3600 * ns_per_s;
  if (!correlator_->is_needed())
    return;
  std::string lines;
  for (const auto& hit : correlator_->advance(correlator_->windows().newest() + far_ahead)) {
    ++totals_.matches;
    write_match(lines, loaded_.compiled->correlations()[hit.correlation].header, file, 0, hit.firing.last);
  }
  out << lines;
}

bool detect_run::detect_threaded(const std::vector<std::string>& files, unsigned threads, std::ostream& out) {
  std::vector<std::unique_ptr<batch_detector>> detectors;
  for (unsigned i = 0; i < threads; ++i)
    detectors.push_back(std::make_unique<batch_detector>(content()));
  ordered_work<numbered_batch, detected_batch> work(
      threads,
      [&](unsigned worker, const numbered_batch& batch) { return detectors[worker]->detect(batch, *correlator_); },
      [&](const detected_batch& done) { take(done, out); });
  bool readable = true;
  for (const auto& file : files)
    readable &= each_batch(file, [&](numbered_batch batch) { work.add(std::move(batch)); });
  work.finish();
  for (const auto& detector : detectors)
    add_counters(*detector);
  return readable;
}

void detect_run::add_counters(const batch_detector& detector) {
  const auto& more = detector.matching().counters();
  counters_.resize(more.size());
  for (std::size_t i = 0; i < more.size(); ++i) {
    counters_[i].hits += more[i].hits;
    counters_[i].tried += more[i].tried;
    counters_[i].sampled_ns += more[i].sampled_ns;
  }
}

std::vector<rule_cost> detect_run::costs(std::size_t count) const {
  std::uint64_t total = 0;
  std::vector<rule_cost> out;
  for (std::size_t i = 0; i < counters_.size(); ++i) {
    total += counters_[i].sampled_ns;
    const auto& header = loaded_.compiled->rules()[i].header;
    if (counters_[i].sampled_ns > 0)
      out.push_back({header.id, header.title,
                     static_cast<double>(counters_[i].sampled_ns) * detection::sample_every / 1e9, 0, counters_[i].hits,
                     counters_[i].tried});
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  out.resize(std::min(out.size(), count));
  for (auto& one : out)
    one.share = one.seconds * 1e9 / (static_cast<double>(total) * detection::sample_every);
  return out;
}

bool detect_run::explain(const std::string& rule, const std::vector<std::string>& files, std::ostream& out) {
  const auto index = loaded_.compiled->find_rule(rule);
  if (!index) {
    std::cerr << "no rule '" << rule << "' is loaded\n";
    return false;
  }
  batch_detector detector(content());
  bool readable = true;
  for (const auto& file : files)
    readable &= each_batch(file, [&](const numbered_batch& batch) {
      detector.each_event(batch, totals_, [&](const model::event& ev, std::uint32_t record) {
        const bool routed = detector.matching().routed(*index, ev);
        out << file << " record " << record << (routed ? "" : " (not shown to the rule: its logsource is another)")
            << '\n';
        for (const auto& line : detector.matching().explain(*index, ev))
          out << std::string(static_cast<std::size_t>(line.depth) * 2 + 2, ' ') << (line.held ? "true   " : "false  ")
              << line.text << '\n';
      });
    });
  return readable;
}

void detect_run::walk(const std::vector<std::string>& files) {
  const auto before = totals_;
  const phase_clock walking;
  simdjson::ondemand::parser parser;
  std::uint64_t touched = 0;
  for (const auto& file : files)
    each_batch(file, [&](const numbered_batch& batch) {
      for (std::size_t i = 0; i < batch.raw->records.size(); ++i) {
        const auto record = batch.raw->record(i);
        simdjson::ondemand::document document;
        simdjson::ondemand::object object;
        ++walked_.records;
        walked_.bytes += record.size();
        if (parser.iterate(record, record.size() + ingest::json_decoder::padding).get(document) ||
            document.get_object().get(object))
          continue;
        for (auto field : object) {
          std::string_view key, text;
          if (field.error() || field.unescaped_key().get(key))
            break;
          touched += key.size();
          if (!field.value().get_string().get(text))
            touched += text.size();
        }
      }
    });
  walking_ = walking.elapsed();
  totals_ = before;
  walked_.matches = touched;
}

std::string detect_run::stats_json() const {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::string out;
  json_writer json(out);
  const auto rate = [](std::uint64_t count, double seconds) {
    return static_cast<double>(count) / std::max(seconds, 1e-9);
  };
  json.begin_object().key("rules_loaded").integer(static_cast<std::int64_t>(loaded_.loaded));
  json.key("rules_failed").integer(static_cast<std::int64_t>(loaded_.failed));
  json.key("records").integer(static_cast<std::int64_t>(totals_.records));
  json.key("quarantined").integer(static_cast<std::int64_t>(totals_.quarantined));
  json.key("matches").integer(static_cast<std::int64_t>(totals_.matches));
  json.key("native_alerts").integer(static_cast<std::int64_t>(totals_.native_alerts));
  if (intelligence_.what) {
    const auto& set = *intelligence_.what->indicators;
    json.key("indicators").integer(static_cast<std::int64_t>(set.size()));
    json.key("indicator_matches").integer(static_cast<std::int64_t>(totals_.indicator_matches));
    json.key("indicators_read_s").real(indicating_.wall);
    json.key("indicator_bytes").integer(static_cast<std::int64_t>(set.memory_bytes()));
  }
  json.key("seconds").real(running_.wall).key("cpu_seconds").real(running_.cpu);
  json.key("records_per_s").real(rate(totals_.records, running_.wall));
  json.key("bytes_per_s").real(rate(totals_.bytes, running_.wall));
  json.key("records_per_cpu_s").real(rate(totals_.records, running_.cpu));
  if (walked_.records > 0)
    json.key("walk_records_per_s")
        .real(rate(walked_.records, walking_.wall))
        .key("walk_records_per_cpu_s")
        .real(rate(walked_.records, walking_.cpu));
  json.key("rules_read_s").real(reading_.wall).key("rules_read_cpu_s").real(reading_.cpu);
  json.key("routes").integer(static_cast<std::int64_t>(loaded_.compiled->route_count()));
  json.key("routes_compile_s").real(compiling_.wall).key("routes_compile_cpu_s").real(compiling_.cpu);
  json.key("scanner_bytes").integer(static_cast<std::int64_t>(loaded_.compiled->scanner_bytes()));
  json.key("expensive_rules").begin_array();
  for (const auto& cost : costs(3)) {
    json.begin_object().key("rule_id").string(cost.id).key("title").string(cost.title);
    json.key("seconds").real(cost.seconds).key("share").real(cost.share);
    json.key("tried").integer(static_cast<std::int64_t>(cost.tried));
    json.key("hits").integer(static_cast<std::int64_t>(cost.hits)).end_object();
  }
  json.end_array();
  json.key("peak_rss_bytes").integer(static_cast<std::int64_t>(usage.ru_maxrss) * 1024).end_object();
  return out;
}

} // namespace soc::cli
