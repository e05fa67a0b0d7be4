#include "ingest/core/windows_event.hpp"

#include <charconv>
#include <string>

namespace soc::ingest {

namespace {

/// A small reader of the XML that Windows writes: elements, attributes, text, the five entities and character
/// references. Document types are refused, so there are no external entities and no expansion.
class xml_reader {
public:
  explicit xml_reader(std::string_view text) : text_(text) {}

  struct attribute {
    std::string_view name;
    std::string value;
  };
  struct tag {
    std::string_view name; ///< without its name space prefix
    std::vector<attribute> attributes;
    bool closing = false, empty = false;
  };

  /// Text up to the next tag, decoded; then the tag. False at the end or at an error (see `error`).
  bool next(std::string& content, tag& out) {
    content.clear();
    while (true) {
      const auto open = text_.find('<', at_);
      if (open == std::string_view::npos) {
        at_ = text_.size();
        return false;
      }
      append_decoded(content, text_.substr(at_, open - at_));
      at_ = open;
      if (text_.substr(at_).starts_with("<![CDATA[")) {
        const auto end = text_.find("]]>", at_);
        if (end == std::string_view::npos)
          return fail("a CDATA section is not closed");
        content.append(text_.substr(at_ + 9, end - at_ - 9));
        at_ = end + 3;
      } else if (text_.substr(at_).starts_with("<!--") || text_.substr(at_).starts_with("<?")) {
        const auto mark = text_[at_ + 1] == '?' ? std::string_view("?>") : std::string_view("-->");
        const auto end = text_.find(mark, at_);
        if (end == std::string_view::npos)
          return fail("a comment is not closed");
        at_ = end + mark.size();
      } else if (text_.substr(at_).starts_with("<!")) {
        return fail("document types are not accepted");
      } else {
        return read_tag(out);
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
    out = {};
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
      out.attributes.push_back({name, {}});
      append_decoded(out.attributes.back().value, text_.substr(at_ + 1, end - at_ - 1));
      at_ = end + 1;
    }
  }

  static void append_decoded(std::string& to, std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto end = text[i] == '&' ? text.find(';', i) : std::string_view::npos;
      if (end == std::string_view::npos || end - i > 10) {
        to.push_back(text[i]);
        continue;
      }
      if (append_entity(to, text.substr(i + 1, end - i - 1)))
        i = end;
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
  std::size_t at_ = 0;
};

/// Gathers the slots while the elements go by.
class xml_event {
public:
  xml_event(const model::field_dictionary& names, arena& memory, std::vector<model::slot>& out)
      : names_(names), memory_(memory), out_(out) {}

  std::optional<std::string> read(std::string_view xml) {
    xml_reader reader(xml);
    std::string content;
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
    std::string name; ///< what its text is kept under; empty: nowhere
    bool has_children = false;
  };

  void emit(std::string_view name, std::string_view text) {
    model::slot s;
    s.id = names_.find(name);
    const auto kept = s.id != model::no_field ? names_.name(s.id) : memory_.copy(name);
    s.name_data = kept.data();
    s.name_size = static_cast<std::uint32_t>(kept.size());
    std::int64_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = failed == std::errc{} && end == text.data() + text.size() && std::to_string(number) == text;
    s.data = whole ? model::value::of_int(number) : model::value::of_string(memory_.copy(text));
    out_.push_back(s);
  }

  void open(const xml_reader::tag& tag) {
    if (!path_.empty())
      path_.back().has_children = true;
    element e;
    const auto depth = path_.size();
    if (depth == 1) {
      section_ = std::string(tag.name);
      has_system_ |= tag.name == "System";
    } else if (depth >= 2) {
      e.name = std::string(tag.name);
      for (const auto& a : tag.attributes) {
        if (section_ == "EventData" && a.name == "Name")
          e.name = without_blanks(a.value);
        else if (section_ == "System")
          emit(tag.name == "EventID" || tag.name == "TimeCreated" ? system_name(tag.name, a.name)
                                                                  : std::string(tag.name) + "_" + std::string(a.name),
               a.value);
      }
    }
    path_.push_back(std::move(e));
  }

  static std::string system_name(std::string_view tag, std::string_view attribute) {
    return tag == "TimeCreated" && attribute == "SystemTime" ? "TimeCreated" : std::string(attribute);
  }

  static std::string without_blanks(const std::string& name) {
    std::string out;
    for (const char c : name)
      if (c != ' ')
        out.push_back(c);
    return out;
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
  std::string section_;
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
