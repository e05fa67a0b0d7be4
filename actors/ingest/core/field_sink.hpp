// ingest/core/field_sink.hpp - where decoders of text put what they find: names become slots with their dictionary id.
// One a normalizer; `begin` points it at the record at hand.
#pragma once
#include "base/arena.hpp"
#include "ingest/core/quick_hash.hpp"
#include "model/event.hpp"

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
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
    model::slot s;
    s.id = find(name);
    if (s.id == model::no_field && !keep_unknown_)
      return;
    name = s.id == model::no_field ? memory_->copy(name) : names_->name(s.id);
    s.name_data = name.data();
    s.name_size = static_cast<std::uint32_t>(name.size());
    s.data = data;
    out_->push_back(s);
  }

  /// The same for a name of two parts.
  void add_joined(std::string_view head, std::string_view tail, model::value data) {
    joined_.assign(head).append(tail);
    add_copied(joined_, data);
  }

  /// Slots without values for a list of names that lives as long as the mappings; `name_data` is null where a value is
  /// not kept.
  const std::vector<model::slot>& resolved(const std::vector<std::string>& names) {
    auto& slots = resolved_[&names];
    if (slots.size() == names.size())
      return slots;
    slots.clear();
    for (const auto& name : names) {
      model::slot s;
      s.id = names_->find(name);
      const bool kept = !name.empty() && name != "~" && (s.id != model::no_field || keep_unknown_);
      const auto text = s.id != model::no_field ? names_->name(s.id) : std::string_view(name);
      s.name_data = kept ? text.data() : nullptr;
      s.name_size = static_cast<std::uint32_t>(text.size());
      slots.push_back(s);
    }
    return slots;
  }
  /// Room for what a decoder takes apart, reused.
  std::vector<std::string_view>& scratch() {
    scratch_.clear();
    return scratch_;
  }

  model::field_id find(std::string_view name) {
    auto& entry = cache_[quick_hash(name) >> 54];
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
  std::array<entry, 1024> cache_;
  std::unordered_map<const void*, std::vector<model::slot>> resolved_;
  std::vector<std::string_view> scratch_;
  std::string joined_;
};

} // namespace soc::ingest
