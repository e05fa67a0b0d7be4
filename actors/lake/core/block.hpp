// lake/core/block.hpp - some thousand events as one immutable piece of a segment: a column a field, chunks of columns
// compressed together, an index from entity terms to rows. Built by a writer, read back by searches; what a block holds
// is enough to make the events again. Pure.
//
//   frame   "SOCB" magic u32 | size of the header u32 | its checksum u64 | header | chunks
//   header  rows, least and greatest time, raw bytes, chunk table
//   chunks  0 directory: sources, log types, shapes, columns   1 entity index   2 system columns   3 raw bytes   4…
//   fields
#pragma once
#include "lake/core/chunk.hpp"
#include "lake/core/entity_filter.hpp"
#include "model/event.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

namespace soc::lake {

/// A block is closed once it has so many columns: field names come from outside, and each new one costs memory.
constexpr std::size_t max_block_columns = 8192;

/// What a segment's index says of a block.
struct block_entry {
  std::uint64_t offset = 0, length = 0; ///< in the file
  std::uint64_t rows = 0, raw_bytes = 0;
  unix_ns first = 0, last = 0; ///< event times
  std::string filter;          ///< make_filter of its terms
};

struct encoded_block {
  std::string frame;
  block_entry entry; ///< offset 0
};

/// Collects events and writes them as one block. Events must stay alive until finish().
class block_builder {
public:
  explicit block_builder(int level);
  ~block_builder();

  /// `terms`: add_terms of the event's entities.
  void add(const model::event_batch& batch, const model::event& ev, std::span<const entity_term> terms);
  std::size_t rows() const { return rows_; }
  std::uint64_t raw_bytes() const { return raw_bytes_; }
  std::size_t columns() const { return columns_.size(); }
  /// The block of what was added; the builder is empty afterwards. Not for an empty one.
  encoded_block finish();

private:
  struct column {
    bool is_ocsf = false;
    std::string name;
    std::vector<model::value> values;
  };
  struct system_columns;
  std::uint32_t source_of(const model::event_batch& batch);
  std::uint32_t type_of(const model::log_type* type);
  std::uint32_t column_of(const model::slot& s, bool is_ocsf);
  std::uint32_t shape_of();
  std::string directory(const std::string& column_places) const;
  std::string entity_index(std::vector<entity_term>& terms);
  std::string system_bytes() const;
  std::string header(const std::vector<chunk_place>& table) const;
  void write_columns(std::string& places);
  void reset();

  chunk_writer chunks_;
  std::size_t rows_ = 0;
  std::uint64_t raw_bytes_ = 0;
  unix_ns first_ = 0, last_ = 0;
  std::vector<std::string> sources_;
  std::unordered_map<const void*, std::uint32_t> source_ids_, type_ids_;
  std::unordered_map<std::string, std::uint32_t> source_texts_, type_texts_;
  std::vector<std::string> types_;
  std::vector<column> columns_;
  std::vector<std::uint32_t> by_id_[2]; ///< native, OCSF: field id → column + 1
  std::unordered_map<std::string, std::uint32_t> by_name_[2];
  std::vector<std::uint32_t> shape_; ///< of the event being added
  std::vector<std::vector<std::uint32_t>> shapes_;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> shape_ids_;
  std::unique_ptr<system_columns> system_;
  std::vector<std::pair<entity_term, std::uint32_t>> postings_; ///< term, row
};

/// The fields a search looks at: names as events have them.
struct projection {
  bool all = false; ///< every field, the raw bytes too
  std::vector<std::string> native, ocsf;
};

/// What of an event decides whether it is found.
using event_test = std::function<bool(const model::event&)>;

/// Log types as the mappings in use have them, so that what they render fits. Null = no longer known.
struct known_types {
  std::shared_ptr<const void> owner;
  std::function<const model::log_type*(const model::log_type&)> find;
};

/// Events made again; each batch is of one source. `known`: their types are those of known_types::owner.
struct restored_batch {
  std::shared_ptr<model::event_batch> batch;
  std::vector<std::uint32_t> rows; ///< of its events
  bool known = false;
};

struct block_state;

/// Reads one block; views the frame's bytes, which must outlive it. What is asked for is decompressed, and kept.
class block_reader {
public:
  /// Checks the header only. Fails with corrupt, version_mismatch.
  static result<block_reader> open(std::string_view frame);
  ~block_reader();
  block_reader(block_reader&&) noexcept;

  const block_entry& entry() const;
  /// Every chunk against its checksum; for what was not sealed.
  outcome verify();
  /// The terms of each row; to write its events again.
  result<std::vector<std::vector<entity_term>>> terms();
  /// The filter of the block, which a segment's index has and its frame has not.
  result<std::string> filter();
  /// Rows that have one of the terms, ascending.
  result<std::vector<std::uint32_t>> rows_with(std::span<const entity_term> terms);
  /// Rows within [from, to) whose tenant is `tenant` (empty: any), of `among` or of all.
  result<std::vector<std::uint32_t>> rows_within(unix_ns from, unix_ns to, const std::string& tenant,
                                                 const std::vector<std::uint32_t>* among);
  /// Those of `rows` (ascending) that pass; the event has the projected fields only.
  result<std::vector<std::uint32_t>> matching(const std::vector<std::uint32_t>& rows, const projection& fields,
                                              const model::field_dictionary& names, const event_test& passes);
  /// The events of `rows` (ascending), whole.
  result<std::vector<restored_batch>> events(const std::vector<std::uint32_t>& rows, model::dictionary_ptr names,
                                             const known_types* types);
  result<unix_ns> time_of(std::uint32_t row);

private:
  explicit block_reader(std::unique_ptr<block_state> s);
  std::unique_ptr<block_state> state_;
};

} // namespace soc::lake
