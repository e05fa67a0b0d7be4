#include "connectors/sources/forward/msgpack.hpp"

#include <bit>
#include <cmath>
#include <cstring>

namespace soc::sources {

namespace {
constexpr int most_depth = 64;
} // namespace

std::optional<std::uint64_t> msgpack_reader::number(std::size_t bytes) {
  if (text_.size() - at_ < bytes)
    return std::nullopt;
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < bytes; ++i)
    out = (out << 8) | static_cast<unsigned char>(text_[at_++]);
  return out;
}

std::optional<std::string_view> msgpack_reader::take(std::uint64_t bytes) {
  if (text_.size() - at_ < bytes)
    return std::nullopt;
  const auto out = text_.substr(at_, bytes);
  at_ += bytes;
  return out;
}

std::optional<msgpack_value> msgpack_reader::text_value(msgpack_kind kind, std::uint64_t size) {
  const auto bytes = take(size);
  if (!bytes)
    return std::nullopt;
  msgpack_value v;
  v.kind = kind;
  v.bytes = *bytes;
  return v;
}

std::optional<msgpack_value> msgpack_reader::extension(std::uint64_t size) {
  const auto type = number(1);
  if (!type)
    return std::nullopt;
  auto v = text_value(msgpack_kind::extension, size);
  if (v)
    v->type = static_cast<std::int8_t>(*type);
  return v;
}

/// Heads 0xc0 to 0xdf.
std::optional<msgpack_value> msgpack_reader::long_value(std::uint8_t head) {
  msgpack_value v;
  const auto sized = [&](std::size_t bytes) { return number(bytes); };
  switch (head) {
  case 0xc0:
    return v;
  case 0xc2:
  case 0xc3:
    v.kind = msgpack_kind::boolean;
    v.integer = head & 1;
    return v;
  case 0xc4:
  case 0xc5:
  case 0xc6:
    if (const auto n = sized(std::size_t{1} << (head - 0xc4)))
      return text_value(msgpack_kind::binary, *n);
    return std::nullopt;
  case 0xc7:
  case 0xc8:
  case 0xc9:
    if (const auto n = sized(std::size_t{1} << (head - 0xc7)))
      return extension(*n);
    return std::nullopt;
  case 0xca:
  case 0xcb: {
    const auto n = number(head == 0xca ? 4 : 8);
    if (!n)
      return std::nullopt;
    v.kind = msgpack_kind::real;
    v.real = head == 0xca ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(*n)))
                          : std::bit_cast<double>(*n);
    return v;
  }
  case 0xcc:
  case 0xcd:
  case 0xce:
  case 0xcf: {
    const auto n = number(std::size_t{1} << (head - 0xcc));
    if (!n)
      return std::nullopt;
    v.kind = *n >> 63 ? msgpack_kind::unsigned_integer : msgpack_kind::integer;
    v.number = *n;
    v.integer = static_cast<std::int64_t>(*n);
    return v;
  }
  case 0xd0:
  case 0xd1:
  case 0xd2:
  case 0xd3: {
    const auto bytes = std::size_t{1} << (head - 0xd0);
    const auto n = number(bytes);
    if (!n)
      return std::nullopt;
    const auto shift = 64 - 8 * bytes;
    v.kind = msgpack_kind::integer;
    v.integer = static_cast<std::int64_t>(*n << shift) >> shift;
    return v;
  }
  case 0xd4:
  case 0xd5:
  case 0xd6:
  case 0xd7:
  case 0xd8:
    return extension(std::uint64_t{1} << (head - 0xd4));
  case 0xd9:
  case 0xda:
  case 0xdb:
    if (const auto n = sized(std::size_t{1} << (head - 0xd9)))
      return text_value(msgpack_kind::string, *n);
    return std::nullopt;
  case 0xdc:
  case 0xdd:
  case 0xde:
  case 0xdf: {
    const auto n = number(head % 2 == 0 ? 2 : 4);
    if (!n)
      return std::nullopt;
    v.kind = head < 0xde ? msgpack_kind::array : msgpack_kind::map;
    v.size = static_cast<std::uint32_t>(*n);
    return v;
  }
  default: // 0xc1 is never used
    return std::nullopt;
  }
}

