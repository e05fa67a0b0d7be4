#include "lake/core/column.hpp"

#include "base/hash.hpp"
#include "lake/core/byte_stream.hpp"

#include <algorithm>
#include <bit>

namespace soc::lake {

namespace {

using model::value;
using model::value_kind;

enum class form : std::uint8_t { mixed, integers, same_integer, booleans, reals, strings, dictionary };

void write_value(byte_writer& out, const value& v, int depth) {
  const bool flatten = v.is_list() && depth >= max_list_depth;
  out.fixed(static_cast<std::uint8_t>(flatten ? value_kind::string : v.kind()));
  if (flatten)
    return out.text(v.to_text());
  switch (v.kind()) {
  case value_kind::null:
    break;
  case value_kind::boolean:
    out.fixed(static_cast<std::uint8_t>(v.boolean()));
    break;
  case value_kind::integer:
    out.zigzag(v.integer());
    break;
  case value_kind::real:
    out.fixed(v.real());
    break;
  case value_kind::string:
    out.text(v.text());
    break;
  case value_kind::list:
    out.varint(v.items().size());
    for (const auto& item : v.items())
      write_value(out, item, depth + 1);
    break;
  }
}

value read_value(byte_reader& in, int depth, arena& memory) {
  switch (static_cast<value_kind>(in.fixed<std::uint8_t>())) {
  case value_kind::boolean:
    return value::of_bool(in.fixed<std::uint8_t>() != 0);
  case value_kind::integer:
    return value::of_int(in.zigzag());
  case value_kind::real:
    return value::of_real(in.fixed<double>());
  case value_kind::string:
    return value::of_string(in.text());
  case value_kind::list: {
    const auto count = in.count();
    if (depth >= max_list_depth || count > max_block_rows)
      return (void)in.bytes(in.left() + 1), value{};
    auto* items = memory.make_array<value>(count);
    for (std::uint64_t i = 0; i < count; ++i)
      items[i] = read_value(in, depth + 1, memory);
    return value::of_list({items, static_cast<std::size_t>(count)});
  }
  default:
    return {};
  }
}

/// The distinct strings of a column, in order of first appearance, and each value's place among them. Given up once
/// more than half of the values are distinct.
class string_table {
public:
  bool build(std::span<const value> values) {
    const auto slots = std::bit_ceil(values.size() + 1);
    table_.assign(slots, 0);
    indexes_.reserve(values.size());
    for (const auto& v : values)
      if (!add(v.text(), slots - 1, values.size() / 2))
        return false;
    return true;
  }
  const std::vector<std::string_view>& distinct() const { return distinct_; }
  const std::vector<std::uint32_t>& indexes() const { return indexes_; }

private:
  bool add(std::string_view text, std::size_t mask, std::size_t limit) {
    // Neighbours are often equal, and then mostly the same bytes in memory.
    if (!indexes_.empty() && distinct_[indexes_.back()] == text) {
      indexes_.push_back(indexes_.back());
      return true;
    }
    auto at = hash64(text) & mask;
    while (table_[at] != 0 && distinct_[table_[at] - 1] != text)
      at = (at + 1) & mask;
    if (table_[at] == 0) {
      if (distinct_.size() >= limit)
        return false;
      distinct_.push_back(text);
      table_[at] = static_cast<std::uint32_t>(distinct_.size());
    }
    indexes_.push_back(table_[at] - 1);
    return true;
  }

