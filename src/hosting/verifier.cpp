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

struct Trouble {
    std::string code;
    std::string sentence;
    std::vector<std::string> observed;
    std::optional<std::uint32_t> ttl_s;
};

// A record as its owner knows it from the provider's page, cut where a page would become unreadable.
std::vector<std::string> texts_of(const DnsAnswer& answer) {
    constexpr std::size_t records_max = 5;
    constexpr std::size_t bytes_max = 200;
    std::vector<std::string> texts;
    for (const dns::Record& record : answer.records) {
        if (texts.size() < records_max) {
            texts.push_back(
                fmt::format("{} {}", dns::to_string(answer.type), printable(dns::data_text(record.data), bytes_max)));
        }
    }
    return texts;
}

Trouble no_answer(const DnsAnswer& answer) {
    if (answer.status == net::DnsStatus::bogus) {
        return {"bogus",
                fmt::format("DNSSEC validation of this name fails: {}", printable(answer.error, 200)),
                {},
                std::nullopt};
    }
    return {answer.error.find("timed out") != std::string::npos ? "timeout" : "servfail",
            fmt::format("no answer from the name servers: {}", printable(answer.error, 200)),
            {},
            std::nullopt};
}

// What one way of asking shows; no trouble = exactly the record.
awaitable<std::optional<Trouble>> trouble_seen_by(net::Resolver& resolver, CnameRecord expected) {
    const DnsAnswer answer = co_await ask(resolver, expected.name, dns::Type::cname);
    if (!answer.usable()) {
        co_return no_answer(answer);
    }
    const auto targets = answer.all<dns::CnameData>();
    if (targets.empty()) {
        if (!answer.nxdomain()) {
            // The commonest reason for a CNAME that cannot be added: RFC 1034 §3.6.2 forbids it beside other data.
            constexpr std::array others{dns::Type::txt, dns::Type::a, dns::Type::aaaa, dns::Type::mx};
            for (const dns::Type type : others) {
                const DnsAnswer other = co_await ask(resolver, expected.name, type);
                if (other.usable() && other.has_data()) {
                    co_return Trouble{
                        "other-record",
                        fmt::format("there is a {} record at this name: remove it first, then add the CNAME",
                                    dns::to_string(type)),
                        texts_of(other), other.ttl_s};
                }
            }
        }
        co_return Trouble{"not-found", "there is no record at this name yet", {}, answer.ttl_s};
    }
    if (targets.size() > 1) {
        co_return Trouble{"other-record", "there is more than one CNAME at this name: keep only ours", texts_of(answer),
                          answer.ttl_s};
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
            co_return Trouble{"chain",
                              fmt::format("the CNAME goes through {}: it has to point at {} itself", first.text(),
                                          expected.target.text()),
                              texts_of(answer), answer.ttl_s};
        }
    }
    co_return Trouble{"wrong-target",
                      fmt::format("the CNAME points at {} instead of {}", first.text(), expected.target.text()),
                      texts_of(answer), answer.ttl_s};
}

void tell(SeenRecord& record, Trouble trouble) {
    record.problem = std::move(trouble.sentence);
    record.problem_code = std::move(trouble.code);
    record.observed = std::move(trouble.observed);
    if (trouble.ttl_s && *trouble.ttl_s > 0) {
        record.ttl_s = trouble.ttl_s;
    }
}

