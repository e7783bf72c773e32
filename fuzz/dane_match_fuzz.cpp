// TLSA records and a certificate chain, as a stranger's DNS and a stranger's server send them. Input: items of
// [kind: 1 byte][length: 2 bytes, big-endian][bytes]; kind 0 is a TLSA RDATA, any other a certificate in DER.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "dane/tlsa.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postseal;
    std::vector<dns::TlsaData> rrset;
    std::vector<Bytes> chain;
    ByteReader reader({data, size});
    while (!reader.empty()) {
        const auto kind = reader.u8();
        const auto length = reader.u16();
        if (!kind || !length) {
            break;
        }
        const auto item = reader.take(std::min<std::size_t>(*length, reader.rest().size()));
        if (*kind != 0) {
            chain.emplace_back(item->begin(), item->end());
        } else if (const auto rdata = dns::data_from_wire(dns::Type::tlsa, *item)) {
            rrset.push_back(std::get<dns::TlsaData>(*rdata));
        }
    }
    const dns::Name base = dns::Name::parse("mx.example.com").value();
    const dane::Match match = dane::match_chain(rrset, chain, {base, {}}, TimePoint{Seconds{1'790'000'000}});
    // A match without a usable record would be an authentication out of nothing.
    if (match.result == dane::MatchResult::matched &&
        (dane::demand(rrset) != dane::Demand::authentication || match.record.empty())) {
        std::abort();
    }
    return 0;
}
