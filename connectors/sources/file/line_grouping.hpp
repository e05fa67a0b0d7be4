// sources/file/line_grouping.hpp - joins lines of a buffer into records of several lines: those that continue a line
// that begins a record, or those of one audit event. Pure; holds no lines: what is unfinished is given again with what
// follows it.
#pragma once
#include "connectors/sources/file/file_options.hpp"
#include "model/raw.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace soc::sources {

class line_grouping {
public:
  explicit line_grouping(const multiline_options& options);
  ~line_grouping();

  bool active() const { return mode_ != multiline_mode::none; }

  /// Joins `lines` (spans of `bytes`, in order) into `records`; a record's span reaches from its first line to its
  /// last, with the line ends between. Lines of an audit event that others interrupt are copied together behind
  /// `bytes`. Returns how many lines are dealt with; the rest may be continued by lines to come, unless `complete`.
  std::size_t group(std::string& bytes, const std::vector<model::raw_record>& lines, bool complete,
                    std::vector<model::raw_record>& records) const;

private:
  bool begins_record(std::string_view line) const;
  std::size_t group_continued(const std::string& bytes, const std::vector<model::raw_record>& lines, bool complete,
                              std::vector<model::raw_record>& records) const;
  std::size_t group_audit(std::string& bytes, const std::vector<model::raw_record>& lines, bool complete,
                          std::vector<model::raw_record>& records) const;

  multiline_mode mode_;
  std::size_t max_lines_;
  std::unique_ptr<re2::RE2> begins_;
};

/// "1732442400.123:456" of `type=SYSCALL msg=audit(1732442400.123:456): …`; empty if the line is no audit record.
std::string_view audit_serial_of(std::string_view line);

} // namespace soc::sources
