// A pattern, a line break, a text: what is found without RE2 is what RE2 finds, whole and groups.
#include "ingest/core/text_pattern.hpp"

#include <array>
#include <cstdlib>

using namespace soc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 2048)
    return 0;
  const std::string_view all(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto cut = all.find('\n');
  if (cut == std::string_view::npos || cut > 128)
    return 0;
  std::string error;
  const auto pattern =
      ingest::text_pattern::compile(std::string(all.substr(0, cut)),
                                    {.any_case = (data[0] & 1) != 0, .dot_takes_newline = (data[0] & 2) != 0}, error);
  if (!pattern || !pattern->has_program())
    return 0;
  const auto text = all.substr(cut + 1);
  std::array<std::string_view, ingest::text_pattern::most_groups + 1> ours, theirs;
  const auto n = pattern->group_count() + 1;
  const bool found = pattern->search(text, std::span(ours.data(), n));
  if (found != pattern->search_re2(text, std::span(theirs.data(), n)))
    std::abort();
  for (std::size_t i = 0; found && i < n; ++i)
    if (ours[i].data() != theirs[i].data() || ours[i].size() != theirs[i].size())
      std::abort();
  return 0;
}
