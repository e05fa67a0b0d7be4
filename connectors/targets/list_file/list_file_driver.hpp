// targets/list_file/list_file_driver.hpp - a file with one line for each entry, which a device fetches (a block-list
// feed, an external dynamic list) or a server includes (ModSecurity). Replaced as a whole, so a reader never sees half
// of it. Thread-safe within one node; only this driver writes the file.
#pragma once
#include "response/core/driver.hpp"

#include <mutex>

namespace soc::targets {

/// Actions (driver_action): add_entry, remove_entry, get_entry. The entry is the action's target parameter. Settings:
/// path, line ("${value}" within, default alone), header, reload (program and arguments, run after a change).
class list_file_driver final : public response::component_driver {
public:
  response::call_outcome call(const response::component_call& what) override;

private:
  std::mutex mutex_;
};

} // namespace soc::targets
