#include "transport/nats_identity.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace soc::transport {

namespace {

natsStatus set_nkey(natsOptions* o, const std::string& seed_file) {
  std::ifstream in(seed_file);
  std::ostringstream text;
  text << in.rdbuf();
  const auto key = public_nkey_of_seed(text.str());
  return key ? natsOptions_SetNKeyFromSeed(o, key->c_str(), seed_file.c_str()) : NATS_INVALID_ARG;
}

natsStatus authenticate(natsOptions* o, const nats_options& wanted) {
  if (!wanted.user.empty())
    return natsOptions_SetUserInfo(o, wanted.user.c_str(), wanted.password.c_str());
  if (!wanted.credentials_file.empty())
    return natsOptions_SetUserCredentialsFromFiles(o, wanted.credentials_file.c_str(), nullptr);
  return wanted.nkey_seed_file.empty() ? NATS_OK : set_nkey(o, wanted.nkey_seed_file);
}

bool wants_tls(const nats_options& wanted) {
  return !wanted.tls_ca.empty() || !wanted.tls_certificate.empty() ||
         std::any_of(wanted.urls.begin(), wanted.urls.end(),
                     [](const std::string& url) { return url.rfind("tls://", 0) == 0; });
}

natsStatus secure(natsOptions* o, const nats_options& wanted) {
  natsStatus s = wants_tls(wanted) ? natsOptions_SetSecure(o, true) : NATS_OK;
  if (s == NATS_OK && !wanted.tls_ca.empty())
    s = natsOptions_LoadCATrustedCertificates(o, wanted.tls_ca.c_str());
  if (s == NATS_OK && !wanted.tls_certificate.empty())
    s = natsOptions_LoadCertificatesChain(o, wanted.tls_certificate.c_str(), wanted.tls_key.c_str());
  return s;
}

} // namespace

natsStatus identify(natsOptions* o, const nats_options& wanted) {
  const auto s = authenticate(o, wanted);
  return s == NATS_OK ? secure(o, wanted) : s;
}

} // namespace soc::transport
