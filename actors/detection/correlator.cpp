#include "detection/correlator.hpp"

#include "detection/core/alert_builder.hpp"
#include "detection/core/case_folding.hpp"

#include <algorithm>
#include <charconv>

namespace soc::detection {

namespace {

/// Stands between the values of a group; occurs in no text.
constexpr char group_separator = '\x1f';
constexpr unix_ns between_looks_ns = 10 * ns_per_s;

correlation::window_kind window_kind_of(correlation_kind kind) {
  switch (kind) {
  case correlation_kind::event_count:
    return correlation::window_kind::event_count;
  case correlation_kind::value_count:
    return correlation::window_kind::value_count;
  case correlation_kind::temporal:
    return correlation::window_kind::temporal;
  case correlation_kind::temporal_ordered:
    return correlation::window_kind::temporal_ordered;
  case correlation_kind::value_sum:
    return correlation::window_kind::value_sum;
  case correlation_kind::value_avg:
    return correlation::window_kind::value_avg;
  case correlation_kind::value_percentile:
    return correlation::window_kind::value_percentile;
  }
  return correlation::window_kind::event_count;
}

correlation::bound bound_of(compare_op op) {
  switch (op) {
  case compare_op::lt:
    return correlation::bound::lt;
  case compare_op::lte:
    return correlation::bound::lte;
  case compare_op::gt:
    return correlation::bound::gt;
  case compare_op::gte:
    return correlation::bound::gte;
  case compare_op::eq:
    return correlation::bound::eq;
  case compare_op::neq:
    return correlation::bound::neq;
  }
  return correlation::bound::gte;
}

std::vector<correlation::window_rule> windows_of(const program& of) {
  std::vector<correlation::window_rule> out;
  for (const auto& c : of.correlations()) {
    correlation::window_rule w;
    w.id = c.header.id;
    w.kind = window_kind_of(c.kind);
    w.positions = static_cast<std::uint16_t>(c.rules.size());
    w.timespan = c.timespan;
    w.percentile = c.percentile;
    for (const auto& [op, limit] : c.conditions)
      w.bounds.emplace_back(bound_of(op), limit);
    out.push_back(std::move(w));
  }
  return out;
}

/// The first value of a field in the event; null when there is none.
model::value value_of_field(const model::event& ev, const program_field& field) {
  for (const auto id : field.native)
    if (const auto v = ev.native_value(id); !v.is_null())
      return v;
  for (const auto id : field.ocsf)
    if (const auto v = ev.ocsf_value(id); !v.is_null())
      return v;
  return {};
}

/// The group of a window: nothing of one tenant is counted with another's.
std::string group_of(std::string_view tenant, std::string_view values) {
  std::string out(tenant);
  out += group_separator;
  out += values;
  return out;
}

} // namespace

correlator::correlator(std::shared_ptr<const program> of, correlation::window_limits limits)
    : program_(std::move(of)), engine_(windows_of(*program_), limits) {}

/// The values, joined and without regard to case; nothing when one is missing.
std::optional<std::string> correlator::join(const model::event& ev, const std::vector<std::uint32_t>& fields) const {
  std::string out;
  for (const auto index : fields) {
    const auto v = value_of_field(ev, program_->fields()[index]);
    if (v.is_null())
      return std::nullopt;
    if (!out.empty())
      out += group_separator;
    out += fold(v.to_text());
  }
  return out;
}

std::vector<correlation::observation> correlator::gather(const model::event& ev, std::span<const std::uint32_t> matched,
                                                         const digest& event_id, std::string_view tenant) const {
  std::vector<correlation::observation> out;
  for (const auto rule : matched)
    for (const auto& path : program_->paths(rule))
      if (path.size() == 1) // longer ones travel with the observation of their first step
        if (auto seen = observation_of(ev, rule, path.front(), event_id, tenant))
          out.push_back(std::move(*seen));
  return out;
}

std::optional<correlation::observation> correlator::observation_of(const model::event& ev, std::uint32_t rule,
                                                                   const correlation_step& step, const digest& event_id,
                                                                   std::string_view tenant) const {
  auto group = join(ev, step.group_fields);
  if (!group)
    return std::nullopt;
  correlation::observation seen;
  seen.window = step.correlation;
  seen.position = step.position;
  seen.time = ev.time;
  seen.group = group_of(tenant, *group);
  seen.event = event_id;
  if (!step.value_fields.empty()) {
    const auto text = join(ev, step.value_fields);
    if (!text)
      return std::nullopt;
    seen.value = hash64(*text);
    if (program_->correlations()[step.correlation].kind != correlation_kind::value_count) {
      const auto number = number_of_value(value_of_field(ev, program_->fields()[step.value_fields.front()]));
      if (!number)
        return std::nullopt;
      seen.number = *number;
    }
  }
  // The paths that begin with this step say what a firing feeds.
  for (const auto& longer : program_->paths(rule)) {
    if (longer.front().correlation != step.correlation || longer.front().position != step.position)
      continue;
    auto* level = &seen.next;
    for (std::size_t i = 1; i < longer.size(); ++i) {
      const auto& to = longer[i];
      auto at = std::find_if(level->begin(), level->end(), [&](const auto& known) {
        return known.window == to.correlation && known.position == to.position;
      });
      if (at == level->end())
        at = level->insert(
            level->end(),
            {to.correlation, to.position, group_of(tenant, join(ev, to.group_fields).value_or(std::string())), {}});
      level = &at->next;
    }
  }
  return seen;
}

const std::vector<correlation_hit>& correlator::feed(const std::vector<correlation::observation>& seen) {
  fired_.clear();
  for (const auto& one : seen)
    engine_.observe(one, fired_);
  return take_hits();
}

const std::vector<correlation_hit>& correlator::advance(unix_ns to) {
  fired_.clear();
  engine_.advance(to, fired_);
  return take_hits();
}

const std::vector<correlation_hit>& correlator::quiet_for(unix_ns span) {
  fired_.clear();
  engine_.end_over(engine_.newest() + span, fired_);
  return take_hits();
}

const std::vector<correlation_hit>& correlator::take_hits() {
  hits_.clear();
  for (auto& f : fired_)
    hits_.push_back({f.window, std::move(f)});
  return hits_;
}

std::string_view tenant_of(const model::event_batch& batch) {
  const auto* context = batch.raw ? batch.raw->context.get() : nullptr;
  return context != nullptr ? std::string_view(context->tenant) : std::string_view("default");
}

digest digest_of(std::string_view event_id) {
  digest out;
  if (event_id.size() != 32)
    return out;
  std::from_chars(event_id.data(), event_id.data() + 16, out.high, 16);
  std::from_chars(event_id.data() + 16, event_id.data() + 32, out.low, 16);
  return out;
}

correlator& shared_correlator::of_program(const std::shared_ptr<const program>& of) {
  if (program_ == of && correlator_)
    return *correlator_;
  if (correlator_)
    restored_ = correlator_->snapshot();
  correlator_ = std::make_unique<correlator>(of);
  program_ = of;
  if (!restored_.empty())
    static_cast<void>(correlator_->restore(std::exchange(restored_, {}))); // a damaged one means starting empty
  return *correlator_;
}

std::vector<model::alert_ptr> shared_correlator::observe(const std::shared_ptr<const program>& of,
                                                         const model::event_batch& batch, const model::event& ev,
                                                         std::span<const std::uint32_t> matched, unix_ns now) {
  std::vector<model::alert_ptr> out;
  const std::lock_guard lock(mutex_);
  auto& windows = of_program(of);
  heard_at_ = now;
  const auto seen = windows.gather(ev, matched, digest_of(model::event_id(batch, ev)), tenant_of(batch));
  for (const auto& hit : windows.feed(seen)) {
    const auto about =
        hit.firing.at_end
            ? nullptr
            : alert_builder(batch.dictionary).build(batch, ev, of->correlations()[hit.correlation].header, now);
    out.push_back(build_correlation_alert(*of, hit, about.get(), now));
  }
  return out;
}

std::vector<model::alert_ptr> shared_correlator::over(const std::shared_ptr<const program>& of, unix_ns now) {
  std::vector<model::alert_ptr> out;
  if (now < look_at_.load(std::memory_order_relaxed))
    return out;
  const std::lock_guard lock(mutex_);
  look_at_ = now + between_looks_ns;
  if (program_ != of || !correlator_)
    return out;
  heard_at_ = heard_at_ == 0 ? now : heard_at_;
  for (const auto& hit : correlator_->quiet_for(now - heard_at_))
    out.push_back(build_correlation_alert(*of, hit, nullptr, now));
  return out;
}

std::string shared_correlator::snapshot() const {
  const std::lock_guard lock(mutex_);
  return correlator_ ? correlator_->snapshot() : restored_;
}

void shared_correlator::restore(std::string bytes) {
  const std::lock_guard lock(mutex_);
  restored_ = std::move(bytes);
  correlator_.reset();
}

model::alert_ptr build_correlation_alert(const program& of, const correlation_hit& hit, const model::alert* about,
                                         unix_ns detected_at) {
  const auto& rule = of.correlations()[hit.correlation];
  model::alert a;
  if (about != nullptr)
    a = *about;
  else
    a.tenant = hit.firing.group.substr(0, hit.firing.group.find(group_separator));
  a.origin = model::alert_origin::correlation;
  a.rule_id = rule.header.id;
  a.title = rule.header.title;
  a.description = rule.header.description;
  a.level = rule.header.level;
  a.tags = rule.header.tags;
  a.techniques = model::techniques_of(rule.header.tags);
  a.stage = rule.header.stage;
  a.time = hit.firing.first;
  a.end_time = hit.firing.last;
  a.detected_at = detected_at;
  a.count = hit.firing.events;
  const auto known = a.records.empty() ? std::string() : a.records.front().event_id;
  for (const auto& id : hit.firing.recent) {
    if (a.records.size() >= model::max_evidence)
      break;
    if (const auto text = to_hex(id); text != known)
      a.records.push_back({text, 0, {}, {}, {}});
  }
  a.id = id_builder()
             .add(rule.header.id)
             .add(hit.firing.group)
             .add(to_hex(hit.firing.recent.front()))
             .add(to_hex(hit.firing.trigger))
             .hex();
  return std::make_shared<const model::alert>(std::move(a));
}

} // namespace soc::detection
