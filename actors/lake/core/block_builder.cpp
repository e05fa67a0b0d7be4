#include "base/hash.hpp"
#include "lake/core/block.hpp"
#include "lake/core/block_format.hpp"
#include "lake/core/byte_stream.hpp"
#include "lake/core/column.hpp"

#include <algorithm>
#include <map>

namespace soc::lake {

using model::value;

struct block_builder::system_columns {
  std::vector<value> of[system_column_count];
  std::vector<value> raw;
};

block_builder::block_builder(int level) : chunks_(level), system_(std::make_unique<system_columns>()) {}
block_builder::~block_builder() = default;

namespace {

std::string source_bytes(const model::raw_batch& raw) {
  static const model::connector_context none;
  const auto& c = raw.context ? *raw.context : none;
  std::string out;
  byte_writer to(out);
  for (const auto* text :
       {&c.connector, &c.tenant, &c.vendor, &c.product, &c.cloud, &c.account, &c.region, &c.default_zone, &raw.origin})
    to.text(*text);
  return out;
}

std::string type_bytes(const model::log_type* type) {
  static const model::log_type none;
  const auto& t = type != nullptr ? *type : none;
  std::string out;
  byte_writer to(out);
  for (const auto* text : {&t.vendor, &t.product, &t.name, &t.sigma_product, &t.sigma_service, &t.sigma_category})
    to.text(*text);
  return out;
}

/// The number of `text` in `all`, added when it is new.
std::uint32_t number_of(std::unordered_map<std::string, std::uint32_t>& numbers, std::vector<std::string>& all,
                        std::string text) {
  const auto [it, is_new] = numbers.try_emplace(std::move(text), static_cast<std::uint32_t>(all.size()));
  if (is_new)
    all.push_back(it->first);
  return it->second;
}

} // namespace

std::uint32_t block_builder::source_of(const model::event_batch& batch) {
  const auto [it, is_new] = source_ids_.try_emplace(batch.raw.get(), 0);
  if (is_new)
    it->second = number_of(source_texts_, sources_, source_bytes(*batch.raw));
  return it->second;
}

std::uint32_t block_builder::type_of(const model::log_type* type) {
  const auto [it, is_new] = type_ids_.try_emplace(type, 0);
  if (is_new)
    it->second = number_of(type_texts_, types_, type_bytes(type));
  return it->second;
}

std::uint32_t block_builder::column_of(const model::slot& s, bool is_ocsf) {
  auto& by_id = by_id_[is_ocsf];
  if (s.id != model::no_field) {
    if (s.id >= by_id.size())
      by_id.resize(s.id + 64, 0);
    if (by_id[s.id] != 0)
      return by_id[s.id] - 1;
  }
  const auto [it, is_new] =
      by_name_[is_ocsf].try_emplace(std::string(s.name()), static_cast<std::uint32_t>(columns_.size()));
  if (is_new)
    columns_.push_back({is_ocsf, it->first, {}});
  if (s.id != model::no_field)
    by_id[s.id] = it->second + 1;
  return it->second;
}

/// The number of the list of columns in shape_.
std::uint32_t block_builder::shape_of() {
  const auto hash = hash64({reinterpret_cast<const char*>(shape_.data()), shape_.size() * sizeof(std::uint32_t)});
  auto& candidates = shape_ids_[hash];
  for (const auto id : candidates)
    if (shapes_[id] == shape_)
      return id;
  candidates.push_back(static_cast<std::uint32_t>(shapes_.size()));
  shapes_.push_back(shape_);
  return candidates.back();
}

void block_builder::add(const model::event_batch& batch, const model::event& ev, std::span<const entity_term> terms) {
  shape_.clear();
  for (const bool is_ocsf : {false, true})
    for (const auto& s : is_ocsf ? ev.ocsf : ev.native) {
      const auto column = column_of(s, is_ocsf);
      columns_[column].values.push_back(s.data);
      shape_.push_back(column);
    }
  const auto& records = batch.raw->records;
  const auto position = ev.record_index < records.size() ? records[ev.record_index].position : 0;
  const auto put = [&](system_column c, std::int64_t n) {
    system_->of[static_cast<std::size_t>(c)].push_back(value::of_int(n));
  };
  put(system_column::time, ev.time);
  put(system_column::received, batch.raw->received_at);
  put(system_column::position, static_cast<std::int64_t>(position));
  put(system_column::source, source_of(batch));
  put(system_column::type, type_of(ev.type));
  put(system_column::shape, shape_of());
  put(system_column::class_uid, ev.class_uid);
  put(system_column::mapped, ev.mapped ? 1 : 0);
  system_->raw.push_back(value::of_string(ev.raw));
  for (const auto term : terms)
    postings_.emplace_back(term, static_cast<std::uint32_t>(rows_));
  first_ = rows_ == 0 ? ev.time : std::min(first_, ev.time);
  last_ = rows_ == 0 ? ev.time : std::max(last_, ev.time);
  raw_bytes_ += ev.raw.size();
  ++rows_;
}

/// Terms, ascending, then where the rows of each begin, then the rows as differences.
std::string block_builder::entity_index(std::vector<entity_term>& terms) {
  std::sort(postings_.begin(), postings_.end());
  std::string heads, starts, rows;
  byte_writer to_heads(heads), to_starts(starts), to_rows(rows);
  std::uint32_t count = 0, last_row = 0;
  for (std::size_t i = 0; i < postings_.size(); ++i) {
    const auto [term, row] = postings_[i];
    if (i == 0 || term != postings_[i - 1].first) {
      terms.push_back(term);
      to_heads.fixed(term);
      to_starts.fixed(static_cast<std::uint32_t>(rows.size()));
      last_row = 0;
      ++count;
    }
    to_rows.varint(row - last_row);
    last_row = row;
  }
  std::string out;
  byte_writer to(out);
  to.fixed(count);
  return out + heads + starts + rows;
}

/// Small columns share a chunk: they compress better together, and a small block needs few chunks. The same bytes (a
/// field mapped as it was logged) are written once.
void block_builder::write_columns(std::string& places) {
  byte_writer to(places);
  std::string pack, one;
  std::map<digest, std::pair<std::uint64_t, std::uint64_t>> written; // of the bytes → chunk, offset
  auto chunk = chunks_.places().size() + 1;                          // the directory comes first
  to.varint(columns_.size());
  for (auto& c : columns_) {
    one.clear();
    encode_column(c.values, one);
    const auto [it, is_new] = written.try_emplace(hash128(one), chunk, pack.size());
    if (is_new) {
      pack += one;
      if (pack.size() >= pack_bytes) {
        chunks_.add(pack);
        pack.clear();
        chunk = chunks_.places().size() + 1;
      }
    }
    to.fixed(static_cast<std::uint8_t>(c.is_ocsf));
    to.text(c.name);
    to.varint(c.values.size());
    to.varint(it->second.first);
    to.varint(it->second.second);
    to.varint(one.size());
  }
  if (!pack.empty())
    chunks_.add(pack);
}

std::string block_builder::directory(const std::string& column_places) const {
  std::string out;
  byte_writer to(out);
  to.varint(sources_.size());
  for (const auto& s : sources_)
    to.text(s);
  to.varint(types_.size());
  for (const auto& t : types_)
    to.text(t);
  to.varint(shapes_.size());
  for (const auto& shape : shapes_) {
    to.varint(shape.size());
    for (const auto column : shape)
      to.varint(column);
  }
  return out + column_places;
}

std::string block_builder::system_bytes() const {
  std::string out, one;
  for (const auto& c : system_->of) {
    one.clear();
    encode_column(c, one);
    byte_writer(out).text(one);
  }
  return out;
}

std::string block_builder::header(const std::vector<chunk_place>& table) const {
  std::string out;
  byte_writer to(out);
  to.varint(rows_);
  to.fixed(first_);
  to.fixed(last_);
  to.varint(raw_bytes_);
  to.varint(table.size());
  for (const auto& place : table) {
    to.varint(place.raw_bytes);
    to.varint(place.stored_bytes);
    to.fixed(place.checksum);
  }
  return out;
}

encoded_block block_builder::finish() {
  std::vector<entity_term> terms;
  std::string raw, places;
  encode_column(system_->raw, raw);
  chunks_.add(entity_index(terms));
  chunks_.add(system_bytes());
  chunks_.add(raw);
  write_columns(places);
  // The directory is known last and read first.
  auto table = chunks_.places();
  const auto body = chunks_.bytes();
  chunks_.clear();
  chunks_.add(directory(places));
  table.insert(table.begin(), chunks_.places().front());
  const auto header = this->header(table);
  encoded_block out;
  byte_writer frame(out.frame);
  frame.fixed(block_magic);
  frame.fixed(static_cast<std::uint32_t>(header.size()));
  frame.fixed(hash64(header));
  out.frame += header;
  out.frame += chunks_.bytes();
  out.frame += body;
  out.entry = {0, out.frame.size(), rows_, raw_bytes_, first_, last_, make_filter(terms)};
  reset();
  return out;
}

void block_builder::reset() {
  chunks_.clear();
  rows_ = 0;
  raw_bytes_ = 0;
  sources_.clear();
  types_.clear();
  source_ids_.clear();
  type_ids_.clear();
  source_texts_.clear();
  type_texts_.clear();
  columns_.clear();
  shapes_.clear();
  shape_ids_.clear();
  postings_.clear();
  for (auto& ids : by_id_)
    std::fill(ids.begin(), ids.end(), 0);
  for (auto& names : by_name_)
    names.clear();
  *system_ = {};
}

} // namespace soc::lake
