// Rows of a block as events: some of their fields to test a condition, or whole ones.
#include "lake/core/block_state.hpp"

#include <algorithm>

namespace soc::lake {

using model::value;

namespace {

/// Copies what a value points at into `memory`.
value owned_value(const value& v, arena& memory) {
  if (v.is_string())
    return value::of_string(memory.copy(v.text()));
  if (!v.is_list())
    return v;
  auto* items = memory.make_array<value>(v.items().size());
  for (std::size_t i = 0; i < v.items().size(); ++i)
    items[i] = owned_value(v.items()[i], memory);
  return value::of_list({items, v.items().size()});
}

/// Calls `each(row, its shape, asked)` for the rows up to the last of `rows`.
template <class Each>
void walk_rows(const block_state& s, const std::vector<std::uint32_t>& rows, Each each) {
  auto next = rows.begin();
  for (std::uint32_t row = 0; row < s.entry.rows && next != rows.end(); ++row) {
    const bool asked = *next == row;
    each(row, static_cast<std::size_t>(s.of(system_column::shape, row)), asked);
    if (asked)
      ++next;
  }
}

/// Events with the projected fields only, one at a time.
class projected_events {
public:
  projected_events(block_state& s, const projection& fields, const model::field_dictionary& names)
      : s_(s), all_(fields.all), wanted_(s.columns.size()), heads_(s.columns.size()), cursors_(s.columns.size(), 0) {
    for (std::size_t c = 0; c < s.columns.size(); ++c) {
      const auto& column = s.columns[c];
      const auto& asked = column.is_ocsf ? fields.ocsf : fields.native;
      wanted_[c] = all_ || std::find(asked.begin(), asked.end(), column.name) != asked.end();
      heads_[c] = {names.find(column.name), static_cast<std::uint32_t>(column.name.size()), column.name.data(), {}};
    }
    for (const auto& shape : s.shapes) {
      auto& columns = by_shape_.emplace_back();
      std::copy_if(shape.begin(), shape.end(), std::back_inserter(columns), [&](auto c) { return wanted_[c]; });
    }
  }

  outcome load() {
    for (std::size_t c = 0; c < s_.columns.size(); ++c)
      if (wanted_[c])
        if (auto read = s_.load(s_.columns[c]); !read)
          return read;
    if (!all_)
      return done{};
    const auto raw = s_.raw_column();
    if (!raw)
      return raw.error();
    raw_ = *raw;
    return done{};
  }
  void pass_over(std::size_t shape) {
    for (const auto c : by_shape_[shape])
      ++cursors_[c];
  }
  /// Valid until the next call.
  const model::event& event(std::uint32_t row, std::size_t shape) {
    native_.clear();
    ocsf_.clear();
    for (const auto c : by_shape_[shape]) {
      auto slot = heads_[c];
      slot.data = (*s_.columns[c].values)[cursors_[c]++];
      (s_.columns[c].is_ocsf ? ocsf_ : native_).push_back(slot);
    }
    event_ = s_.head_of(row);
    event_.native = native_;
    event_.ocsf = ocsf_;
    if (all_)
      event_.raw = raw_[row].text();
    return event_;
  }

private:
  block_state& s_;
  bool all_;
  std::vector<bool> wanted_;
  std::vector<model::slot> heads_, native_, ocsf_;
  std::vector<std::size_t> cursors_;
  std::vector<std::vector<std::uint32_t>> by_shape_; ///< the wanted columns
  std::span<const value> raw_;
  model::event event_;
};

/// Restored events of one source, as their batch grows.
struct growing_batch {
  restored_batch out;
  std::shared_ptr<model::raw_batch> raw = std::make_shared<model::raw_batch>();
  std::map<std::uint32_t, std::string_view> names; ///< of columns the dictionary does not know
};

/// Makes whole events again, batch by batch.
class event_restorer {
public:
  event_restorer(block_state& s, model::dictionary_ptr names, const known_types* types)
      : s_(s), names_(std::move(names)), types_(types), resolved_(s.types->size(), nullptr),
        cursors_(s.columns.size(), 0) {
    if (types != nullptr)
      std::transform(s.types->begin(), s.types->end(), resolved_.begin(), types->find);
    for (const auto& column : s.columns)
      ids_.push_back(names_ ? names_->find(column.name) : model::no_field);
  }

  outcome load() {
    for (auto& column : s_.columns)
      if (auto read = s_.load(column); !read)
        return read;
    const auto raw = s_.raw_column();
    if (!raw)
      return raw.error();
    raw_ = *raw;
    return done{};
  }
  void pass_over(std::size_t shape) {
    for (const auto c : s_.shapes[shape])
      ++cursors_[c];
  }

