// tests/unit/lake/events.hpp - makes events of a few fields, and writes them as blocks.
#pragma once
#include "lake/core/block.hpp"

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace soc::test {

/// A field with its value, native or OCSF.
struct test_field {
  bool is_ocsf = false;
  std::string name;
  model::value data;
};

/// One batch of events; owns everything.
class event_maker {
public:
  explicit event_maker(std::string tenant = "default", std::string origin = "/var/log/x") {
    auto context = std::make_shared<model::connector_context>();
    context->connector = "test";
    context->tenant = std::move(tenant);
    raw->context = std::move(context);
    raw->origin = std::move(origin);
    raw->received_at = 1'700'000'000'000'000'000;
    names->intern("device.hostname");
    names->intern("src_endpoint.ip");
    names->intern("file.path");
    names->intern("user.name");
    names->intern("msg");
    batch->dictionary = names;
    batch->types = type; // events outlive their maker
  }

  model::value text(std::string_view t) { return model::value::of_string(batch->memory.copy(t)); }

  void add(unix_ns time, const std::string& record, const std::vector<test_field>& fields) {
    records.push_back(record);
    raw->add(record, records.size() * 100);
    auto* slots = batch->memory.make_array<model::slot>(fields.size());
    std::size_t natives = 0, at = 0;
    for (const bool is_ocsf : {false, true})
      for (const auto& f : fields)
        if (f.is_ocsf == is_ocsf) {
          const auto name = batch->memory.copy(f.name);
          slots[at++] = {names->find(f.name), static_cast<std::uint32_t>(name.size()), name.data(), f.data};
          natives += is_ocsf ? 0 : 1;
        }
    model::event ev;
    ev.type = type.get();
    ev.native = {slots, natives};
    ev.ocsf = {slots + natives, fields.size() - natives};
    ev.time = time;
    ev.class_uid = 1007;
    ev.record_index = static_cast<std::uint32_t>(batch->events.size());
    ev.mapped = true;
    batch->events.push_back(ev);
  }
  /// An event as most tests need one.
  void simple(unix_ns time, const std::string& ip, const std::string& msg) {
    add(time, "record " + msg,
        {{false, "msg", text(msg)}, {true, "src_endpoint.ip", text(ip)}, {true, "device.hostname", text("web-1")}});
  }

  /// Ready to be read: raw views are set.
  std::shared_ptr<model::event_batch> finish() {
    batch->raw = raw;
    for (auto& ev : batch->events)
      ev.raw = raw->record(ev.record_index);
    return batch;
  }

  std::shared_ptr<model::field_dictionary> names = std::make_shared<model::field_dictionary>();
  std::shared_ptr<model::event_batch> batch = std::make_shared<model::event_batch>();
  std::shared_ptr<model::raw_batch> raw = std::make_shared<model::raw_batch>();
  std::deque<std::string> records;
  std::shared_ptr<model::log_type> type =
      std::make_shared<model::log_type>(model::log_type{"acme", "app", "traffic", "acme", "", ""});
};

/// All events of the batches as one block.
inline lake::encoded_block block_of(const std::vector<std::shared_ptr<model::event_batch>>& batches) {
  lake::block_builder builder(1);
  std::vector<lake::entity_term> terms;
  for (const auto& batch : batches)
    for (const auto& ev : batch->events) {
      terms.clear();
      lake::add_terms(model::entities_of(*batch, ev), terms);
      builder.add(*batch, ev, terms);
    }
  return builder.finish();
}

} // namespace soc::test
