// Who may come in: the panel's session cookie with its CSRF token, or the local unix socket without either.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "console/router.h"
#include "store/store.h"

namespace postseal::console {

enum class Door {
    panel,   // TCP: everybody in the world may knock
    socket,  // the unix socket, whose file mode says who may
};

constexpr std::string_view session_cookie_name = "postseal_session";

// The value of the first cookie of that name (RFC 6265 §5.4); "" when there is none.
std::string_view cookie_of(const net::HttpRequest& request, std::string_view name);

enum class Scheme { http, https };
// Set-Cookie: HttpOnly keeps scripts, SameSite=Strict foreign pages, Secure plain HTTP away from it.
std::string session_cookie(std::string_view token, Seconds life, Scheme scheme);
std::string ended_session_cookie(Scheme scheme);

// GET and HEAD change nothing; everything else has to prove that it comes from the panel.
bool changes_something(std::string_view method);
bool csrf_token_fits(const net::HttpRequest& request, const store::Session& session);

class SessionGuard {
public:
    SessionGuard(store::Store& store, const Clock& clock) : store_(&store), clock_(&clock) {}

    struct Admission {
        Actor actor;
        std::optional<net::HttpResponse> refusal;
    };
    // Blocks on the store, except for the socket and for Access::open.
    [[nodiscard]] Admission admit(const net::HttpRequest& request, Door door, Access access) const;

private:
    store::Store* store_;
    const Clock* clock_;
};

}  // namespace postseal::console
