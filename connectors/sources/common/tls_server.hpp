// sources/common/tls_server.hpp - the server's side of TLS: one context a listener, one session a connection. TLS 1.2
// or newer; client certificates where a CA is given. Adapter over OpenSSL; each object belongs to one thread.
#pragma once
#include "base/result.hpp"

#include <memory>
#include <openssl/ssl.h>
#include <string>

namespace soc::sources {

struct tls_files {
  std::string certificate, key; ///< PEM; the certificate with its chain
  std::string client_ca;        ///< PEM; given = clients must show a certificate it signed
};

using tls_context = std::shared_ptr<SSL_CTX>;
using tls_session = std::unique_ptr<SSL, decltype(&SSL_free)>;

result<tls_context> make_tls_context(const tls_files& files);
tls_session make_tls_session(SSL_CTX* context, int fd);

/// The newest complaint of OpenSSL in this thread, and clears it.
std::string tls_complaint();

} // namespace soc::sources
