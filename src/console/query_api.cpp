#include "console/query_api.h"

#include "console/http_reply.h"
#include "sender/query_json.h"
#include "verdict/key.h"

namespace postseal::console {

void add_query_routes(Router& router, sender::PolicyDaemon* daemon) {
    router.add("GET", "/api/v1/query/{domain}", Access::signed_in, [daemon](const Call& call, const Reply& reply) {
        if (daemon == nullptr) {
            reply(problem_reply(Code::unavailable, "the policy daemon is not running here: role policyd is off"));
            return;
        }
        const std::string& text = call.path("domain");
        const verdict::Key key = verdict::parse_key(text);
        if (key.kind == verdict::Key::Kind::invalid) {
            reply(problem_reply(Code::bad_request, "domain: " + key.why, {{"domain", "invalid-name", key.why}}));
            return;
        }
        daemon->explain(text, [reply](const sender::PolicyDaemon::Explanation& explanation) {
            reply(json_reply(200, sender::query_json(explanation)));
        });
    });
}

}  // namespace postseal::console
