#include "tools/soc/mapping_proposal.hpp"

#include "ingest/core/json_decoder.hpp"
#include "ingest/core/record_assembler.hpp"
#include "ingest/core/syslog_header.hpp"
#include "ingest/core/text_decoders.hpp"
#include "tools/soc/input_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

namespace soc::cli {

namespace {

/// Names vendors give to what everybody logs.
const std::vector<std::pair<std::vector<std::string>, std::string>> well_known{
    {{"time", "timestamp", "@timestamp", "eventtime", "event_time", "rt", "ts", "date", "__time__"}, "time"},
    {{"src_ip", "srcip", "src", "source_ip", "sip", "client_ip", "remote_addr", "sourceip", "srcaddr"},
     "src_endpoint.ip"},
    {{"src_port", "srcport", "spt", "sport", "remote_port", "source_port"}, "src_endpoint.port"},
    {{"dst_ip", "dstip", "dst", "dest_ip", "dip", "destination_ip", "dstaddr"}, "dst_endpoint.ip"},
    {{"dst_port", "dstport", "dpt", "dport", "dest_port", "destination_port"}, "dst_endpoint.port"},
    {{"proto", "protocol", "ip_protocol"}, "connection_info.protocol_name"},
    {{"bytes_out", "sentbyte", "bytes_sent", "out"}, "traffic.bytes_out"},
    {{"bytes_in", "rcvdbyte", "bytes_received", "in"}, "traffic.bytes_in"},
    {{"msg", "message", "description"}, "message"},
    {{"hostname", "host", "devname", "dvchost", "device_name"}, "device.hostname"},
};

std::string lowered(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

struct examined {
  std::string format, decode;
  std::map<std::string, std::string> fields; ///< name -> an example
};

/// The decoder that gets most out of the records, and what it found.
examined examine(const std::vector<std::string>& records) {
  auto names = std::make_shared<model::field_dictionary>();
  ingest::field_sink sink(names);
  ingest::json_decoder json(names);
  soc::arena memory;
  examined best;
  const auto attempt = [&](const std::string& format, const std::string& decode, auto&& decoder) {
    std::map<std::string, std::string> fields;
    std::size_t good = 0;
    for (const auto& record : records) {
      std::vector<model::slot> slots;
      sink.begin(memory, slots);
      auto payload = std::string_view(record);
      if (const auto header = ingest::parse_syslog(payload); header && payload.front() != '{')
        payload = header->payload;
      if (!decoder(payload, slots))
        continue;
      ++good;
      for (const auto& s : slots)
        fields.try_emplace(std::string(s.name()), s.data.to_text());
    }
    if (good * 10 >= records.size() * 9 && fields.size() > best.fields.size())
      best = {format, decode, std::move(fields)};
  };
  attempt("json", "", [&](std::string_view text, std::vector<model::slot>& slots) {
    std::string padded(text);
    padded.reserve(text.size() + ingest::json_decoder::padding);
    return text.substr(0, 1) == "{" &&
           !json.decode(memory.copy(padded + std::string(ingest::json_decoder::padding, ' ')).substr(0, text.size()),
                        memory, slots);
  });
  attempt("cef", "", [&](std::string_view text, auto&) { return !ingest::decode_cef(text, sink); });
  attempt("leef", "", [&](std::string_view text, auto&) { return !ingest::decode_leef(text, sink); });
  attempt("text", "clf", [&](std::string_view text, auto&) { return !ingest::decode_clf(text, sink); });
  const ingest::kv_options kv;
  attempt("text", "kv",
          [&](std::string_view text, auto& slots) { return !ingest::decode_kv(text, kv, sink) && slots.size() > 3; });
  if (best.fields.empty()) {
    ingest::csv_options csv;
    attempt("text", "{csv: {columns: [name the columns]}}", [&](std::string_view text, auto& slots) {
      return !ingest::decode_csv(text, csv, {}, sink) && slots.size() > 3;
    });
  }
  return best;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text.substr(0, 60))
    out += c == '"' || c == '\\' ? std::string{'\\', c} : c < ' ' ? std::string(" ") : std::string(1, c);
  return out + "\"";
}

} // namespace

result<std::string> propose_mapping(const std::string& file, const std::string& vendor, const std::string& product) {
  auto reader = input_reader::open(file);
  if (!reader)
    return reader.error();
  std::vector<std::string> records;
  ingest::record_assembler assembler;
  const auto keep = [&](std::string_view record, std::uint64_t) {
    if (records.size() < 200 && record.find_first_not_of(" \t\r\n") != std::string_view::npos)
      records.emplace_back(record);
  };
  std::string chunk;
  while (records.size() < 200) {
    const auto more = reader->next(chunk);
    if (!more)
      return more.error();
    if (!*more)
      break;
    assembler.feed(chunk, keep);
  }
  assembler.flush(keep);
  if (records.empty())
    return failure{ec::invalid_input, file + ": no records in it"};
  const auto found = examine(records);
  if (found.fields.empty())
    return failure{ec::invalid_input,
                   file + ": neither JSON, CEF, LEEF, key=value, CSV nor an access log; write a regex or dissect"};
  std::string out = fmt::format("vendor: {}\nproduct: {}\ntitle: {}\nconfidence: sample\nsource: samples of "
                                "{}\n\ninputs:\n  - name: main\n    format: {}\n",
                                vendor, product, product, product, found.format);
  std::string keys;
  for (const auto& [name, example] : found.fields)
    if (keys.size() < 60)
      keys += (keys.empty() ? "" : ", ") + quoted(name);
  out += found.format == "text" ? "    detect: {contains: [\"what only these logs contain\"]}\n"
                                : "    detect: {keys: [" + keys + "]} # leave those that only these logs have\n";
  if (!found.decode.empty())
    out += "    decode: " + found.decode + "\n";
  out += "\ntypes:\n  - name: event\n    class: network_activity # the OCSF class these are\n    fields:\n";
  for (const auto& [known, path] : well_known)
    for (const auto& [name, example] : found.fields)
      if (std::find(known.begin(), known.end(), lowered(name)) != known.end()) {
        out += fmt::format("      {}: {}\n", path, quoted(name));
        break;
      }
  out += "      # not mapped yet, with an example of each:\n";
  for (const auto& [name, example] : found.fields)
    out += fmt::format("      # {}: {}\n", name, quoted(example));
  return out;
}

} // namespace soc::cli
