#include "verdict/reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace postseal::verdict {

namespace {

constexpr std::size_t reason_bytes_max = 200;  // as much of it as Postfix logs

// One line of printable ASCII, so that an error text from the network can break no protocol and no log.
std::string one_line(std::string_view text) {
    std::string line = printable(text, reason_bytes_max);
    for (char& c : line) {
        if (c < ' ' || c > '~') {
            c = '?';
        }
        if (c == '"') {
            c = '\'';
        }
    }
    return line;
}

std::string reason_of(const Decision& decision) {
    return one_line(decision.reasons.empty() ? "temporary failure" : decision.reasons.front());
}

// Postfix reads "{ policy_string = … }" by counting braces; an unbalanced one would spoil the whole reply. Such lines
// are rare (only unknown fields can hold them) and are left out, as is what is not text.
bool fits_policy_string(std::string_view line) {
    const bool plain = std::ranges::none_of(line, [](char c) {
        return c == '{' || c == '}' || (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    });
    return plain && !trim_wsp(line).empty() && is_valid_utf8(line);
}

std::string secure_reply(const std::vector<std::string>& match, const ReplySettings& settings) {
    std::string reply = "OK secure";
    if (!match.empty()) {  // of an override; Postfix's own smtp_tls_secure_cert_match applies then
        reply += " match=" + join(match, ":");
    }
    if (settings.servername) {
        reply += " servername=hostname";
    }
    return reply;
}

std::string policy_attributes(const Decision::StsAttributes& sts) {
    std::string text = " policy_type=sts policy_domain=" + sts.policy_domain.text();
    for (const std::string& pattern : sts.mx_host_patterns) {
        text += " mx_host_pattern=" + pattern;
    }
    return text;
}

std::string policy_strings(const Decision::StsAttributes& sts) {
    std::string text;
    for (const std::string& line : sts.policy_strings) {
        if (fits_policy_string(line)) {
            text += " { policy_string = " + std::string(trim_wsp(line)) + " }";
        }
    }
    return text;
}

// mx_host_pattern decides which hosts may be used, policy_string is only for the report: when the reply gets too long,
// the strings go first, then the attributes as a whole.
std::string sts_reply(const Decision& decision, const ReplySettings& settings) {
    std::string head = secure_reply(decision.match, settings);
    const Decision::StsAttributes& sts = *decision.sts;
    if (!sts.policy_domain.is_hostname()) {
        return head;  // Postfix refuses a policy_domain that is no host name
    }
    const std::string attributes = policy_attributes(sts);
    const std::string strings = policy_strings(sts);
    if (head.size() + attributes.size() + strings.size() <= reply_bytes_max) {
        return head + attributes + strings;
    }
    return head.size() + attributes.size() <= reply_bytes_max ? head + attributes : head;
}

// RFC 8461 §4.1 for a policy. An operator's match names what Postfix finds in the certificate (postconf(5),
// smtp_tls_secure_cert_match); the certificate must be for the host itself, so it is asked of the host's name.
bool may_use(const Decision& decision, const dns::Name& domain, const dns::Name& host) {
    if (decision.sts) {
        return std::ranges::any_of(decision.sts->mx_host_patterns, [&](const std::string& text) {
            const auto pattern = mtasts::MxPattern::parse(text);
            return pattern && mtasts::mx_matches(*pattern, host);
        });
    }
    const auto fits = [&](std::string_view match) {
        if (match == "hostname") {
            return true;
        }
        if (match == "nexthop") {
            return host == domain;
        }
        if (match == "dot-nexthop") {
            return host != domain && host.is_under(domain);
        }
        const bool subdomains = match.starts_with('.');
        const auto name = dns::Name::parse(subdomains ? match.substr(1) : match);
        return name && (subdomains ? host != *name && host.is_under(*name) : host == *name);
    };
    if (decision.match.empty()) {
        return fits("nexthop") || fits("dot-nexthop");  // Postfix's default
    }
    return std::ranges::any_of(decision.match, fits);
}

}  // namespace

std::string socketmap_reply(const Decision& decision, ReplyForm form, const ReplySettings& settings) {
    switch (decision.level) {
        case Level::none:
            return "NOTFOUND ";
        case Level::temp:
            return "TEMP " + reason_of(decision);
        case Level::secure:
            break;
        default:
            return fmt::format("OK {}", to_string(decision.level));  // Postfix builds the TLSA report itself
    }
    std::string reply = form == ReplyForm::with_tlsrpt && decision.sts ? sts_reply(decision, settings)
                                                                       : secure_reply(decision.match, settings);
    if (reply.size() > reply_bytes_max) {
        return "TEMP the list of names is longer than a reply may be";
    }
    return reply;
}

std::string line_reply(const Decision& decision) {
    std::string line = fmt::format("level={}", to_string(decision.level));
    if (decision.level == Level::temp) {
        return line + fmt::format(" reason=\"{}\"", reason_of(decision));
    }
    if (!decision.match.empty()) {
        line += " match=" + join(decision.match, ":");
    }
    if (decision.mode) {
        line += fmt::format(" mode={}", mtasts::to_string(*decision.mode));
    }
    if (decision.source == Source::by_default) {
        return line;  // level=none: nothing was found that could expire
    }
    const bool from_policy = decision.source == Source::sts && decision.policy_expires;
    const TimePoint expires = from_policy ? *decision.policy_expires : decision.valid_until;
    return line + fmt::format(" source={} expires={}", to_string(decision.source), expires.time_since_epoch().count());
}

std::string mx_line_reply(const Decision& decision, const dns::Name& domain, const std::vector<std::string>& hosts) {
    std::string line = fmt::format("level={}", to_string(decision.level));
    if (decision.level == Level::temp) {
        return line + fmt::format(" reason=\"{}\"", reason_of(decision));
    }
    std::vector<std::string> used;
    std::vector<std::string> refused;
    for (const std::string& host : hosts) {
        const auto name = dns::Name::parse(host);
        if (!name || !name->is_hostname()) {
            continue;
        }
        const bool ok = decision.level != Level::secure || may_use(decision, domain, *name);
        (ok ? used : refused).push_back(name->text());
    }
    if (!used.empty()) {
        line += " hosts=" + join(used, ":");
    }
    if (!refused.empty()) {
        line += " refused=" + join(refused, ":");
    }
    return line + fmt::format(" source={}", to_string(decision.source));
}

}  // namespace postseal::verdict
