#include "tools/soc/batch_detector.hpp"

#include "base/json_writer.hpp"
#include "detection/intel_alerts.hpp"
#include "ingest/core/windows_event.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace soc::cli {

void run_totals::add(const run_totals& more) {
  records += more.records;
  quarantined += more.quarantined;
  matches += more.matches;
  indicator_matches += more.indicator_matches;
  native_alerts += more.native_alerts;
  bytes += more.bytes;
}

namespace {

bool may_be_windows(std::string_view record) {
  return record.find("EventID") != std::string_view::npos || record.find("\"winlog\"") != std::string_view::npos ||
         record.find("\"winlog.") != std::string_view::npos;
}

constexpr std::array<std::string_view, 4> time_names{"TimeCreated", "UtcTime", "@timestamp", "EventTime"};

/// The fields of Windows events that anything asks for.
ingest::json_options needed_of(const detection_content& content) {
  auto wanted = std::make_shared<std::vector<bool>>(content.names->size());
  const auto want = [&](model::field_id id) { (*wanted)[id] = id != model::no_field; };
  for (const auto& field : content.rules->fields())
    for (const auto id : field.native)
      want(id);
  for (const auto* name : {"Channel", "EventID", "Provider_Name", "SourceName"})
    want(content.names->find(name));
  for (const auto name : time_names)
    want(content.names->find(name));
  if (content.intelligence)
    for (model::field_id id = 0; id < wanted->size(); ++id)
      if (content.intelligence->fields->of_native(id) != 0)
        want(id);
  ingest::json_options out;
  out.keep_unknown = false;
  out.wanted = std::move(wanted);
  return out;
}

std::uint64_t steady_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// The time of a Windows event, whichever of its names the shipper used.
unix_ns windows_time(const model::event& ev) {
  for (const auto name : time_names)
    for (const auto& s : ev.native)
      if (s.name() == name && s.data.is_string())
        if (const auto time = parse_rfc3339(s.data.text()))
          return *time;
  return 0;
}

} // namespace

void intern_time_names(model::field_dictionary& names) {
  for (const auto name : time_names)
    names.intern(name);
}

void write_match(std::string& out, const detection::rule_header& rule, const std::string& file, std::uint32_t record,
                 unix_ns time, const match_details& details) {
  json_writer json(out);
  json.begin_object().key("rule_id").string(rule.id).key("title").string(rule.title);
  json.key("level").string(rule.level_text).key("tags").begin_array();
  for (const auto& tag : rule.tags)
    json.string(tag);
  json.end_array().key("file").string(file).key("record").integer(record);
  json.key("time").string(time == 0 ? std::string() : format_rfc3339(time));
  for (const auto& [key, value] : details.texts)
    json.key(key).string(value);
  if (details.confidence != 0)
    json.key("confidence").integer(details.confidence);
  json.end_object();
  out += '\n';
}

batch_detector::batch_detector(detection_content content)
    : rules_(content.rules), names_(content.names), decoder_(names_), needed_decoder_(names_, needed_of(content)),
      matcher_(content.rules, steady_ns), alerts_(names_) {
  if (content.intelligence && content.intelligence->indicators->size() > 0)
    indicators_.emplace(content.intelligence);
  if (content.mappings)
    normalizer_.emplace(std::move(content.mappings), names_,
                        ingest::normalizer_options{.keep_unknown = true, .eager = true});
}

/// Decodes into slots_; false when the record is no Windows event.
bool batch_detector::windows_event(std::string_view record) {
  slots_.clear();
  memory_.reset();
  if (record.starts_with('<'))
    return may_be_windows(record) && !ingest::decode_windows_xml(record, *names_, memory_, slots_);
  if (!record.starts_with('{') || (!last_was_windows_ && !may_be_windows(record)))
    return false;
  if (last_was_flat_ && needed_fields(record))
    return true;
  slots_.clear();
  if (decoder_.decode(record, memory_, slots_))
    return false;
  last_was_flat_ = ingest::windows_shape_of(slots_) == ingest::windows_shape::flat;
  return ingest::flatten_windows_event(slots_, *names_, memory_);
}

/// Decodes only what is asked for; false when that doesn't do: another form of Windows event, or rules with keywords.
bool batch_detector::needed_fields(std::string_view record) {
  if (needed_decoder_.decode(record, memory_, slots_) ||
      ingest::windows_shape_of(slots_) != ingest::windows_shape::flat)
    return false;
  model::event ev;
  ev.raw = record;
  ev.native = slots_;
  return !matcher_.needs_all_fields(ev);
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

void batch_detector::write_rules(std::span<const std::uint32_t> matched, const model::event& ev, detected_record& one,
                                 detected_batch& out) {
  for (const auto rule : matched)
    if (rules_->rules()[rule].generate) {
      ++out.totals.matches;
      write_match(one.lines, rules_->rules()[rule].header, out.file, one.record, ev.time);
    }
}

void batch_detector::write_indicators(const model::event& ev, detected_record& one, detected_batch& out) {
  for (const auto& match : indicators_->match(ev, ev.time)) {
    const auto indicator = indicators_->indicators().view(match.facts);
    ++out.totals.indicator_matches;
    write_match(one.lines, detection::header_of(indicator, match.kind), out.file, one.record, ev.time,
                {{{"origin", "intelligence"},
                  {"source", indicator.source->name},
                  {"indicator", match.indicator},
                  {"value", match.value},
                  {"field", std::string(match.field)},
                  {"name", std::string(indicator.title)}},
                 indicator.confidence});
  }
}

void batch_detector::detect_event(const model::event& seen, std::uint32_t record, std::uint64_t file_hash,
                                  const detection::correlator& correlations, detected_batch& out) {
  const auto matched = matcher_.match(seen);
  const bool is_known = indicators_ && !indicators_->match(seen, 0).empty();
  const bool native = seen.mapped && seen.class_uid == detection::detection_finding_class;
  if (matched.empty() && !is_known && !native)
    return;
  auto ev = seen;
  if (!ev.mapped)
    ev.time = windows_time(ev);
  detected_record one{record, ev.time, {}, {}};
  write_rules(matched, ev, one, out);
  if (is_known)
    write_indicators(ev, one, out);
  if (native) {
    ++out.totals.native_alerts;
    auto header = alerts_.native_header(ev);
    header.level_text = lower_case(model::to_string(header.level));
    write_match(one.lines, header, out.file, record, ev.time, {{{"origin", "native"}}});
  }
  if (correlations.is_needed())
    one.observations = correlations.gather(ev, matched, {file_hash, record}, "default");
  out.records.push_back(std::move(one));
}

detected_batch batch_detector::detect(const numbered_batch& batch, const detection::correlator& correlations) {
  detected_batch out;
  out.file = batch.raw->origin;
  const auto file_hash = hash64(out.file);
  each_event(batch, out.totals, [&](const model::event& ev, std::uint32_t record) {
    detect_event(ev, record, file_hash, correlations, out);
  });
  std::stable_sort(out.records.begin(), out.records.end(),
                   [](const auto& a, const auto& b) { return a.record < b.record; });
  return out;
}

} // namespace soc::cli
