#include "tlsrpt/exim_log.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "tlsrpt/json_fields.h"

namespace postseal::tlsrpt {

namespace {

constexpr std::string_view marker = " postseal-session: ";
constexpr std::string_view session_began = "smtp:ehlo";
constexpr std::string_view host_given_up = "msg:host:defer";
constexpr std::string_view smtp_port = "25";
constexpr std::size_t host_octets_max = 255;
constexpr std::size_t reason_bytes_max = 200;

// Exim's own numbers and words for a host that it gave up.
constexpr std::string_view tls_failure = "-37";   // the handshake, or the certificate
constexpr std::string_view tls_required = "-38";  // no STARTTLS, or refused
constexpr std::string_view not_verified = "(certificate verification failed)";
constexpr std::string_view starttls_refused = "SMTP error from remote mail server after STARTTLS: ";

// The fields, in the order in which packaging/exim/acl writes them. One that a stranger could have put into the value
// of another would be out of place.
enum Field { at, event, domain, host, ip, port, from, level, source, dane, notafter, message_id, error, why };
constexpr std::array<std::string_view, why + 1> field_names = {
    "at", "event", "domain", "host", "ip", "port", "from", "level", "source", "dane", "notafter", "id", "error", "why"};
using Fields = std::array<std::string_view, why + 1>;

bool take(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) {
        return false;
    }
    text.remove_prefix(prefix.size());
    return true;
}

// "00-00-0000": digits where it has them, and the same elsewhere.
bool shaped(std::string_view text, std::string_view shape) {
    return text.size() == shape.size() && std::equal(text.begin(), text.end(), shape.begin(), [](char c, char like) {
               return like == '0' ? is_digit(c) : like == 'a' ? is_alnum(c) : c == like;
           });
}

// "2026-11-24 22:16:49.123 +0100 [1234] 1xVyoi-00006K-24": fraction, zone and process as log_selector and log_timezone
// have it, the number of a message in the form up to 4.96 or the one since. Nothing that a peer says stands before it.
bool is_line_begin(std::string_view text) {
    std::vector<std::string_view> words = split(text, ' ');
    if (words.size() < 3 || words.size() > 5 || !shaped(words[0], "0000-00-00") ||
        !(shaped(words[1], "00:00:00") || shaped(words[1], "00:00:00.000"))) {
        return false;
    }
    const std::string_view id = words.back();
    for (std::size_t i = 2; i + 1 < words.size(); ++i) {
        const bool zone = shaped(words[i], "+0000") || shaped(words[i], "-0000");
        const bool process = words[i].size() > 2 && words[i].front() == '[' && words[i].back() == ']' &&
                             parse_decimal(words[i].substr(1, words[i].size() - 2));
        if (!zone && !process) {
            return false;
        }
    }
    return shaped(id, "aaaaaa-aaaaaa-aa") || shaped(id, "aaaaaa-aaaaaaaaaaa-aaaa");
}

std::optional<Fields> fields_of(std::string_view text) {
    Fields fields;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (i == message_id && !text.starts_with("id=")) {
            continue;  // an older fragment
        }
        if (!take(text, field_names.at(i)) || !take(text, "=")) {
            return std::nullopt;
        }
        const std::size_t end = i == why ? text.size() : text.find(' ');
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        fields.at(i) = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return fields;
}

std::optional<TimePoint> time_of(std::string_view seconds) {
    constexpr std::uint64_t year_10000 = 253'402'300'800;
    const auto value = parse_decimal(seconds);
    return value && *value < year_10000 ? std::optional(TimePoint(Seconds(static_cast<std::int64_t>(*value))))
                                        : std::nullopt;
}

// What policyd has answered, if Exim asked. Of an operator's own override there is no policy to name.
HeldTo held_to(const Fields& fields, bool failed) {
    if (fields[source] == "override") {
        return HeldTo::nothing;
    }
    if (fields[level] == "secure") {
        return HeldTo::webpki;
    }
    if (fields[level] == "dane-only") {
        return HeldTo::dane;
    }
    // Without TLSA records of that host, TLS is opportunistic; a failure of that would not have given it up.
    if (fields[level] == "dane") {
        return failed || fields[dane] == "yes" ? HeldTo::dane : HeldTo::nothing;
    }
    if (fields[level].empty()) {  // a transport of the operator's own that asks nobody
        return fields[dane] == "yes" ? HeldTo::dane : failed ? HeldTo::unknown : HeldTo::nothing;
    }
    return HeldTo::nothing;
}

// RFC 8460 §4.3.1 and §4.3.2.1 (RPT-036, RPT-037, RPT-038), in the words of Exim and GnuTLS. False: a host was given up
// for another reason.
bool set_failure(LoggedSession& session, const Fields& fields) {
    if (fields[error] == tls_required || (fields[error] == "0" && fields[why].starts_with(starttls_refused))) {
        session.failure = ResultType::starttls_not_supported;
        return true;
    }
    if (fields[error] != tls_failure) {
        return false;
    }
    std::string_view words = fields[why];
    const std::size_t found = words.find(not_verified);
    if (found == std::string_view::npos) {
        session.failure = ResultType::validation_failure;
        session.reason = "tls-handshake-failure";
        return true;
    }
    words.remove_prefix(found + not_verified.size());
    take(words, ":");
    words = trim_wsp(words);
    session.reason = printable(words, reason_bytes_max);
    const auto not_after = time_of(fields[notafter]);
    if (session.held_to == HeldTo::dane) {
        session.failure = ResultType::tlsa_invalid;
    } else if (not_after && *not_after < session.at) {
        session.failure = ResultType::certificate_expired;
    } else {
        // GnuTLS finds no words for a chain that is right and a name that is not.
        session.failure = words.empty() ? ResultType::certificate_host_mismatch : ResultType::certificate_not_trusted;
    }
    return true;
}

std::optional<LoggedSession> session_of(std::string_view text) {
    const std::size_t found = text.find(marker);
    if (found == std::string_view::npos || !is_line_begin(text.substr(0, found))) {
        return std::nullopt;
    }
    const auto fields = fields_of(text.substr(found + marker.size()));
    if (!fields) {
        return std::nullopt;
    }
    const auto when = time_of(fields->at(at));
    auto name = dns::Name::parse(fields->at(domain));
    // A letter to a bracketed address has no domain that could ask for a report; another port is a submission server of
    // one's own, no MX.
    if (!when || !name || name->is_root() || fields->at(host).size() > host_octets_max ||
        !normalise_ip(fields->at(ip)) || fields->at(port) != smtp_port) {
        return std::nullopt;
    }
    const bool failed = fields->at(event) == host_given_up;
    LoggedSession session{
        *when, std::move(*name),         std::string(fields->at(host)), std::string(fields->at(ip)), {},
        "",    held_to(*fields, failed), std::string(fields->at(from))};
    std::string_view id = fields->at(message_id);
    if (take(id, "<") && id.ends_with('>')) {
        id.remove_suffix(1);
    }
    if (looks_like_report_id(id)) {
        session.message_id = std::string(id);
    }
    if (failed ? !set_failure(session, *fields) : fields->at(event) != session_began) {
        return std::nullopt;
    }
    return session;
}

}  // namespace

bool EximLog::read(std::string_view text, const Now& /*now*/, std::vector<LoggedSession>& out) {
    if (!is_text(text)) {
        return false;
    }
    if (auto session = session_of(text)) {
        out.push_back(std::move(*session));
    }
    return true;
}

}  // namespace postseal::tlsrpt
