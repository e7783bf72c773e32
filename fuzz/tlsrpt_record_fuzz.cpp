// The TXT RRset at _smtp._tls: one record per line; and the URIs in it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/text.h"
#include "tlsrpt/record.h"

namespace {

using namespace postseal;

void check(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void check_uri(const tlsrpt::ReportUri& uri) {
    check(uri.published.find_first_of(",!; \t") == std::string::npos);
    check(is_valid_utf8(uri.decoded));
    if (uri.scheme == tlsrpt::ReportUri::Scheme::mailto) {
        // What goes into an envelope: no control characters, one mailbox, an ASCII host name.
        check(is_valid_utf8(uri.address) && uri.address.size() <= 254);
        check(std::none_of(uri.address.begin(), uri.address.end(),
                           [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
        const auto at = uri.address.rfind('@');
        check(at != std::string::npos && at > 0);
        check(dns::Name::parse_ascii(uri.address.substr(at + 1)).value().is_hostname());
        const std::string local = uri.address.substr(0, at);
        check(local.find_first_of(" <>@,\\") == std::string::npos || (local.front() == '"' && local.back() == '"'));
    } else {
        check(uri.address.empty());
    }
    // What was published leads to the same target again.
    const std::vector<std::string> own{tlsrpt::format_tlsrpt_record({uri.published})};
    const auto again = tlsrpt::judge_tlsrpt_records(own);
    check(again.record && again.record->rua.size() == 1 && again.record->rua.front() == uri);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::string> records;
    for (const auto line : split(as_text({data, size}), '\n')) {
        records.emplace_back(line);
    }
    const auto judgement = tlsrpt::judge_tlsrpt_records(records);
    check(judgement.record.has_value() != has_error(judgement.problems));
    check(judgement.present || !judgement.record);
    for (const Problem& problem : judgement.problems) {
        check(problem.line >= 1 && static_cast<std::size_t>(problem.line) <= records.size());
        check(is_valid_utf8(problem.message));
    }
    if (judgement.record) {
        check(!judgement.record->rua.empty());
        for (const auto& uri : judgement.record->rua) {
            check_uri(uri);
        }
    }
    return 0;
}
