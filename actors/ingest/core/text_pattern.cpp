#include "ingest/core/text_pattern.hpp"

#include <re2/re2.h>

#include <array>
#include <cstring>

namespace soc::ingest {

namespace {

bool is_ascii(std::string_view text) {
  std::uint64_t any = 0, word = 0;
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::memcpy(&word, text.data() + at, 8);
    any |= word;
  }
  for (; at < text.size(); ++at)
    any |= static_cast<unsigned char>(text[at]);
  return (any & 0x8080808080808080ULL) == 0;
}

} // namespace

text_pattern::~text_pattern() = default;

std::shared_ptr<const text_pattern> text_pattern::compile(const std::string& pattern, const options& options,
                                                          std::string& error) {
  re2::RE2::Options how;
  how.set_log_errors(false);
  how.set_max_mem(options.max_bytes);
  how.set_dot_nl(options.dot_takes_newline);
  how.set_case_sensitive(!options.any_case);
  std::shared_ptr<text_pattern> p(new text_pattern);
  p->re2_ = std::make_unique<const re2::RE2>(pattern, how);
  if (!p->re2_->ok()) {
    error = p->re2_->error();
    return nullptr;
  }
  p->groups_ = static_cast<std::size_t>(p->re2_->NumberOfCapturingGroups());
  if (p->groups_ > most_groups) {
    error = "more than 63 groups";
    return nullptr;
  }
  p->program_ = pattern_program::compile(pattern, options.any_case, options.dot_takes_newline);
  return p;
}

bool text_pattern::search(std::string_view text, std::span<std::string_view> groups) const {
  if (program_ && program_->is_hopeless(text))
    return false;
  if (program_ && text.data() != nullptr && is_ascii(text)) {
    const auto found = program_->search(text, groups);
    if (found != pattern_program::outcome::gave_up)
      return found == pattern_program::outcome::yes;
  }
  return search_re2(text, groups);
}

bool text_pattern::search_re2(std::string_view text, std::span<std::string_view> groups) const {
  std::array<re2::StringPiece, most_groups + 1> found;
  const auto wanted = std::min(groups.size(), found.size());
  if (!re2_->Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), re2::RE2::UNANCHORED, found.data(),
                   static_cast<int>(wanted)))
    return false;
  for (std::size_t i = 0; i < wanted; ++i)
    groups[i] = std::string_view(found[i].data(), found[i].size());
  return true;
}

const std::map<std::string, int>& text_pattern::named_groups() const {
  return re2_->NamedCapturingGroups();
}

} // namespace soc::ingest
