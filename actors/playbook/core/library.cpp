#include "playbook/core/library.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace soc::playbook {

namespace {

void collect_sub_playbooks(const block& b, std::vector<std::string>& out) {
  for (const auto& s : b.steps) {
    if (s.kind == step_kind::sub_playbook)
      out.push_back(s.playbook);
    if (s.body)
      collect_sub_playbooks(*s.body, out);
  }
}

} // namespace

library load_library(const std::vector<playbook_source>& sources, const action_table& actions, diagnostics& found,
                     const program_check& compiles) {
  library all;
  for (const auto& source : sources) {
    auto d = load_playbook(source.file, source.text, found);
    if (!d)
      continue;
    if (all.contains(d->name))
      found.error("PLB034", {source.file, 0, 0},
                  fmt::format("playbook '{}' is in {} too", d->name, all.at(d->name)->file));
    else
      all.emplace(d->name, std::move(d));
  }
  library good = all;
  for (const auto& [name, d] : all) {
    const auto before = found.errors();
    check_playbook(*d, actions, all, found, compiles);
    if (found.errors() != before)
      good.erase(name);
  }
  return good;
}

std::vector<std::string> pinned_texts(const library& all, const std::string& name) {
  std::vector<std::string> names{name}, out;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto at = all.find(names[i]);
    if (at == all.end() || !seen.insert(names[i]).second)
      continue;
    out.push_back(at->second->text);
    collect_sub_playbooks(at->second->body, names);
  }
  return out;
}

} // namespace soc::playbook
