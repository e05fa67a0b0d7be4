#include "connectors/sources/api/api_poll.hpp"

#include "base/hash.hpp"
#include "connectors/sources/http/json_values.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace soc::sources {

namespace {

using json = nlohmann::json;

constexpr std::size_t most_marks = 20'000;

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t n = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (code != std::errc{} || end == text.data() || (end != text.data() + text.size() && *end != '.'))
    return std::nullopt;
  return n;
}

std::int64_t unit_ns(cursor_format format) {
  return format == cursor_format::unix_s    ? ns_per_s
         : format == cursor_format::unix_ms ? ns_per_ms
         : format == cursor_format::unix_us ? 1000
                                            : 1;
}

} // namespace

api_memory api_memory::read(const std::string& text) {
  api_memory out;
  const auto stored = json::parse(text, nullptr, false);
  if (!stored.is_object())
    return out;
  if (const auto it = stored.find("cursor"); it != stored.end() && it->is_number_integer())
    out.cursor = it->get<std::int64_t>();
  if (const auto it = stored.find("seen"); it != stored.end() && it->is_array())
    for (const auto& mark : *it)
      if (mark.is_number_unsigned())
        out.is_new(mark.get<std::uint64_t>());
  return out;
}

std::string api_memory::text() const {
  json out{{"seen", order_}};
  if (cursor)
    out["cursor"] = *cursor;
  return out.dump();
}

bool api_memory::is_new(std::uint64_t mark) {
  if (!seen_.insert(mark).second)
    return false;
  order_.push_back(mark);
  if (order_.size() > most_marks) {
    seen_.erase(order_.front());
    order_.pop_front();
  }
  return true;
}

std::string filled(std::string_view text, const place_values& values) {
  std::string out;
  while (!text.empty()) {
    const auto open = text.find("${");
    const auto close = open == std::string_view::npos ? open : text.find('}', open);
    if (close == std::string_view::npos)
      return out.append(text);
    out.append(text.substr(0, open));
    const auto name = text.substr(open + 2, close - open - 2);
    if (const auto it = values.find(name); it != values.end())
      out.append(it->second);
    text.remove_prefix(close + 1);
  }
  return out;
}

std::string cursor_text(std::int64_t cursor, cursor_format format) {
  if (format == cursor_format::rfc3339)
    return format_rfc3339(cursor);
  return std::to_string(cursor / unit_ns(format));
}

std::optional<std::int64_t> read_cursor_text(std::string_view text, cursor_format format) {
  if (format == cursor_format::rfc3339)
    return parse_rfc3339(text);
  const auto n = number_of(text);
  std::int64_t out = 0;
  if (!n || __builtin_mul_overflow(*n, unit_ns(format), &out))
    return std::nullopt;
  return out;
}

std::string next_of_link_header(std::string_view header) {
  while (!header.empty()) {
    const auto open = header.find('<');
    const auto close = header.find('>', open);
    if (open == std::string_view::npos || close == std::string_view::npos)
      return {};
    const auto end = header.find(',', close);
    const auto attributes = header.substr(close, end == std::string_view::npos ? end : end - close);
    if (attributes.find("rel=\"next\"") != std::string_view::npos ||
        attributes.find("rel=next") != std::string_view::npos)
      return std::string(header.substr(open + 1, close - open - 1));
    header.remove_prefix(end == std::string_view::npos ? header.size() : end + 1);
  }
  return {};
}

std::int64_t retry_after_s(const std::string& header) {
  return std::clamp<std::int64_t>(number_of(header).value_or(0), 0, 3600);
}

api_poll::api_poll(const api_options& options, api_memory& memory, unix_ns now)
    : options_(options), memory_(memory), now_(now), page_(options.paging.start) {
  const bool counted = options.cursor.format == cursor_format::number;
  const auto first =
      counted ? 0 : now - std::chrono::duration_cast<std::chrono::nanoseconds>(options.cursor.lookback).count();
  greatest_ = memory.cursor.value_or(first);
  const auto overlap = std::chrono::duration_cast<std::chrono::nanoseconds>(options.cursor.overlap).count();
  begin_ = memory.cursor && !counted ? greatest_ - overlap : greatest_;
}

