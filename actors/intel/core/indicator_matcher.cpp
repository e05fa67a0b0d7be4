#include "intel/core/indicator_matcher.hpp"

#include <algorithm>
#include <bit>

namespace soc::intel {

namespace {

constexpr std::size_t max_items = 256;  ///< of one list value, and of one text with several
constexpr std::size_t max_value = 8192; ///< longer texts are no single observable
constexpr std::size_t max_matches = 64; ///< of one event
constexpr std::string_view separators = ",; \t\n=|()";

kind_set without(kind_set kinds, indicator_kind kind) {
  return static_cast<kind_set>(kinds & ~bit_of(kind));
}

bool has(kind_set kinds, indicator_kind kind) {
  return (kinds & bit_of(kind)) != 0;
}

/// The network of this length that an address lies in.
network shortened(network address, std::uint8_t prefix) {
  address.prefix = prefix;
  const std::size_t size = address.v6 ? 16 : 4;
  for (std::size_t i = 0; i < size; ++i) {
    const int keep = std::clamp(static_cast<int>(prefix) - static_cast<int>(i) * 8, 0, 8);
    address.address[i] = static_cast<std::uint8_t>(address.address[i] & (0xff00U >> keep));
  }
  return address;
}

bool may_be_ip(std::string_view text) {
  if (text.size() < 2 || text.size() > 64)
    return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || c == '.' || c == ':' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') || c == '%' ||
           c == '[' || c == ']';
  });
}

} // namespace

indicator_matcher::indicator_matcher(intelligence_ptr what) : what_(std::move(what)) {
  hits_.resize(what_->indicators->sources().size());
  wanted_ = what_->indicators->kinds();
}

std::span<const indicator_match> indicator_matcher::match(const model::event& ev, unix_ns otherwise) {
  matches_.clear();
  partials_.clear();
  if (wanted_ == 0)
    return matches_;
  time_ = ev.time != 0 ? ev.time : otherwise;
  look_at_slots(ev.native, true);
  look_at_slots(ev.ocsf, false);
  return matches_;
}

void indicator_matcher::count(std::span<const indicator_match> matches) {
  for (const auto& m : matches) {
    auto& counter = hits_[what_->indicators->view(m.facts).source_index];
    ++counter.hits;
    counter.last_hit = std::max(counter.last_hit, time_);
  }
}

void indicator_matcher::look_at_slots(std::span<const model::slot> slots, bool native) {
  const auto& fields = *what_->fields;
  for (const auto& s : slots) {
    const auto kinds = native ? fields.of_native(s.id) : fields.of_ocsf(s.id);
    if (kinds != 0)
      look_at(kinds, s.data, s.name());
  }
}

void indicator_matcher::look_at(kind_set kinds, const model::value& v, std::string_view field) {
  if (v.is_string())
    return look_at_text(kinds, v.text(), field);
  if (!v.is_list())
    return;
  const auto items = v.items().first(std::min(v.items().size(), max_items));
  for (const auto& item : items)
    if (item.is_string())
      look_at_text(kinds, item.text(), field);
}

/// A text with several values ("SHA1=…,MD5=…", "a.example;::ffff:1.2.3.4;") is taken apart; urls are not.
void indicator_matcher::look_at_text(kind_set kinds, std::string_view text, std::string_view field) {
  if (text.empty() || text.size() > max_value)
    return;
  if (has(kinds, indicator_kind::url) && text.find("://") != std::string_view::npos)
    return look_at_one(kinds, text, field);
  const auto others = without(kinds, indicator_kind::url);
  if (text.find_first_of(separators) == std::string_view::npos)
    return look_at_one(kinds, text, field);
  if (others == 0)
    return look_at_one(kinds, text, field);
  std::size_t items = 0;
  for (std::size_t at = 0; at < text.size() && items < max_items; ++items) {
    at = std::min(text.find_first_not_of(separators, at), text.size());
    const auto end = std::min(text.find_first_of(separators, at), text.size());
    // The import hash is as long as an MD5, but of no file.
    const auto label = text.substr(at, end - at);
    if (end < text.size() && text[end] == '=' && (label == "IMPHASH" || label == "imphash"))
      at = std::min(text.find_first_of(",; ", end), text.size());
    else if (end > at)
      look_at_one(others, label, field), at = end;
  }
}

