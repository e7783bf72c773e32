// What the mail intake asks DNS, on threads that may wait.
#include <fmt/format.h>

#include <chrono>
#include <future>
#include <memory>

#include "intake/mail_intake.h"

namespace postseal::intake {

namespace {

// Less than the ten seconds in which SIGTERM ends the process. Who has to try again finds the answer in the cache.
constexpr std::chrono::seconds patience{5};

std::optional<net::DnsAnswer> wait_for(net::Resolver& resolver, const dns::Name& name, dns::Type type) {
    const auto promise = std::make_shared<std::promise<net::DnsAnswer>>();
    auto future = promise->get_future();
    resolver.resolve(name, type, [promise](net::DnsAnswer answer) { promise->set_value(std::move(answer)); });
    if (future.wait_for(patience) != std::future_status::ready) {
        return std::nullopt;
    }
    return future.get();
}

DkimKeyAnswer key_at(net::Resolver& resolver, const dns::Name& name) {
    using Status = DkimKeyAnswer::Status;
    const auto answer = wait_for(resolver, name, dns::Type::txt);
    if (!answer || !answer->usable()) {
        return {Status::unknown, {}, answer ? answer->error : "nobody answered in time"};
    }
    DkimKeyAnswer out{answer->has_data() ? Status::found : Status::none, {}, ""};
    for (const dns::TxtData& text : answer->all<dns::TxtData>()) {
        out.texts.push_back(text.joined());
    }
    return out;
}

// RFC 1035 §3.5, RFC 3596 §2.5
Result<dns::Name> reverse_name(const dns::IpAddress& address) {
    std::string text;
    const ByteView octets = address.octets();
    for (const std::uint8_t octet : Bytes(octets.rbegin(), octets.rend())) {
        text += address.is_v4() ? fmt::format("{}.", octet) : fmt::format("{:x}.{:x}.", octet & 0xF, octet >> 4);
    }
    return dns::Name::parse(text + (address.is_v4() ? "in-addr.arpa" : "ip6.arpa"));
}

// The PTR's name must lead back to the address: who has an address may write any name into its PTR.
std::optional<dns::Name> confirmed_name(net::Resolver& resolver, const dns::IpAddress& address) {
    const auto reverse = reverse_name(address);
    const auto answer = reverse ? wait_for(resolver, *reverse, dns::Type::ptr) : std::nullopt;
    constexpr std::size_t names_max = 3;
    std::size_t tried = 0;
    for (const dns::PtrData& pointer : answer ? answer->all<dns::PtrData>() : std::vector<dns::PtrData>()) {
        if (++tried > names_max) {
            break;
        }
        const auto back = wait_for(resolver, pointer.host, address.is_v4() ? dns::Type::a : dns::Type::aaaa);
        for (const dns::AddressData& found : back ? back->all<dns::AddressData>() : std::vector<dns::AddressData>()) {
            if (found.address == address) {
                return pointer.host;
            }
        }
    }
    return std::nullopt;
}

}  // namespace

MailLookups lookups_of(net::Resolver& resolver) {
    return {[&resolver](const dns::Name& name) { return key_at(resolver, name); },
            [&resolver](const dns::IpAddress& address) { return confirmed_name(resolver, address); }};
}

}  // namespace postseal::intake
