// Server-sent events to open panels. They carry no history: a panel that reconnects reads everything again.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"
#include "base/time.h"
#include "console/router.h"
#include "net/http_server.h"

namespace postseal::console {

// "event: NAME\ndata: JSON\n\n"; JSON has no line breaks of its own.
std::string event_text(std::string_view name, const boost::json::object& data);

// Any thread.
class Events {
public:
    // Says hello.
    void add(std::shared_ptr<net::HttpStream> stream, const Actor& actor);
    // To everybody of the organisation, and to the operator.
    void publish(std::int64_t organisation, std::string_view name, const boost::json::object& data);
    // Every 15 s: a comment keeps proxies from closing, and who may no longer listen is let go.
    void keep_alive(TimePoint now);
    void close_session(const std::string& token_hash);
    void close_all();
    [[nodiscard]] std::size_t size() const;

private:
    struct Listener {
        std::shared_ptr<net::HttpStream> stream;
        Actor actor;
    };
    // A copy: a stream is never called with the lock held.
    [[nodiscard]] std::vector<Listener> snapshot() const;
    Guarded<std::vector<Listener>> listeners_;
};

void add_event_routes(Router& router, const std::shared_ptr<Events>& events);

}  // namespace postseal::console
