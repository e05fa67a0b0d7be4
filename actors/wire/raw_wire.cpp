#include "wire/raw_wire.hpp"

#include "schemas/raw.capnp.h"
#include "wire/message.hpp"

namespace soc::wire {

namespace {

std::string copied(capnp::Text::Reader text) {
  return std::string(view(text));
}

std::shared_ptr<const model::connector_context> context_of(schema::RawBatch::Reader in) {
  auto context = std::make_shared<model::connector_context>();
  context->connector = copied(in.getConnector());
  context->tenant = copied(in.getTenant());
  context->vendor = copied(in.getVendor());
  context->product = copied(in.getProduct());
  context->cloud = copied(in.getCloud());
  context->account = copied(in.getAccount());
  context->region = copied(in.getRegion());
  context->default_zone = copied(in.getDefaultZone());
  return context;
}

} // namespace

std::string to_bytes(const model::raw_batch& batch) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<schema::RawBatch>();
  const auto& context = *batch.context;
  out.setConnector(text_of(context.connector));
  out.setTenant(text_of(context.tenant));
  out.setVendor(text_of(context.vendor));
  out.setProduct(text_of(context.product));
  out.setCloud(text_of(context.cloud));
  out.setAccount(text_of(context.account));
  out.setRegion(text_of(context.region));
  out.setDefaultZone(text_of(context.default_zone));
  out.setOrigin(text_of(batch.origin));
  out.setReceivedAt(batch.received_at);
  auto records = out.initRecords(static_cast<unsigned>(batch.records.size()));
  for (unsigned i = 0; i < batch.records.size(); ++i)
    records.set(i, data_of(batch.record(i)));
  return to_bytes(message);
}

result<std::shared_ptr<model::raw_batch>> read_raw_batch(std::string_view bytes) {
  using read_result = result<std::shared_ptr<model::raw_batch>>;
  return read_message<schema::RawBatch>(bytes, [&](schema::RawBatch::Reader in) -> read_result {
    auto batch = std::make_shared<model::raw_batch>();
    batch->context = context_of(in);
    batch->origin = copied(in.getOrigin());
    batch->received_at = in.getReceivedAt();
    batch->bytes.reserve(bytes.size() + 64);
    const auto records = in.getRecords();
    batch->records.reserve(records.size());
    for (const auto record : records)
      batch->add(view(record));
    return batch;
  });
}

} // namespace soc::wire
