// detection/correlator.hpp - matched events into correlation windows, firings into alerts. One owner feeds it in order;
// its state is a snapshot of bytes. Pure but for what it is given.
#pragma once
#include "correlation/core/window_engine.hpp"
#include "detection/core/program.hpp"
#include "model/event.hpp"

#include <atomic>

namespace soc::detection {

/// A correlation that fired.
struct correlation_hit {
  std::uint32_t correlation = 0; ///< index in program::correlations
  correlation::firing firing;
};

class correlator {
public:
  explicit correlator(std::shared_ptr<const program> of, correlation::window_limits limits = {});

  /// What the rules this event matched are counted for. Depends on the event only, so it can be done elsewhere; `feed`
  /// wants the order. Events without the fields they are grouped by are not correlated, nor are those of two tenants
  /// with each other.
  std::vector<correlation::observation> gather(const model::event& ev, std::span<const std::uint32_t> matched,
                                               const digest& event_id, std::string_view tenant) const;
  /// Firings are valid until the next call.
  const std::vector<correlation_hit>& feed(const std::vector<correlation::observation>& seen);
  /// Event time goes on: windows with an upper bound end.
  const std::vector<correlation_hit>& advance(unix_ns to);
  /// No event has come for so long: windows with an upper bound that are over by now end.
  const std::vector<correlation_hit>& quiet_for(unix_ns span);
  bool is_needed() const { return !program_->correlations().empty(); }

  const correlation::window_engine& windows() const { return engine_; }
  std::string snapshot() const { return engine_.snapshot(); }
  outcome restore(std::string_view bytes) { return engine_.restore(bytes); }

private:
  std::optional<correlation::observation> observation_of(const model::event& ev, std::uint32_t rule,
                                                         const correlation_step& step, const digest& event_id,
                                                         std::string_view tenant) const;
  std::optional<std::string> join(const model::event& ev, const std::vector<std::uint32_t>& fields) const;
  const std::vector<correlation_hit>& take_hits();

  std::shared_ptr<const program> program_;
  correlation::window_engine engine_;
  std::vector<correlation::firing> fired_;
  std::vector<correlation_hit> hits_;
};

/// Whose a batch is.
std::string_view tenant_of(const model::event_batch& batch);

/// 32 hex digits of model::event_id as the number they are.
digest digest_of(std::string_view event_id);

/// One correlator for all detectors of a node: they take turns. Another program takes over the windows of the one
/// before.
class shared_correlator {
public:
  /// What fires with this event, as alerts.
  std::vector<model::alert_ptr> observe(const std::shared_ptr<const program>& of, const model::event_batch& batch,
                                        const model::event& ev, std::span<const std::uint32_t> matched, unix_ns now);
  /// What fires because its time is over while its events stay away; looks every ten seconds, at each group.
  std::vector<model::alert_ptr> over(const std::shared_ptr<const program>& of, unix_ns now);
  std::string snapshot() const;
  /// Takes effect with the next program that is used.
  void restore(std::string bytes);

private:
  correlator& of_program(const std::shared_ptr<const program>& of);
  mutable std::mutex mutex_;
  std::shared_ptr<const program> program_;
  std::unique_ptr<correlator> correlator_;
  std::string restored_;
  unix_ns heard_at_ = 0;             ///< when the latest event came
  std::atomic<unix_ns> look_at_ = 0; ///< for windows that are over
};

/// The alert of a firing. `about`: an alert of the event that made it fire, whose entities and record it has; null when
/// there is none (the window ended), then it has only the group.
model::alert_ptr build_correlation_alert(const program& of, const correlation_hit& hit, const model::alert* about,
                                         unix_ns detected_at);

} // namespace soc::detection