std::optional<msgpack_value> msgpack_reader::next() {
  if (at_end())
    return std::nullopt;
  const auto head = static_cast<std::uint8_t>(text_[at_++]);
  msgpack_value v;
  if (head < 0x80 || head >= 0xe0) {
    v.kind = msgpack_kind::integer;
    v.integer = static_cast<std::int8_t>(head);
    return v;
  }
  if (head >= 0xc0)
    return long_value(head);
  if (head >= 0xa0)
    return text_value(msgpack_kind::string, head & 0x1f);
  v.kind = head < 0x90 ? msgpack_kind::map : msgpack_kind::array;
  v.size = head & 0x0f;
  return v;
}

bool msgpack_reader::skip() {
  for (std::uint64_t left = 1; left > 0; --left) {
    const auto v = next();
    if (!v)
      return false;
    left += v->kind == msgpack_kind::array ? v->size : v->kind == msgpack_kind::map ? std::uint64_t{2} * v->size : 0;
    if (left > (std::uint64_t{1} << 40))
      return false;
  }
  return true;
}

msgpack_extent msgpack_extent_scan::look(std::string_view stream) {
  while (left_ > 0) {
    msgpack_reader reader(stream.substr(at_));
    const auto v = reader.next();
    if (!v) // the one byte that begins no value tells broken from cut
      return at_ < stream.size() && static_cast<std::uint8_t>(stream[at_]) == 0xc1 ? msgpack_extent::broken
                                                                                   : msgpack_extent::cut;
    at_ += reader.at();
    left_ -= 1;
    left_ += v->kind == msgpack_kind::array ? v->size : v->kind == msgpack_kind::map ? std::uint64_t{2} * v->size : 0;
    if (left_ > (std::uint64_t{1} << 32))
      return msgpack_extent::broken;
  }
  return msgpack_extent::whole;
}

bool write_json(msgpack_reader& from, json_writer& to, int depth) {
  const auto v = from.next();
  if (!v || depth > most_depth)
    return false;
  switch (v->kind) {
  case msgpack_kind::nil:
    to.null();
    return true;
  case msgpack_kind::boolean:
    to.boolean(v->integer != 0);
    return true;
  case msgpack_kind::integer:
    to.integer(v->integer);
    return true;
  case msgpack_kind::unsigned_integer:
    to.raw(std::to_string(v->number));
    return true;
  case msgpack_kind::real:
    to.real(v->real);
    return true;
  case msgpack_kind::string:
  case msgpack_kind::binary:
  case msgpack_kind::extension:
    to.string(v->bytes);
    return true;
  case msgpack_kind::array:
    to.begin_array();
    for (std::uint32_t i = 0; i < v->size; ++i)
      if (!write_json(from, to, depth + 1))
        return false;
    to.end_array();
    return true;
  case msgpack_kind::map:
    to.begin_object();
    for (std::uint32_t i = 0; i < v->size; ++i) {
      const auto begin = from.at();
      const auto key = from.next();
      if (!key)
        return false;
      if (key->kind == msgpack_kind::string || key->kind == msgpack_kind::binary) {
        to.key(key->bytes);
      } else {
        std::string text;
        json_writer other(text);
        msgpack_reader again(from.slice(begin));
        if (key->kind == msgpack_kind::array || key->kind == msgpack_kind::map || !write_json(again, other, depth + 1))
          return false;
        to.key(text);
      }
      if (!write_json(from, to, depth + 1))
        return false;
    }
    to.end_object();
    return true;
  }
  return false;
}

} // namespace soc::sources
