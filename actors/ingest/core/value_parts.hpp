// ingest/core/value_parts.hpp - texts taken apart: URLs, users, paths, command lines, endpoints, addresses, MACs. Pure;
// results are views into the text or copies in the arena.
#pragma once
#include "base/arena.hpp"

#include <optional>
#include <string_view>

namespace soc::ingest {

struct url_parts {
  std::string_view scheme, hostname, path, query;
  int port = -1;
};
url_parts split_url(std::string_view text);

struct user_parts {
  std::string_view name, domain, email;
};
user_parts split_user(std::string_view text);

struct path_parts {
  std::string_view name, folder;
};
path_parts split_path(std::string_view text);

/// The program of a command line, without quotes.
std::string_view program_of(std::string_view command_line);

struct endpoint_parts {
  std::string_view host; ///< address without brackets, or a name
  bool is_ip = false;
  int port = -1;
};
endpoint_parts split_endpoint(std::string_view text);

/// The address in its canonical spelling; brackets, a zone and an IPv4 port are taken off.
std::optional<std::string_view> clean_ip(std::string_view text, arena& memory);
/// aa:bb:cc:dd:ee:ff.
std::optional<std::string_view> clean_mac(std::string_view text, arena& memory);

/// OCSF fingerprint algorithm_id by length of the hex text: 1 MD5, 2 SHA-1, 3 SHA-256, 4 SHA-512; 99 other, 0 no hash.
int hash_algorithm(std::string_view hex);

} // namespace soc::ingest
