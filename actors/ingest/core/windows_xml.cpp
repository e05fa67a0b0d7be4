#include "ingest/core/windows_event.hpp"

#include <algorithm>
#include <charconv>
#include <string>

namespace soc::ingest {

namespace {

/// A small reader of the XML that Windows writes: elements, attributes, text, the five entities and character
/// references. Document types are refused, so there are no external entities and no expansion.
class xml_reader {
public:
  xml_reader(std::string_view text, arena& memory) : text_(text), memory_(memory) {}

  struct attribute {
    std::string_view name, value;
  };
  struct tag {
    std::string_view name; ///< without its name space prefix
    std::vector<attribute> attributes;
    bool closing = false, empty = false;
  };

  /// Text up to the next tag, decoded: of the record, or of the arena where it took decoding; then the tag. False at
  /// the end or at an error (see `error`).
  bool next(std::string_view& content, tag& out) {
    content = {};
    pieces_.clear();
    while (true) {
      const auto open = text_.find('<', at_);
      if (open == std::string_view::npos) {
        at_ = text_.size();
        return false;
      }
      add_piece(content, decoded(text_.substr(at_, open - at_)));
      at_ = open;
      const char kind = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
      if (kind != '!' && kind != '?') {
        if (!pieces_.empty())
          content = memory_.copy(pieces_);
        return read_tag(out);
      }
      if (text_.substr(at_).starts_with("<![CDATA[")) {
        const auto end = text_.find("]]>", at_);
        if (end == std::string_view::npos)
          return fail("a CDATA section is not closed");
        add_piece(content, text_.substr(at_ + 9, end - at_ - 9));
        at_ = end + 3;
      } else if (text_.substr(at_).starts_with("<!--") || text_.substr(at_).starts_with("<?")) {
        const auto mark = text_[at_ + 1] == '?' ? std::string_view("?>") : std::string_view("-->");
        const auto end = text_.find(mark, at_);
        if (end == std::string_view::npos)
          return fail("a comment is not closed");
        at_ = end + mark.size();
      } else {
        return fail("document types are not accepted");
      }
    }
  }
  std::string error;

private:
  bool fail(std::string why) {
    error = std::move(why);
    return false;
  }

  static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_]))
      ++at_;
  }

  std::string_view read_name() {
    const auto start = at_;
    while (at_ < text_.size() && !is_space(text_[at_]) && text_[at_] != '>' && text_[at_] != '/' && text_[at_] != '=')
      ++at_;
    auto name = text_.substr(start, at_ - start);
    if (const auto colon = name.find(':'); colon != std::string_view::npos && !name.starts_with("xmlns"))
      name.remove_prefix(colon + 1);
    return name;
  }

  bool read_tag(tag& out) {
    out.attributes.clear();
    out.closing = out.empty = false;
    ++at_;
    if (at_ < text_.size() && text_[at_] == '/') {
      out.closing = true;
      ++at_;
    }
    out.name = read_name();
    if (out.name.empty())
      return fail("a tag without a name");
    while (true) {
      skip_space();
      if (at_ >= text_.size())
        return fail("a tag is not closed");
      if (text_[at_] == '>') {
        ++at_;
        return true;
      }
      if (text_[at_] == '/') {
        out.empty = true;
        ++at_;
        continue;
      }
      const auto name = read_name();
      skip_space();
      if (name.empty() || at_ >= text_.size() || text_[at_] != '=')
        return fail("an attribute without a value");
      ++at_;
      skip_space();
      const char quote = at_ < text_.size() ? text_[at_] : '\0';
      const auto end = quote == '"' || quote == '\'' ? text_.find(quote, at_ + 1) : std::string_view::npos;
      if (end == std::string_view::npos)
        return fail("an attribute's value is not quoted");
      out.attributes.push_back({name, decoded(text_.substr(at_ + 1, end - at_ - 1))});
      at_ = end + 1;
    }
  }

  /// One piece of text stays where it is; more, with comments and sections between them, are gathered and copied once.
  void add_piece(std::string_view& content, std::string_view piece) {
    if (content.empty()) {
      content = piece;
    } else if (!piece.empty()) {
      if (pieces_.empty())
        pieces_.assign(content);
      pieces_.append(piece);
    }
  }

  std::string_view decoded(std::string_view text) {
    if (text.find('&') == std::string_view::npos)
      return text;
    std::string plain;
    append_decoded(plain, text);
    return memory_.copy(plain);
  }

  static void append_decoded(std::string& to, std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      // No entity is longer: looking further for its end would look through the rest at every '&'.
      const auto size = text[i] == '&' ? text.substr(i, 11).find(';') : std::string_view::npos;
      if (size == std::string_view::npos) {
        to.push_back(text[i]);
        continue;
      }
      if (append_entity(to, text.substr(i + 1, size - 1)))
        i += size;
      else
        to.push_back('&');
    }
  }

  static bool append_entity(std::string& to, std::string_view name) {
    if (name == "amp" || name == "lt" || name == "gt" || name == "quot" || name == "apos") {
      to.push_back(name == "amp" ? '&' : name == "lt" ? '<' : name == "gt" ? '>' : name == "quot" ? '"' : '\'');
      return true;
    }
    if (!name.starts_with('#'))
      return false;
    const bool hex = name.size() > 1 && (name[1] == 'x' || name[1] == 'X');
    const auto digits = name.substr(hex ? 2 : 1);
    std::uint32_t code = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), code, hex ? 16 : 10);
    if (failed != std::errc{} || end != digits.data() + digits.size() || code > 0x10FFFF)
      return false;
    char bytes[4];
    const std::size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static constexpr unsigned char lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (std::size_t i = size; i-- > 1; code >>= 6)
      bytes[i] = static_cast<char>(0x80 | (code & 0x3F));
    bytes[0] = static_cast<char>(lead[size] | code);
    to.append(bytes, size);
    return true;
  }

  std::string_view text_;
  arena& memory_;
  std::string pieces_; ///< of the text before the next tag, from the second on
  std::size_t at_ = 0;
};

