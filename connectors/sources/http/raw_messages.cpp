#include "connectors/sources/http/raw_messages.hpp"

#include "base/hash.hpp"
#include "wire/raw_wire.hpp"

#include <unordered_map>

namespace soc::sources {

namespace {

/// Names of the context, origin and pointers beside the records.
constexpr std::size_t envelope_bytes = 8U << 10;

class message_packer {
public:
  message_packer(std::shared_ptr<const model::connector_context> context, const std::string& key, unix_ns received_at)
      : context_(std::move(context)), key_(key), received_at_(received_at) {}

  void add(const std::string& origin, std::string_view record) {
    auto& open = open_[origin];
    const auto cost = wire::raw_record_cost(record.size());
    if (open.batch && open.cost + cost > max_raw_message_bytes - envelope_bytes)
      close(open);
    if (!open.batch)
      begin(open, origin);
    open.batch->add(record);
    open.cost += cost;
  }

  std::vector<bus_publish> finish() {
    for (auto& [origin, open] : open_)
      if (open.batch)
        close(open);
    return std::move(messages_);
  }

private:
  struct open_message {
    std::shared_ptr<model::raw_batch> batch;
    std::size_t cost = 0;
    std::size_t number = 0; ///< of the messages of this origin
  };

  void begin(open_message& open, const std::string& origin) {
    open.batch = std::make_shared<model::raw_batch>();
    open.batch->context = context_;
    open.batch->origin = origin.substr(0, 1024);
    open.batch->received_at = received_at_;
    open.cost = 0;
  }

  void close(open_message& open) {
    const auto& batch = *open.batch;
    id_builder id;
    id.add(context_->tenant).add(context_->connector).add(key_).add(batch.origin);
    id.add(static_cast<std::int64_t>(open.number++));
    for (const auto& record : batch.records)
      id.add(static_cast<std::int64_t>(record.length));
    id.add(to_hex(hash128(batch.bytes)));
    messages_.push_back({raw_subject(*context_), wire::to_bytes(batch), id.hex()});
    open.batch.reset();
  }

  std::shared_ptr<const model::connector_context> context_;
  const std::string& key_;
  unix_ns received_at_;
  std::unordered_map<std::string, open_message> open_;
  std::vector<bus_publish> messages_;
};

} // namespace

std::string raw_subject(const model::connector_context& context) {
  return "soc." + context.tenant + ".raw." + context.connector;
}

std::vector<bus_publish> raw_messages(const std::shared_ptr<const model::connector_context>& context,
                                      const pushed_records& pushed, const std::string& peer,
                                      const std::string& idempotency_key, unix_ns received_at) {
  message_packer packer(context, idempotency_key, received_at);
  for (std::size_t i = 0; i < pushed.records.size(); ++i) {
    const bool named = i < pushed.hosts.size() && !pushed.hosts[i].empty();
    packer.add(named ? pushed.hosts[i] : peer, pushed.records[i]);
  }
  return packer.finish();
}

} // namespace soc::sources
