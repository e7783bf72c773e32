#include "verdict/evidence_text.h"

#include <fmt/format.h>

#include "base/text.h"
#include "verdict/sts.h"

namespace postseal::verdict {

namespace {

constexpr std::size_t text_max = 300;

// "a, b (signed)", "none", "no such name", "bogus: why": what an answer says, in one line.
template <class T, class Text>
std::string said(const Lookup<T>& lookup, Text text) {
    switch (lookup.answer) {
        case Answer::not_asked:
            return {};
        case Answer::nodata:
            return lookup.secure ? "none (signed)" : "none";
        case Answer::nxdomain:
            return lookup.secure ? "no such name (signed)" : "no such name";
        case Answer::bogus:
            return "DNSSEC validation failed: " + printable(lookup.error, text_max);
        case Answer::failed:
            return "could not be looked up: " + printable(lookup.error, text_max);
        case Answer::records:
            break;
    }
    std::string out;
    for (const T& record : lookup.records) {
        out += (out.empty() ? "" : ", ") + printable(text(record), text_max);
    }
    return out + (lookup.secure ? " (signed)" : " (not signed)");
}

std::string fetch_said(const PolicyFetch& fetch) {
    if (fetch.outcome == PolicyFetch::Outcome::not_attempted) {
        return {};
    }
    const FetchJudgement judged = judge_fetch(fetch);
    std::string out = judged.policy ? fmt::format("fetched, mode {}", mtasts::to_string(judged.policy->mode))
                                    : printable(judged.reason, text_max);
    if (!fetch.addresses.empty()) {
        out += " (from";
        for (const dns::IpAddress& address : fetch.addresses) {
            out += " " + address.text();
        }
        out += ")";
    }
    return out;
}

}  // namespace

std::vector<EvidenceLine> evidence_lines(const Evidence& evidence) {
    std::vector<EvidenceLine> lines;
    const auto add = [&lines](std::string subject, std::string text) {
        if (!text.empty()) {
            lines.push_back({std::move(subject), std::move(text)});
        }
    };
    const auto address = [](const dns::IpAddress& data) { return data.text(); };
    add("_mta-sts", said(evidence.sts_txt, [](const std::string& text) { return "\"" + text + "\""; }));
    add("policy", fetch_said(evidence.fetch));
    add("MX", said(evidence.mx, [](const dns::MxData& mx) {
            return fmt::format("{} {}", mx.preference, mx.exchange.is_root() ? "." : mx.exchange.text());
        }));
    for (const HostEvidence& host : evidence.hosts) {
        const std::string v4 = said(host.a, address);
        if (const std::string v6 = said(host.aaaa, address); v4 == v6) {  // as they do when there is none
            add(host.name.text(), v4.empty() ? "" : "no address: " + v4);
        } else {
            add(host.name.text(), host.a.answer == Answer::nodata ? "" : v4);
            add(host.name.text(), host.aaaa.answer == Answer::nodata ? "" : v6);
        }
        for (const dns::Name& alias : host.alias.records) {
            add("CNAME", alias.text());
        }
        for (const TlsaEvidence& tlsa : host.tlsa) {
            add("TLSA", fmt::format("_{}._tcp.{}: {}", evidence.smtp_port, tlsa.base_domain.text(),
                                    said(tlsa.lookup, [](const dns::TlsaData& data) { return data.text(); })));
        }
    }
    return lines;
}

}  // namespace postseal::verdict
