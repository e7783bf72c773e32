#include "sender/mail_route.h"

#include <algorithm>
#include <utility>

#include "dns/record.h"

namespace postseal::sender {

MailRoute mail_route(const dns::Name& domain, const net::DnsAnswer& mx,
                     const std::function<std::size_t(std::size_t)>& random) {
    if (!mx.usable()) {
        return {{}, "the MX records of " + domain.text() + " could not be looked up", false};
    }
    if (mx.nxdomain()) {
        return {{}, domain.text() + " does not exist", true};
    }
    std::vector<dns::MxData> records = mx.all<dns::MxData>();
    if (records.empty() && mx.unreadable == 0) {
        return {{domain}, "", false};  // RFC 5321 §5.1: the implicit MX
    }
    for (std::size_t i = records.size(); i > 1; --i) {
        std::swap(records[i - 1], records[random(i)]);
    }
    std::stable_sort(records.begin(), records.end(),
                     [](const dns::MxData& a, const dns::MxData& b) { return a.preference < b.preference; });
    MailRoute route;
    for (const dns::MxData& record : records) {
        const bool known = std::find(route.hosts.begin(), route.hosts.end(), record.exchange) != route.hosts.end();
        // "." is RFC 7505's null MX; an address is no host name (RFC 5321 §5.1).
        if (!known && !record.exchange.is_root() && !dns::IpAddress::parse(record.exchange.text())) {
            route.hosts.push_back(record.exchange);
        }
    }
    if (route.hosts.empty()) {
        // RFC 7505 §3; and RFC 5321 §5.1: MX records that are of no use do not make room for the implicit one.
        route.final_problem = true;
        route.problem =
            domain.text() + " accepts no mail (" +
            (records.size() == 1 && records.front().exchange.is_root() ? "null MX" : "no usable MX record") + ")";
    }
    return route;
}

}  // namespace postseal::sender
