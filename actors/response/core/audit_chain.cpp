#include "response/core/audit_chain.hpp"

#include "base/json_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <openssl/sha.h>

namespace soc::response {

using nlohmann::json;

namespace {

struct parsed_entry {
  std::uint64_t number = 0;
  std::string previous, hash, line;
};

/// The line without its hash, as it was when it was hashed.
std::optional<std::string> unhashed(const std::string& line, const std::string& hash) {
  const auto tail = fmt::format(",\"hash\":\"{}\"}}", hash);
  return line.ends_with(tail) ? std::optional(line.substr(0, line.size() - tail.size())) : std::nullopt;
}

std::string chain_name(const std::string& node, const std::string& tenant) {
  return node + "/" + tenant;
}

/// Checks the entries of one chain, in the order of their numbers.
void check_entries(const std::string& name, const std::multimap<std::uint64_t, parsed_entry>& entries,
                   audit_report& out) {
  auto& chain = out.chains[name];
  const parsed_entry* before = nullptr;
  for (const auto& [number, entry] : entries) {
    ++chain.entries;
    const auto fault = [&, number = number](const std::string& what) {
      out.faults.push_back(fmt::format("{} entry {}: {}", name, number, what));
    };
    const auto text = unhashed(entry.line, entry.hash);
    if (!text || sha256_hex(*text) != entry.hash)
      fault("it was changed: its hash is not that of its text");
    if (before == nullptr) {
      chain.first = number;
      if (number == 1 && !entry.previous.empty())
        fault("the first entry names one before it");
    } else if (before->number == number) {
      if (before->line != entry.line)
        fault("two different entries have this number");
    } else if (before->number + 1 != number) {
      fault(fmt::format("{} entries before it are missing", number - before->number - 1));
    } else if (before->hash != entry.previous) {
      fault("it doesn't follow the entry before it");
    }
    chain.last = number;
    before = &entry;
  }
}

void check_anchor(const anchor& a, const std::multimap<std::uint64_t, parsed_entry>& entries,
                  const std::map<std::string, std::string>& trusted, const signature_check& good, audit_report& out) {
  const auto name = chain_name(a.node, a.tenant);
  const auto fault = [&](const std::string& what) {
    out.faults.push_back(fmt::format("{} anchor {}: {}", name, a.head.number, what));
  };
  if (const auto key = trusted.find(a.node); key != trusted.end() && key->second != a.key)
    return fault("it is signed by another key than the node's");
  if (!good(a.key, head_text(a.node, a.tenant, a.head), a.signature))
    return fault("its signature is wrong");
  auto& chain = out.chains[name];
  chain.anchored = std::max(chain.anchored, a.head.number);
  const auto [first, last] = entries.equal_range(a.head.number);
  if (first == last) {
    if (chain.entries == 0 || a.head.number > chain.last)
      fault("the entries up to it are cut off");
    return; // older than what is kept
  }
  if (first->second.hash != a.head.hash)
    fault("the entry there is not the one that was anchored");
}

} // namespace

std::string sha256_hex(const std::string& bytes) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), hash);
  std::string out;
  for (const auto byte : hash)
    out += fmt::format("{:02x}", byte);
  return out;
}

std::string audit_line(const audit_fields& f, unix_ns time, chain_head& head) {
  std::string out;
  json_writer w(out);
  w.begin_object().key("number").integer(static_cast<std::int64_t>(head.number + 1));
  w.key("time").string(format_rfc3339(time)).key("tenant").string(f.tenant).key("node").string(f.node);
  w.key("user").string(f.user).key("what").string(f.what).key("object").string(f.object);
  w.key("reason").string(f.reason).key("outcome").string(f.outcome).key("previous").string(head.hash);
  head = {head.number + 1, sha256_hex(out)};
  w.key("hash").string(head.hash).end_object();
  return out;
}

std::vector<std::string> audit_lines_of(const std::string& message) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < message.size();) {
    const auto end = std::min(message.find('\n', at), message.size());
    if (end > at)
      out.push_back(message.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::string head_text(const std::string& node, const std::string& tenant, const chain_head& head) {
  return fmt::format("soc audit head 1\n{}\n{}\n{}\n{}", node, tenant, head.number, head.hash);
}

std::string anchor_line(const anchor& a, unix_ns time) {
  return json{{"head",
               {{"node", a.node},
                {"tenant", a.tenant},
                {"number", a.head.number},
                {"hash", a.head.hash},
                {"time", format_rfc3339(time)},
                {"key", a.key},
                {"signature", a.signature}}}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<anchor> read_anchor(const std::string& line) {
  const auto parsed = json::parse(line, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("head") || !parsed["head"].is_object())
    return std::nullopt;
  const auto& from = parsed["head"];
  const auto text = [&](const char* key) {
    return from.contains(key) && from[key].is_string() ? from[key].get<std::string>() : std::string{};
  };
  if (!from.contains("number") || !from["number"].is_number_unsigned())
    return std::nullopt;
  return anchor{text("node"),
                text("tenant"),
                text("key"),
                text("signature"),
                {from["number"].get<std::uint64_t>(), text("hash")}};
}

audit_report verify_audit(const std::vector<std::string>& lines, const std::vector<anchor>& anchors,
                          const std::map<std::string, std::string>& trusted, const signature_check& good) {
  audit_report out;
  std::map<std::string, std::multimap<std::uint64_t, parsed_entry>> chains;
  for (const auto& line : lines) {
    const auto entry = json::parse(line, nullptr, false);
    const auto text = [&](const char* key) {
      return entry.contains(key) && entry[key].is_string() ? entry[key].get<std::string>() : std::string{};
    };
    if (!entry.is_object() || !entry.contains("number") || !entry["number"].is_number_unsigned() ||
        text("hash").empty()) {
      out.faults.push_back("an entry that is none: " + line.substr(0, 80));
      continue;
    }
    const auto number = entry["number"].get<std::uint64_t>();
    chains[chain_name(text("node"), text("tenant"))].emplace(
        number, parsed_entry{number, text("previous"), text("hash"), line});
  }
  for (const auto& [name, entries] : chains)
    check_entries(name, entries, out);
  for (const auto& a : anchors)
    check_anchor(a, chains[chain_name(a.node, a.tenant)], trusted, good, out);
  return out;
}

} // namespace soc::response
