#include "sender/http_intake.h"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <string>

#include "base/text.h"

namespace postseal::sender {

namespace json = boost::json;

namespace {

constexpr std::string_view path = "/v1/sessions";
constexpr std::size_t key_octets_max = 255;
constexpr std::size_t why_bytes_max = 300;

using Answer = DoneRequests::Answer;

Answer answer_of(int status, const json::object& body) {
    return {status, json::serialize(body) + "\n"};
}

// Nothing of the request is counted.
Answer refusal(int status, std::string_view why) {
    return answer_of(status, {{"counted", 0}, {"error", printable(why, why_bytes_max)}});
}

Answer refusal(const std::vector<tlsrpt::RefusedSession>& refused) {
    json::array list;
    for (const tlsrpt::RefusedSession& one : refused) {
        list.push_back(json::object{
            {"index", one.index}, {"field", printable(one.field)}, {"error", printable(one.why, why_bytes_max)}});
    }
    return answer_of(400, {{"counted", 0},
                           {"error", "no session is counted: mend or leave out those in refused"},
                           {"refused", std::move(list)}});
}

std::optional<tlsrpt::BatchFormat> format_of(std::string_view content_type) {
    const std::string_view type = trim_wsp(content_type.substr(0, content_type.find(';')));
    if (iequals(type, "application/json")) {
        return tlsrpt::BatchFormat::json;
    }
    if (iequals(type, "application/x-ndjson")) {
        return tlsrpt::BatchFormat::ndjson;
    }
    return std::nullopt;
}

bool is_key(std::string_view text) {
    return text.size() <= key_octets_max &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool was_counted(const Answer& answer) {
    return answer.status == 200 || answer.status == 202;
}

}  // namespace

HttpIntake::HttpIntake(Sink sink, net::WorkPool& work, const Clock& clock)
    : sink_(std::move(sink)), work_(&work), clock_(&clock) {}

net::HttpServerSettings HttpIntake::server_settings() {
    net::HttpServerSettings settings;
    settings.body_bytes_max = tlsrpt::BatchLimits().bytes_max;
    settings.connections_max = 1000;
    return settings;
}

net::HttpServer::Handler HttpIntake::handler() {
    return [this](net::HttpRequest request, std::function<void(net::HttpResponse)> reply) {
        work_->submit([this, request = std::move(request), reply = std::move(reply)] { reply(answer(request)); });
    };
}

net::HttpResponse HttpIntake::answer(const net::HttpRequest& request) {
    Answer answer = judge(request);
    net::HttpResponse response = net::HttpResponse::json(answer.status, std::move(answer.body));
    if (answer.status == 405) {
        response.headers.emplace_back("Allow", "POST");
    }
    return response;
}

Answer HttpIntake::judge(const net::HttpRequest& request) {
    const auto refuse = [this](int status, std::string_view why) {
        counters_.refused.fetch_add(1, std::memory_order_relaxed);
        return refusal(status, why);
    };
    if (request.path != path) {
        return refuse(404, "sessions go to /v1/sessions");
    }
    if (request.method != "POST") {
        return refuse(405, "POST only");
    }
    // A browser names the page that makes it ask: no page of the web may write into reports by way of its reader.
    if (!request.header("Origin").empty()) {
        return refuse(403, "not for browsers");
    }
    const auto format = format_of(request.header("Content-Type"));
    if (!format) {
        return refuse(415, "expected application/json or application/x-ndjson");
    }
    const std::string key(request.header("Idempotency-Key"));
    if (!is_key(key)) {
        return refuse(400, "Idempotency-Key: more than 255 characters, or none of ASCII's");
    }
    return key.empty() ? count(request, *format) : count_once(request, *format, key);
}

Answer HttpIntake::count_once(const net::HttpRequest& request, tlsrpt::BatchFormat format, const std::string& key) {
    const DoneRequests::Found found = done_.begin(key, sha256(as_bytes(request.body)), clock_->now());
    switch (found.known) {
        case DoneRequests::Known::done:
            counters_.repeated.fetch_add(1, std::memory_order_relaxed);
            return found.answer;
        case DoneRequests::Known::under_way:
            counters_.failed.fetch_add(1, std::memory_order_relaxed);
            return refusal(409, "the request with this Idempotency-Key is still being counted");
        case DoneRequests::Known::of_another_body:
            counters_.refused.fetch_add(1, std::memory_order_relaxed);
            return refusal(422, "this Idempotency-Key came with another body before");
        case DoneRequests::Known::no:
            break;
    }
    Answer answer = count(request, format);
    if (was_counted(answer)) {
        done_.finish(key, answer);
    } else {
        done_.forget(key);
    }
    return answer;
}

Answer HttpIntake::count(const net::HttpRequest& request, tlsrpt::BatchFormat format) {
    auto batch = tlsrpt::read_batch(request.body, format);
    if (!batch || !batch->refused.empty()) {
        counters_.refused.fetch_add(1, std::memory_order_relaxed);
        if (batch) {
            return refusal(batch->refused);
        }
        return refusal(batch.error().code == Errc::limit_exceeded ? 413 : 400, batch.error().message());
    }
    const std::size_t sessions = batch->sessions.size();
    if (!sink_.add(std::move(batch->sessions))) {
        counters_.failed.fetch_add(1, std::memory_order_relaxed);
        return refusal(503, "too many sessions wait to be counted: try again later");
    }
    counters_.counted.fetch_add(1, std::memory_order_relaxed);
    counters_.sessions.fetch_add(sessions, std::memory_order_relaxed);
    // What the store does not take stays in the collector's memory until it does: to send it again would count it
    // twice.
    const bool stored = sink_.flush().has_value();
    return answer_of(stored ? 200 : 202, {{"counted", sessions}, {"stored", stored}});
}

}  // namespace postseal::sender
