#include "base/hash.hpp"
#include "lake/core/block_state.hpp"

#include <algorithm>

namespace soc::lake {

using model::value;

namespace {

model::connector_context read_context(byte_reader& in, std::string& origin) {
  model::connector_context c;
  for (auto* text :
       {&c.connector, &c.tenant, &c.vendor, &c.product, &c.cloud, &c.account, &c.region, &c.default_zone, &origin})
    *text = in.text();
  return c;
}

model::log_type read_type(byte_reader& in) {
  model::log_type t;
  for (auto* text : {&t.vendor, &t.product, &t.name, &t.sigma_product, &t.sigma_service, &t.sigma_category})
    *text = in.text();
  return t;
}

} // namespace

outcome block_state::read_header() {
  byte_reader head(frame);
  if (head.fixed<std::uint32_t>() != block_magic)
    return corrupt_block("it does not begin as one");
  const auto size = head.fixed<std::uint32_t>();
  const auto checksum = head.fixed<std::uint64_t>();
  const auto header = head.bytes(size);
  if (head.failed() || hash64(header) != checksum)
    return corrupt_block("its header does not match its checksum");
  byte_reader in(header);
  entry.rows = in.varint();
  entry.first = in.fixed<std::int64_t>();
  entry.last = in.fixed<std::int64_t>();
  entry.raw_bytes = in.varint();
  const auto count = in.count(10);
  std::uint64_t at = frame_head_bytes + size;
  for (std::uint64_t i = 0; i < count; ++i) {
    chunk_place place{in.varint(), in.varint(), 0};
    place.checksum = in.fixed<std::uint64_t>();
    if (at > frame.size() || place.stored_bytes > frame.size() - at)
      return corrupt_block("it is cut off");
    offsets.push_back(at);
    places.push_back(place);
    at += place.stored_bytes;
  }
  if (in.failed() || entry.rows == 0 || entry.rows > max_block_rows || places.size() <= raw_chunk)
    return corrupt_block("its header says nothing sensible");
  entry.length = at;
  return done{};
}

result<std::string_view> block_state::chunk(std::size_t number) {
  if (const auto it = chunks.find(number); it != chunks.end())
    return it->second;
  if (number >= places.size())
    return corrupt_block("a chunk is missing");
  auto bytes = read_chunk(frame.substr(offsets[number], places[number].stored_bytes), places[number], memory);
  if (bytes)
    chunks[number] = *bytes;
  return bytes;
}

outcome block_state::read_directory(byte_reader in) {
  for (auto n = in.count(9); n > 0; --n) {
    byte_reader one(in.text());
    stored_source s;
    s.context = std::make_shared<const model::connector_context>(read_context(one, s.origin));
    sources.push_back(std::move(s));
  }
  for (auto n = in.count(6); n > 0; --n) {
    byte_reader one(in.text());
    types->push_back(read_type(one));
  }
  for (auto n = in.count(); n > 0 && !in.failed(); --n) {
    auto& shape = shapes.emplace_back(in.count());
    for (auto& column : shape)
      column = static_cast<std::uint32_t>(in.varint());
  }
  for (auto n = in.count(6); n > 0 && !in.failed(); --n) {
    stored_column c;
    c.is_ocsf = in.fixed<std::uint8_t>() != 0;
    c.name = in.text();
    for (auto* number : {&c.count, &c.chunk, &c.offset, &c.length})
      *number = in.varint();
    columns.push_back(c);
  }
  if (in.failed())
    return corrupt_block("its directory ends early");
  for (const auto& shape : shapes)
    for (const auto column : shape)
      if (column >= columns.size())
        return corrupt_block("a shape names a column that is not there");
  return done{};
}

outcome block_state::load_directory() {
  if (has_directory)
    return done{};
  const auto bytes = chunk(directory_chunk);
  if (!bytes)
    return bytes.error();
  if (auto read = read_directory(byte_reader(*bytes)); !read)
    return read;
  has_directory = true;
  return done{};
}

outcome block_state::load_system() {
  if (has_system)
    return done{};
  if (auto read = load_directory(); !read)
    return read;
  const auto bytes = chunk(system_chunk);
  if (!bytes)
    return bytes.error();
  byte_reader in(*bytes);
  for (auto& column : system) {
    const auto values = decode_column(in.text(), entry.rows, memory);
    if (!values)
      return values.error();
    column = *values;
    for (const auto& v : column)
      if (v.kind() != model::value_kind::integer)
        return corrupt_block("a system column holds no numbers");
  }
  if (auto checked = check_rows(); !checked)
    return checked;
  has_system = true;
  return done{};
}

/// Rows name what is there, and every column has a value for each row whose shape names it, no more and no less.
outcome block_state::check_rows() const {
  for (std::uint32_t row = 0; row < entry.rows; ++row)
    if (static_cast<std::uint64_t>(of(system_column::source, row)) >= sources.size() ||
        static_cast<std::uint64_t>(of(system_column::type, row)) >= types->size() ||
        static_cast<std::uint64_t>(of(system_column::shape, row)) >= shapes.size())
      return corrupt_block("a row names a source, type or shape that is not there");
  std::vector<std::uint64_t> rows_of_shape(shapes.size(), 0), wanted(columns.size(), 0);
  for (std::uint32_t row = 0; row < entry.rows; ++row)
    ++rows_of_shape[static_cast<std::size_t>(of(system_column::shape, row))];
  for (std::size_t s = 0; s < shapes.size(); ++s)
    for (const auto column : shapes[s])
      wanted[column] += rows_of_shape[s];
  for (std::size_t c = 0; c < columns.size(); ++c)
    if (columns[c].count != wanted[c])
      return corrupt_block("a column has another number of values than its rows");
  return done{};
}

outcome block_state::load(stored_column& c) {
  if (c.values)
    return done{};
  const auto bytes = chunk(c.chunk);
  if (!bytes)
    return bytes.error();
  if (c.offset > bytes->size() || c.length > bytes->size() - c.offset)
    return corrupt_block("a column lies outside its chunk");
  auto values = decode_column(bytes->substr(c.offset, c.length), c.count, memory);
  if (!values)
    return values.error();
  c.values = *values;
  return done{};
}

result<std::span<const value>> block_state::raw_column() {
  const auto bytes = chunk(raw_chunk);
  if (!bytes)
    return bytes.error();
  auto values = decode_column(*bytes, entry.rows, memory);
  if (values)
    for (const auto& v : *values)
      if (!v.is_string())
        return corrupt_block("raw bytes that are none");
  return values;
}

block_reader::block_reader(std::unique_ptr<block_state> s) : state_(std::move(s)) {}
block_reader::~block_reader() = default;
block_reader::block_reader(block_reader&&) noexcept = default;

result<block_reader> block_reader::open(std::string_view frame) {
  auto s = std::make_unique<block_state>();
  s->frame = frame;
  if (auto read = s->read_header(); !read)
    return read.error();
  return block_reader(std::move(s));
}

const block_entry& block_reader::entry() const {
  return state_->entry;
}

outcome block_reader::verify() {
  const auto& s = *state_;
  for (std::size_t i = 0; i < s.places.size(); ++i)
    if (hash64(s.frame.substr(s.offsets[i], s.places[i].stored_bytes)) != s.places[i].checksum)
      return corrupt_block("a chunk does not match its checksum");
  return done{};
}

result<unix_ns> block_reader::time_of(std::uint32_t row) {
  if (auto read = state_->load_system(); !read)
    return read.error();
  return state_->of(system_column::time, row);
}

result<std::vector<std::uint32_t>> block_reader::rows_within(unix_ns from, unix_ns to, const std::string& tenant,
                                                             const std::vector<std::uint32_t>* among) {
  auto& s = *state_;
  if (auto read = s.load_system(); !read)
    return read.error();
  std::vector<bool> fits;
  for (const auto& source : s.sources)
    fits.push_back(tenant.empty() || source.context->tenant == tenant);
  std::vector<std::uint32_t> out;
  const auto take = [&](std::uint32_t row) {
    const auto time = s.of(system_column::time, row);
    if (time >= from && time < to && fits[static_cast<std::size_t>(s.of(system_column::source, row))])
      out.push_back(row);
  };
  if (among != nullptr)
    std::for_each(among->begin(), among->end(), take);
  else
    for (std::uint32_t row = 0; row < s.entry.rows; ++row)
      take(row);
  return out;
}

} // namespace soc::lake
