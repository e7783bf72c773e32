// What an ACME server answers: problem documents, renewal information, Retry-After.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/bytes.h"
#include "base/text.h"
#include "hosting/acme_reply.h"
#include "hosting/renewal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postseal;
    const std::string text(as_text({data, size}));
    const auto check = [](bool holds) {
        if (!holds) {
            std::abort();
        }
    };
    const auto reply = hosting::read_acme_reply(400, {{"Retry-After", text}}, "application/problem+json", text);
    const std::string words = hosting::acme_error(reply, "order").message();
    check(is_valid_utf8(words) && words.find('\n') == std::string::npos && words.size() < 10'000);
    constexpr TimePoint now{Seconds(1'800'000'000)};
    if (const auto later = hosting::retry_after(reply.headers, now)) {
        check(*later >= Seconds(0) && *later <= Seconds(86'400));
    }
    if (const auto window = hosting::parse_renewal_info(text)) {
        check(window->start < window->end && window->explanation_url.size() <= 1003);
        const dns::Name host = dns::Name::parse("mta-sts.example.com").value();
        const TimePoint end = now + Seconds(90 * 86'400);
        check(hosting::renewal_moment(host, now, end, *window) <= end);
    }
    return 0;
}
