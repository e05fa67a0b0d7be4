#include "lake/catalog.hpp"

#include <algorithm>
#include <utility>

namespace soc::lake {

result<std::shared_ptr<catalog>> catalog::read(const std::filesystem::path& directory, bool repair) {
  auto found = find_segments(directory, repair);
  if (!found)
    return found.error();
  std::shared_ptr<catalog> out(new catalog(directory));
  out->repaired_ = std::move(found->repaired);
  for (auto& s : found->all) {
    const auto name = s.name; // the right side of an assignment is evaluated first
    out->segments_[name] = std::make_shared<segment_info>(std::move(s));
  }
  return out;
}

result<std::shared_ptr<catalog>> catalog::open(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error)
    return failure{ec::io_error, directory.string() + " can't be made: " + error.message()};
  return read(directory, true);
}

result<std::shared_ptr<catalog>> catalog::look(const std::filesystem::path& directory) {
  return read(directory, false);
}

void catalog::begin(std::uint32_t lane, const std::string& name) {
  const std::lock_guard lock(mutex_);
  written_[lane] = name;
  auto info = std::make_shared<segment_info>();
  info->name = name;
  segments_[name] = std::move(info);
}

std::string catalog::end(std::uint32_t lane) {
  const std::lock_guard lock(mutex_);
  return std::exchange(written_[lane], {});
}

std::string catalog::end(std::uint32_t lane, const std::string& name) {
  const std::lock_guard lock(mutex_);
  auto& written = written_[lane];
  return written == name ? std::exchange(written, {}) : std::string();
}

std::vector<std::string> catalog::left_open() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [name, info] : segments_)
    if (!info->sealed &&
        std::none_of(written_.begin(), written_.end(), [&name = name](const auto& w) { return w.second == name; }))
      out.push_back(name);
  return out;
}

bool catalog::append(std::uint32_t lane, const std::string& name, std::vector<block_entry> blocks,
                     std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (written_[lane] != name)
    return false;
  auto& info = *segments_.at(name);
  std::move(blocks.begin(), blocks.end(), std::back_inserter(info.index.blocks));
  info.bytes = bytes;
  return true;
}

void catalog::seal(segment_info sealed) {
  const std::lock_guard lock(mutex_);
  const auto name = sealed.name; // the right side of an assignment is evaluated first
  segments_[name] = std::make_shared<segment_info>(std::move(sealed));
}

void catalog::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  segments_.erase(name);
}

std::vector<std::shared_ptr<const segment_info>> catalog::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const segment_info>> out;
  for (const auto& [name, info] : segments_) // an open one as it is now
    out.push_back(info->sealed ? info : std::make_shared<segment_info>(*info));
  return out;
}

std::shared_ptr<const segment_info> catalog::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto it = segments_.find(name);
  return it == segments_.end() ? nullptr : std::make_shared<const segment_info>(*it->second);
}

lake_status catalog::status() const {
  const std::lock_guard lock(mutex_);
  lake_status out;
  for (const auto& [name, info] : segments_) {
    const auto& index = info->index;
    ++(info->sealed ? out.segments : out.open_segments);
    out.rows += index.rows();
    out.raw_bytes += index.raw_bytes();
    out.bytes += info->bytes;
    if (index.blocks.empty())
      continue;
    out.first = out.blocks == 0 ? index.first() : std::min(out.first, index.first());
    out.last = out.blocks == 0 ? index.last() : std::max(out.last, index.last());
    out.blocks += index.blocks.size();
  }
  return out;
}

} // namespace soc::lake
