#include "store/letter_box.hpp"

#include "schemas/store.capnp.h"
#include "store/record.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::store {

namespace {

/// What a box counts, kept in the meta table.
struct box_counts {
  std::uint64_t next = 1, count = 0, bytes = 0, evicted = 0;
};

std::string counts_key(const letter_box& box) {
  return box.where == table::dead_letters ? "dead_letters" : "quarantine";
}

result<box_counts> get_counts(const reading& now, const letter_box& box) {
  const auto found = now.get(table::meta, counts_key(box));
  if (!found)
    return box_counts{};
  return read_record<schema::LetterBox>(*found, [](auto stored) -> result<box_counts> {
    return box_counts{stored.getNext(), stored.getCount(), stored.getBytes(), stored.getEvicted()};
  });
}

void put_counts(writing& now, const letter_box& box, const box_counts& counts) {
  capnp::MallocMessageBuilder message;
  auto stored = message.initRoot<schema::LetterBox>();
  stored.setNext(counts.next);
  stored.setCount(counts.count);
  stored.setBytes(counts.bytes);
  stored.setEvicted(counts.evicted);
  now.put(table::meta, counts_key(box), to_record(message));
}

std::string encode_letter(const letter_box& box, const dead_letter& letter) {
  const auto longest = static_cast<std::size_t>(box.max_bytes / 8);
  const bool cut = letter.bytes.size() > longest;
  auto reason = letter.reason.substr(0, 4096);
  if (cut)
    reason += fmt::format(" (kept: the first {} of {} bytes)", longest, letter.bytes.size());
  capnp::MallocMessageBuilder message;
  auto stored = message.initRoot<schema::StoredLetter>();
  stored.setOrigin(as_text(letter.origin));
  stored.setReason(as_text(reason));
  stored.setBytes(as_data(std::string_view(letter.bytes).substr(0, longest)));
  stored.setAtNs(letter.at);
  return to_record(message);
}

result<dead_letter> decode_letter(std::string_view record) {
  return read_record<schema::StoredLetter>(record, [](auto stored) -> result<dead_letter> {
    return dead_letter{text_of(stored.getOrigin()), text_of(stored.getReason()), bytes_of(stored.getBytes()),
                       stored.getAtNs()};
  });
}

/// Evicts from the oldest on until the box is within its bound.
void evict(writing& now, const letter_box& box, box_counts& counts) {
  std::vector<std::string> oldest;
  now.scan_from(box.where, {}, [&](std::string_view key, std::string_view record) {
    if (counts.bytes <= box.max_bytes)
      return false;
    counts.bytes -= std::min<std::uint64_t>(counts.bytes, record.size());
    --counts.count;
    ++counts.evicted;
    oldest.emplace_back(key);
    return true;
  });
  for (const auto& key : oldest)
    now.erase(box.where, key);
}

outcome collect(dead_letters& found, std::string_view key, std::string_view record) {
  auto letter = decode_letter(record);
  if (!letter)
    return letter.error();
  found.all.push_back({key_number(key), std::move(letter).take()});
  return done{};
}

result<dead_letters> with_counts(const reading& now, const letter_box& box) {
  const auto counts = get_counts(now, box);
  if (!counts)
    return counts.error();
  dead_letters found;
  found.total = counts->count;
  found.bytes = counts->bytes;
  found.evicted = counts->evicted;
  return found;
}

} // namespace

outcome put_letter(writing& now, const letter_box& box, const dead_letter& letter) {
  auto counts = get_counts(now, box);
  if (!counts)
    return counts.error();
  const auto record = encode_letter(box, letter);
  now.put(box.where, number_key(counts->next++), record);
  ++counts->count;
  counts->bytes += record.size();
  if (counts->bytes > box.max_bytes)
    evict(now, box, *counts);
  put_counts(now, box, *counts);
  return done{};
}

outcome remove_letters(writing& now, const letter_box& box, const std::vector<std::uint64_t>& numbers,
                       std::uint64_t& removed) {
  removed = 0;
  auto counts = get_counts(now, box);
  if (!counts)
    return counts.error();
  for (const auto number : numbers) {
    const auto key = number_key(number);
    const auto found = now.get(box.where, key);
    if (!found)
      continue;
    counts->bytes -= std::min<std::uint64_t>(counts->bytes, found->size());
    --counts->count;
    ++removed;
    now.erase(box.where, key);
  }
  put_counts(now, box, *counts);
  return done{};
}

result<dead_letters> newest_letters(const reading& now, const letter_box& box, std::size_t limit) {
  auto found = with_counts(now, box);
  if (!found)
    return found;
  outcome readable = done{};
  now.scan_back(box.where, [&](std::string_view key, std::string_view record) {
    if (found->all.size() >= limit)
      return false;
    readable = collect(*found, key, record);
    return bool(readable);
  });
  if (!readable)
    return readable.error();
  return found;
}

result<dead_letters> letters_after(const reading& now, const letter_box& box, std::uint64_t after, std::size_t limit) {
  auto found = with_counts(now, box);
  if (!found)
    return found;
  outcome readable = done{};
  now.scan_from(box.where, number_key(after + 1), [&](std::string_view key, std::string_view record) {
    if (found->all.size() >= limit)
      return false;
    readable = collect(*found, key, record);
    return bool(readable);
  });
  if (!readable)
    return readable.error();
  return found;
}

} // namespace soc::store
