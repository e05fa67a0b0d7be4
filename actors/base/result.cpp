#include "base/result.hpp"

namespace soc {

std::string to_string(ec code) {
  switch (code) {
  case ec::none:
    return "none";
  case ec::invalid_input:
    return "invalid_input";
  case ec::not_found:
    return "not_found";
  case ec::conflict:
    return "conflict";
  case ec::unavailable:
    return "unavailable";
  case ec::timed_out:
    return "timed_out";
  case ec::refused:
    return "refused";
  case ec::too_large:
    return "too_large";
  case ec::io_error:
    return "io_error";
  case ec::corrupt:
    return "corrupt";
  case ec::version_mismatch:
    return "version_mismatch";
  case ec::closed:
    return "closed";
  case ec::internal:
    return "internal";
  }
  return "unknown";
}

} // namespace soc
