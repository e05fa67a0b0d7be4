#include "connectors/targets/secrets.hpp"

namespace soc::targets {

result<std::string> credential(const response::resource_instance& instance, const std::string& name) {
  const auto at = instance.credentials.find(name);
  if (at == instance.credentials.end())
    return failure{ec::not_found, "instance '" + instance.name + "' has no credential '" + name + "'"};
  return read_secret(at->second);
}

} // namespace soc::targets