  void add(std::uint32_t row, std::size_t shape) {
    const auto type = static_cast<std::size_t>(s_.of(system_column::type, row));
    auto& g = batch_of(row, resolved_[type] != nullptr);
    auto& batch = *g.out.batch;
    auto ev = s_.head_of(row);
    if (resolved_[type] != nullptr)
      ev.type = resolved_[type];
    ev.record_index = static_cast<std::uint32_t>(batch.events.size());
    g.raw->add(raw_[row].text(), static_cast<std::uint64_t>(s_.of(system_column::position, row)));
    add_slots(g, ev, s_.shapes[shape]);
    batch.events.push_back(ev);
    g.out.rows.push_back(row);
  }

  std::vector<restored_batch> finish() {
    std::vector<restored_batch> out;
    for (auto* g : order_) {
      g->raw->bytes.reserve(g->raw->bytes.size() + 64);
      for (auto& ev : g->out.batch->events)
        ev.raw = g->raw->record(ev.record_index);
      g->out.batch->raw = g->raw;
      out.push_back(std::move(g->out));
    }
    return out;
  }

private:
  growing_batch& batch_of(std::uint32_t row, bool known) {
    const auto source = s_.of(system_column::source, row), received = s_.of(system_column::received, row);
    const auto [it, is_new] = growing_.try_emplace({source, received, known});
    auto& g = it->second;
    if (is_new) {
      const auto& from = s_.sources[static_cast<std::size_t>(source)];
      g.out.batch = std::make_shared<model::event_batch>();
      g.out.known = known;
      g.out.batch->dictionary = names_;
      g.out.batch->types = known ? types_->owner : std::shared_ptr<const void>(s_.types);
      g.raw->context = from.context;
      g.raw->origin = from.origin;
      g.raw->received_at = received;
      order_.push_back(&g);
    }
    return g;
  }

  std::string_view name_of(growing_batch& g, std::uint32_t column) {
    if (ids_[column] != model::no_field)
      return names_->name(ids_[column]);
    const auto [it, is_new] = g.names.try_emplace(column);
    if (is_new)
      it->second = g.out.batch->memory.copy(s_.columns[column].name);
    return it->second;
  }

  void add_slots(growing_batch& g, model::event& ev, const std::vector<std::uint32_t>& shape) {
    auto& memory = g.out.batch->memory;
    auto* slots = memory.make_array<model::slot>(shape.size());
    std::size_t natives = 0;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const auto c = shape[i];
      const auto name = name_of(g, c);
      slots[i] = {ids_[c], static_cast<std::uint32_t>(name.size()), name.data(),
                  owned_value((*s_.columns[c].values)[cursors_[c]++], memory)};
      natives += s_.columns[c].is_ocsf ? 0 : 1;
    }
    ev.native = {slots, natives};
    ev.ocsf = {slots + natives, shape.size() - natives};
  }

  block_state& s_;
  model::dictionary_ptr names_;
  const known_types* types_;
  std::vector<const model::log_type*> resolved_;
  std::vector<model::field_id> ids_;
  std::vector<std::size_t> cursors_;
  std::span<const value> raw_;
  std::map<std::tuple<std::int64_t, std::int64_t, bool>, growing_batch> growing_;
  std::vector<growing_batch*> order_;
};

} // namespace

model::event block_state::head_of(std::uint32_t row) const {
  model::event ev;
  ev.type = &(*types)[static_cast<std::size_t>(of(system_column::type, row))];
  ev.time = of(system_column::time, row);
  ev.class_uid = static_cast<std::uint32_t>(of(system_column::class_uid, row));
  ev.mapped = of(system_column::mapped, row) != 0;
  return ev;
}

result<std::vector<std::uint32_t>> block_reader::matching(const std::vector<std::uint32_t>& rows,
                                                          const projection& fields,
                                                          const model::field_dictionary& names,
                                                          const event_test& passes) {
  if (auto read = state_->load_system(); !read)
    return read.error();
  projected_events events(*state_, fields, names);
  if (auto read = events.load(); !read)
    return read.error();
  std::vector<std::uint32_t> out;
  walk_rows(*state_, rows, [&](std::uint32_t row, std::size_t shape, bool asked) {
    if (!asked)
      events.pass_over(shape);
    else if (passes(events.event(row, shape)))
      out.push_back(row);
  });
  return out;
}

result<std::vector<restored_batch>> block_reader::events(const std::vector<std::uint32_t>& rows,
                                                         model::dictionary_ptr names, const known_types* types) {
  if (auto read = state_->load_system(); !read)
    return read.error();
  event_restorer restorer(*state_, std::move(names), types);
  if (auto read = restorer.load(); !read)
    return read.error();
  walk_rows(*state_, rows, [&](std::uint32_t row, std::size_t shape, bool asked) {
    if (asked)
      restorer.add(row, shape);
    else
      restorer.pass_over(shape);
  });
  return restorer.finish();
}

} // namespace soc::lake
