// ingest/core/record_assembler.hpp - bytes of a source to records, whatever the framing: lines, JSON documents, XML
// events, audit records of one serial, continued lines. Pure: what is unfinished waits until more comes or the owner
// says that time is up. One a stream.
#pragma once
#include "ingest/core/json_splitter.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

namespace soc::ingest {

enum class framing : std::uint8_t {
  automatic, ///< told by the first bytes: JSON documents, XML events, audit lines, else lines with their continuations
  lines,     ///< one line, one record
  documents, ///< JSON documents, arrays taken apart
  xml,       ///< up to </Event>
  audit,     ///< audit lines of one serial joined
  continued, ///< lines; one that starts with a tab or blanks continues the one before
};

struct assembler_options {
  framing kind = framing::automatic;
  std::size_t max_record_bytes = 16U << 20; ///< longer ones are cut and counted
  std::size_t max_open_events = 256;        ///< audit events waited for at a time
};

class record_assembler {
public:
  /// `record` lives until the call returns; `position` is where it begins in the stream.
  using sink = std::function<void(std::string_view record, std::uint64_t position)>;

  explicit record_assembler(assembler_options options = {}) : options_(options), documents_(options.max_record_bytes) {}

  void feed(std::string_view chunk, const sink& out);
  /// Nothing came for a while (or the stream ended): what waits for more lines is complete. A line without its end
  /// waits on unless `ended`.
  void flush(const sink& out, bool ended = true);

  std::uint64_t cut_records() const { return cut_; }
  framing kind() const { return options_.kind; }

private:
  struct open_record {
    std::string serial, text;
    std::uint64_t position = 0;
  };
  bool sniff(bool ended);
  void take_lines(const sink& out, bool ended);
  void take_line(std::string_view line, std::uint64_t position, const sink& out);
  void take_audit(std::string_view line, std::string_view serial, std::uint64_t position, const sink& out);
  void take_xml(const sink& out, bool ended);
  void emit_front(const sink& out);

  assembler_options options_;
  json_splitter documents_;
  std::string pending_;        ///< bytes not framed yet
  std::uint64_t position_ = 0; ///< of pending_[0]
  std::deque<open_record> open_;
  std::uint64_t cut_ = 0;
};

} // namespace soc::ingest
