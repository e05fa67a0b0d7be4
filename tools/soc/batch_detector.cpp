#include "tools/soc/batch_detector.hpp"

#include "base/json_writer.hpp"
#include "ingest/core/windows_event.hpp"

#include <algorithm>
#include <array>

namespace soc::cli {

void run_totals::add(const run_totals& more) {
  records += more.records;
  quarantined += more.quarantined;
  matches += more.matches;
  bytes += more.bytes;
}

namespace {

bool may_be_windows(std::string_view record) {
  return record.find("EventID") != std::string_view::npos || record.find("\"winlog\"") != std::string_view::npos ||
         record.find("\"winlog.") != std::string_view::npos;
}

/// The time of a Windows event, whichever of its names the shipper used.
unix_ns windows_time(const model::event& ev) {
  static constexpr std::array<std::string_view, 4> names{"TimeCreated", "UtcTime", "@timestamp", "EventTime"};
  for (const auto name : names)
    for (const auto& s : ev.native)
      if (s.name() == name && s.data.is_string())
        if (const auto time = parse_rfc3339(s.data.text()))
          return *time;
  return 0;
}

} // namespace

void write_match(std::string& out, const detection::rule_header& rule, const std::string& file, std::uint32_t record,
                 unix_ns time) {
  json_writer json(out);
  json.begin_object().key("rule_id").string(rule.id).key("title").string(rule.title);
  json.key("level").string(rule.level_text).key("tags").begin_array();
  for (const auto& tag : rule.tags)
    json.string(tag);
  json.end_array().key("file").string(file).key("record").integer(record);
  json.key("time").string(time == 0 ? std::string() : format_rfc3339(time)).end_object();
  out += '\n';
}

batch_detector::batch_detector(std::shared_ptr<const detection::program> rules,
                               std::shared_ptr<const ingest::mapping_set> mappings, model::dictionary_ptr names)
    : rules_(rules), names_(names), decoder_(names), matcher_(std::move(rules)) {
  if (mappings)
    normalizer_.emplace(std::move(mappings), names, ingest::normalizer_options{.keep_unknown = true, .eager = true});
}

/// Decodes into slots_; false when the record is no Windows event.
bool batch_detector::windows_event(std::string_view record) {
  slots_.clear();
  memory_.reset();
  if (record.starts_with('<'))
    return may_be_windows(record) && !ingest::decode_windows_xml(record, *names_, memory_, slots_);
  if (!record.starts_with('{') || (!last_was_windows_ && !may_be_windows(record)))
    return false;
  return !decoder_.decode(record, memory_, slots_) && ingest::flatten_windows_event(slots_, *names_, memory_);
}

void batch_detector::each_event(const numbered_batch& batch, run_totals& totals, const event_function& each) {
  const auto& raw = *batch.raw;
  rest_.reset();
  rest_records_.clear();
  totals.records += raw.records.size();
  for (std::uint32_t i = 0; i < raw.records.size(); ++i) {
    const auto record = raw.record(i);
    last_was_windows_ = windows_event(record);
    if (!last_was_windows_) {
      rest_records_.push_back(i);
      continue;
    }
    model::event ev;
    ev.raw = record;
    ev.native = slots_;
    ev.record_index = i;
    each(ev, batch.first_record + i);
  }
  if (!rest_records_.empty())
    normalize_rest(batch, totals, each);
}

void batch_detector::normalize_rest(const numbered_batch& batch, run_totals& totals, const event_function& each) {
  if (!normalizer_) {
    totals.quarantined += rest_records_.size();
    return;
  }
  auto raw = batch.raw;
  if (rest_records_.size() != raw->records.size()) {
    auto part = std::make_shared<model::raw_batch>();
    part->context = raw->context;
    part->origin = raw->origin;
    part->received_at = raw->received_at;
    part->bytes.reserve(raw->bytes.size() + ingest::json_decoder::padding);
    for (const auto i : rest_records_)
      part->add(raw->record(i), raw->records[i].position);
    raw = std::move(part);
  }
  const auto events = normalizer_->normalize(raw);
  totals.quarantined += events->quarantined.size();
  for (const auto& ev : events->events)
    each(ev, batch.first_record + rest_records_[ev.record_index]);
}

detected_batch batch_detector::detect(const numbered_batch& batch, const detection::correlator& correlations) {
  detected_batch out;
  out.file = batch.raw->origin;
  each_event(batch, out.totals, [&](const model::event& seen, std::uint32_t record) {
    const auto matched = matcher_.match(seen);
    if (matched.empty())
      return;
    auto ev = seen;
    if (!ev.mapped)
      ev.time = windows_time(ev);
    detected_record one{record, ev.time, {}, {}};
    for (const auto rule : matched)
      if (rules_->rules()[rule].generate) {
        ++out.totals.matches;
        write_match(one.lines, rules_->rules()[rule].header, out.file, record, ev.time);
      }
    if (correlations.is_needed())
      one.observations = correlations.gather(ev, matched, {hash64(out.file), record});
    out.records.push_back(std::move(one));
  });
  std::stable_sort(out.records.begin(), out.records.end(),
                   [](const auto& a, const auto& b) { return a.record < b.record; });
  return out;
}

} // namespace soc::cli
