#include "connectors/sources/file/line_grouping.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

namespace soc::sources {

namespace {

/// The kernel writes the records of one event within so many lines of each other, however many processors are at it.
constexpr std::size_t audit_reorder_lines = 64;

struct audit_group {
  std::string_view serial;
  std::vector<std::size_t> lines;
  bool ended = false; ///< its end-of-event record was seen, or it is of a kind that stands alone
};

std::string_view text_of(const std::string& bytes, const model::raw_record& line) {
  return std::string_view(bytes).substr(line.offset, line.length);
}

bool ends_audit_event(std::string_view line) {
  return line.find("type=EOE ") != std::string_view::npos;
}

std::vector<audit_group> audit_groups(const std::string& bytes, const std::vector<model::raw_record>& lines,
                                      std::size_t max_lines) {
  std::vector<audit_group> groups;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto line = text_of(bytes, lines[i]);
    const auto serial = audit_serial_of(line);
    audit_group* into = nullptr;
    for (auto at = groups.rbegin(); !serial.empty() && at != groups.rend() && !into; ++at) {
      if (i - at->lines.front() > audit_reorder_lines)
        break;
      if (at->serial == serial && !at->ended && at->lines.size() < max_lines)
        into = &*at;
    }
    if (!into)
      into = &groups.emplace_back(audit_group{serial, {}, serial.empty()});
    into->lines.push_back(i);
    into->ended = into->ended || ends_audit_event(line);
  }
  return groups;
}

/// Lines before the first that may still be continued; no group lies across that place.
std::size_t finished_lines(const std::vector<audit_group>& groups, std::size_t lines) {
  auto finished = lines;
  for (const auto& g : groups)
    if (!g.ended && lines - g.lines.front() <= audit_reorder_lines)
      finished = std::min(finished, g.lines.front());
  for (bool moved = true; std::exchange(moved, false);)
    for (const auto& g : groups)
      if (g.lines.front() < finished && g.lines.back() >= finished) {
        finished = g.lines.front();
        moved = true;
      }
  return finished;
}

} // namespace

std::string_view audit_serial_of(std::string_view line) {
  constexpr std::string_view opening = "msg=audit(";
  const auto at = line.substr(0, 512).find(opening);
  if (at == std::string_view::npos)
    return {};
  const auto begin = at + opening.size();
  const auto end = line.find(')', begin);
  return end == std::string_view::npos || end - begin > 64 ? std::string_view{} : line.substr(begin, end - begin);
}

line_grouping::line_grouping(const multiline_options& options) : mode_(options.mode), max_lines_(options.max_lines) {
  if (mode_ == multiline_mode::starts_with)
    begins_ = std::make_unique<re2::RE2>(options.pattern, re2::RE2::Quiet);
}

line_grouping::~line_grouping() = default;

std::size_t line_grouping::group(std::string& bytes, const std::vector<model::raw_record>& lines, bool complete,
                                 std::vector<model::raw_record>& records) const {
  return mode_ == multiline_mode::audit_serial ? group_audit(bytes, lines, complete, records)
                                               : group_continued(bytes, lines, complete, records);
}

bool line_grouping::begins_record(std::string_view line) const {
  return re2::RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), *begins_);
}

std::size_t line_grouping::group_continued(const std::string& bytes, const std::vector<model::raw_record>& lines,
                                           bool complete, std::vector<model::raw_record>& records) const {
  std::size_t first = 0;
  for (std::size_t i = 1; i <= lines.size(); ++i) {
    const bool at_end = i == lines.size();
    if (at_end && !complete && i - first < max_lines_)
      break;
    if (!at_end && i - first < max_lines_ && !begins_record(text_of(bytes, lines[i])))
      continue;
    const auto end = lines[i - 1].offset + lines[i - 1].length;
    records.push_back({lines[first].offset, end - lines[first].offset, lines[first].position});
    first = i;
  }
  return first;
}

std::size_t line_grouping::group_audit(std::string& bytes, const std::vector<model::raw_record>& lines, bool complete,
                                       std::vector<model::raw_record>& records) const {
  const auto groups = audit_groups(bytes, lines, max_lines_);
  const auto dealt_with = complete ? lines.size() : finished_lines(groups, lines.size());
  std::string copies;
  for (const auto& g : groups) {
    if (g.lines.front() >= dealt_with)
      continue;
    const auto first = lines[g.lines.front()], last = lines[g.lines.back()];
    if (g.lines.back() - g.lines.front() + 1 == g.lines.size()) {
      records.push_back({first.offset, last.offset + last.length - first.offset, first.position});
      continue;
    }
    const auto begin = copies.size();
    for (const auto i : g.lines)
      copies.append(text_of(bytes, lines[i])).append("\n");
    records.push_back({static_cast<std::uint32_t>(bytes.size() + begin),
                       static_cast<std::uint32_t>(copies.size() - begin - 1), first.position});
  }
  bytes += copies;
  return dealt_with;
}

} // namespace soc::sources
