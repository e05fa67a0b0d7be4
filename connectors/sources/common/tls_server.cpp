#include "connectors/sources/common/tls_server.hpp"

#include <openssl/err.h>

namespace soc::sources {

result<tls_context> make_tls_context(const tls_files& files) {
  tls_context context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context)
    return failure{ec::internal, "TLS can't be set up: " + tls_complaint()};
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1)
    return failure{ec::invalid_input, "TLS certificate " + files.certificate + ": " + tls_complaint()};
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return failure{ec::invalid_input, "TLS key " + files.key + ": " + tls_complaint()};
  if (files.client_ca.empty())
    return context;
  if (SSL_CTX_load_verify_locations(context.get(), files.client_ca.c_str(), nullptr) != 1)
    return failure{ec::invalid_input, "TLS client CA " + files.client_ca + ": " + tls_complaint()};
  SSL_CTX_set_client_CA_list(context.get(), SSL_load_client_CA_file(files.client_ca.c_str()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return context;
}

tls_session make_tls_session(SSL_CTX* context, int fd) {
  tls_session session(SSL_new(context), SSL_free);
  if (session) {
    SSL_set_fd(session.get(), fd);
    SSL_set_accept_state(session.get());
    SSL_set_mode(session.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  }
  return session;
}

std::string tls_complaint() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  char text[256] = "no reason given";
  if (code != 0)
    ERR_error_string_n(code, text, sizeof text);
  return text;
}

} // namespace soc::sources
