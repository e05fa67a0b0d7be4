// Any text through every decoder of text records: values lie in the text or the arena, names are never empty where the
// decoder says it fits, and a decoder that fails adds nothing.
#include "ingest/core/hec_envelope.hpp"
#include "ingest/core/json_decoder.hpp"
#include "ingest/core/syslog_header.hpp"
#include "ingest/core/text_decoders.hpp"
#include "ingest/core/value_parts.hpp"

#include <cstdlib>
#include <cstring>

using namespace soc;

namespace {

struct decoders {
  std::string unused;
  std::vector<ingest::regex_option> patterns{
      {ingest::text_pattern::compile(R"(^(\w+)(?: (\d+))?: (.*)$)", {}, unused), {{1, "a"}, {2, "b"}, {3, "c"}}}};
  std::vector<ingest::dissect_pattern> dissects{*ingest::dissect_pattern::compile("%{a} [%{b->}] \"%{c}\" %{}=%{d}"),
                                                *ingest::dissect_pattern::compile("<%{a}>%{b}")};
  ingest::kv_options blanks, commas, known, unquoted;
  ingest::csv_options plain, selected, headed;
  std::vector<std::string> header{"a", "~", "", "b"};

  decoders() {
    commas.pairs = ", ";
    commas.assign = ":";
    known.pairs = ", ";
    known.keys = {"SrcIP", "User", "URL"};
    unquoted.quote = '\0';
    unquoted.prefix = "p.";
    headed.header = true;
    headed.separator = ' ';
    plain.columns = {"a", "", "b"};
    selected.separator = '\t';
    selected.select = 1;
    selected.by_value = {{"T", {"x", "y"}}, {"*", {"z"}}};
  }

  ingest::decode_result run(int which, std::string_view text, ingest::field_sink& to) {
    switch (which) {
    case 0:
      return ingest::decode_cef(text, to);
    case 1:
      return ingest::decode_leef(text, to);
    case 2:
      return ingest::decode_kv(text, blanks, to);
    case 3:
      return ingest::decode_kv(text, commas, to);
    case 4:
      return ingest::decode_kv(text, known, to);
    case 5:
      return ingest::decode_csv(text, plain, {}, to);
    case 6:
      return ingest::decode_csv(text, selected, {}, to);
    case 7:
      return ingest::decode_regex(text, patterns, to);
    case 8:
      return ingest::decode_dissect(text, dissects, to);
    case 9:
      return ingest::decode_clf(text, to);
    case 10:
      return ingest::decode_kv(text, unquoted, to);
    case 11:
      return ingest::decode_csv(text, headed, header, to);
    default:
      return ingest::decode_auditd(text, to);
    }
  }
};

/// Touches every byte: what points elsewhere is seen by the sanitizer.
std::size_t weigh(const model::value& v) {
  std::size_t sum = 0;
  if (v.is_string())
    for (const unsigned char c : v.text())
      sum += c;
  if (v.is_list())
    for (const auto& item : v.items())
      sum += weigh(item);
  return sum;
}

void check_parts(std::string_view text, arena& memory) {
  const auto url = ingest::split_url(text);
  const auto user = ingest::split_user(text);
  const auto path = ingest::split_path(text);
  const auto end = ingest::split_endpoint(text);
  if (url.path.size() > text.size() || user.name.size() > text.size() || path.name.size() > text.size() ||
      end.host.size() > text.size() || ingest::program_of(text).size() > text.size())
    std::abort();
  ingest::clean_ip(text, memory);
  ingest::clean_mac(text, memory);
  ingest::hash_algorithm(text);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static decoders all;
  static const auto names = [] {
    auto out = std::make_shared<model::field_dictionary>();
    for (const auto* name : {"a", "b", "src", "msg", "cef.vendor", "EXECVE.a0", "remote_addr"})
      out->intern(name);
    return out;
  }();
  if (size > 65536)
    return 0;
  const std::string text(reinterpret_cast<const char*>(data), size);
  arena memory;
  for (int which = 0; which <= 12; ++which) {
    ingest::field_sink sink(names);
    std::vector<model::slot> slots;
    sink.begin(memory, slots);
    const auto failed = all.run(which, text, sink);
    if (failed && (which < 2 || (which > 6 && which < 10) || which > 11) && !slots.empty())
      std::abort();
    for (const auto& slot : slots)
      if (weigh(slot.data) + slot.name().size() == static_cast<std::size_t>(-1))
        std::abort();
  }
  if (const auto header = ingest::parse_syslog(text)) {
    ingest::field_sink sink(names);
    std::vector<model::slot> slots;
    sink.begin(memory, slots);
    ingest::add_syslog_fields(*header, sink);
    if (header->payload.size() > text.size())
      std::abort();
  }
  std::string padded = text;
  padded.reserve(text.size() + ingest::json_decoder::padding);
  if (const auto envelope = ingest::peel_hec(padded, memory); envelope && envelope->event.empty())
    std::abort();
  check_parts(text, memory);
  return 0;
}