void indicator_matcher::look_at_one(kind_set kinds, std::string_view text, std::string_view field) {
  if (has(kinds, indicator_kind::url) && text.find('/') != std::string_view::npos)
    return look_at_url({field, text, indicator_kind::url});
  if (has(kinds, indicator_kind::ip) || has(kinds, indicator_kind::domain))
    if (look_at_ip({field, text, indicator_kind::ip}, text))
      return;
  if (has(kinds, indicator_kind::hash) && has(wanted_, indicator_kind::hash))
    if (const auto spelled = spell(indicator_kind::hash, text))
      return look_up({field, text, indicator_kind::hash}, fingerprint_of(indicator_kind::hash, *spelled), *spelled);
  if (has(kinds, indicator_kind::email) && text.find('@') != std::string_view::npos) {
    const seeing seen{field, text, indicator_kind::email};
    if (const auto spelled = spell(indicator_kind::email, text)) {
      look_up(seen, fingerprint_of(indicator_kind::email, *spelled), *spelled);
      look_at_domain({field, text, indicator_kind::domain}, spelled->substr(spelled->rfind('@') + 1));
    }
    return;
  }
  if (has(kinds, indicator_kind::domain))
    look_at_domain({field, text, indicator_kind::domain}, text);
}

/// True when it is an address, whether looked for or not.
bool indicator_matcher::look_at_ip(const seeing& s, std::string_view text) {
  if (!may_be_ip(text))
    return false;
  if (text.front() == '[')
    text = text.substr(1, text.find(']') - 1);
  const auto address = parse_network(text);
  if (!address)
    return false;
  if (has(wanted_, indicator_kind::ip))
    for (const auto prefix : what_->indicators->prefixes(address->v6)) {
      const auto net = shortened(*address, prefix);
      const auto before = matches_.size();
      look_up(s, fingerprint_of(net), {});
      for (auto i = before; i < matches_.size(); ++i)
        matches_[i].indicator = soc::to_string(net);
    }
  return true;
}

/// The name and its parents; a name of one label is none.
void indicator_matcher::look_at_domain(const seeing& s, std::string_view text) {
  char buffer[max_domain];
  const auto size = has(wanted_, indicator_kind::domain) ? spell_domain(text, buffer) : 0;
  for (std::string_view name(buffer, size); name.find('.') != std::string_view::npos;
       name.remove_prefix(name.find('.') + 1))
    look_up(s, fingerprint_of(indicator_kind::domain, name), name);
}

/// As it is, without its query, and its host.
void indicator_matcher::look_at_url(const seeing& s) {
  if (has(wanted_, indicator_kind::url))
    if (const auto spelled = spell(indicator_kind::url, s.value)) {
      look_up(s, fingerprint_of(indicator_kind::url, *spelled), *spelled);
      if (const auto query = spelled->find('?'); query != std::string::npos) {
        auto bare = spelled->substr(0, query);
        if (bare.ends_with('/') && bare.find('/') == bare.size() - 1)
          bare.pop_back();
        look_up(s, fingerprint_of(indicator_kind::url, bare), bare);
      }
    }
  const auto host = host_of_url(s.value);
  if (!look_at_ip({s.field, host, indicator_kind::ip}, host))
    look_at_domain({s.field, host, indicator_kind::domain}, host);
}

void indicator_matcher::look_up(const seeing& s, const fingerprint& print, std::string_view spelled) {
  ++lookups_;
  what_->indicators->find(print, [&](std::uint32_t entry) {
    if ((entry & indicator_set::conjunct_bit) != 0)
      complete(s, entry, spelled);
    else if (what_->indicators->is_valid(entry, time_))
      add(s, entry, spelled);
  });
}

/// One term of several: the indicator matches when the last one is seen.
void indicator_matcher::complete(const seeing& s, std::uint32_t entry, std::string_view spelled) {
  const auto term = what_->indicators->conjunct_of(entry);
  const auto& whole = what_->indicators->conjunction_at(term.conjunction);
  if (!what_->indicators->is_valid(whole.facts, time_))
    return;
  auto at = std::find_if(partials_.begin(), partials_.end(),
                         [&](const partial& p) { return p.conjunction == term.conjunction; });
  if (at == partials_.end())
    at = partials_.insert(at, {term.conjunction, 0});
  at->seen |= 1U << term.position;
  if (std::popcount(at->seen) == whole.terms)
    add(s, whole.facts, spelled);
}

void indicator_matcher::add(const seeing& s, std::uint32_t facts, std::string_view spelled) {
  const auto known = std::any_of(matches_.begin(), matches_.end(), [&](const indicator_match& m) {
    return m.facts == facts && m.kind == s.kind && (m.value == s.value || (!spelled.empty() && m.indicator == spelled));
  });
  if (!known && matches_.size() < max_matches)
    matches_.push_back(
        {facts, s.kind, std::string(s.value), std::string(spelled.empty() ? s.value : spelled), s.field});
}

} // namespace soc::intel
