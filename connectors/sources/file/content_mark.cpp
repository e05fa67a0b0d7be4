#include "connectors/sources/file/content_mark.hpp"

#include "base/hash.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace soc::sources {

void mark_keeper::advance(std::string_view bytes) {
  if (bytes.empty())
    return;
  if (mark_.head_size < mark_head_bytes && mark_.head_size == mark_.offset) {
    head_.append(bytes.substr(0, mark_head_bytes - mark_.head_size));
    mark_.head_size = static_cast<std::uint32_t>(head_.size());
    mark_.head_hash = hash64(head_);
  }
  if (bytes.size() >= mark_tail_bytes) {
    tail_.assign(bytes.substr(bytes.size() - mark_tail_bytes));
  } else {
    tail_.append(bytes);
    if (tail_.size() > mark_tail_bytes)
      tail_.erase(0, tail_.size() - mark_tail_bytes);
  }
  mark_.offset += bytes.size();
  mark_.tail_size = static_cast<std::uint32_t>(tail_.size());
  mark_.tail_hash = hash64(tail_);
}

void mark_keeper::resume(const content_mark& mark, const read_at_function& read_at) {
  mark_ = mark;
  tail_ = read_at(mark.offset - mark.tail_size, mark.tail_size);
  head_ = read_at(0, mark.head_size);
}

content_mark mark_at(std::uint64_t offset, const read_at_function& read_at) {
  content_mark mark;
  const auto head = read_at(0, static_cast<std::size_t>(std::min<std::uint64_t>(offset, mark_head_bytes)));
  const auto tail_size = static_cast<std::size_t>(std::min<std::uint64_t>(offset, mark_tail_bytes));
  const auto tail = read_at(offset - tail_size, tail_size);
  mark.offset = offset;
  mark.head_size = static_cast<std::uint32_t>(head.size());
  mark.head_hash = hash64(head);
  mark.tail_size = static_cast<std::uint32_t>(tail.size());
  mark.tail_hash = hash64(tail);
  return mark;
}

bool holds_mark(const content_mark& mark, const read_at_function& read_at) {
  if (mark.offset == 0)
    return true;
  const auto tail = read_at(mark.offset - mark.tail_size, mark.tail_size);
  if (tail.size() != mark.tail_size || hash64(tail) != mark.tail_hash)
    return false;
  const auto head = read_at(0, mark.head_size);
  return head.size() == mark.head_size && hash64(head) == mark.head_hash;
}

bool begin_alike(const read_at_function& a, const read_at_function& b, std::uint64_t size) {
  const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(size, 1024));
  return size > 0 && a(0, piece) == b(0, piece) && a(size - piece, piece) == b(size - piece, piece);
}

std::string checkpoint_key(std::uint64_t device, std::uint64_t inode) {
  return std::to_string(device) + ":" + std::to_string(inode);
}

std::string encode(const file_checkpoint& c) {
  const auto& m = c.mark;
  const nlohmann::json out{{"path", c.path},           {"device", c.device},       {"inode", c.inode},
                           {"offset", m.offset},       {"head_size", m.head_size}, {"head_hash", m.head_hash},
                           {"tail_size", m.tail_size}, {"tail_hash", m.tail_hash}, {"skipping", m.skipping},
                           {"finished", c.finished}};
  // A path may hold bytes that are no UTF-8.
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

result<file_checkpoint> decode_file_checkpoint(std::string_view bytes) {
  const auto in = nlohmann::json::parse(bytes, nullptr, false);
  if (!in.is_object())
    return failure{ec::corrupt, "a file checkpoint is not JSON"};
  try {
    file_checkpoint c;
    c.path = in.at("path").get<std::string>();
    c.device = in.at("device").get<std::uint64_t>();
    c.inode = in.at("inode").get<std::uint64_t>();
    c.mark.offset = in.at("offset").get<std::uint64_t>();
    c.mark.head_size = in.at("head_size").get<std::uint32_t>();
    c.mark.head_hash = in.at("head_hash").get<std::uint64_t>();
    c.mark.tail_size = in.at("tail_size").get<std::uint32_t>();
    c.mark.tail_hash = in.at("tail_hash").get<std::uint64_t>();
    c.mark.skipping = in.at("skipping").get<bool>();
    c.finished = in.at("finished").get<bool>();
    if (c.mark.tail_size > c.mark.offset || c.mark.tail_size > mark_tail_bytes || c.mark.head_size > mark_head_bytes)
      return failure{ec::corrupt, "a file checkpoint does not add up"};
    return c;
  } catch (const nlohmann::json::exception& e) {
    return failure{ec::corrupt, std::string("a file checkpoint lacks a field: ") + e.what()};
  }
}

} // namespace soc::sources
