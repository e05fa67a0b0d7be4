// response/content.hpp - what response works by: components, resource instances, rules, limits, and the playbooks'
// texts. One immutable value, loaded and checked as a whole; a reload makes another and swaps it.
#pragma once
#include "playbook/core/library.hpp"
#include "response/core/driver.hpp"
#include "response/core/rule.hpp"

#include <memory>
#include <mutex>

namespace soc::response {

struct content {
  catalogue components;
  std::vector<resource_instance> instances;
  response_config config;
  /// By name: the playbook's text, then those of the sub-playbooks it uses.
  std::map<std::string, std::vector<std::string>> playbooks;

  const resource_instance* instance(const std::string& name) const;
};
using content_ptr = std::shared_ptr<const content>;

struct content_folders {
  std::string components; ///< <component>/component.yaml below
  std::string resources;  ///< *.yaml
  std::string response;   ///< *.yaml
  std::string playbooks;  ///< <name>/playbook.yaml below
};

/// The components below `folder`, and the playbooks below `folder` checked against them: also for the offline commands.
catalogue load_catalogue(const std::string& folder, diagnostics& found);
/// What checks of playbooks need to know of them.
playbook::action_table actions_of(const catalogue& known);
playbook::library load_playbooks(const std::string& folder, const catalogue& known, diagnostics& found);

/// Loads and checks everything; with errors in `found` the value must not be used. `platform` are our own addresses and
/// hosts: never to be touched, like the endpoints of all instances.
content_ptr load_content(const content_folders& folders, const std::vector<std::string>& platform, diagnostics& found);

/// Addresses of this machine's interfaces and its host name, for `platform`.
std::vector<std::string> own_addresses();

/// Where the actors find the present content. Thread-safe.
class content_holder {
public:
  explicit content_holder(content_ptr first) : now_(std::move(first)) {}
  content_ptr get() const {
    std::lock_guard lock(mutex_);
    return now_;
  }
  void set(content_ptr next) {
    std::lock_guard lock(mutex_);
    now_ = std::move(next);
  }

private:
  mutable std::mutex mutex_;
  content_ptr now_;
};

} // namespace soc::response
