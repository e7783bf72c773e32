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

}  // namespace postseal::verdict
