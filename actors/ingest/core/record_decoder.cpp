#include "ingest/core/record_decoder.hpp"

#include "ingest/core/windows_event.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::ingest {

namespace {

constexpr std::size_t most_origins = 4096;

std::string_view without_edges(std::string_view text) {
  if (text.substr(0, 3) == "\xef\xbb\xbf")
    text.remove_prefix(3);
  const auto is_edge = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0'; };
  while (!text.empty() && is_edge(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_edge(text.back()))
    text.remove_suffix(1);
  return text;
}

/// 0 for a part that is no longer where it came from (unescaped).
std::size_t offset_in(std::string_view whole, std::string_view part) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size()
             ? static_cast<std::size_t>(part.data() - whole.data())
             : 0;
}

bool has_marker(std::string_view payload, std::string_view marker) {
  const auto at = payload.substr(0, 512).find(marker);
  return at != std::string_view::npos && at + marker.size() < payload.size() && payload[at + marker.size()] >= '0' &&
         payload[at + marker.size()] <= '9';
}

record_format format_of(std::string_view payload) {
  if (payload.empty())
    return record_format::text;
  if (payload.front() == '{')
    return record_format::json;
  if (payload.front() == '<' &&
      (payload.substr(0, 6) == "<Event" || payload.substr(0, 5) == "<?xml" || payload.substr(0, 4) == "<!--"))
    return record_format::xml;
  if (has_marker(payload, "CEF:"))
    return record_format::cef;
  return has_marker(payload, "LEEF:") ? record_format::leef : record_format::text;
}

bool equals_lower(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() &&
         std::equal(text.begin(), text.end(), lower.begin(),
                    [](unsigned char a, char b) { return static_cast<char>(std::tolower(a)) == b; });
}

bool any_equals(const std::vector<std::string>& wanted, const model::value* v) {
  return v != nullptr && v->is_string() &&
         std::any_of(wanted.begin(), wanted.end(), [&](const auto& w) { return equals_lower(v->text(), w); });
}

} // namespace

record_decoder::record_decoder(std::shared_ptr<const mapping_set> mappings, model::dictionary_ptr names,
                               bool keep_unknown)
    : mappings_(std::move(mappings)), names_(std::move(names)), json_(names_, {.keep_unknown = keep_unknown}),
      sink_(names_, keep_unknown), cef_vendor_(names_->find("cef.vendor")), cef_product_(names_->find("cef.product")),
      leef_vendor_(names_->find("leef.vendor")), leef_product_(names_->find("leef.product")) {}

void record_decoder::begin(const model::raw_batch& raw) {
  raw_ = &raw;
  explicit_ = nullptr;
  unknown_explicit_ = false;
  if (raw.context && !raw.context->vendor.empty()) {
    explicit_ = mappings_->find(raw.context->vendor, raw.context->product);
    unknown_explicit_ = explicit_ == nullptr;
  }
  origin_ = raw.origin;
  const auto it = memory_of_origins_.find(origin_);
  last_ = it == memory_of_origins_.end() ? nullptr : it->second;
}

void record_decoder::remember(const mapping_input& input) {
  // A generic input may also fit what a more exact one should get: it is looked for anew each time.
  if (last_ == &input || input.detect.priority < 50)
    return;
  last_ = &input;
  if (memory_of_origins_.size() >= most_origins)
    memory_of_origins_.clear();
  memory_of_origins_[origin_] = last_;
}

/// A copy with room to read past, as the JSON parsers want it, unless the text lies in the batch.
std::string_view record_decoder::padded(std::string_view text, record_context& record) {
  const auto& bytes = raw_->bytes;
  if (text.data() >= bytes.data() && text.data() + text.size() <= bytes.data() + bytes.size() &&
      bytes.capacity() >= bytes.size() + json_decoder::padding)
    return text;
  auto* copy = record.memory->make_array<char>(text.size() + json_decoder::padding);
  std::copy(text.begin(), text.end(), copy);
  std::fill_n(copy + text.size(), json_decoder::padding, '\0');
  return {copy, text.size()};
}

