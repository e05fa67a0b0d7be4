// Regular expressions (RE2), dissect patterns and the common log format of web servers.
#include "ingest/core/text_decoders.hpp"

#include <algorithm>
#include <array>

namespace soc::ingest {

decode_result decode_regex(std::string_view text, const std::vector<regex_option>& patterns, field_sink& to) {
  std::array<std::string_view, text_pattern::most_groups + 1> groups;
  for (const auto& p : patterns) {
    if (!p.pattern->search(text, std::span(groups.data(), p.pattern->group_count() + 1)))
      continue;
    for (const auto& [number, name] : p.groups)
      if (const auto& g = groups[static_cast<std::size_t>(number)]; g.data() != nullptr)
        to.add(name, g);
    return std::nullopt;
  }
  return decode_failure{"fits none of the patterns", 0};
}

std::optional<dissect_pattern> dissect_pattern::compile(std::string_view text) {
  dissect_pattern p;
  auto open = text.find("%{");
  if (open == std::string_view::npos)
    return std::nullopt;
  p.head = text.substr(0, open);
  while (open != std::string_view::npos) {
    const auto close = text.find('}', open);
    if (close == std::string_view::npos)
      return std::nullopt;
    part next;
    auto name = text.substr(open + 2, close - open - 2);
    if (name.size() >= 2 && name.substr(name.size() - 2) == "->") {
      next.padded = true;
      name.remove_suffix(2);
    }
    next.name = name;
    open = text.find("%{", close);
    next.tail = text.substr(close + 1, open == std::string_view::npos ? open : open - close - 1);
    if (next.tail.empty() && open != std::string_view::npos)
      return std::nullopt; // two fields with nothing between
    p.parts.push_back(std::move(next));
  }
  return p;
}

namespace {

/// The values of a pattern; false with the place where it does not fit.
bool dissect(std::string_view text, const dissect_pattern& p, std::vector<std::string_view>& values, std::size_t& at) {
  if (text.substr(0, p.head.size()) != p.head) {
    at = 0;
    return false;
  }
  at = p.head.size();
  for (const auto& part : p.parts) {
    const auto end = part.tail.empty() ? text.size() : text.find(part.tail, at);
    if (end == std::string_view::npos)
      return false;
    values.push_back(text.substr(at, end - at));
    at = end + part.tail.size();
    if (part.padded && !part.tail.empty())
      while (text.compare(at, part.tail.size(), part.tail) == 0)
        at += part.tail.size();
  }
  return true;
}

} // namespace

decode_result decode_dissect(std::string_view text, const std::vector<dissect_pattern>& patterns, field_sink& to) {
  std::vector<std::string_view> values;
  std::size_t furthest = 0;
  for (const auto& p : patterns) {
    std::size_t at = 0;
    values.clear();
    if (!dissect(text, p, values, at)) {
      furthest = std::max(furthest, at);
      continue;
    }
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!p.parts[i].name.empty())
        to.add(p.parts[i].name, values[i]);
    return std::nullopt;
  }
  return decode_failure{"fits none of the patterns", furthest};
}

namespace {

void skip_clf_blanks(std::string_view& rest) {
  while (!rest.empty() && rest.front() == ' ')
    rest.remove_prefix(1);
}

std::string_view clf_token(std::string_view& rest) {
  skip_clf_blanks(rest);
  const auto end = rest.find(' ');
  const auto token = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end);
  return token;
}

/// "…" with backslash escapes kept; a plain token when there is no quote.
std::string_view clf_quoted(std::string_view& rest) {
  skip_clf_blanks(rest);
  if (rest.empty() || rest.front() != '"')
    return clf_token(rest);
  std::size_t end = 1;
  while (end < rest.size() && rest[end] != '"')
    end += rest[end] == '\\' ? 2 : 1;
  end = std::min(end, rest.size());
  const auto text = rest.substr(1, end - 1);
  rest = end + 1 < rest.size() ? rest.substr(end + 1) : std::string_view{};
  return text;
}

