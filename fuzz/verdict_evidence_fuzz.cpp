// Evidence from a file (a support case), and through it everything that is concluded from what strangers publish: the
// decision, the replies, the findings. The first byte chooses the settings, the rest is the JSON.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "verdict/decision.h"
#include "verdict/evidence_json.h"
#include "verdict/findings.h"
#include "verdict/reply.h"

namespace {

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

// Design rule 13: Postfix would refuse these, and defer all mail to the domain.
void require_harmless(std::string_view reply) {
    require(reply.size() <= postseal::verdict::reply_bytes_max);
    int depth = 0;
    for (const char c : reply) {
        require(c != '\n' && c != '\r' && c != '\0');
        depth += c == '{' ? 1 : c == '}' ? -1 : 0;
        require(depth == 0 || depth == 1);
    }
    require(depth == 0);
    require(reply.find("match= ") == std::string_view::npos && !reply.ends_with("match="));
    const bool known = reply == "NOTFOUND " || reply.starts_with("TEMP ") || reply.starts_with("OK dane") ||
                       reply.starts_with("OK secure match=");
    require(known);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postseal;
    using namespace postseal::verdict;
    if (size == 0) {
        return 0;
    }
    const auto evidence = evidence_from_json(as_text({data + 1, size - 1}));
    if (!evidence) {
        require(!evidence.error().message().empty());
        return 0;
    }
    const auto again = evidence_from_json(boost::json::serialize(evidence_to_json(*evidence)));
    require(again && *again == *evidence);

    Settings settings;
    settings.partial_dane = static_cast<PartialDane>(data[0] % 3);
    settings.smart_host_policy = (data[0] & 4) != 0;
    settings.on_slow_policy = (data[0] & 8) != 0 ? OnSlowPolicy::defer : OnSlowPolicy::deliver;
    const TimePoint now = evidence->gathered;
    const Decision decision = decide(*evidence, settings, now);
    require(!decision.reasons.empty() && decision.valid_until >= now);
    require((decision.level == Level::secure) == !decision.match.empty());
    require_harmless(socketmap_reply(decision, ReplyForm::plain));
    require_harmless(socketmap_reply(decision, ReplyForm::with_tlsrpt));
    require(line_reply(decision).find('\n') == std::string::npos);
    for (const Finding& finding : find(*evidence, now)) {
        require(!finding.message.empty() && !finding.why.empty());
    }
    return 0;
}
