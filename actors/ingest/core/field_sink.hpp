// ingest/core/field_sink.hpp - where decoders of text put what they find: names become slots with their dictionary id.
// One a normalizer; `begin` points it at the record at hand.
#pragma once
#include "base/arena.hpp"
#include "model/event.hpp"

#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace soc::ingest {

class field_sink {
public:
  explicit field_sink(model::dictionary_ptr names, bool keep_unknown = true)
      : names_(std::move(names)), keep_unknown_(keep_unknown) {}

  void begin(soc::arena& memory, std::vector<model::slot>& out) {
    memory_ = &memory;
    out_ = &out;
  }

  soc::arena& memory() { return *memory_; }
  std::vector<model::slot>& out() { return *out_; }

  /// A field whose name lies in the record (or lives as long). Values must live as long as the batch.
  void add(std::string_view name, model::value data) {
    model::slot s;
    s.id = find(name);
    if (s.id != model::no_field)
      name = names_->name(s.id);
    else if (!keep_unknown_)
      return;
    s.name_data = name.data();
    s.name_size = static_cast<std::uint32_t>(name.size());
    s.data = data;
    out_->push_back(s);
  }
  void add(std::string_view name, std::string_view text) { add(name, model::value::of_string(text)); }

  /// A field whose name is made up on the way: copied unless the dictionary has it.
  void add_copied(std::string_view name, model::value data) {
    const auto id = find(name);
    if (id == model::no_field && !keep_unknown_)
      return;
    add(id == model::no_field ? memory_->copy(name) : names_->name(id), data);
  }

  model::field_id find(std::string_view name) {
    std::uint64_t head = 0, tail = 0;
    std::memcpy(&head, name.data(), std::min<std::size_t>(name.size(), 8));
    if (name.size() > 8)
      std::memcpy(&tail, name.data() + name.size() - 8, 8);
    const std::uint64_t mix = (head ^ (tail * 0x9E3779B97F4A7C15ULL) ^ name.size()) * 0xD6E8FEB86659FD93ULL;
    auto& entry = cache_[mix >> 55];
    if (!entry.used || entry.name != name) {
      entry.name.assign(name);
      entry.id = names_->find(name);
      entry.used = true;
    }
    return entry.id;
  }

  const model::dictionary_ptr& names() const { return names_; }

private:
  struct entry {
    std::string name;
    model::field_id id = model::no_field;
    bool used = false;
  };
  model::dictionary_ptr names_;
  bool keep_unknown_;
  soc::arena* memory_ = nullptr;
  std::vector<model::slot>* out_ = nullptr;
  std::array<entry, 512> cache_;
};

} // namespace soc::ingest
