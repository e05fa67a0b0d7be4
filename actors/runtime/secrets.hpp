// runtime/secrets.hpp - the one place where references to secrets are resolved: env:NAME, file:PATH, secret:NAME. At
// the moment of use; nothing is cached, and no failure holds a secret's text. secret:NAME lies encrypted (libsodium
// secretbox) in one file whose key is in another; `soc secret` writes it.
#pragma once
#include "base/result.hpp"

#include <string>
#include <vector>

namespace soc {

/// Where the encrypted secrets and their key are: SOC_SECRETS and SOC_SECRETS_KEY of the environment, else
/// /var/lib/soc/secrets.json and /etc/soc/secrets.key.
struct secret_files {
  std::string file, key_file;
};
secret_files default_secret_files();

/// The secret behind a reference, without trailing line ends. invalid_input: plain text; not_found: not set, empty,
/// unreadable.
result<std::string> read_secret(const std::string& reference);
bool is_secret_reference(const std::string& text);

// ---- The encrypted file; each call reads and, where it changes something, replaces it as a whole.

/// Makes the key's file (0600) unless it is there.
outcome make_secret_key(const secret_files& files);
outcome set_secret(const secret_files& files, const std::string& name, const std::string& value);
outcome remove_secret(const secret_files& files, const std::string& name);
result<std::vector<std::string>> secret_names(const secret_files& files);
result<std::string> stored_secret(const secret_files& files, const std::string& name);

} // namespace soc