place_values api_poll::values() const {
  place_values out{{"cursor", cursor_text(begin_, options_.cursor.written)},
                   {"until", cursor_text(now_, options_.cursor.written)},
                   {"page", std::to_string(page_)},
                   {"offset", std::to_string(page_)},
                   {"offset_end", std::to_string(page_ + options_.paging.size)},
                   {"token", token_}};
  for (const auto& [name, value] : options_.variables)
    out.emplace(name, value);
  return out;
}

void api_poll::note(std::string_view record) {
  if (options_.cursor.field.empty())
    return;
  const auto text = json_text(json_at(record, options_.cursor.field));
  if (const auto at = read_cursor_text(text, options_.cursor.format))
    greatest_ = std::max(greatest_, *at);
}

result<api_page> api_poll::records_of(std::string_view answer, const std::string& path, const std::string& id) {
  api_page out;
  if (json_value_end(answer, 0) == 0)
    return failure{ec::corrupt, "the answer is no whole JSON document"};
  const auto list = json_at(answer, path);
  if (list.empty() || list == "null")
    return out;
  if (const auto split = json_values(list, out.records); !split)
    return failure{ec::corrupt, "the answer is no JSON: " + split.error().what};
  for (const auto record : out.records) {
    note(record);
    const auto mark = id.empty() ? record : json_at(record, id);
    if (memory_.is_new(hash64(mark.empty() ? record : mark)))
      out.fresh.push_back(record);
  }
  return out;
}

/// With a detail call the list only names records; what is new is seen in their details.
result<api_page> api_poll::take(std::string_view answer, const std::string& link_header) {
  auto page = options_.detail.empty() ? records_of(answer, options_.list.records, options_.id) : names_of(answer);
  if (page)
    turn_page(answer, page->records.size(), link_header);
  return page;
}

result<api_page> api_poll::names_of(std::string_view answer) {
  api_page out;
  if (json_value_end(answer, 0) == 0)
    return failure{ec::corrupt, "the answer is no whole JSON document"};
  const auto list = json_at(answer, options_.list.records);
  if (!list.empty() && list != "null")
    if (const auto split = json_values(list, out.records); !split)
      return failure{ec::corrupt, "the answer is no JSON: " + split.error().what};
  out.fresh = out.records;
  return out;
}

result<api_page> api_poll::take_detail(std::string_view answer) {
  return records_of(answer, options_.detail.front().records, {});
}

void api_poll::turn_page(std::string_view answer, std::size_t records, const std::string& link_header) {
  const auto& paging = options_.paging;
  last_ = ++pages_ >= options_.max_pages;
  switch (paging.kind) {
  case api_paging_kind::none:
    last_ = true;
    return;
  case api_paging_kind::link:
    link_ = json_text(json_at(answer, paging.path));
    last_ = last_ || link_.empty() || link_ == "null";
    return;
  case api_paging_kind::link_header:
    link_ = next_of_link_header(link_header);
    last_ = last_ || link_.empty();
    return;
  case api_paging_kind::token: {
    auto next = json_text(json_at(answer, paging.path));
    last_ = last_ || next.empty() || next == "null" || next == token_;
    token_ = std::move(next);
    return;
  }
  case api_paging_kind::page:
    ++page_;
    break;
  case api_paging_kind::offset:
    page_ += static_cast<std::int64_t>(records);
    break;
  }
  last_ = last_ || records < static_cast<std::size_t>(paging.size);
}

void api_poll::finish() {
  memory_.cursor = options_.cursor.field.empty() && options_.cursor.format != cursor_format::number ? now_ : greatest_;
}

std::string api_poll::ids_of(const std::vector<std::string_view>& records) const {
  std::string out = "[";
  for (const auto record : records)
    out += (out.size() > 1 ? "," : "") + std::string(options_.id.empty() ? record : json_at(record, options_.id));
  return out + "]";
}

} // namespace soc::sources