awaitable<SeenRecord> look_at(net::Resolver& own_servers, net::Resolver& resolver, CnameRecord expected) {
    SeenRecord result;
    result.record = expected;
    std::optional<Trouble> own = co_await trouble_seen_by(own_servers, expected);
    if (own) {
        tell(result, std::move(*own));
        co_return result;
    }
    std::optional<Trouble> via = co_await trouble_seen_by(resolver, expected);
    if (via) {
        via->sentence = "the domain's own name servers show it, but our resolver says: " + via->sentence;
        // Old data in a cache goes by itself; a broken signature or a resolver that fails does not.
        if (via->code != "bogus" && via->code != "servfail" && via->code != "timeout") {
            via->code = "resolver-stale";
        }
        tell(result, std::move(*via));
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

std::optional<TimePoint> checked(const Verification& verification) {
    std::optional<TimePoint> oldest;
    for (const SeenRecord& one : verification) {
        if (!one.checked) {
            return std::nullopt;
        }
        oldest = oldest ? std::min(*oldest, *one.checked) : *one.checked;
    }
    return oldest;
}

bool needed_names_seen(const Verification& verification) {
    const auto is_reports = [](const SeenRecord& one) { return one.record.purpose == Purpose::reports; };
    if (std::all_of(verification.begin(), verification.end(), is_reports)) {
        return all_seen(verification);
    }
    return std::all_of(verification.begin(), verification.end(),
                       [&](const SeenRecord& one) { return one.seen || is_reports(one); });
}

bool same_but_for_time(Verification before, Verification after) {
    for (Verification* one : {&before, &after}) {
        for (SeenRecord& record : *one) {
            record.checked.reset();
            record.ttl_s.reset();  // of what a cache holds: it counts down
        }
    }
    return before == after;
}

std::string verification_to_json(const Verification& verification) {
    json::object object;
    for (const SeenRecord& one : verification) {
        json::object entry{{"seen", one.seen}};
        if (one.problem) {
            entry["problem"] = *one.problem;
        }
        if (!one.problem_code.empty()) {
            entry["problem_code"] = one.problem_code;
        }
        if (!one.observed.empty()) {
            entry["observed"] = json::array(one.observed.begin(), one.observed.end());
        }
        if (one.ttl_s) {
            entry["ttl_s"] = static_cast<std::int64_t>(*one.ttl_s);
        }
        if (one.checked) {
            entry["checked"] = static_cast<std::int64_t>(one.checked->time_since_epoch().count());
        }
        if (one.ever_seen) {
            entry["ever_seen"] = true;
        }
        object[to_string(one.record.purpose)] = std::move(entry);
    }
    return json::serialize(object);
}

namespace {

std::optional<std::string> text_in(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::optional(std::string(value->get_string())) : std::nullopt;
}

void read_record(SeenRecord& record, const json::object& entry) {
    if (const json::value* seen = entry.if_contains("seen"); seen != nullptr && seen->is_bool()) {
        record.seen = seen->get_bool();
        record.problem.reset();
    }
    const json::value* ever = entry.if_contains("ever_seen");
    record.ever_seen = record.seen || (ever != nullptr && ever->is_bool() && ever->get_bool());
    if (auto problem = text_in(entry, "problem")) {
        record.problem = std::move(problem);
    }
    record.problem_code = text_in(entry, "problem_code").value_or("");
    if (const json::value* observed = entry.if_contains("observed"); observed != nullptr && observed->is_array()) {
        for (const json::value& one : observed->get_array()) {
            if (one.is_string()) {
                record.observed.emplace_back(one.get_string());
            }
        }
    }
    if (const json::value* ttl = entry.if_contains("ttl_s"); ttl != nullptr && ttl->is_int64()) {
        record.ttl_s = static_cast<std::uint32_t>(ttl->get_int64());
    }
    if (const json::value* checked = entry.if_contains("checked"); checked != nullptr && checked->is_int64()) {
        record.checked = TimePoint(Seconds(checked->get_int64()));
    }
}

}  // namespace

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
        if (entry != nullptr && entry->is_object()) {
            read_record(one, entry->get_object());
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
    const std::uint64_t id = ++looks_begun_;
    const Resolvers& resolvers = looks_.emplace(id, Resolvers{std::move(*own), std::move(*via)}).first->second;
    look_at_cnames(*loop_, *resolvers.own_servers, *resolvers.configured, std::move(expected),
                   [this, id, done = std::move(done)](Verification verification) {
                       const auto finished = looks_.extract(id);
                       done(std::move(verification));
                   });
}

void Verifier::cancel() {
    const auto dropped = std::exchange(looks_, {});
}

}  // namespace postseal::hosting
