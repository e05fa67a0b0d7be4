#include "runtime/metrics.hpp"

#include "runtime/registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace soc {

namespace {

void append_escaped(std::string& out, std::string_view text, bool quoted) {
  for (const char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '"' && quoted)
      out += "\\\"";
    else
      out.push_back(c);
  }
}

/// `a="1",b="2"`, without braces.
std::string render_labels(const metric_labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    out += (out.empty() ? "" : ",") + name + "=\"";
    append_escaped(out, value, true);
    out += "\"";
  }
  return out;
}

void append_sample(std::string& out, const std::string& name, const std::string& labels, const std::string& value) {
  out += name;
  if (!labels.empty())
    out += "{" + labels + "}";
  out += " " + value + "\n";
}

void append_head(std::string& out, const std::string& name, std::string_view help, std::string_view type) {
  if (!help.empty()) {
    out += "# HELP " + name + " ";
    append_escaped(out, help, false);
    out += "\n";
  }
  out += fmt::format("# TYPE {} {}\n", name, type);
}

void append_histogram(std::string& out, const std::string& name, const std::string& labels,
                      const metric_histogram& values) {
  const auto comma = labels.empty() ? "" : ",";
  std::uint64_t total = 0;
  for (std::size_t i = 0; i <= values.bounds().size(); ++i) {
    total += values.in_bucket(i);
    const auto bound = i < values.bounds().size() ? fmt::format("{}", values.bounds()[i]) : std::string("+Inf");
    append_sample(out, name + "_bucket", fmt::format("{}{}le=\"{}\"", labels, comma, bound), std::to_string(total));
  }
  append_sample(out, name + "_sum", labels, fmt::format("{}", values.sum()));
  append_sample(out, name + "_count", labels, std::to_string(total));
}

struct actor_metric {
  const char* name;
  const char* type;
  const char* help;
  double (*of)(const probe_reading&);
};

constexpr actor_metric actor_metrics[] = {
    {"soc_actor_messages_total", "counter", "Messages handled", [](const auto& r) { return double(r.handled); }},
    {"soc_actor_dropped_total", "counter", "Messages that came when the actor could not take them",
     [](const auto& r) { return double(r.dropped); }},
    {"soc_actor_unexpected_total", "counter", "Messages its behaviour does not know",
     [](const auto& r) { return double(r.unexpected); }},
    {"soc_actor_dead_letters_total", "counter", "Messages set aside because they crashed it again and again",
     [](const auto& r) { return double(r.dead_letters); }},
    {"soc_actor_restarts_total", "counter", "Restarts", [](const auto& r) { return double(r.restarts); }},
    {"soc_actor_busy_seconds_total", "counter", "Time in its handlers", [](const auto& r) { return r.busy_ns / 1e9; }},
    {"soc_actor_queue_messages", "gauge", "Messages waiting", [](const auto& r) { return double(r.queue_messages); }},
    {"soc_actor_queue_bytes", "gauge", "Payload waiting", [](const auto& r) { return double(r.queue_bytes); }},
    {"soc_actor_up", "gauge", "1 while it runs",
     [](const auto& r) { return r.state == actor_state::running ? 1.0 : 0.0; }},
};

} // namespace

metric_histogram::metric_histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), buckets_(new std::atomic<std::uint64_t>[bounds_.size() + 1]()) {}

void metric_histogram::observe(double value) noexcept {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  buckets_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<double> latency_buckets() {
  return {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
}

metrics_board::series& metrics_board::find(const std::string& name, metric_kind kind, const metric_labels& labels,
                                           std::string_view help) {
  auto& family = families_.try_emplace(name, metrics_board::family{kind, std::string(help), {}}).first->second;
  if (family.kind != kind)
    throw std::logic_error("metric " + name + " is used as two kinds");
  return family.all[render_labels(labels)];
}

metric_counter& metrics_board::counter(const std::string& name, const metric_labels& labels, std::string_view help) {
  std::lock_guard lock(mutex_);
  auto& found = find(name, metric_kind::counter, labels, help).counter;
  if (!found)
    found = std::make_unique<metric_counter>();
  return *found;
}

metric_gauge& metrics_board::gauge(const std::string& name, const metric_labels& labels, std::string_view help) {
  std::lock_guard lock(mutex_);
  auto& found = find(name, metric_kind::gauge, labels, help).gauge;
  if (!found)
    found = std::make_unique<metric_gauge>();
  return *found;
}

metric_histogram& metrics_board::histogram(const std::string& name, const std::vector<double>& bounds,
                                           const metric_labels& labels, std::string_view help) {
  std::lock_guard lock(mutex_);
  auto& found = find(name, metric_kind::histogram, labels, help).histogram;
  if (!found)
    found = std::make_unique<metric_histogram>(bounds);
  return *found;
}

std::string metrics_board::render() const {
  static constexpr std::string_view types[] = {"counter", "gauge", "histogram"};
  std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& [name, family] : families_) {
    append_head(out, name, family.help, types[static_cast<std::size_t>(family.kind)]);
    for (const auto& [labels, one] : family.all) {
      if (one.counter)
        append_sample(out, name, labels, std::to_string(one.counter->value()));
      else if (one.gauge)
        append_sample(out, name, labels, fmt::format("{}", one.gauge->value()));
      else if (one.histogram)
        append_histogram(out, name, labels, *one.histogram);
    }
  }
  return out;
}

std::string render_actor_metrics(const actor_registry& registry) {
  std::string out;
  const auto rows = registry.snapshot();
  for (const auto& metric : actor_metrics) {
    append_head(out, metric.name, metric.help, metric.type);
    for (const auto& row : rows)
      append_sample(out, metric.name, render_labels({{"path", row.reading.path}, {"kind", row.reading.kind}}),
                    fmt::format("{}", metric.of(row.reading)));
  }
  return out;
}

} // namespace soc
