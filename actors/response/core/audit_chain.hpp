// response/core/audit_chain.hpp - the audit as a chain: each entry carries the hash of the one before it, and every so
// often a head, signed by the node, says how far the chain goes. Anchors are heads kept elsewhere: with them a cut-off
// tail shows. One chain for each node and tenant. Pure; signing and its check are passed in.
#pragma once
#include "base/time.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace soc::response {

struct audit_fields {
  std::string tenant, node, user, what, object, reason, outcome;
};

struct chain_head {
  std::uint64_t number = 0;
  std::string hash; ///< of the last entry, hex; empty before the first
};

/// One line: {"number","time","tenant","node","user","what","object","reason","outcome","previous","hash"}; `hash` is
/// the SHA-256 of the line before the hash was added. Moves `head` on.
std::string audit_line(const audit_fields& fields, unix_ns time, chain_head& head);

/// The entries of one message of the audit's stream: a line each.
std::vector<std::string> audit_lines_of(const std::string& message);

/// The text a head's signature is over.
std::string head_text(const std::string& node, const std::string& tenant, const chain_head& head);
/// {"head": {"node","tenant","number","hash","time","key","signature"}}: an anchor, one line of the anchors' file.
struct anchor {
  std::string node, tenant, key, signature;
  chain_head head;
};
std::string anchor_line(const anchor& a, unix_ns time);
std::optional<anchor> read_anchor(const std::string& line);

/// (public key hex, text, signature hex) → whether it is good.
using signature_check = std::function<bool(const std::string&, const std::string&, const std::string&)>;

struct audit_report {
  struct chain {
    std::uint64_t first = 0, last = 0, entries = 0,
                  anchored = 0; ///< anchored: the highest number an anchor vouches for
  };
  std::map<std::string, chain> chains; ///< by "node/tenant"
  std::vector<std::string> faults;     ///< in words, each with node, tenant and number
};

/// Checks lines (in any order) against one another and against anchors. `trusted`: public keys by node; a node that
/// isn't there is taken at the key its anchors carry.
audit_report verify_audit(const std::vector<std::string>& lines, const std::vector<anchor>& anchors,
                          const std::map<std::string, std::string>& trusted, const signature_check& good);

std::string sha256_hex(const std::string& bytes);

} // namespace soc::response
