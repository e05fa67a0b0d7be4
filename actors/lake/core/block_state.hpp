// lake/core/block_state.hpp - an opened block: its header, and what was decompressed so far. Inside lake/core only;
// owned by a block_reader.
#pragma once
#include "lake/core/block.hpp"
#include "lake/core/block_format.hpp"
#include "lake/core/byte_stream.hpp"
#include "lake/core/column.hpp"

#include <map>

namespace soc::lake {

inline failure corrupt_block(const std::string& what) {
  return failure{ec::corrupt, "a block of the event store: " + what};
}

struct stored_column {
  bool is_ocsf = false;
  std::string_view name;
  std::uint64_t count = 0, chunk = 0, offset = 0, length = 0;
  std::optional<std::span<const model::value>> values; ///< once read
};

struct stored_source {
  std::shared_ptr<const model::connector_context> context;
  std::string origin;
};

struct block_state {
  std::string_view frame;
  block_entry entry;
  std::vector<chunk_place> places;
  std::vector<std::uint64_t> offsets;
  std::map<std::size_t, std::string_view> chunks; ///< read
  arena memory{1 << 20};
  bool has_directory = false, has_system = false;
  std::vector<stored_source> sources;
  std::shared_ptr<std::vector<model::log_type>> types = std::make_shared<std::vector<model::log_type>>();
  std::vector<std::vector<std::uint32_t>> shapes;
  std::vector<stored_column> columns;
  std::span<const model::value> system[system_column_count];

  outcome read_header();
  result<std::string_view> chunk(std::size_t number);
  outcome load_directory();
  outcome read_directory(byte_reader in);
  outcome load_system();
  outcome check_rows() const;
  outcome load(stored_column& c);
  result<std::span<const model::value>> raw_column();
  model::event head_of(std::uint32_t row) const; ///< without its fields
  std::int64_t of(system_column c, std::uint32_t row) const {
    return system[static_cast<std::size_t>(c)][row].integer();
  }
};
} // namespace soc::lake
