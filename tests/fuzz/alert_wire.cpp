// Any bytes as an alert, a batch of alerts, events or a control message: a value or a failure, and what was read can be
// written.
#include "wire/alert_wire.hpp"

#include "wire/control_wire.hpp"
#include "wire/event_wire.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto read = soc::wire::decode_alert(bytes)) {
    const auto written = soc::wire::encode(*read);
    if (!written || !soc::wire::decode_alert(*written))
      std::abort();
  }
  (void)soc::wire::decode_alerts(bytes);
  (void)soc::wire::decode_events(bytes, nullptr);
  (void)soc::wire::decode_control_request(bytes);
  (void)soc::wire::decode_envelope(bytes);
  return 0;
}
