#include "connectors/sources/s3/s3_progress.hpp"

#include "base/form_text.hpp"
#include "base/hash.hpp"

#include <nlohmann/json.hpp>

#include <charconv>

namespace soc::sources {

namespace {

using json = nlohmann::json;

/// The text between <name> and </name> from `at` on, which moves behind it; nothing when there is none.
std::optional<std::string_view> element(std::string_view xml, std::string_view name, std::size_t& at) {
  const auto open = xml.find("<" + std::string(name) + ">", at);
  if (open == std::string_view::npos)
    return std::nullopt;
  const auto from = open + name.size() + 2;
  const auto close = xml.find("</" + std::string(name) + ">", from);
  if (close == std::string_view::npos)
    return std::nullopt;
  at = close + name.size() + 3;
  return xml.substr(from, close - from);
}

std::string element_text(std::string_view xml, std::string_view name) {
  std::size_t at = 0;
  return std::string(element(xml, name, at).value_or(""));
}

std::string without_entities(std::string_view text) {
  static constexpr std::pair<std::string_view, char> entities[] = {
      {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#34;", '"'}, {"&apos;", '\''}, {"&#39;", '\''}};
  std::string out;
  while (!text.empty()) {
    bool found = false;
    for (const auto& [name, c] : entities)
      if (text.front() == '&' && text.substr(0, name.size()) == name) {
        out += c;
        text.remove_prefix(name.size());
        found = true;
        break;
      }
    if (!found) {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

std::string expand(const std::string& pattern, unix_ns time) {
  const auto text = format_rfc3339(time);
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      out += pattern[i];
      continue;
    }
    switch (pattern[++i]) {
    case 'Y':
      out += text.substr(0, 4);
      break;
    case 'm':
      out += text.substr(5, 2);
      break;
    case 'd':
      out += text.substr(8, 2);
      break;
    case 'H':
      out += text.substr(11, 2);
      break;
    default:
      out += '%';
    }
  }
  return out;
}

} // namespace

std::uint64_t mark_of(const s3_object& object) {
  return hash64(object.key + "\n" + object.etag);
}

bool is_below(std::string_view key, std::string_view pattern) {
  while (!pattern.empty()) {
    const bool directive = pattern.front() == '%' && pattern.size() > 1;
    if (directive && pattern[1] != '%') {
      for (auto digits = pattern[1] == 'Y' ? 4 : 2; digits > 0; --digits, key.remove_prefix(1))
        if (key.empty() || key.front() < '0' || key.front() > '9')
          return false;
      pattern.remove_prefix(2);
      continue;
    }
    if (key.empty() || key.front() != pattern.front())
      return false;
    key.remove_prefix(1);
    pattern.remove_prefix(directive ? 2 : 1);
  }
  return true;
}

result<s3_listing> read_listing(std::string_view xml) {
  if (xml.find("<ListBucketResult") == std::string_view::npos)
    return failure{ec::corrupt, "the answer is no listing of a bucket"};
  s3_listing out;
  const bool encoded = element_text(xml, "EncodingType") == "url";
  std::size_t at = 0;
  while (const auto contents = element(xml, "Contents", at)) {
    s3_object object;
    object.key = without_entities(element_text(*contents, "Key"));
    if (encoded)
      object.key = form_decoded(object.key);
    object.etag = without_entities(element_text(*contents, "ETag"));
    const auto size = element_text(*contents, "Size");
    std::from_chars(size.data(), size.data() + size.size(), object.size);
    if (object.key.empty())
      return failure{ec::corrupt, "a listing with an object without a key"};
    out.objects.push_back(std::move(object));
  }
  out.truncated = element_text(xml, "IsTruncated") == "true";
  out.next = without_entities(element_text(xml, "NextContinuationToken"));
  if (out.truncated && out.next.empty())
    return failure{ec::corrupt, "a listing that goes on but does not say where"};
  return out;
}

bool is_prefix_pattern(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i)
    if (pattern[i] == '%' &&
        (++i == pattern.size() || std::string_view("YmdH%").find(pattern[i]) == std::string_view::npos))
      return false;
  return true;
}

std::vector<std::string> prefixes_between(const std::string& pattern, unix_ns from, unix_ns to) {
  constexpr auto hour = 3600 * ns_per_s;
  const bool hourly = pattern.find("%H") != std::string::npos;
  std::vector<std::string> out;
  for (auto time = from - from % hour; time <= to; time += hour)
    if (auto prefix = expand(pattern, time); out.empty() || out.back() != prefix)
      out.push_back(std::move(prefix));
  if (!hourly && out.empty())
    out.push_back(expand(pattern, to));
  return out;
}

s3_progress s3_progress::read(const std::string& text) {
  s3_progress out;
  const auto stored = json::parse(text, nullptr, false);
  if (!stored.is_object())
    return out;
  try {
    for (const auto& [prefix, state] : stored.at("prefixes").items()) {
      auto& p = out.prefixes_[prefix];
      p.after = state.at("after").get<std::string>();
      for (const auto& mark : state.at("done"))
        p.done.insert(mark.get<std::uint64_t>());
    }
    out.key_ = stored.at("key").get<std::string>();
    out.etag_ = stored.at("etag").get<std::string>();
    out.records_ = stored.at("records").get<std::uint64_t>();
  } catch (const json::exception&) {
    return {};
  }
  return out;
}

std::string s3_progress::text() const {
  json out{{"key", key_}, {"etag", etag_}, {"records", records_}, {"prefixes", json::object()}};
  for (const auto& [prefix, state] : prefixes_)
    out["prefixes"][prefix] = {{"after", state.after}, {"done", state.done}};
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string s3_progress::after(const std::string& prefix, bool any_order) const {
  const auto it = prefixes_.find(prefix);
  return any_order || it == prefixes_.end() ? std::string{} : it->second.after;
}

bool s3_progress::is_done(const std::string& prefix, const s3_object& object, bool any_order) const {
  const auto it = prefixes_.find(prefix);
  if (it == prefixes_.end())
    return false;
  return any_order ? it->second.done.contains(mark_of(object)) : object.key <= it->second.after;
}

std::uint64_t s3_progress::records_of(const s3_object& object) const {
  return key_ == object.key && etag_ == object.etag ? records_ : 0;
}

void s3_progress::advance(const s3_object& object, std::uint64_t records) {
  key_ = object.key;
  etag_ = object.etag;
  records_ = records;
}

void s3_progress::finish(const std::string& prefix, const s3_object& object, bool any_order) {
  auto& state = prefixes_[prefix];
  if (any_order)
    state.done.insert(mark_of(object));
  else
    state.after = object.key;
  key_.clear();
  etag_.clear();
  records_ = 0;
}

void s3_progress::forget_all_but(const std::set<std::string>& prefixes) {
  std::erase_if(prefixes_, [&](const auto& entry) { return !prefixes.contains(entry.first); });
}

} // namespace soc::sources
