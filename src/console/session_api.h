// Signing in by a one-time link, who am I, signing out.
#pragma once

#include <memory>

#include "base/time.h"
#include "console/console.h"
#include "console/events.h"
#include "console/router.h"
#include "store/store.h"

namespace postseal::console {

class SessionApi {
public:
    SessionApi(store::Store& store, const Clock& clock, ConsoleSettings settings, std::shared_ptr<Events> events)
        : store_(&store), clock_(&clock), settings_(std::move(settings)), events_(std::move(events)) {}

    // /sign-in (with a token) and /api/v1/session, /api/v1/sign-in-links. This object must outlive the router.
    void add_routes(Router& router);

    // The organisation of the local operator: the first one, made when there is none.
    Result<store::Organisation> operators_organisation();

private:
    void follow_link(const Call& call, const Reply& reply);
    void exchange(const Call& call, const Reply& reply);
    void who_am_i(const Call& call, const Reply& reply);
    void sign_out(const Call& call, const Reply& reply);
    void make_link(const Call& call, const Reply& reply);

    // Uses the token up; the session and the value of its cookie.
    struct SignedIn {
        store::Session session;
        std::string token;
    };
    Result<SignedIn> sign_in(const std::string& link_token);
    Result<boost::json::object> to_json(const store::Session& session);
    Result<void> note(const Actor& actor, std::int64_t organisation, std::string action);

    store::Store* store_;
    const Clock* clock_;
    ConsoleSettings settings_;
    std::shared_ptr<Events> events_;
};

}  // namespace postseal::console
