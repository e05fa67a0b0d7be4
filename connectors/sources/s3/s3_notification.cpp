#include "connectors/sources/s3/s3_notification.hpp"

#include "base/form_text.hpp"

#include <nlohmann/json.hpp>

namespace soc::sources {

namespace {

using json = nlohmann::json;

std::string text_at(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string{};
}

json object_at(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_object() ? *it : json::object();
}

/// As listings write it: If-Match wants the quotes.
std::string quoted_etag(const std::string& etag) {
  return etag.empty() || etag.front() == '"' ? etag : "\"" + etag + "\"";
}

s3_notice notice_of(const json& bucket, const json& object, const char* etag_name, bool encoded_key) {
  s3_notice out;
  out.bucket = text_at(bucket, "name");
  out.object.key = text_at(object, "key");
  if (encoded_key)
    out.object.key = form_decoded(out.object.key);
  out.object.etag = quoted_etag(text_at(object, etag_name));
  if (const auto size = object.find("size"); size != object.end() && size->is_number_unsigned())
    out.object.size = size->get<std::uint64_t>();
  return out;
}

result<std::vector<s3_notice>> read_event(const json& event) {
  std::vector<s3_notice> out;
  const auto add = [&](s3_notice notice) {
    const bool good = !notice.bucket.empty() && !notice.object.key.empty();
    if (good)
      out.push_back(std::move(notice));
    return good;
  };
  if (const auto records = event.find("Records"); records != event.end() && records->is_array()) {
    for (const auto& record : *records) {
      if (!record.is_object() || text_at(record, "eventName").find("ObjectCreated:") == std::string::npos)
        continue;
      const auto s3 = object_at(record, "s3");
      if (!add(notice_of(object_at(s3, "bucket"), object_at(s3, "object"), "eTag", true)))
        return failure{ec::corrupt, "a notification that does not name its object"};
    }
    return out;
  }
  if (const auto detail = event.find("detail"); detail != event.end() && detail->is_object()) {
    if (text_at(event, "detail-type") == "Object Created" &&
        !add(notice_of(object_at(*detail, "bucket"), object_at(*detail, "object"), "etag", false)))
      return failure{ec::corrupt, "a notification that does not name its object"};
    return out;
  }
  if (text_at(event, "Event") == "s3:TestEvent")
    return out;
  return failure{ec::corrupt, "a message that is no notification of a bucket"};
}

} // namespace

result<std::vector<s3_notice>> read_notification(std::string_view text) {
  auto event = json::parse(text, nullptr, false);
  if (!event.is_object())
    return failure{ec::corrupt, "a message that is no JSON object"};
  if (text_at(event, "Type") == "Notification") {
    event = json::parse(text_at(event, "Message"), nullptr, false);
    if (!event.is_object())
      return failure{ec::corrupt, "an SNS message without a notification"};
  }
  return read_event(event);
}

} // namespace soc::sources