/// Gathers the slots while the elements go by.
class xml_event {
public:
  xml_event(const model::field_dictionary& names, arena& memory, std::vector<model::slot>& out)
      : names_(names), memory_(memory), out_(out) {}

  std::optional<std::string> read(std::string_view xml) {
    xml_reader reader(xml, memory_);
    std::string_view content;
    xml_reader::tag tag;
    while (reader.next(content, tag)) {
      if (tag.closing) {
        close(content);
        continue;
      }
      if (path_.size() >= 16)
        return "elements are nested too deeply";
      if (path_.empty() && tag.name != "Event")
        return "not a Windows event: the first element is not <Event>";
      open(tag);
      if (tag.empty)
        close({});
    }
    if (!reader.error.empty())
      return reader.error;
    if (!path_.empty() || !has_system_)
      return "the event is cut";
    return std::nullopt;
  }

private:
  struct element {
    std::string_view name; ///< what its text is kept under; empty: nowhere
    bool has_children = false;
  };

  void emit(std::string_view name, std::string_view text) {
    model::slot s;
    s.id = names_.find(name);
    const auto kept = s.id != model::no_field ? names_.name(s.id) : memory_.copy(name);
    s.name_data = kept.data();
    s.name_size = static_cast<std::uint32_t>(kept.size());
    std::int64_t number = 0;
    s.data = is_whole(text, number) ? model::value::of_int(number) : model::value::of_string(text);
    out_.push_back(s);
  }

  /// A number as it would be written: no leading zero, no "-0".
  static bool is_whole(std::string_view text, std::int64_t& number) {
    const std::size_t sign = text.starts_with('-') ? 1 : 0;
    if (text.size() == sign || text[sign] < '0' || text[sign] > '9' || (text[sign] == '0' && text.size() > 1))
      return false;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    return failed == std::errc{} && end == text.data() + text.size();
  }

  void open(const xml_reader::tag& tag) {
    if (!path_.empty())
      path_.back().has_children = true;
    element e;
    const auto depth = path_.size();
    if (depth == 1) {
      section_ = tag.name;
      has_system_ |= tag.name == "System";
    } else if (depth >= 2) {
      e.name = tag.name;
      for (const auto& a : tag.attributes) {
        if (section_ == "EventData" && a.name == "Name")
          e.name = without_blanks(a.value);
        else if (section_ == "System")
          emit(tag.name == "EventID" || tag.name == "TimeCreated" ? system_name(tag.name, a.name)
                                                                  : joined_name(tag.name, a.name),
               a.value);
      }
    }
    path_.push_back(std::move(e));
  }

  static std::string_view system_name(std::string_view tag, std::string_view attribute) {
    return tag == "TimeCreated" && attribute == "SystemTime" ? "TimeCreated" : attribute;
  }

  /// Until the next one is asked for.
  std::string_view joined_name(std::string_view tag, std::string_view attribute) {
    joined_.assign(tag).append("_").append(attribute);
    return joined_;
  }

  std::string_view without_blanks(std::string_view name) {
    if (name.find(' ') == std::string_view::npos)
      return name;
    auto* const to = memory_.make_array<char>(name.size());
    const auto end = std::copy_if(name.begin(), name.end(), to, [](char c) { return c != ' '; });
    return {to, static_cast<std::size_t>(end - to)};
  }

  void close(std::string_view content) {
    if (path_.empty())
      return;
    const auto e = std::move(path_.back());
    path_.pop_back();
    if (e.name.empty() || e.has_children || path_.size() < 2)
      return;
    const bool only_attributes = content.empty() && section_ == "System";
    if (!only_attributes)
      emit(e.name, content);
  }

  const model::field_dictionary& names_;
  arena& memory_;
  std::vector<model::slot>& out_;
  std::vector<element> path_;
  std::string_view section_;
  std::string joined_;
  bool has_system_ = false;
};

} // namespace

std::optional<std::string> decode_windows_xml(std::string_view xml, const model::field_dictionary& names, arena& memory,
                                              std::vector<model::slot>& out) {
  const auto before = out.size();
  auto failed = xml_event(names, memory, out).read(xml);
  if (failed)
    out.resize(before);
  return failed;
}

} // namespace soc::ingest
