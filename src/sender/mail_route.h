// Which hosts take the mail of a domain, and in which order (RFC 5321 §5.1, RFC 7505).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dns/name.h"
#include "net/resolver.h"

namespace postseal::sender {

struct MailRoute {
    std::vector<dns::Name> hosts;  // the best first
    std::string problem;           // why there are none
    bool final_problem = false;    // it will still be so tomorrow: null MX, no such domain
};

// `mx` is the answer for the MX records of `domain`. Hosts of one preference come in the order that `random` gives them
// (RFC 5321 §5.1: the load is to be spread): it is called with n and answers 0 … n-1.
MailRoute mail_route(const dns::Name& domain, const net::DnsAnswer& mx,
                     const std::function<std::size_t(std::size_t)>& random);

}  // namespace postseal::sender
