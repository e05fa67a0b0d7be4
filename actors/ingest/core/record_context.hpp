// ingest/core/record_context.hpp - one record on its way through a mapping: its bytes, the native fields found so far
// and the OCSF slots made so far, both findable by id in constant time. Owned by a normalizer and reused for every
// record.
#pragma once
#include "ingest/core/json_decoder.hpp"
#include "ingest/core/time_text.hpp"
#include "model/event.hpp"

#include <simdjson.h>

#include <array>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

namespace soc::ingest {

/// Slots by field id. The first slot of an id is the one found.
class slot_list {
public:
  void reserve_ids(std::size_t ids) {
    if (stamps_.size() < ids) {
      stamps_.resize(ids, 0);
      places_.resize(ids);
    }
  }
  void clear() {
    slots.clear();
    indexed_ = 0;
    if (++epoch_ == 0) {
      std::fill(stamps_.begin(), stamps_.end(), 0U);
      epoch_ = 1;
    }
  }
  /// Makes slots added to `slots` directly findable.
  void index_new() {
    for (; indexed_ < slots.size(); ++indexed_) {
      const auto id = slots[indexed_].id;
      if (id != model::no_field && stamps_[id] != epoch_) {
        stamps_[id] = epoch_;
        places_[id] = static_cast<std::uint32_t>(indexed_);
      }
    }
  }
  /// After slots were renamed in place.
  void reindex() {
    if (++epoch_ == 0) {
      std::fill(stamps_.begin(), stamps_.end(), 0U);
      epoch_ = 1;
    }
    indexed_ = 0;
    index_new();
  }
  const model::value* find(model::field_id id) const {
    return id < stamps_.size() && stamps_[id] == epoch_ ? &slots[places_[id]].data : nullptr;
  }
  model::value* find(model::field_id id) {
    return id < stamps_.size() && stamps_[id] == epoch_ ? &slots[places_[id]].data : nullptr;
  }

  /// A value under the name the dictionary has for `id`, findable at once. The caller knows that none is there yet.
  void add(const model::field_dictionary& names, model::field_id id, model::value v) {
    const auto name = names.name(id);
    model::slot s;
    s.id = id;
    s.name_data = name.data();
    s.name_size = static_cast<std::uint32_t>(name.size());
    s.data = v;
    slots.push_back(s);
    index_new();
  }
  void add(const model::slot& named, model::value v) {
    slots.push_back(named);
    slots.back().data = v;
    index_new();
  }

  std::vector<model::slot> slots;

private:
  std::vector<std::uint32_t> stamps_, places_;
  std::uint32_t epoch_ = 0;
  std::size_t indexed_ = 0;
};

/// A JSON text fields were decoded from: exact access to elements of lists of maps, parsed only when asked for.
struct json_source {
  std::string_view prefix; ///< put before its names
  std::string_view text;   ///< json_decoder::padding readable bytes follow
};

/// DOM parsers of the JSON texts of one record. Where the members of a text are known, only those asked for are parsed.
class json_trees {
public:
  void clear() {
    count_ = 0;
    parsed_.clear();
  }
  void add(json_source source, const std::vector<json_member>* members = nullptr);
  /// The element at a path like "resources[0].ARN"; false when it is not there.
  bool find(std::string_view path, simdjson::dom::element& out);
  /// The map or list at a path as JSON without white space, as far as no parser is needed for it.
  bool find_text(std::string_view path, arena& memory, std::string_view& out) const;

private:
  enum class tree_state { unparsed, good, bad };
  enum class answer { found, absent, unsure };
  struct tree {
    json_source source;
    tree_state state = tree_state::unparsed;
    bool has_members = false;
    std::vector<json_member> members;
    simdjson::dom::parser parser;
    simdjson::dom::element root;
  };
  struct parsed_member {
    const char* value;
    bool good;
    simdjson::dom::element root;
  };
  /// What a member's name says of a path: the first of that name, and whether longer names may fit too.
  struct named_member {
    const json_member* member = nullptr;
    bool longer_names = false;
  };
  static named_member find_member(const tree& t, std::string_view name);
  static std::string_view text_of(const tree& t, const json_member& member);
  answer find_in_member(const tree& t, std::string_view path, simdjson::dom::element& out);
  const parsed_member* parse(const tree& t, const json_member& member);

  static constexpr std::size_t most = 4, most_members = 32;
  std::array<tree, most> trees_;
  std::size_t count_ = 0;
  std::deque<simdjson::dom::parser> member_parsers_;
  std::vector<parsed_member> parsed_;
};

/// What is odd about the times of a record; told to the drift counts, never passed over in silence.
struct time_findings {
  std::string_view unknown_zone; ///< the time was read in the zone of the mapping or connector
  bool unreadable = false;       ///< there was a time, but not in a form the mapping reads
};

struct record_context {
  const model::raw_batch* raw = nullptr;
  arena* memory = nullptr;
  std::string_view record;  ///< as it came
  std::string_view payload; ///< without the syslog header
  unix_ns sent_at = 0;      ///< what an envelope says, 0 = nothing: the time of a record that has none itself
  slot_list native, ocsf;
  json_trees trees;
  time_context times;
  time_findings findings;
  zone_book zones;
};

/// A JSON element as a value: lists of scalars as lists, maps as JSON text, strings copied.
model::value value_of(simdjson::dom::element element, arena& memory);

} // namespace soc::ingest
