// graph/core/ordered_intake.hpp - alerts that arrive swapped are put in order before the graph sees them: each is held
// until one that is `tolerance` younger has come, or until it has waited that long. Within the tolerance the order of
// arrival changes nothing. One a tenant; owned by the graph actor or `soc correlate`. Pure.
#pragma once
#include "model/alert.hpp"

#include <map>
#include <vector>

namespace soc::graph {

constexpr std::size_t max_held_alerts = 100'000; ///< then the oldest goes on early

class ordered_intake {
public:
  /// 0 = nothing is held.
  explicit ordered_intake(unix_ns tolerance) : tolerance_(tolerance) {}

  /// What is due now, in order of event time and id. `arrived`: by the clock of who asks.
  std::vector<model::alert_ptr> add(const model::alert_ptr& a, unix_ns arrived);
  /// What has waited for the tolerance by `now`, with all that is older.
  std::vector<model::alert_ptr> waited(unix_ns now);
  /// Everything.
  std::vector<model::alert_ptr> flush();
  std::size_t held() const { return held_.size(); }

private:
  using place = std::pair<unix_ns, std::string>; ///< event time, id
  struct entry {
    model::alert_ptr alert;
    unix_ns arrived = 0;
  };
  std::vector<model::alert_ptr> release(std::map<place, entry>::iterator end);

  unix_ns tolerance_, newest_ = 0;
  std::map<place, entry> held_;
};

} // namespace soc::graph
