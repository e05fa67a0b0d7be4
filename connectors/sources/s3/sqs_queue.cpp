#include "connectors/sources/s3/sqs_queue.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace soc::sources {

namespace {

using json = nlohmann::json;

/// The answer is the server's: only the name of its error is shown.
std::string queue_refusal(const fetch_response& response) {
  const auto answer = json::parse(response.body, nullptr, false);
  std::string name;
  if (answer.is_object())
    if (const auto type = answer.find("__type"); type != answer.end() && type->is_string())
      name = type->get<std::string>();
  name = name.substr(name.find('#') == std::string::npos ? 0 : name.find('#') + 1, 64);
  std::erase_if(name, [](unsigned char c) { return !std::isalnum(c); });
  return fmt::format("HTTP {} {}", response.status, name);
}

} // namespace

sqs_queue::sqs_queue(std::string url, std::string region, std::string tls_ca, std::shared_ptr<const clock_source> clock)
    : url_(std::move(url)), base_(url_.substr(0, url_.find('/', url_.find("://") + 3))), region_(std::move(region)),
      clock_(std::move(clock)), client_({.tls_ca = std::move(tls_ca)}) {}

result<std::string> sqs_queue::call(const std::string& action, std::string body) {
  fetch_request request;
  request.method = "POST";
  request.headers = {{"Content-Type", "application/x-amz-json-1.0"}, {"X-Amz-Target", "AmazonSQS." + action}};
  request.body = std::move(body);
  sign_aws(request, base_, "/", {}, {region_, "sqs"}, key_, clock_->now());
  auto response = client_.fetch(request);
  if (!response)
    return response.error();
  if (response->status != 200)
    return failure{ec::refused, action + ": " + queue_refusal(*response)};
  return std::move(response->body);
}

result<std::vector<sqs_message>> sqs_queue::receive(std::chrono::seconds wait, std::chrono::seconds hidden) {
  const auto body = call("ReceiveMessage", json{{"QueueUrl", url_},
                                                {"MaxNumberOfMessages", 10},
                                                {"WaitTimeSeconds", wait.count()},
                                                {"VisibilityTimeout", hidden.count()}}
                                               .dump());
  if (!body)
    return body.error();
  const auto answer = json::parse(*body, nullptr, false);
  if (!answer.is_object())
    return failure{ec::corrupt, "the queue's answer is no JSON object"};
  std::vector<sqs_message> out;
  if (const auto messages = answer.find("Messages"); messages != answer.end() && messages->is_array())
    for (const auto& message : *messages) {
      if (!message.is_object() || !message.contains("ReceiptHandle") || !message.contains("Body") ||
          !message["ReceiptHandle"].is_string() || !message["Body"].is_string())
        return failure{ec::corrupt, "a message without receipt or body"};
      out.push_back({message["ReceiptHandle"].get<std::string>(), message["Body"].get<std::string>()});
    }
  return out;
}

outcome sqs_queue::remove(const std::string& receipt) {
  const auto answer = call("DeleteMessage", json{{"QueueUrl", url_}, {"ReceiptHandle", receipt}}.dump());
  return answer ? outcome(done{}) : outcome(answer.error());
}

outcome sqs_queue::hide(const std::string& receipt, std::chrono::seconds hidden) {
  const auto answer =
      call("ChangeMessageVisibility",
           json{{"QueueUrl", url_}, {"ReceiptHandle", receipt}, {"VisibilityTimeout", hidden.count()}}.dump());
  return answer ? outcome(done{}) : outcome(answer.error());
}

} // namespace soc::sources
