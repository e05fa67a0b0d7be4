// transport/nats_handles.hpp - libnats objects with their destructors. Owned by nats_link; nothing else touches
// libnats.
#pragma once
#include "base/result.hpp"

#include <nats/nats.h>

#include <memory>
#include <string>

namespace soc::transport {

struct nats_deleter {
  void operator()(natsOptions* p) const { natsOptions_Destroy(p); }
  void operator()(natsConnection* p) const { natsConnection_Destroy(p); }
  void operator()(natsMsg* p) const { natsMsg_Destroy(p); }
  void operator()(natsInbox* p) const { natsInbox_Destroy(p); }
  void operator()(natsStatistics* p) const { natsStatistics_Destroy(p); }
};

template <class T>
using nats_handle = std::unique_ptr<T, nats_deleter>;

inline failure nats_failure(natsStatus status, const std::string& doing) {
  const bool passes = status == NATS_TIMEOUT || status == NATS_NO_SERVER || status == NATS_CONNECTION_CLOSED ||
                      status == NATS_CONNECTION_DISCONNECTED || status == NATS_INSUFFICIENT_BUFFER ||
                      status == NATS_IO_ERROR;
  return {status == NATS_MAX_PAYLOAD ? ec::too_large
          : passes                   ? ec::unavailable
                                     : ec::invalid_input,
          doing + ": " + natsStatus_GetText(status)};
}

} // namespace soc::transport
