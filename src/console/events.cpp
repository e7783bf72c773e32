#include "console/events.h"

#include <boost/json.hpp>

#include "console/http_reply.h"

namespace postseal::console {

namespace {

constexpr std::size_t listeners_max = 1000;

}  // namespace

std::string event_text(std::string_view name, const boost::json::object& data) {
    return "event: " + std::string(name) + "\ndata: " + boost::json::serialize(data) + "\n\n";
}

void Events::add(std::shared_ptr<net::HttpStream> stream, const Actor& actor) {
    stream->send(event_text("hello", {}));
    listeners_.with([&](auto& listeners) { listeners.push_back({std::move(stream), actor}); });
}

void Events::publish(std::int64_t organisation, std::string_view name, const boost::json::object& data) {
    const std::string text = event_text(name, data);
    for (const Listener& listener : snapshot()) {
        if (listener.actor.kind == Actor::Kind::local || listener.actor.organisation() == organisation) {
            listener.stream->send(text);
        }
    }
}

void Events::keep_alive(TimePoint now) {
    for (const Listener& listener : snapshot()) {
        if (listener.actor.session && listener.actor.session->expires <= now) {
            listener.stream->close();
        } else {
            listener.stream->send(": still here\n\n");
        }
    }
    listeners_.with([](auto& listeners) {
        std::erase_if(listeners, [](const Listener& listener) { return listener.stream->closed(); });
    });
}

void Events::close_session(const std::string& token_hash) {
    for (const Listener& listener : snapshot()) {
        if (listener.actor.session && listener.actor.session->token_hash == token_hash) {
            listener.stream->close();
        }
    }
}

void Events::close_all() {
    for (const Listener& listener : snapshot()) {
        listener.stream->close();
    }
}

std::size_t Events::size() const {
    return listeners_.with([](const auto& listeners) { return listeners.size(); });
}

std::vector<Events::Listener> Events::snapshot() const {
    return listeners_.with([](const auto& listeners) { return listeners; });
}

void add_event_routes(Router& router, const std::shared_ptr<Events>& events) {
    router.add("GET", "/api/v1/events", Access::signed_in, [events](const Call& call, const Reply& reply) {
        if (events->size() >= listeners_max) {
            reply(problem_reply(Code::unavailable, "too many panels are open"));
            return;
        }
        net::HttpResponse response;
        response.headers = {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}};
        response.stream = [events, actor = call.actor](std::shared_ptr<net::HttpStream> stream) {
            events->add(std::move(stream), actor);
        };
        reply(std::move(response));
    });
}

}  // namespace postseal::console