  std::vector<std::uint32_t> table_, indexes_;
  std::vector<std::string_view> distinct_;
};

template <class Index>
void write_indexes(std::string& out, const std::vector<std::uint32_t>& indexes) {
  byte_writer to(out);
  for (const auto i : indexes)
    to.fixed(static_cast<Index>(i));
}

void write_strings(byte_writer& to, std::string& out, const std::vector<std::string_view>& texts) {
  for (const auto text : texts)
    to.varint(text.size());
  for (const auto text : texts)
    out.append(text);
}

void encode_strings(std::span<const value> values, std::string& out) {
  byte_writer to(out);
  string_table table;
  if (values.size() >= 4 && table.build(values)) {
    to.fixed(form::dictionary);
    to.varint(table.distinct().size());
    write_strings(to, out, table.distinct());
    if (table.distinct().size() <= 0x100)
      write_indexes<std::uint8_t>(out, table.indexes());
    else if (table.distinct().size() <= 0x10000)
      write_indexes<std::uint16_t>(out, table.indexes());
    else
      write_indexes<std::uint32_t>(out, table.indexes());
    return;
  }
  to.fixed(form::strings);
  std::vector<std::string_view> texts;
  texts.reserve(values.size());
  for (const auto& v : values)
    texts.push_back(v.text());
  write_strings(to, out, texts);
}

void encode_integers(std::span<const value> values, std::string& out) {
  byte_writer to(out);
  const auto first = values.front().integer();
  if (std::all_of(values.begin(), values.end(), [&](const value& v) { return v.integer() == first; })) {
    to.fixed(form::same_integer);
    return to.zigzag(first);
  }
  to.fixed(form::integers);
  std::uint64_t last = 0; // differences wrap around
  for (const auto& v : values) {
    const auto now = static_cast<std::uint64_t>(v.integer());
    to.zigzag(static_cast<std::int64_t>(now - last));
    last = now;
  }
}

bool read_texts(byte_reader& in, std::size_t count, std::vector<std::string_view>& out) {
  std::vector<std::uint64_t> sizes(count);
  for (auto& size : sizes)
    size = in.varint();
  out.reserve(count);
  for (const auto size : sizes)
    out.push_back(in.bytes(size));
  return !in.failed();
}

template <class Index>
bool read_indexed(byte_reader& in, const std::vector<std::string_view>& distinct, std::span<value> out) {
  for (auto& v : out) {
    const auto i = in.fixed<Index>();
    if (i >= distinct.size())
      return false;
    v = value::of_string(distinct[i]);
  }
  return !in.failed();
}

bool read_dictionary(byte_reader& in, std::span<value> out) {
  const auto count = in.count();
  std::vector<std::string_view> distinct;
  if (count > out.size() || !read_texts(in, count, distinct))
    return false;
  if (count <= 0x100)
    return read_indexed<std::uint8_t>(in, distinct, out);
  if (count <= 0x10000)
    return read_indexed<std::uint16_t>(in, distinct, out);
  return read_indexed<std::uint32_t>(in, distinct, out);
}

bool read_column(byte_reader& in, std::span<value> out, arena& memory) {
  switch (static_cast<form>(in.fixed<std::uint8_t>())) {
  case form::mixed:
    for (auto& v : out)
      v = read_value(in, 0, memory);
    return true;
  case form::integers: {
    std::uint64_t last = 0;
    for (auto& v : out)
      v = value::of_int(static_cast<std::int64_t>(last += static_cast<std::uint64_t>(in.zigzag())));
    return true;
  }
  case form::same_integer:
    std::fill(out.begin(), out.end(), value::of_int(in.zigzag()));
    return true;
  case form::booleans:
    for (auto& v : out)
      v = value::of_bool(in.fixed<std::uint8_t>() != 0);
    return true;
  case form::reals:
    for (auto& v : out)
      v = value::of_real(in.fixed<double>());
    return true;
  case form::strings: {
    std::vector<std::string_view> texts;
    if (out.size() > in.left() || !read_texts(in, out.size(), texts))
      return false;
    std::transform(texts.begin(), texts.end(), out.begin(), value::of_string);
    return true;
  }
  case form::dictionary:
    return read_dictionary(in, out);
  }
  return false;
}

} // namespace

void encode_column(std::span<const value> values, std::string& out) {
  byte_writer to(out);
  const auto kind = values.empty() ? value_kind::null : values.front().kind();
  const bool same = std::all_of(values.begin(), values.end(), [&](const value& v) { return v.kind() == kind; });
  if (same && kind == value_kind::string)
    return encode_strings(values, out);
  if (same && kind == value_kind::integer)
    return encode_integers(values, out);
  if (same && kind == value_kind::boolean) {
    to.fixed(form::booleans);
    for (const auto& v : values)
      to.fixed(static_cast<std::uint8_t>(v.boolean()));
    return;
  }
  if (same && kind == value_kind::real) {
    to.fixed(form::reals);
    for (const auto& v : values)
      to.fixed(v.real());
    return;
  }
  to.fixed(form::mixed);
  for (const auto& v : values)
    write_value(to, v, 0);
}

result<std::span<const value>> decode_column(std::string_view bytes, std::size_t count, arena& memory) {
  if (count > max_block_rows)
    return failure{ec::corrupt, "a column of " + std::to_string(count) + " values"};
  byte_reader in(bytes);
  auto* values = memory.make_array<value>(count);
  std::fill(values, values + count, value{});
  if (!read_column(in, {values, count}, memory) || in.failed())
    return failure{ec::corrupt, "a column whose bytes end early or do not fit"};
  return std::span<const value>(values, count);
}

} // namespace soc::lake
