// Packets from anywhere against a zone of ours. Input: one byte, even for UDP and odd for TCP, then the packet.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "dns/message.h"
#include "dns/zone.h"

namespace {

using namespace postseal;

dns::ZonePtr make_zone() {
    const auto name = [](std::string_view text) { return dns::Name::parse(text).value(); };
    const dns::Name apex = name("z.example");
    std::vector<dns::Record> records = {
        {apex, dns::Type::soa, 60, dns::SoaData{name("ns.z.example"), name("h.z.example"), 1, 2, 3, 4, 60}},
        {apex, dns::Type::ns, 60, dns::NsData{name("ns.z.example")}},
        {name("ns.z.example"), dns::Type::a, 60, dns::AddressData{dns::IpAddress::v4({192, 0, 2, 1})}},
        {name("_mta-sts.l.z.example"), dns::Type::txt, 300, dns::TxtData{{"v=STSv1; id=1;"}}},
        {name("c.z.example"), dns::Type::cname, 60, dns::CnameData{name("_mta-sts.l.z.example")}},
        {name("o.z.example"), dns::Type::cname, 60, dns::CnameData{name("o.example")}},
        {name("r.z.example"), dns::Type::cname, 60, dns::CnameData{name("r.z.example")}},
    };
    for (int i = 0; i < 20; ++i) {
        records.push_back(
            {name("b.z.example"), dns::Type::txt, 60, dns::TxtData{{std::string(100, 'x') + std::to_string(i)}}});
    }
    return dns::Zone::build(apex, std::move(records)).value();
}

void check(bool holds) {
    if (!holds) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const dns::ZonePtr zone = make_zone();
    if (size == 0) {
        return 0;
    }
    const auto transport = data[0] % 2 == 0 ? dns::Transport::udp : dns::Transport::tcp;
    const ByteView packet(data + 1, size - 1);
    const auto response = zone->answer(packet, transport);
    if (!response) {
        return 0;
    }
    const auto message = dns::read_response(*response);
    check(message.has_value());
    check(message->header.response && message->header.id == dns::read_header(packet)->id);
    check(message->records_skipped == 0);
    check(transport == dns::Transport::tcp || response->size() <= (message->edns ? 1232U : 512U));
    check(!message->header.truncated || (transport == dns::Transport::udp && message->answer.empty()));
    check(message->header.authoritative || (message->answer.empty() && message->authority.empty()));
    if (message->header.question_count == 1) {
        check(dns::is_response_to(packet, *response));
    }
    check(!zone->answer(*response, transport));  // or two servers would talk for ever
    return 0;
}
