#include "correlation/core/window_engine.hpp"

#include <algorithm>
#include <cstring>
#include <functional>

namespace soc::correlation {

namespace {

/// 1 had no tenants in its groups.
constexpr std::uint32_t snapshot_format = 2;

class snapshot_writer {
public:
  template <class T>
  void number(T v) {
    out.append(reinterpret_cast<const char*>(&v), sizeof v);
  }
  void text(std::string_view v) {
    number(static_cast<std::uint32_t>(v.size()));
    out.append(v);
  }
  std::string out;
};

class snapshot_reader {
public:
  explicit snapshot_reader(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  T number() {
    T v{};
    if (bytes_.size() < sizeof v) {
      ok_ = false;
      return v;
    }
    std::memcpy(&v, bytes_.data(), sizeof v);
    bytes_.remove_prefix(sizeof v);
    return v;
  }
  std::string text() {
    const auto size = number<std::uint32_t>();
    if (bytes_.size() < size) {
      ok_ = false;
      return {};
    }
    std::string out(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return out;
  }
  bool ok() const { return ok_; }

private:
  std::string_view bytes_;
  bool ok_ = true;
};

using window_id = std::function<const std::string&(std::uint32_t)>;
using window_index = std::function<std::uint32_t(const std::string&)>;

void write_chains(snapshot_writer& w, const std::vector<chained_window>& chains, const window_id& id_of) {
  w.number(static_cast<std::uint32_t>(chains.size()));
  for (const auto& one : chains) {
    w.text(id_of(one.window));
    w.number(one.position);
    w.text(one.group);
    write_chains(w, one.next, id_of);
  }
}

/// What feeds a window that is there no more, feeds nothing behind it either.
std::vector<chained_window> read_chains(snapshot_reader& r, const window_index& find, std::size_t windows) {
  std::vector<chained_window> out;
  for (auto n = r.number<std::uint32_t>(); n > 0 && r.ok(); --n) {
    chained_window one;
    one.window = find(r.text());
    one.position = r.number<std::uint16_t>();
    one.group = r.text();
    one.next = read_chains(r, find, windows);
    if (one.window < windows)
      out.push_back(std::move(one));
  }
  return out;
}

} // namespace

std::string window_engine::snapshot() const {
  snapshot_writer w;
  w.number(snapshot_format);
  w.number(newest_);
  w.number(static_cast<std::uint32_t>(windows_.size()));
  for (const auto& one : windows_) {
    w.text(one.rule.id);
    w.number(one.swept_at);
    w.number(one.since_sweep);
    std::vector<const std::pair<const digest, group>*> groups; // in a fixed order: equal state, equal bytes
    for (const auto& g : one.groups)
      groups.push_back(&g);
    std::sort(groups.begin(), groups.end(), [](auto* a, auto* b) { return a->first < b->first; });
    w.number(static_cast<std::uint32_t>(groups.size()));
    for (const auto* pair : groups) {
      const auto& g = pair->second;
      w.text(g.key);
      w.number(g.last);
      w.number(g.fired_at);
      write_chains(w, g.next, [this](std::uint32_t window) -> const std::string& { return windows_[window].rule.id; });
      w.number(static_cast<std::uint32_t>(g.entries.size()));
      for (const auto& e : g.entries) {
        w.number(e.time);
        w.number(e.value);
        w.number(e.event.high);
        w.number(e.event.low);
        w.number(e.position);
      }
    }
  }
  w.number(hash64(w.out));
  return std::move(w.out);
}

outcome window_engine::restore(std::string_view bytes) {
  const failure corrupt{ec::corrupt, "the snapshot of correlation windows is damaged"};
  if (bytes.size() < 16)
    return corrupt;
  std::uint64_t sum = 0;
  std::memcpy(&sum, bytes.data() + bytes.size() - sizeof sum, sizeof sum);
  bytes.remove_suffix(sizeof sum);
  if (hash64(bytes) != sum)
    return corrupt;
  snapshot_reader r(bytes);
  if (r.number<std::uint32_t>() != snapshot_format)
    return failure{ec::version_mismatch, "the snapshot of correlation windows has another format"};
  const auto find = [this](const std::string& id) {
    std::uint32_t i = 0;
    while (i < windows_.size() && windows_[i].rule.id != id)
      ++i;
    return i;
  };
  const auto newest = r.number<unix_ns>();
  std::vector<std::unordered_map<digest, group, digest_hash>> read(windows_.size());
  std::vector<std::pair<unix_ns, std::uint64_t>> sweeps(windows_.size());
  for (auto left = r.number<std::uint32_t>(); left > 0 && r.ok(); --left) {
    const auto index = find(r.text());
    const auto swept_at = r.number<unix_ns>();
    const auto since = r.number<std::uint64_t>();
    if (index < windows_.size())
      sweeps[index] = {swept_at, since};
    for (auto groups = r.number<std::uint32_t>(); groups > 0 && r.ok(); --groups) {
      group g;
      g.key = r.text();
      g.last = r.number<unix_ns>();
      g.fired_at = r.number<unix_ns>();
      g.next = read_chains(r, find, windows_.size());
      for (auto n = r.number<std::uint32_t>(); n > 0 && r.ok(); --n) {
        entry e;
        e.time = r.number<unix_ns>();
        e.value = r.number<std::uint64_t>();
        e.event.high = r.number<std::uint64_t>();
        e.event.low = r.number<std::uint64_t>();
        e.position = r.number<std::uint16_t>();
        g.entries.push_back(e);
      }
      if (index < windows_.size())
        read[index].emplace(hash128(g.key), std::move(g));
    }
  }
  if (!r.ok())
    return corrupt;
  newest_ = newest;
  group_count_ = 0;
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    windows_[i].groups = std::move(read[i]);
    windows_[i].swept_at = sweeps[i].first;
    windows_[i].since_sweep = sweeps[i].second;
    group_count_ += windows_[i].groups.size();
  }
  return done{};
}

} // namespace soc::correlation
