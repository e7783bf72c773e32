#include "hosting/verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>

#include "base/text.h"
#include "net/await.h"

namespace postseal::hosting {

namespace {

namespace json = boost::json;
using net::DnsAnswer;
using net::asio::awaitable;

constexpr int hops_followed_max = 8;

awaitable<DnsAnswer> ask(net::Resolver& resolver, dns::Name name, dns::Type type) {
    co_return co_await net::await_callback<DnsAnswer>([&resolver, &name, type](std::function<void(DnsAnswer)> done) {
        resolver.resolve(name, type, std::move(done));
    });
}

// What one way of asking shows; no problem = exactly the record.
awaitable<std::optional<std::string>> problem_seen_by(net::Resolver& resolver, CnameRecord expected) {
    const DnsAnswer answer = co_await ask(resolver, expected.name, dns::Type::cname);
    if (answer.status == net::DnsStatus::bogus) {
        co_return fmt::format("DNSSEC validation of this name fails: {}", printable(answer.error, 200));
    }
    if (!answer.usable()) {
        co_return fmt::format("no answer from the name servers: {}", printable(answer.error, 200));
    }
    const auto targets = answer.all<dns::CnameData>();
    if (targets.empty()) {
        if (!answer.nxdomain()) {
            // The commonest reason for a CNAME that cannot be added: RFC 1034 §3.6.2 forbids it beside other data.
            constexpr std::array others{dns::Type::txt, dns::Type::a, dns::Type::aaaa, dns::Type::mx};
            for (const dns::Type type : others) {
                const DnsAnswer other = co_await ask(resolver, expected.name, type);
                if (other.usable() && other.has_data()) {
                    co_return fmt::format("there is a {} record at this name: remove it first, then add the CNAME",
                                          dns::to_string(type));
                }
            }
        }
        co_return std::string("there is no record at this name yet");
    }
    if (targets.size() > 1) {
        co_return std::string("there is more than one CNAME at this name: keep only ours");
    }
    dns::Name target = targets.front().target;
    if (target == expected.target) {
        co_return std::nullopt;
    }
    const dns::Name first = target;
    for (int hop = 0; hop < hops_followed_max; ++hop) {
        const DnsAnswer next = co_await ask(resolver, target, dns::Type::cname);
        const auto further = next.all<dns::CnameData>();
        if (further.size() != 1) {
            break;
        }
        target = further.front().target;
        if (target == expected.target) {
            // A chain adds a zone whose owner could redirect the policy, and some senders give up after few hops.
            co_return fmt::format("the CNAME goes through {}: it has to point at {} itself", first.text(),
                                  expected.target.text());
        }
    }
    co_return fmt::format("the CNAME points at {} instead of {}", first.text(), expected.target.text());
}

awaitable<SeenRecord> look_at(net::Resolver& own_servers, net::Resolver& resolver, CnameRecord expected) {
    SeenRecord result;
    result.record = expected;
    const std::optional<std::string> own = co_await problem_seen_by(own_servers, expected);
    if (own) {
        result.problem = own;
        co_return result;
    }
    const std::optional<std::string> via = co_await problem_seen_by(resolver, expected);
    if (via) {
        result.problem = "the domain's own name servers show it, but our resolver says: " + *via;
        co_return result;
    }
    result.seen = true;
    co_return result;
}

awaitable<Verification> look_at_all(net::Resolver& own_servers, net::Resolver& resolver,
                                    std::vector<CnameRecord> expected) {
    Verification verification;
    for (const CnameRecord& record : expected) {
        SeenRecord seen = co_await look_at(own_servers, resolver, record);
        verification.push_back(std::move(seen));
    }
    co_return verification;
}

}  // namespace

bool all_seen(const Verification& verification) {
    return !verification.empty() &&
           std::all_of(verification.begin(), verification.end(), [](const SeenRecord& one) { return one.seen; });
}

bool policy_names_seen(const Verification& verification) {
    return !verification.empty() && std::all_of(verification.begin(), verification.end(), [](const SeenRecord& one) {
        return one.seen || one.record.purpose == Purpose::reports;
    });
}

std::string verification_to_json(const Verification& verification) {
    json::object object;
    for (const SeenRecord& one : verification) {
        object[to_string(one.record.purpose)] = json::object{
            {"seen", one.seen}, {"problem", one.problem ? json::value(*one.problem) : json::value(nullptr)}};
    }
    return json::serialize(object);
}

Verification verification_from_json(const std::vector<CnameRecord>& expected, std::string_view text) {
    boost::system::error_code bad;
    const json::value value = text.empty() ? json::value(nullptr) : json::parse(text, bad);
    Verification verification;
    for (const CnameRecord& record : expected) {
        SeenRecord& one = verification.emplace_back();
        one.record = record;
        one.problem = "not looked at yet";
        if (bad || !value.is_object()) {
            continue;
        }
        const json::value* entry = value.get_object().if_contains(to_string(record.purpose));
        if (entry == nullptr || !entry->is_object()) {
            continue;
        }
        if (const json::value* seen = entry->get_object().if_contains("seen"); seen != nullptr && seen->is_bool()) {
            one.seen = seen->get_bool();
            one.problem.reset();
        }
        if (const json::value* why = entry->get_object().if_contains("problem"); why != nullptr && why->is_string()) {
            one.problem = std::string(why->get_string());
        }
    }
    return verification;
}

void look_at_cnames(net::Loop& loop, net::Resolver& own_servers, net::Resolver& resolver,
                    std::vector<CnameRecord> expected, std::function<void(Verification)> done) {
    net::spawn(
        loop,
        [&own_servers, &resolver, expected = std::move(expected), done = std::move(done)]() mutable -> awaitable<void> {
            done(co_await look_at_all(own_servers, resolver, std::move(expected)));
        });
}

void Verifier::look(std::vector<CnameRecord> expected, std::function<void(Result<Verification>)> done) {
    auto own = net::make_unbound_resolver(*loop_, settings_.iterating());
    auto via = net::make_unbound_resolver(*loop_, settings_);
    if (!own || !via) {
        const Error error = own ? via.error() : own.error();
        loop_->post([done = std::move(done), error] { done(error); });
        return;
    }
    const auto own_servers = std::shared_ptr<net::Resolver>(std::move(*own));
    const auto resolver = std::shared_ptr<net::Resolver>(std::move(*via));
    look_at_cnames(
        *loop_, *own_servers, *resolver, std::move(expected),
        [own_servers, resolver, done = std::move(done)](Verification verification) { done(std::move(verification)); });
}

}  // namespace postseal::hosting
