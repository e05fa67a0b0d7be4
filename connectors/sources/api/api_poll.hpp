// sources/api/api_poll.hpp - one poll of an API decided from answers alone: which request comes next, which records of
// an answer are new, where the next poll begins. Pure: the fetcher sends and signs.
#pragma once
#include "base/time.hpp"
#include "connectors/sources/api/api_options.hpp"
#include "connectors/sources/common/http_client.hpp"

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace soc::sources {

/// What is kept between polls and restarts.
class api_memory {
public:
  static api_memory read(const std::string& text);
  std::string text() const;

  std::optional<std::int64_t> cursor; ///< unix ns, or the number
  /// False when a record with this mark was seen before. The oldest of very many are forgotten.
  bool is_new(std::uint64_t mark);

private:
  std::set<std::uint64_t> seen_;
  std::deque<std::uint64_t> order_;
};

/// Texts for ${…}.
using place_values = std::map<std::string, std::string, std::less<>>;
std::string filled(std::string_view text, const place_values& values);

struct api_page {
  std::vector<std::string_view> records; ///< in the answer's text
  std::vector<std::string_view> fresh;   ///< those not seen before
};

class api_poll {
public:
  api_poll(const api_options& options, api_memory& memory, unix_ns now);

  /// The values of the next request of the list.
  place_values values() const;
  /// The address the answer before named (pagination by link); empty: the call's own.
  const std::string& next_link() const { return link_; }
  /// Takes an answer's text. `last()` tells whether the poll is complete.
  result<api_page> take(std::string_view answer, const std::string& link_header);
  /// Takes the answer of a detail call.
  result<api_page> take_detail(std::string_view answer);
  bool last() const { return last_; }
  /// The poll was ended by max_pages.
  bool cut() const { return pages_ >= options_.max_pages; }
  /// After the last page: where the next poll begins.
  void finish();
  /// The ids of records as a JSON array, for the detail call.
  std::string ids_of(const std::vector<std::string_view>& records) const;

private:
  void turn_page(std::string_view answer, std::size_t records, const std::string& link_header);
  result<api_page> records_of(std::string_view answer, const std::string& path, const std::string& id);
  result<api_page> names_of(std::string_view answer);
  void note(std::string_view record);

  const api_options& options_;
  api_memory& memory_;
  unix_ns now_;
  std::int64_t begin_ = 0, greatest_ = 0;
  std::int64_t page_ = 0, pages_ = 0;
  std::string link_, token_;
  bool last_ = false;
};

/// A cursor as the API writes it, and back.
std::string cursor_text(std::int64_t cursor, cursor_format format);
std::optional<std::int64_t> read_cursor_text(std::string_view text, cursor_format format);

/// "<https://…>; rel=\"next\""; empty if there is none.
std::string next_of_link_header(std::string_view header);

/// Seconds of a Retry-After header (a number); 0 if there is none. At most an hour.
std::int64_t retry_after_s(const std::string& header);

} // namespace soc::sources
