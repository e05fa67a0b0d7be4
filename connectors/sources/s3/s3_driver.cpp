#include "connectors/sources/s3/s3_driver.hpp"

#include "connectors/sources/s3/s3_reader.hpp"
#include "runtime/secrets.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace soc::sources {

namespace {

/// A place with a long list of objects done is stored at ends of objects only.
constexpr std::size_t long_place_bytes = 64 * 1024;
constexpr int transfer_attempts = 8;
constexpr std::chrono::seconds first_retry_pause{1}, longest_retry_pause{60};

std::string refusal_of(const fetch_response& response) {
  // The answer is the server's: only its code is shown.
  const auto at = response.body.find("<Code>");
  const auto end = response.body.find("</Code>", at);
  auto code = at == std::string::npos || end == std::string::npos ? "" : response.body.substr(at + 6, end - at - 6);
  std::erase_if(code, [](unsigned char c) { return !std::isalnum(c); });
  return fmt::format("HTTP {} {}", response.status, code.substr(0, 64));
}

} // namespace

s3_fetcher::s3_fetcher(s3_options options, std::shared_ptr<const model::connector_context> context,
                       source_counts_ptr counts, std::shared_ptr<const clock_source> clock)
    : options_(std::move(options)), context_(std::move(context)), counts_(std::move(counts)), clock_(std::move(clock)),
      client_({.tls_ca = options_.tls_ca}) {
  if (!options_.sqs_queue.empty())
    queue_.emplace(options_.sqs_queue, options_.sqs_region, options_.tls_ca, clock_);
}

void s3_fetcher::complain(const std::string& what) {
  count(counts_->errors);
  if (std::exchange(complaint_, what) != what)
    spdlog::warn("connector {}: s3: {}", context_->connector, what);
}

fetch_request s3_fetcher::request(const std::string& key, const query_list& query,
                                  std::vector<std::pair<std::string, std::string>> headers) {
  fetch_request out;
  out.headers = std::move(headers);
  const auto path = (options_.path_style ? "/" + options_.bucket : std::string()) + "/" + key;
  if (key_.id.empty()) {
    const auto text = encoded_query(query);
    out.url = options_.endpoint + percent_encoded(path, true) + (text.empty() ? "" : "?" + text);
  } else {
    sign_aws(out, options_.endpoint, path, query, {options_.region, "s3"}, key_, clock_->now());
  }
  return out;
}

result<s3_listing> s3_fetcher::list(const std::string& prefix, const std::string& after, const std::string& token) {
  query_list query{{"list-type", "2"}, {"encoding-type", "url"}, {"prefix", prefix}};
  if (!token.empty())
    query.emplace_back("continuation-token", token);
  else if (!after.empty())
    query.emplace_back("start-after", after);
  const auto response = client_.fetch(request("", query));
  if (!response)
    return response.error();
  if (response->status != 200)
    return failure{ec::refused, "listing: " + refusal_of(*response)};
  return read_listing(response->body);
}

/// One request for the rest of an object.
s3_fetcher::step s3_fetcher::transfer(const s3_object& object, std::uint64_t& got, s3_reader& reader, bool& complete) {
  std::vector<std::pair<std::string, std::string>> headers;
  if (got > 0)
    headers = {{"Range", fmt::format("bytes={}-", got)}};
  if (got > 0 && !object.etag.empty())
    headers.emplace_back("If-Match", object.etag);
  bool broken = false;
  const auto asked_from = got;
  std::uint64_t seen = 0;
  const auto response =
      client_.fetch(request(object.key, {}, std::move(headers)), [&](int status, std::string_view bytes) {
        // A server without ranges sends all of it again: what was read already must not be read twice.
        if (status == 200 && asked_from > 0) {
          const auto known = std::min<std::uint64_t>(asked_from - seen, bytes.size());
          seen += known;
          bytes.remove_prefix(known);
        }
        got += bytes.size();
        broken = !reader.feed(bytes, clock_->now());
        return !broken;
      });
  if (broken)
    return reader.why().empty() ? step::stopped : step::failed;
  if (!response) {
    complain(fmt::format("an object's transfer broke: {}", response.error().what));
    return response.error().code == ec::closed ? step::stopped : step::done;
  }
  complete = response->status == 200 || response->status == 206;
  if (complete)
    return step::done;
  complain("an object can't be read: " + refusal_of(*response));
  return response->status >= 500 ? step::done : response->status == 404 ? step::gone : step::failed;
}

s3_fetcher::step s3_fetcher::read_listed(fetch_session& session, const std::string& prefix, const s3_object& object,
                                         bool any_order) {
  const auto read = read_object(session, object, progress_.records_of(object),
                                [&](model::raw_batch_ptr batch, std::uint64_t records) {
                                  progress_.advance(object, records);
                                  auto place = progress_.text();
                                  if (place.size() > long_place_bytes)
                                    place.clear();
                                  return session.hand_on(std::move(batch), std::move(place));
                                });
  if (read != step::done)
    return read == step::gone ? step::failed : read;
  progress_.finish(prefix, object, any_order);
  return session.reached(progress_.text()) ? step::done : step::stopped;
}

