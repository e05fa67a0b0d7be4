#include "connectors/targets/dns/dns_driver.hpp"

#include <memory>
#include <netdb.h>
#include <sys/socket.h>

namespace soc::targets {

using nlohmann::json;
using response::call_outcome;
using kind = call_outcome::kind;

call_outcome dns_driver::call(const response::component_call& what) {
  const auto name = what.parameters.value("name", std::string{});
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  const int code = ::getaddrinfo(name.c_str(), nullptr, &hints, &raw);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> all(raw, [](addrinfo* a) {
    if (a != nullptr)
      ::freeaddrinfo(a);
  });
  if (code == EAI_NONAME || code == EAI_NODATA)
    return {kind::succeeded, {{"found", false}, {"addresses", json::array()}}, ""};
  if (code != 0)
    return {code == EAI_AGAIN ? kind::transient : kind::failed, nullptr, ::gai_strerror(code)};
  json addresses = json::array();
  for (const auto* at = raw; at != nullptr; at = at->ai_next) {
    char text[NI_MAXHOST] = {};
    if (::getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
      addresses.push_back(std::string(text));
  }
  return {kind::succeeded, {{"found", true}, {"addresses", std::move(addresses)}}, ""};
}

} // namespace soc::targets
