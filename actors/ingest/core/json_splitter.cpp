#include "ingest/core/json_splitter.hpp"

#include <algorithm>
#include <cstring>

namespace soc::ingest {

namespace {

constexpr std::size_t need_more = static_cast<std::size_t>(-1);

bool is_json_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

std::size_t skip_spaces(std::string_view bytes, std::size_t at) {
  while (at < bytes.size() && is_json_space(bytes[at]))
    ++at;
  return at;
}

std::size_t end_of_line(std::string_view bytes, std::size_t at) {
  const void* end = std::memchr(bytes.data() + at, '\n', bytes.size() - at);
  return end == nullptr ? std::string_view::npos
                        : static_cast<std::size_t>(static_cast<const char*>(end) - bytes.data());
}

} // namespace

/// A document that is one short line: it ends in '}' and the next thing is a new document, which can't happen inside
/// valid JSON. The end, 0 when it is longer or may go on in the next line, need_more when that can't be seen yet.
std::size_t json_splitter::whole_line(std::string_view bytes, std::size_t start, bool last) const {
  constexpr std::size_t longest = 4096;
  const auto line = end_of_line(bytes.substr(0, std::min(bytes.size(), start + longest)), start);
  if (line == std::string_view::npos && bytes.size() - start >= longest)
    return 0;
  if (line == std::string_view::npos && !last)
    return need_more;
  auto end = line == std::string_view::npos ? bytes.size() : line;
  while (end > start && is_json_space(bytes[end - 1]))
    --end;
  if (bytes[end - 1] != '}' || end - start < 2)
    return 0;
  const auto next = skip_spaces(bytes, end);
  if (next == bytes.size())
    return last ? end : need_more;
  return bytes[next] == '{' ? end : 0;
}

/// A document by its brackets. A line break inside a string, or a '{' at the start of a line where no value can stand,
/// means the document is broken: it ends there.
std::size_t json_splitter::bracketed(std::string_view bytes, std::size_t start, bool last) const {
  std::size_t depth = 0;
  bool in_string = false;
  char before = ',';
  for (auto i = start; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
      else if (c == '\n')
        return i;
      continue;
    }
    switch (c) {
    case '"':
      in_string = true;
      break;
    case '{':
    case '[':
      if (c == '{' && i > start && bytes[i - 1] == '\n' && before != ',' && before != ':' && before != '[')
        return i - 1;
      ++depth;
      break;
    case '}':
    case ']':
      if (--depth == 0)
        return i + 1;
      break;
    default:
      break;
    }
    if (!is_json_space(c))
      before = c;
  }
  return last ? bytes.size() : need_more;
}

/// White space, and in an array its commas and its end.
std::size_t json_splitter::skip_between(std::string_view bytes, std::size_t at) {
  if (!started_) {
    if (bytes.substr(at).starts_with("\xEF\xBB\xBF"))
      at += 3;
    at = skip_spaces(bytes, at);
    if (at == bytes.size())
      return at;
    started_ = true;
    in_array_ = bytes[at] == '[';
    at += in_array_ ? 1 : 0;
  }
  for (; at < bytes.size(); ++at) {
    const char c = bytes[at];
    if (in_array_ && c == ']')
      in_array_ = false;
    else if (!is_json_space(c) && !(in_array_ && c == ','))
      break;
  }
  return at;
}

std::size_t json_splitter::split(std::string_view bytes, bool last, const sink& out) {
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  if (!started_ && !last && bytes.size() < mark.size() && mark.starts_with(bytes))
    return 0; // half a byte order mark
  std::size_t done = 0;
  while (true) {
    const auto start = skip_between(bytes, done);
    if (start == bytes.size())
      return start;
    std::size_t end = 0;
    if (bytes[start] == '{') {
      end = in_array_ ? 0 : whole_line(bytes, start, last);
      if (end == 0)
        end = bracketed(bytes, start, last);
    } else if (bytes[start] == '[' && in_array_) {
      end = bracketed(bytes, start, last);
    } else {
      end = in_array_ ? bytes.find_first_of(",]\n", start) : end_of_line(bytes, start);
      if (end == std::string_view::npos)
        end = last ? bytes.size() : need_more;
    }
    if (end == need_more && bytes.size() - start <= max_bytes_)
      return start;
    end = std::min(end, start + max_bytes_); // too long for a document: handed on in parts
    auto stop = end;
    while (stop > start && is_json_space(bytes[stop - 1]))
      --stop;
    out(bytes.substr(start, stop - start), position_ + start);
    done = end;
  }
}

void json_splitter::feed(std::string_view chunk, const sink& out) {
  std::size_t done = 0;
  if (carried_.empty()) {
    done = split(chunk, false, out);
    position_ += done;
    carried_.assign(chunk.substr(done));
    return;
  }
  carried_.append(chunk);
  done = split(carried_, false, out);
  position_ += done;
  carried_.erase(0, done);
}

void json_splitter::finish(const sink& out) {
  position_ += split(carried_, true, out);
  carried_.clear();
}

} // namespace soc::ingest
