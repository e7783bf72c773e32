// Packets from anywhere as a primary with TSIG keys reads them: the signature, the refusal, the serial of an IXFR, and
// an answer from a signed zone. Input: the packet.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "dns/dnssec.h"
#include "dns/message.h"
#include "dns/transfer.h"
#include "dns/tsig.h"
#include "dns/zone.h"

namespace {

using namespace postseal;

class FixedClock final : public Clock {
public:
    [[nodiscard]] TimePoint now() const override { return TimePoint(Seconds(1'800'000'000)); }
};

const FixedClock fixed;

dns::ZonePtr make_zone() {
    const auto name = [](std::string_view text) { return dns::Name::parse(text).value(); };
    const dns::Name apex = name("z.example");
    auto signing = std::make_shared<dns::Signing>();
    signing->clock = &fixed;
    signing->key_keys = {std::make_shared<dns::SigningKey>(dns::SigningKey::generate(dns::KeyRole::ksk))};
    signing->zone_keys = {std::make_shared<dns::SigningKey>(dns::SigningKey::generate(dns::KeyRole::zsk))};
    return dns::Zone::build(
               apex,
               {{apex, dns::Type::soa, 60, dns::SoaData{name("ns.z.example"), name("h.z.example"), 1, 2, 3, 4, 60}},
                {apex, dns::Type::ns, 60, dns::NsData{name("ns.z.example")}},
                {name("_mta-sts.l.z.example"), dns::Type::txt, 300, dns::TxtData{{"v=STSv1; id=1;"}}},
                {name("c.z.example"), dns::Type::cname, 60, dns::CnameData{name("_mta-sts.l.z.example")}}},
               signing)
        .value();
}

void check(bool holds) {
    if (!holds) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const dns::ZonePtr zone = make_zone();
    static const std::vector<dns::TsigKey> keys = {
        {dns::Name::parse("lab").value(), dns::TsigAlgorithm::hmac_sha256, Bytes(32, 7)}};
    const ByteView packet(data, std::min<std::size_t>(size, 65535));
    const auto tsig = dns::check_tsig(packet, keys, fixed.now());
    if (tsig && tsig->fault != dns::TsigFault::none) {
        const Bytes refusal = dns::tsig_refusal(packet, *tsig, fixed.now());
        check(dns::read_header(refusal)->response);
        check(refusal.size() <= packet.size() + 1024);
    }
    (void)dns::ixfr_serial(packet);
    const dns::Query query = dns::read_query(packet);
    if (query.fault == dns::QueryFault::none && query.name.size() >= 11) {
        const auto answer = zone->answer(packet, dns::Transport::tcp);
        check(answer && answer->size() <= 65535);
        check(dns::read_response(*answer).has_value());
    }
    return 0;
}
