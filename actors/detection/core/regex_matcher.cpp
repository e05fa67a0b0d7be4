#include "detection/core/regex_matcher.hpp"

#include "detection/core/case_folding.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include <algorithm>
#include <pcre2.h>

namespace soc::detection {

namespace {

constexpr std::uint32_t pcre_match_limit = 100'000, pcre_depth_limit = 1'000, pcre_heap_limit_kib = 4096;
constexpr std::size_t min_atom_bytes = 3;

std::string inline_flags(const regex_flags& flags) {
  std::string out;
  if (flags.ignore_case)
    out += 'i';
  if (flags.multi_line)
    out += 'm';
  if (flags.dot_all)
    out += 's';
  return out.empty() ? out : "(?" + out + ")";
}

RE2::Options re2_options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(8 << 20);
  return options;
}

/// Literals of which one is in every match, folded; empty when RE2 finds none for the whole expression.
std::vector<std::string> needed_literals(const std::string& expression) {
  re2::FilteredRE2 filter;
  int id = 0;
  if (filter.Add(expression, re2_options(), &id) != RE2::NoError)
    return {};
  std::vector<std::string> atoms;
  filter.Compile(&atoms);
  std::vector<int> passed;
  filter.AllPotentials({}, &passed);
  if (!passed.empty()) // it can match without any of them
    return {};
  for (auto& atom : atoms) {
    if (atom.size() < min_atom_bytes || std::any_of(atom.begin(), atom.end(), [](char c) { return (c & 0x80) != 0; }))
      return {};
    atom = fold(atom);
  }
  return atoms;
}

} // namespace

struct regex_matcher::parts {
  struct pcre_deleter {
    void operator()(pcre2_code* p) const { pcre2_code_free(p); }
    void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
    void operator()(pcre2_match_context* p) const { pcre2_match_context_free(p); }
  };
  std::unique_ptr<RE2> linear;
  std::unique_ptr<pcre2_code, pcre_deleter> backtracking;
  std::unique_ptr<pcre2_match_context, pcre_deleter> limits;
};

regex_matcher::regex_matcher() : parts_(std::make_unique<parts>()) {}
regex_matcher::~regex_matcher() = default;

bool regex_matcher::is_linear() const {
  return parts_->linear != nullptr;
}

result<std::shared_ptr<const regex_matcher>> regex_matcher::compile(const std::string& expression, regex_flags flags) {
  auto out = std::shared_ptr<regex_matcher>(new regex_matcher());
  const auto whole = inline_flags(flags) + expression;
  auto linear = std::make_unique<RE2>(whole, re2_options());
  if (linear->ok()) {
    out->parts_->linear = std::move(linear);
    out->needed_ = needed_literals(whole);
    return std::shared_ptr<const regex_matcher>(std::move(out));
  }
  int error = 0;
  PCRE2_SIZE offset = 0;
  out->parts_->backtracking.reset(pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(whole.data()), whole.size(),
      PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr));
  if (!out->parts_->backtracking)
    return failure{ec::invalid_input, linear->error()};
  out->parts_->limits.reset(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(out->parts_->limits.get(), pcre_match_limit);
  pcre2_set_depth_limit(out->parts_->limits.get(), pcre_depth_limit);
  pcre2_set_heap_limit(out->parts_->limits.get(), pcre_heap_limit_kib);
  return std::shared_ptr<const regex_matcher>(std::move(out));
}

bool regex_matcher::search(std::string_view text, std::uint64_t& exceeded) const {
  if (parts_->linear)
    return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *parts_->linear);
  thread_local const std::unique_ptr<pcre2_match_data, parts::pcre_deleter> data(pcre2_match_data_create(1, nullptr));
  const int found = pcre2_match(parts_->backtracking.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0,
                                0, data.get(), parts_->limits.get());
  if (found < 0 && found != PCRE2_ERROR_NOMATCH)
    ++exceeded;
  return found >= 0;
}

} // namespace soc::detection
