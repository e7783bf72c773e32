// An mx pattern, a line feed, an MX host: the match against a second, slower reading of RFC 8461 §4.1.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/bytes.h"
#include "mtasts/policy.h"

namespace {

using namespace postseal;

bool matches_by_labels(const mtasts::MxPattern& pattern, const dns::Name& host) {
    auto wanted = pattern.name().labels();
    auto labels = host.labels();
    if (pattern.wildcard()) {
        if (labels.empty()) {
            return false;
        }
        labels.erase(labels.begin());
    }
    return pattern.can_match() && labels == wanted;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});
    const auto end = text.find('\n');
    const auto pattern = mtasts::MxPattern::parse(text.substr(0, end));
    if (!pattern) {
        return 0;
    }
    const auto again = mtasts::MxPattern::parse(pattern->text());
    if (!again || !(*again == *pattern) || pattern->wildcard() != pattern->text().starts_with("*.")) {
        std::abort();
    }
    const auto host = dns::Name::parse(end == std::string_view::npos ? "mx.example.com" : text.substr(end + 1));
    if (host && mtasts::mx_matches(*pattern, *host) != matches_by_labels(*pattern, *host)) {
        std::abort();
    }
    return 0;
}
