#include "wire/control_wire.hpp"

#include "schemas/control.capnp.h"
#include "wire/alert_wire.hpp"
#include "wire/message.hpp"

#include <algorithm>

namespace soc::wire {

namespace {

constexpr std::size_t framing_bytes = 64 * 1024; // room for the other fields beside a payload

failure over_bound(const char* what) {
  return {ec::too_large, std::string("control message: ") + what + " over its bound"};
}

/// Nothing when within the bounds.
template <class Words>
const char* request_over_bound(std::size_t id, std::size_t user, const Words& words) {
  if (id > max_id_bytes)
    return "id";
  if (user > max_user_bytes)
    return "user";
  if (words.size() > max_command_words)
    return "number of words";
  for (const auto& word : words)
    if (word.size() > max_word_bytes)
      return "word";
  return nullptr;
}

const char* envelope_over_bound(const envelope& m) {
  if (m.kind.size() > max_name_bytes || m.message.size() > max_name_bytes || m.sender.size() > max_name_bytes)
    return "kind, message or sender";
  if (m.id.size() > max_name_bytes)
    return "id";
  return m.payload.size() > max_message_bytes - framing_bytes ? "payload" : nullptr;
}

} // namespace

std::chrono::milliseconds patience_of(const control_request& request, unix_ns now,
                                      std::chrono::milliseconds otherwise) {
  constexpr std::chrono::milliseconds shortest{1000}, longest{10 * 60'000};
  if (request.deadline == 0)
    return otherwise;
  if (request.deadline <= now)
    return shortest;
  return std::clamp(std::chrono::milliseconds((request.deadline - now) / ns_per_ms), shortest, longest);
}

result<std::string> encode(const control_request& request) {
  if (const auto* over = request_over_bound(request.id.size(), request.user.size(), request.words))
    return over_bound(over);
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<schema::ControlRequest>();
  out.setId(text_of(request.id));
  out.setUser(text_of(request.user));
  out.setJson(request.json);
  out.setDeadlineNs(request.deadline);
  auto words = out.initWords(static_cast<unsigned>(request.words.size()));
  for (unsigned i = 0; i < request.words.size(); ++i)
    words.set(i, text_of(request.words[i]));
  return to_bytes(message);
}

result<std::string> encode(const control_reply& reply) {
  if (reply.id.size() > max_id_bytes)
    return over_bound("id");
  if (reply.body.size() > max_message_bytes - framing_bytes)
    return over_bound("body");
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<schema::ControlReply>();
  out.setId(text_of(reply.id));
  out.setOk(reply.ok);
  out.setExitCode(reply.exit_code);
  out.setContentType(text_of(std::string(cut(reply.content_type, max_name_bytes))));
  out.setBody(data_of(reply.body));
  out.setError(text_of(std::string(cut(reply.error, max_error_bytes))));
  return to_bytes(message);
}

result<std::string> encode(const envelope& m) {
  if (const auto* over = envelope_over_bound(m))
    return over_bound(over);
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<schema::Envelope>();
  out.setKind(text_of(m.kind));
  out.setId(text_of(m.id));
  out.setMessage(text_of(m.message));
  out.setPayload(data_of(m.payload));
  out.setDeadlineNs(m.deadline);
  out.setSender(text_of(m.sender));
  return to_bytes(message);
}

result<std::string> encode(const envelope_reply& reply) {
  if (reply.payload.size() > max_message_bytes - framing_bytes)
    return over_bound("payload");
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<schema::EnvelopeReply>();
  out.setCode(static_cast<std::uint8_t>(reply.code));
  out.setText(text_of(std::string(cut(reply.text, max_error_bytes))));
  out.setPayload(data_of(reply.payload));
  return to_bytes(message);
}

result<control_request> decode_control_request(std::string_view bytes) {
  return read_message<schema::ControlRequest>(bytes, [](schema::ControlRequest::Reader in) -> result<control_request> {
    if (const auto* over = request_over_bound(in.getId().size(), in.getUser().size(), in.getWords()))
      return over_bound(over);
    control_request out;
    out.id = view(in.getId());
    out.user = view(in.getUser());
    out.json = in.getJson();
    out.deadline = in.getDeadlineNs();
    for (const auto word : in.getWords())
      out.words.emplace_back(view(word));
    return out;
  });
}

result<control_reply> decode_control_reply(std::string_view bytes) {
  return read_message<schema::ControlReply>(bytes, [](schema::ControlReply::Reader in) -> result<control_reply> {
    control_reply out;
    out.id = cut(view(in.getId()), max_id_bytes);
    out.ok = in.getOk();
    out.exit_code = in.getExitCode();
    out.content_type = cut(view(in.getContentType()), max_name_bytes);
    out.body = view(in.getBody());
    out.error = cut(view(in.getError()), max_error_bytes);
    return out;
  });
}

result<envelope> decode_envelope(std::string_view bytes) {
  return read_message<schema::Envelope>(bytes, [](schema::Envelope::Reader in) -> result<envelope> {
    envelope out;
    out.kind = view(in.getKind());
    out.id = view(in.getId());
    out.message = view(in.getMessage());
    out.payload = view(in.getPayload());
    out.deadline = in.getDeadlineNs();
    out.sender = view(in.getSender());
    if (const auto* over = envelope_over_bound(out))
      return over_bound(over);
    return out;
  });
}

result<envelope_reply> decode_envelope_reply(std::string_view bytes) {
  return read_message<schema::EnvelopeReply>(bytes, [](schema::EnvelopeReply::Reader in) -> result<envelope_reply> {
    envelope_reply out;
    out.code = in.getCode() <= static_cast<std::uint8_t>(ec::internal) ? static_cast<ec>(in.getCode()) : ec::internal;
    out.text = cut(view(in.getText()), max_error_bytes);
    out.payload = view(in.getPayload());
    return out;
  });
}

} // namespace soc::wire
