#include "ingest/core/record_assembler.hpp"

#include "ingest/core/text_decoders.hpp"

#include <algorithm>
#include <cstring>

namespace soc::ingest {

namespace {

bool continues(std::string_view line) {
  return line.substr(0, 1) == "\t" || line.substr(0, 4) == "    " || line.substr(0, 11) == "Caused by: ";
}

/// std::string_view::find stops at each first byte, and XML is full of '<'.
std::size_t find_text(std::string_view text, std::string_view what, std::size_t from = 0) {
  const void* const at = memmem(text.data() + from, text.size() - from, what.data(), what.size());
  return at == nullptr ? std::string_view::npos : static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
}

} // namespace

void record_assembler::feed(std::string_view chunk, const sink& out) {
  if (options_.kind == framing::documents) {
    documents_.feed(chunk, out);
    return;
  }
  pending_.append(chunk);
  if (options_.kind == framing::automatic && !sniff(false))
    return;
  if (options_.kind == framing::documents) {
    documents_.feed(pending_, out);
    pending_.clear();
  } else if (options_.kind == framing::xml) {
    take_xml(out, false);
  } else {
    take_lines(out, false);
  }
}

/// Decides by the first bytes; false when there are too few.
bool record_assembler::sniff(bool ended) {
  auto text = std::string_view(pending_);
  if (text.substr(0, 3) == "\xef\xbb\xbf")
    text.remove_prefix(3);
  const auto start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos)
    return false;
  text.remove_prefix(start);
  if (text.size() < 16 && !ended && text.find('\n') == std::string_view::npos)
    return false;
  // A relay's separator before a document: ":{".
  if (text.substr(0, 2) == ":{") {
    pending_.erase(0, static_cast<std::size_t>(text.data() - pending_.data()) + 1);
    text = pending_;
  }
  if (text.front() == '{' ||
      (text.front() == '[' && text.substr(1).find_first_not_of(" \t\r\n") != std::string_view::npos &&
       text[1 + text.substr(1).find_first_not_of(" \t\r\n")] == '{'))
    options_.kind = framing::documents;
  else if (text.substr(0, 6) == "<Event" || text.substr(0, 5) == "<?xml" || text.substr(0, 4) == "<!--")
    options_.kind = framing::xml;
  else if (audit_serial(text.substr(0, text.find('\n'))))
    options_.kind = framing::audit;
  else
    options_.kind = framing::continued;
  return true;
}

void record_assembler::emit_front(const sink& out) {
  const auto record = std::move(open_.front());
  open_.pop_front();
  out(record.text, record.position);
}

void record_assembler::take_line(std::string_view line, std::uint64_t position, const sink& out) {
  if (!line.empty() && line.back() == '\r')
    line.remove_suffix(1);
  if (options_.kind == framing::audit)
    if (const auto serial = audit_serial(line))
      return take_audit(line, *serial, position, out);
  const bool joins = options_.kind == framing::continued && !open_.empty() && continues(line);
  if (joins && open_.front().text.size() + line.size() < options_.max_record_bytes) {
    open_.front().text.append("\n").append(line);
    return;
  }
  while (options_.kind == framing::continued && !open_.empty())
    emit_front(out);
  if (options_.kind == framing::continued)
    open_.push_back({{}, std::string(line), position});
  else
    out(line, position);
}

/// Events of several CPUs interleave: each waits for its own EOE, at most `max_open_events` at a time.
void record_assembler::take_audit(std::string_view line, std::string_view serial, std::uint64_t position,
                                  const sink& out) {
  auto it = std::find_if(open_.begin(), open_.end(), [&](const open_record& r) { return r.serial == serial; });
  if (it == open_.end()) {
    if (open_.size() >= options_.max_open_events)
      emit_front(out);
    open_.push_back({std::string(serial), {}, position});
    it = std::prev(open_.end());
  }
  const bool last =
      line.find("type=EOE ") != std::string_view::npos || line.find("type=PROCTITLE ") != std::string_view::npos;
  if (line.find("type=EOE ") == std::string_view::npos && it->text.size() + line.size() < options_.max_record_bytes) {
    if (!it->text.empty())
      it->text += '\n';
    it->text.append(line);
  }
  if (!last)
    return;
  const auto record = std::move(*it);
  open_.erase(it);
  if (!record.text.empty())
    out(record.text, record.position);
}

void record_assembler::take_lines(const sink& out, bool ended) {
  std::size_t at = 0;
  for (auto end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n', at)) {
    auto line = std::string_view(pending_).substr(at, end - at);
    // A line waits for those that continue it; most are seen not to be.
    const char next = end + 1 < pending_.size() ? pending_[end + 1] : '\t';
    if (options_.kind == framing::continued && open_.empty() && next != '\t' && next != ' ' && next != 'C') {
      if (!line.empty() && line.back() == '\r')
        line.remove_suffix(1);
      out(line, position_ + at);
    } else {
      take_line(line, position_ + at, out);
    }
    at = end + 1;
  }
  position_ += at;
  pending_.erase(0, at);
  if (pending_.size() > options_.max_record_bytes || (ended && !pending_.empty())) {
    cut_ += ended ? 0 : 1;
    take_line(pending_, position_, out);
    position_ += pending_.size();
    pending_.clear();
  }
}

void record_assembler::take_xml(const sink& out, bool ended) {
  static constexpr std::string_view close = "</Event>";
  std::size_t at = 0;
  for (auto end = find_text(pending_, close); end != std::string::npos; end = find_text(pending_, close, at)) {
    auto text = std::string_view(pending_).substr(at, end + close.size() - at);
    // What stands before the event (a declaration, <Events>) is none of it; a comment is left in for the raw bytes.
    if (const auto start = text.find("<Event ");
        start != std::string_view::npos && start > 0 && find_text(text, "<!--") == std::string_view::npos)
      text.remove_prefix(start);
    out(text, position_ + at);
    at = end + close.size();
  }
  position_ += at;
  pending_.erase(0, at);
  const bool has_event = pending_.find("<Event ") != std::string::npos || pending_.find("<Event>") != std::string::npos;
  if (pending_.size() > options_.max_record_bytes || (ended && has_event)) {
    cut_ += ended ? 0 : 1;
    out(pending_, position_);
    position_ += pending_.size();
    pending_.clear();
  }
}

void record_assembler::flush(const sink& out, bool ended) {
  if (options_.kind == framing::automatic && !sniff(true))
    return;
  if (options_.kind == framing::documents) {
    if (!pending_.empty())
      documents_.feed(pending_, out);
    pending_.clear();
    if (ended)
      documents_.finish(out);
    return;
  }
  if (options_.kind == framing::xml)
    take_xml(out, ended);
  else
    take_lines(out, ended);
  while (!open_.empty())
    emit_front(out);
}

} // namespace soc::ingest
