// Objects named by the messages of a queue: a message is deleted once all records of its objects are durable.
#include "connectors/sources/s3/s3_driver.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::sources {

namespace {

constexpr std::size_t most_open = 200, most_known = 20'000;
constexpr std::chrono::milliseconds settling_pause{200};
constexpr std::chrono::seconds first_queue_pause{1}, longest_queue_pause{60};

} // namespace

void s3_fetcher::run_queue(fetch_session& session) {
  auto pause = first_queue_pause;
  while (!session.stopped()) {
    settle_messages();
    if (open_.size() >= most_open) {
      if (!session.sleep(settling_pause))
        return;
      continue;
    }
    const auto read = read_messages(session);
    if (read == step::stopped)
      return;
    if (read == step::done) {
      pause = first_queue_pause;
      continue;
    }
    if (!session.sleep(pause))
      return;
    pause = std::min(pause * 2, longest_queue_pause);
  }
}

/// Up to ten messages. While others wait to be deleted, the queue is not waited for longer than a second.
s3_fetcher::step s3_fetcher::read_messages(fetch_session& session) {
  auto messages = queue_->receive(
      open_.empty() ? options_.sqs_wait : std::min(options_.sqs_wait, std::chrono::seconds{1}), options_.sqs_hidden);
  if (!messages) {
    if (messages.error().code != ec::closed)
      complain("queue: " + messages.error().what);
    return session.stopped() ? step::stopped : step::failed;
  }
  counts_->open = open_.size() + messages->size();
  if (messages->empty() && options_.sqs_wait.count() == 0)
    return session.sleep(std::chrono::seconds{1}) ? step::done : step::stopped;
  auto worst = step::done;
  for (auto& message : *messages) {
    std::vector<s3_object> objects;
    if (!take(std::move(message), objects)) {
      worst = step::failed;
      continue;
    }
    auto read = step::done;
    for (auto object = objects.begin(); object != objects.end() && read == step::done; ++object)
      read = read_notified(session, open_.back(), *object);
    if (read == step::stopped)
      return read;
    if (read == step::done) {
      open_.back().read = true;
    } else { // comes again when it is no longer hidden
      open_.pop_back();
      worst = read;
    }
    settle_messages();
  }
  if (worst == step::done)
    complaint_.clear();
  return worst;
}

/// Opens a message and gives its objects of this bucket; false when it is left to the queue.
bool s3_fetcher::take(sqs_message message, std::vector<s3_object>& objects) {
  auto notices = read_notification(message.body);
  if (!notices) {
    count(counts_->refused);
    complain("queue: " + notices.error().what + "; it is left in the queue");
    return false;
  }
  open_.push_back(
      {std::move(message.receipt), clock_->now(), false, std::make_shared<std::atomic<std::int64_t>>(0), {}});
  for (auto& notice : *notices)
    if (is_wanted(notice))
      objects.push_back(std::move(notice.object));
  return true;
}

bool s3_fetcher::is_wanted(const s3_notice& notice) const {
  return notice.bucket == options_.bucket &&
         std::any_of(options_.prefixes.begin(), options_.prefixes.end(),
                     [&](const auto& prefix) { return is_below(notice.object.key, prefix); }) &&
         (notice.object.etag.empty() || !known_.contains(mark_of(notice.object)));
}

s3_fetcher::step s3_fetcher::read_notified(fetch_session& session, open_message& message, const s3_object& object) {
  const auto unsettled = message.unsettled;
  const auto read = read_object(session, object, 0, [&](model::raw_batch_ptr batch, std::uint64_t) {
    keep_hidden();
    unsettled->fetch_add(1);
    return session.hand_on(std::move(batch), {}, [unsettled] { unsettled->fetch_sub(1); });
  });
  if (read == step::done)
    message.marks.push_back(mark_of(object));
  // What was deleted meanwhile can't be read any more: said and counted, and the message is done with.
  return read == step::gone ? step::done : read;
}

void s3_fetcher::settle_messages() {
  for (auto it = open_.begin(); it != open_.end();) {
    if (!it->read || it->unsettled->load() > 0) {
      ++it;
      continue;
    }
    // When this fails the message comes again, and its objects are known.
    if (const auto removed = queue_->remove(it->receipt); !removed && removed.error().code != ec::closed)
      complain("queue: " + removed.error().what);
    for (const auto mark : it->marks)
      remember(mark);
    it = open_.erase(it);
  }
  keep_hidden();
}

void s3_fetcher::keep_hidden() {
  const auto half = std::chrono::duration_cast<std::chrono::nanoseconds>(options_.sqs_hidden).count() / 2;
  for (auto& message : open_)
    if (clock_->now() - message.hidden_at > half) {
      if (const auto hidden = queue_->hide(message.receipt, options_.sqs_hidden);
          !hidden && hidden.error().code != ec::closed)
        complain("queue: " + hidden.error().what);
      message.hidden_at = clock_->now();
    }
}

void s3_fetcher::remember(std::uint64_t mark) {
  if (!known_.insert(mark).second)
    return;
  known_order_.push_back(mark);
  if (known_order_.size() > most_known) {
    known_.erase(known_order_.front());
    known_order_.pop_front();
  }
}

} // namespace soc::sources