namespace {

/// An envelope's list is looked for among the names that end here.
constexpr std::size_t envelope_bytes = 1024;

/// The name of the list that opens at `at`: `"name" : [`. Empty when none stands before it.
std::string_view list_name(std::string_view text, std::size_t at) {
  const auto skip = [&] {
    while (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\t' || text[at - 1] == '\n' || text[at - 1] == '\r'))
      --at;
  };
  const auto take = [&](char c) { return at > 0 && text[at - 1] == c ? at-- : 0; };
  skip();
  if (take(':') == 0)
    return {};
  skip();
  if (take('"') == 0 || at >= envelope_bytes)
    return {};
  const auto open = text.rfind('"', at == 0 ? 0 : at - 1);
  return open == std::string_view::npos || at == 0 ? std::string_view{} : text.substr(open + 1, at - open - 1);
}

/// Names of lists in the head of a document, in the order of `known`.
void find_lists(std::string_view text, const std::vector<std::string>& known, std::vector<const std::string*>& out) {
  const auto head = text.substr(0, envelope_bytes + 64);
  for (auto at = head.find('['); at != std::string_view::npos; at = head.find('[', at + 1))
    if (const auto name = list_name(head, at); !name.empty())
      if (const auto it = std::lower_bound(known.begin(), known.end(), name); it != known.end() && *it == name)
        out.push_back(&*it);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
}

} // namespace

bool record_decoder::unwrap(std::string_view payload, std::vector<std::string_view>& elements, std::string_view& name) {
  namespace od = simdjson::ondemand;
  payload = without_edges(payload);
  if (payload.empty() || (payload.front() != '{' && payload.front() != '['))
    return false;
  if (payload.front() == '[' && without_edges(payload.substr(1)).substr(0, 1) != "{")
    return false;
  const auto gather = [&](od::array list) {
    for (auto item : list) {
      std::string_view text;
      if (item.error())
        return;
      auto v = item.value_unsafe();
      if (v.type() != od::json_type::object)
        continue;
      od::object object = v.get_object();
      if (!object.raw_json().get(text))
        elements.push_back(text);
    }
  };
  try {
    if (payload.front() == '[') {
      od::document list = envelope_parser_.iterate(payload, payload.size() + json_decoder::padding);
      gather(list.get_array());
      name = "[]";
      return !elements.empty();
    }
    lists_.clear();
    find_lists(payload, mappings_->inside().unwrap_names, lists_);
    for (const auto* found : lists_) {
      const auto& candidate = *found;
      od::document root = envelope_parser_.iterate(payload, payload.size() + json_decoder::padding);
      od::array list;
      if (root.find_field(candidate).get_array().get(list))
        continue;
      gather(list);
      name = candidate;
      if (!elements.empty())
        return true;
    }
  } catch (const simdjson::simdjson_error&) {
    elements.clear();
  }
  return false;
}

recognized record_decoder::decode(std::string_view text, std::string_view envelope, record_context& record) {
  recognized result;
  if (unknown_explicit_) {
    result.reason =
        fmt::format("no mapping {}/{}: see `soc mapping list`", raw_->context->vendor, raw_->context->product);
    return result;
  }
  record.record = without_edges(text);
  record.payload = record.record;
  record.sent_at = 0;
  if (may_be_hec(record.record)) {
    hec_ = peel_hec(padded(record.record, record), *record.memory);
    if (hec_) {
      record.payload = without_edges(hec_->event);
      auto wrapped = decode_payload(envelope, record);
      if (wrapped.input != nullptr || wrapped.skip) {
        record.sent_at = parse_time_text(hec_->time, {}).value_or(0);
        return wrapped;
      }
      hec_.reset();
      record.payload = record.record;
      result = decode_payload(envelope, record);
      return result.input != nullptr ? result : wrapped;
    }
  }
  hec_.reset();
  return decode_payload(envelope, record);
}

/// What is in the payload: below an optional syslog header, JSON, XML, CEF, LEEF or text.
recognized record_decoder::decode_payload(std::string_view envelope, record_context& record) {
  recognized result;
  record.native.clear();
  record.ocsf.clear();
  record.trees.clear();
  sink_.begin(*record.memory, record.native.slots);
  syslog_.reset();
  if (!record.payload.empty() && record.payload.front() != '{') {
    syslog_ = parse_syslog(record.payload);
    if (syslog_)
      record.payload = without_edges(syslog_->payload);
  }
  auto format = format_of(record.payload);
  if (decode_first(format, record, result)) {
    result.input = recognize(format, record, envelope, result);
    if (result.input != nullptr)
      return result;
  }
  if (format != record_format::text && !result.skip) {
    // "{1.2.3.4} GET /" only looks like JSON.
    recognized as_text;
    record.native.clear();
    record.trees.clear();
    if (decode_first(record_format::text, record, as_text))
      if (const auto* input = recognize(record_format::text, record, envelope, as_text))
        result.input = input;
  }
  return result;
}

/// The part of decoding that all inputs of a format share.
bool record_decoder::decode_first(record_format format, record_context& record, recognized& failure) {
  if (hec_)
    for (const auto& [name, value] : hec_->fields)
      sink_.add(name, value);
  if (syslog_)
    add_syslog_fields(*syslog_, sink_);
  bool good = true;
  if (format == record_format::json) {
    const auto document = padded(record.payload, record);
    if (const auto bad = json_.decode(document, *record.memory, record.native.slots)) {
      failure.reason = "not JSON: " + bad->reason;
      failure.offset = offset_in(record.record, record.payload) + bad->byte_offset;
      good = false;
    } else {
      record.trees.add({{}, document}, json_.members());
    }
  } else if (format == record_format::xml) {
    if (auto bad = decode_windows_xml(record.payload, *names_, *record.memory, record.native.slots)) {
      failure.reason = "not a Windows event: " + *bad;
      good = false;
    }
  } else if (format == record_format::cef || format == record_format::leef) {
    const auto bad =
        format == record_format::cef ? decode_cef(record.payload, sink_) : decode_leef(record.payload, sink_);
    if (bad) {
      failure.reason = bad->reason;
      failure.offset = bad->offset;
      good = false;
    }
  }
  record.native.index_new();
  return good;
}

bool record_decoder::matches(const input_detection& d, record_context& record) const {
  const auto has = [&](model::field_id id) { return record.native.find(id) != nullptr; };
  if (!std::all_of(d.keys.begin(), d.keys.end(), has))
    return false;
  if (!d.any_keys.empty() && std::none_of(d.any_keys.begin(), d.any_keys.end(), has))
    return false;
  if (!d.vendors.empty() && !any_equals(d.vendors, record.native.find(cef_vendor_)) &&
      !any_equals(d.vendors, record.native.find(leef_vendor_)))
    return false;
  if (!d.products.empty() && !any_equals(d.products, record.native.find(cef_product_)) &&
      !any_equals(d.products, record.native.find(leef_product_)))
    return false;
  if (!d.programs.empty() && (!syslog_ || std::none_of(d.programs.begin(), d.programs.end(),
                                                       [&](const auto& p) { return syslog_->program == p; })))
    return false;
  const auto text = record.payload;
  if (!d.prefixes.empty() &&
      std::none_of(d.prefixes.begin(), d.prefixes.end(), [&](const auto& p) { return text.substr(0, p.size()) == p; }))
    return false;
  const auto contains = [&](const auto& part) { return text.find(part) != std::string_view::npos; };
  if (!std::all_of(d.contains.begin(), d.contains.end(), contains))
    return false;
  if (!d.any_contains.empty() && std::none_of(d.any_contains.begin(), d.any_contains.end(), contains))
    return false;
  if (d.regex && !d.regex->search(text))
    return false;
  return !d.where || d.where->holds(record);
}

const mapping_input* record_decoder::recognize(record_format format, record_context& record, std::string_view envelope,
                                               recognized& failure) {
  const auto shared = record.native.slots.size();
  std::size_t tried = 0;
  const auto fits = [&](const mapping_input& input) {
    if (!envelope.empty() && envelope != "[]" &&
        std::find(input.unwrap.begin(), input.unwrap.end(), envelope) == input.unwrap.end())
      return false;
    return input.format == format &&
           (matches(input.detect, record) || (&input == last_ && csv_headers_.contains(origin_)));
  };
  const auto take = [&](const mapping_input& input) {
    recognized bad;
    ++tried;
    if (run_steps(input, format == record_format::text ? 0 : 1, record, bad)) {
      failure.skip = bad.skip;
      remember(input);
      return !bad.skip;
    }
    if (failure.tried.empty()) {
      failure = std::move(bad);
      failure.tried = input.owner->vendor + "/" + input.owner->product;
    }
    record.native.slots.resize(shared);
    record.native.reindex();
    return false;
  };
  if (explicit_ != nullptr) {
    for (const auto& input : explicit_->inputs)
      if (fits(input) && take(input))
        return &input;
    // The only input of its format needs no recognition.
    const auto same = std::count_if(explicit_->inputs.begin(), explicit_->inputs.end(),
                                    [&](const auto& i) { return i.format == format; });
    for (const auto& input : explicit_->inputs)
      if (same == 1 && input.format == format && tried == 0 && take(input))
        return &input;
  } else {
    if (last_ != nullptr && fits(*last_) && take(*last_))
      return last_;
    for (const auto* input : mappings_->inside().by_format[static_cast<std::size_t>(format)])
      if (!failure.skip && (input != last_ || tried == 0) && fits(*input) && take(*input))
        return input;
  }
  if (failure.reason.empty())
    failure.reason = "no mapping recognizes it: name its product at the connector (or --source VENDOR/PRODUCT), or "
                     "write a mapping (docs/mapping.md)";
  return nullptr;
}

bool record_decoder::run_steps(const mapping_input& input, std::size_t from, record_context& record,
                               recognized& failure) {
  for (std::size_t i = from; i < input.steps.size(); ++i) {
    if (!run_step(input.steps[i], input, record, failure))
      return false;
    if (failure.skip)
      return true;
  }
  return true;
}

bool record_decoder::run_step(const decode_step& step, const mapping_input& input, record_context& record,
                              recognized& failure) {
  if (step.when && !step.when->holds(record))
    return true;
  auto text = record.payload;
  if (step.field) {
    static const std::vector<std::string> none;
    const auto v = read_source(*step.field, record);
    if (is_absent(v, none)) {
      if (!step.optional)
        failure.reason = fmt::format("input '{}': the field '{}' to decode is not there", input.name, step.field->path);
      return step.optional;
    }
    text = text_of(v, *record.memory);
  }
  if (step.decoder == decoder_kind::csv && step.csv.header) {
    // Every part of a file may begin with the header row: parts go to different normalizers.
    auto& columns = csv_headers_[origin_];
    std::vector<std::string_view> cells;
    split_csv(text, step.csv.separator, *record.memory, cells);
    if (columns.empty() || std::equal(cells.begin(), cells.end(), columns.begin(), columns.end())) {
      columns.assign(cells.begin(), cells.end());
      failure.skip = true;
      return true;
    }
  }
  const auto before = record.native.slots.size();
  const auto bad = run_decoder(step, text, record);
  if (bad) {
    record.native.slots.resize(before);
    if (!step.optional) {
      failure.reason = fmt::format("input '{}': {}", input.name, bad->reason);
      failure.offset = bad->offset;
      return false;
    }
    keep_undecoded(step, text);
  }
  record.native.index_new();
  return true;
}

/// The field counts as used by its mapping: what could not be taken apart is kept under a name that drift shows.
void record_decoder::keep_undecoded(const decode_step& step, std::string_view text) {
  if (step.field && !step.when)
    sink_.add_copied("undecoded." + step.field->path, model::value::of_string(text));
}

decode_result record_decoder::run_decoder(const decode_step& step, std::string_view text, record_context& record) {
  switch (step.decoder) {
  case decoder_kind::json: {
    const auto first = record.native.slots.size();
    text = padded(without_edges(text), record);
    if (const auto bad = json_.decode(text, *record.memory, record.native.slots))
      return decode_failure{bad->reason, bad->byte_offset};
    record.trees.add({step.prefix, text}, json_.members());
    if (!step.prefix.empty())
      for (auto i = first; i < record.native.slots.size(); ++i) {
        auto& s = record.native.slots[i];
        const auto name = step.prefix + std::string(s.name());
        s.id = sink_.find(name);
        const auto kept = s.id == model::no_field ? record.memory->copy(name) : names_->name(s.id);
        s.name_data = kept.data();
        s.name_size = static_cast<std::uint32_t>(kept.size());
      }
    return std::nullopt;
  }
  case decoder_kind::xml:
    if (auto bad = decode_windows_xml(text, *names_, *record.memory, record.native.slots))
      return decode_failure{*bad, 0};
    return std::nullopt;
  case decoder_kind::windows:
    if (!flatten_windows_event(record.native.slots, *names_, *record.memory))
      return decode_failure{"not a Windows event", 0};
    record.native.reindex();
    return std::nullopt;
  case decoder_kind::cef:
    return decode_cef(text, sink_);
  case decoder_kind::leef:
    return decode_leef(text, sink_);
  case decoder_kind::kv:
    return decode_kv(text, step.kv, sink_);
  case decoder_kind::csv: {
    static const std::vector<std::string> none;
    return decode_csv(text, step.csv, step.csv.header ? csv_headers_[origin_] : none, sink_);
  }
  case decoder_kind::regex:
    return decode_regex(text, step.patterns, sink_);
  case decoder_kind::dissect:
    return decode_dissect(text, step.dissects, sink_);
  case decoder_kind::clf:
    return decode_clf(text, sink_);
  case decoder_kind::auditd:
    return decode_auditd(text, sink_);
  }
  return std::nullopt;
}

} // namespace soc::ingest