void add_request(std::string_view request, field_sink& to) {
  to.add("request", request);
  const auto first = request.find(' ');
  if (first == std::string_view::npos || first == 0)
    return;
  const auto method = request.substr(0, first);
  if (!std::all_of(method.begin(), method.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c == '_' || c == '-'; }))
    return;
  to.add("method", method);
  const auto last = request.rfind(" HTTP/");
  if (last == std::string_view::npos || last < first) {
    to.add("uri", request.substr(first + 1));
    return;
  }
  if (last > first)
    to.add("uri", request.substr(first + 1, last - first - 1));
  to.add("protocol", request.substr(last + 1));
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// What stands before "[time]": [vhost[:port]] host ident user, in the spellings seen.
void add_clf_head(std::string_view head, field_sink& to) {
  auto& words = to.scratch();
  auto rest = head;
  for (skip_clf_blanks(rest); !rest.empty(); skip_clf_blanks(rest))
    words.push_back(clf_token(rest));
  std::size_t at = 0;
  if (words.size() >= 4 && words[0] == "-") // an empty forwarded-for before the client
    ++at;
  const auto is_address = [](std::string_view w) {
    bool separated = false;
    for (const char c : w) {
      const bool separator = c == '.' || c == ':';
      separated |= separator;
      if (!separator && !(c >= '0' && c <= '9') && !((c | 32) >= 'a' && (c | 32) <= 'f'))
        return false;
    }
    return separated;
  };
  if (words.size() - at >= 4 && is_address(words[at + 1]) && !is_address(words[at]))
    to.add("vhost", words[at++]);
  if (at < words.size())
    to.add("remote_addr", words[at++]);
  if (at < words.size() && words[at].size() > 2 && words[at].front() == '(')
    to.add("forwarded_for", words[at++].substr(1));
  if (at < words.size() && words.back() != "-" && words.size() > at + 1)
    to.add("remote_user", words.back());
}

} // namespace

decode_result decode_clf(std::string_view text, field_sink& to) {
  // The time: "[10/Oct/2000:13:55:36 -0700]".
  auto open = text.find('[');
  while (open != std::string_view::npos && !(open + 21 < text.size() && text[open + 3] == '/' && text[open + 7] == '/'))
    open = text.find('[', open + 1);
  if (open == std::string_view::npos)
    return decode_failure{"no [day/month/year:time zone] in it", 0};
  const auto close = text.find(']', open);
  if (close == std::string_view::npos)
    return decode_failure{"the time's ']' is missing", open};
  auto rest = text.substr(close + 1);
  skip_clf_blanks(rest);
  if (rest.empty() || rest.front() != '"')
    return decode_failure{"no quoted request after the time", close};
  add_clf_head(text.substr(0, open), to);
  to.add("time_local", text.substr(open + 1, close - open - 1));
  auto request = clf_quoted(rest);
  skip_clf_blanks(rest);
  if (!rest.empty() && rest.front() == '"') // a quoted field before the request
    request = clf_quoted(rest);
  add_request(request, to);
  if (const auto status = clf_token(rest); all_digits(status))
    to.add("status", status);
  if (const auto bytes = clf_token(rest); all_digits(bytes))
    to.add("bytes", bytes);
  skip_clf_blanks(rest);
  if (!rest.empty() && rest.front() != '"') // %D between bytes and referer
    to.add("duration", clf_token(rest));
  skip_clf_blanks(rest);
  if (!rest.empty() && rest.front() == '"')
    to.add("referer", clf_quoted(rest));
  skip_clf_blanks(rest);
  if (!rest.empty() && rest.front() == '"')
    to.add("user_agent", clf_quoted(rest));
  std::vector<model::value> extra;
  for (skip_clf_blanks(rest); !rest.empty() && extra.size() < 64; skip_clf_blanks(rest))
    extra.push_back(model::value::of_string(clf_quoted(rest)));
  if (!extra.empty()) {
    auto* items = to.memory().make_array<model::value>(extra.size());
    std::copy(extra.begin(), extra.end(), items);
    to.add("extra", model::value::of_list({items, extra.size()}));
  }
  return std::nullopt;
}

} // namespace soc::ingest
