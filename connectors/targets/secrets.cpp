#include "connectors/targets/secrets.hpp"

#include <cstdlib>
#include <fstream>

namespace soc::targets {

result<std::string> resolve_secret(const std::string& reference) {
  if (reference.starts_with("env:")) {
    const char* value = std::getenv(reference.c_str() + 4);
    if (value == nullptr || *value == '\0')
      return failure{ec::not_found, "environment variable " + reference.substr(4) + " is not set"};
    return std::string(value);
  }
  if (!reference.starts_with("file:"))
    return failure{ec::invalid_input, "a credential must be env:NAME or file:PATH"};
  std::ifstream in(reference.substr(5), std::ios::binary);
  if (!in)
    return failure{ec::not_found, "the secret's file can't be read"};
  std::string text((std::istreambuf_iterator<char>(in)), {});
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.pop_back();
  return text;
}

result<std::string> credential(const response::resource_instance& instance, const std::string& name) {
  const auto at = instance.credentials.find(name);
  if (at == instance.credentials.end())
    return failure{ec::not_found, "instance '" + instance.name + "' has no credential '" + name + "'"};
  return resolve_secret(at->second);
}

} // namespace soc::targets