s3_fetcher::step s3_fetcher::read_object(fetch_session& session, const s3_object& object, std::uint64_t skip,
                                         const std::function<bool(model::raw_batch_ptr, std::uint64_t records)>& out) {
  s3_reader reader(options_, context_, options_.bucket + "/" + object.key, skip, counts_, out);
  std::uint64_t got = 0;
  bool complete = false;
  for (int attempt = 0; !complete; ++attempt) {
    if (attempt == transfer_attempts)
      return step::failed;
    if (attempt > 0 &&
        !session.sleep(std::min<std::chrono::seconds>(first_retry_pause * (1 << (attempt - 1)), longest_retry_pause)))
      return step::stopped;
    const auto moved = transfer(object, got, reader, complete);
    if (moved == step::failed && !reader.why().empty())
      complain(fmt::format("{} is left out from record {} on: {}", object.key, reader.records(), reader.why()));
    if (moved == step::failed && !reader.why().empty()) {
      count(counts_->dropped_records);
      break; // it will not read better next time
    }
    if (moved != step::done)
      return moved;
  }
  if (reader.why().empty() && !reader.finish(clock_->now())) {
    if (reader.why().empty())
      return step::stopped;
    complain(fmt::format("{}: {}", object.key, reader.why()));
    count(counts_->dropped_records);
  }
  return step::done;
}

s3_fetcher::step s3_fetcher::sweep_prefix(fetch_session& session, const std::string& prefix, bool any_order) {
  std::string token;
  do {
    const auto listing = list(prefix, progress_.after(prefix, any_order), token);
    if (!listing) {
      if (listing.error().code != ec::closed)
        complain(listing.error().what);
      return session.stopped() ? step::stopped : step::failed;
    }
    counts_->open = listing->objects.size();
    for (const auto& object : listing->objects) {
      if (object.size == 0 || progress_.is_done(prefix, object, any_order))
        continue;
      if (const auto read = read_listed(session, prefix, object, any_order); read != step::done)
        return read;
    }
    token = listing->truncated ? listing->next : "";
  } while (!token.empty());
  return step::done;
}

s3_fetcher::step s3_fetcher::sweep(fetch_session& session) {
  const auto now = clock_->now();
  std::set<std::string> looked_at;
  auto worst = step::done;
  for (const auto& pattern : options_.prefixes) {
    const bool timed = pattern.find('%') != std::string::npos;
    const auto from = now - std::chrono::duration_cast<std::chrono::nanoseconds>(options_.lookback).count();
    for (const auto& prefix : prefixes_between(pattern, timed ? from : now, now)) {
      looked_at.insert(prefix);
      // Writers of several regions and shards share a day: their keys do not come in order.
      const auto swept = sweep_prefix(session, prefix, timed || options_.any_order);
      if (swept == step::stopped)
        return swept;
      worst = swept == step::failed ? swept : worst;
    }
  }
  progress_.forget_all_but(looked_at);
  return worst;
}

outcome s3_fetcher::prepare() {
  for (const auto& [reference, into] :
       {std::pair{&options_.access_key, &key_.id}, std::pair{&options_.secret_key, &key_.secret},
        std::pair{&options_.session_token, &key_.session_token}}) {
    if (reference->empty())
      continue;
    auto secret = read_secret(*reference);
    if (!secret)
      return secret.error();
    *into = std::move(secret).take();
  }
  if (queue_)
    queue_->use_key(key_);
  if (options_.webhook_port) {
    auto hook = s3_hook::open(
        options_, [this] { nudged_ = true; }, clock_);
    if (!hook)
      return hook.error();
    hook_ = std::move(hook).take();
  }
  return done{};
}

/// Until the next listing is due or a webhook asks for it.
bool s3_fetcher::wait_for_more(fetch_session& session) {
  if (!hook_)
    return session.sleep(options_.poll);
  constexpr std::chrono::milliseconds look_every{100};
  for (std::chrono::nanoseconds left = options_.poll; left.count() > 0 && !nudged_; left -= look_every)
    if (!session.sleep(look_every))
      return false;
  return !session.stopped();
}

void s3_fetcher::run(fetch_session& session, const std::string& place) {
  if (queue_)
    return run_queue(session);
  progress_ = s3_progress::read(place);
  auto pause = std::chrono::duration_cast<std::chrono::nanoseconds>(first_retry_pause);
  while (!session.stopped()) {
    nudged_ = false;
    const auto swept = sweep(session);
    if (swept == step::stopped)
      return;
    if (swept == step::done) {
      pause = first_retry_pause;
      complaint_.clear();
    }
    if (swept == step::done ? !wait_for_more(session) : !session.sleep(pause))
      return;
    if (swept == step::failed)
      pause = std::min<std::chrono::nanoseconds>(pause * 2, longest_retry_pause);
  }
}

std::unique_ptr<source_driver> make_s3_driver(s3_options options,
                                              std::shared_ptr<const model::connector_context> context,
                                              source_counts_ptr counts, std::shared_ptr<const clock_source> clock) {
  const auto queue_bytes = options.queue_bytes;
  auto fetcher =
      std::make_shared<s3_fetcher>(std::move(options), std::move(context), std::move(counts), std::move(clock));
  return std::make_unique<fetching_driver>(
      queue_bytes, [fetcher] { return fetcher->prepare(); },
      [fetcher](fetch_session& session, const std::string& place) { fetcher->run(session, place); },
      [fetcher] { fetcher->interrupt(); });
}

} // namespace soc::sources
