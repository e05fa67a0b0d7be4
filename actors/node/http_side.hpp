// node/http_side.hpp - serves console/http_api with the event loop that takes pushed logs: who is silent, sends slowly
// or keeps a connection open holds up nobody else, and not the node's end either. Owned by the node.
#pragma once
#include "connectors/sources/http/http_server.hpp"
#include "console/http_api.hpp"

namespace soc::node {

/// Listens until it is stopped; port 0 = a free one, see port(). Fails with io_error.
result<std::unique_ptr<sources::http_server>> serve_http(const std::string& host, std::uint16_t port,
                                                         console::http_api api);

} // namespace soc::node
