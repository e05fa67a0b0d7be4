// response/publishing.hpp - versions of playbooks on disk: playbook.yaml is the draft; `versions/` beside it holds what
// was published, each text for good, and index.json says which is current. A playbook that was never published runs as
// its draft (as before); one that was runs as its current version, whatever the draft says. Files and functions; no
// state.
#pragma once
#include "base/diagnostic.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <string>
#include <vector>

namespace soc::response {

struct published_version {
  std::uint64_t number = 0;
  std::string version; ///< hash of the text, as runs show it
  std::string user, reason, time;
  bool current = false;
};

/// The text to run of the playbook whose draft is `draft_file`: its current published version, else the draft's.
/// Nothing, and an error in `found` (PUB001…), when it can't be read or was changed after it was published.
std::optional<std::string> text_to_run(const std::string& draft_file, diagnostics& found);

result<std::vector<published_version>> versions_of(const std::string& draft_file);
/// Makes the draft's text the current version; the same text as the current one changes nothing.
result<published_version> publish(const std::string& draft_file, const std::string& version, const std::string& user,
                                  const std::string& reason, unix_ns now);
/// Makes an earlier version current again.
result<published_version> roll_back(const std::string& draft_file, std::uint64_t number, const std::string& user,
                                    const std::string& reason, unix_ns now);

} // namespace soc::response
