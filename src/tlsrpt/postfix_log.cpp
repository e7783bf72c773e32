#include "tlsrpt/postfix_log.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <stdexcept>

#include "base/text.h"
#include "tlsrpt/json_fields.h"

namespace postseal::tlsrpt {

namespace json = boost::json;

namespace {

constexpr Seconds forgotten_after{3600};  // a message that takes longer between handshake and end is not attributed
constexpr std::size_t processes_max = 10'000;
constexpr std::size_t open_max = 100;  // sessions of one process before a message of its ends
constexpr std::size_t recipients_max = 1000;
constexpr std::size_t proxy_faults_max = 200;
constexpr std::size_t reports_max = 100'000;  // messages that may be reports of ours, on all hosts
constexpr std::size_t reason_bytes_max = 200;
constexpr std::uint16_t smtp_port = 25;
constexpr std::uint64_t hostname_mismatch = 62;  // X509_V_ERR_HOSTNAME_MISMATCH, which Postfix prints as a number
constexpr std::uint64_t dane_no_match = 65;      // X509_V_ERR_DANE_NO_MATCH
constexpr const char* handshake_reason = "tls-handshake-failure";  // as Postfix 3.10 calls it

// Takes `prefix` off the front of `text`, if it is there.
bool take(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) {
        return false;
    }
    text.remove_prefix(prefix.size());
    return true;
}

// Takes what comes before `end`, and `end` itself.
std::optional<std::string_view> take_until(std::string_view& text, std::string_view end) {
    const std::size_t at = text.find(end);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view taken = text.substr(0, at);
    text.remove_prefix(at + end.size());
    return taken;
}

std::optional<int> number(std::string_view text, int min, int max) {
    const auto value = parse_decimal(text);
    if (!value || text.size() > 9 || static_cast<int>(*value) < min || static_cast<int>(*value) > max) {
        return std::nullopt;
    }
    return static_cast<int>(*value);
}

// "Nov 24 19:26:33 " of the traditional syslog: the year is the one that puts it before now, or at most a day after.
std::optional<TimePoint> take_old_stamp(std::string_view& text, const PostfixLog::Now& now) {
    constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    constexpr std::size_t length = 16;  // with the blank
    if (text.size() < length || text[3] != ' ' || text[6] != ' ' || text[9] != ':' || text[12] != ':' ||
        text[15] != ' ') {
        return std::nullopt;
    }
    const auto* const month = std::find(months.begin(), months.end(), text.substr(0, 3));
    const auto day = number(text.substr(text[4] == ' ' ? 5 : 4, text[4] == ' ' ? 1 : 2), 1, 31);
    const auto hour = number(text.substr(7, 2), 0, 23);
    const auto minute = number(text.substr(10, 2), 0, 59);
    const auto second = number(text.substr(13, 2), 0, 60);
    if (month == months.end() || !day || !hour || !minute || !second) {
        return std::nullopt;
    }
    text.remove_prefix(length);
    const auto month_number = static_cast<unsigned>(month - months.begin()) + 1;
    const std::chrono::year_month_day today(std::chrono::floor<std::chrono::days>(now.now + now.utc_offset));
    // A 29th of February may lie up to eight years back.
    for (int back = -1; back <= 8; ++back) {
        const std::chrono::year_month_day date{today.year() - std::chrono::years(back),
                                               std::chrono::month(month_number),
                                               std::chrono::day(static_cast<unsigned>(*day))};
        if (!date.ok()) {
            continue;
        }
        const TimePoint at = TimePoint(std::chrono::sys_days(date)) + std::chrono::hours(*hour) +
                             std::chrono::minutes(*minute) + Seconds(*second) - now.utc_offset;
        if (at <= now.now + std::chrono::days(1)) {
            return at;
        }
    }
    return std::nullopt;
}

// RFC 3339 as rsyslog and journalctl write it; the latter leaves the colon out of the offset.
std::optional<TimePoint> take_new_stamp(std::string_view& text) {
    auto stamp = take_until(text, " ");
    if (!stamp || stamp->size() > 40) {
        return std::nullopt;
    }
    std::string whole(*stamp);
    if (whole.size() > 5 && (whole[whole.size() - 5] == '+' || whole[whole.size() - 5] == '-')) {
        whole.insert(whole.size() - 2, ":");
    }
    const auto at = parse_rfc3339(whole);
    return at ? std::optional(*at) : std::nullopt;
}

std::string reason_text(std::string_view text) {
    return printable(text, reason_bytes_max);
}

struct Recipient {
    std::string_view address;
    std::string_view domain;
};
// What stands between "<" and ">": anyone may have chosen the local part, quotes and all.
std::optional<Recipient> take_recipient(std::string_view& text) {
    bool quoted = false;
    std::size_t at = std::string_view::npos;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted && c == '\\') {
            ++i;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && c == '@') {
            at = i;
        } else if (!quoted && c == '>') {
            const std::string_view whole = text.substr(0, i);
            text.remove_prefix(i + 1);
            return Recipient{whole, at == std::string_view::npos ? std::string_view() : whole.substr(at + 1)};
        }
    }
    return std::nullopt;
}

bool is_queue_id(std::string_view id) {
    constexpr std::size_t short_max = 32;
    return id.size() >= 5 && id.size() <= short_max && std::all_of(id.begin(), id.end(), is_alnum);
}

}  // namespace

std::optional<PostfixLog::Line> PostfixLog::parse(std::string_view text, const Now& now) {
    Line line;
    std::string_view rest = text;
    const auto at = !rest.empty() && is_digit(rest.front()) ? take_new_stamp(rest) : take_old_stamp(rest, now);
    if (!at) {
        return std::nullopt;
    }
    line.at = *at;
    const std::string_view from_host = rest;
    const auto host = take_until(rest, " ");
    const auto tag = take_until(rest, "[");
    const auto pid = take_until(rest, "]: ");
    if (!host || !tag || !pid || !parse_decimal(*pid)) {
        return std::nullopt;
    }
    // "postfix/smtp", "postfix-out/smtp", "postfix/relay/smtp": syslog_name is the operator's, the end is the program.
    const std::size_t slash = tag->rfind('/');
    const std::string_view program = slash == std::string_view::npos ? *tag : tag->substr(slash + 1);
    if (program == "tlsproxy") {
        line.program = Line::Program::tlsproxy;
    } else if (program == "cleanup") {
        line.program = Line::Program::cleanup;
    } else if (program != "smtp") {
        return std::nullopt;
    }
    if (tag->find(' ') != std::string_view::npos || slash == std::string_view::npos) {
        return std::nullopt;
    }
    line.host = *host;
    line.process = from_host.substr(0, host->size() + 1 + tag->size() + 1 + pid->size());
    line.said = rest;
    return line;
}

// "mx.example.com[192.0.2.1]:25", the port being optional.
std::optional<PostfixLog::Peer> PostfixLog::parse_peer(std::string_view text) {
    const auto host = take_until(text, "[");
    const auto address = take_until(text, "]");
    if (!host || !address || host->empty() || host->size() > 255 || !normalise_ip(*address)) {
        return std::nullopt;
    }
    Peer peer{std::string(*host), std::string(*address), smtp_port};
    if (take(text, ":")) {
        const auto port = number(text, 1, 65'535);
        if (!port) {
            return std::nullopt;
        }
        peer.port = static_cast<std::uint16_t>(*port);
    } else if (!text.empty()) {
        return std::nullopt;
    }
    return peer;
}

// "[server ]certificate verification failed for PEER: WHY". The labels are those of RFC 8460 §4.3.1 and §4.3.2.1
// (RPT-036, RPT-037, RPT-038); Postfix 3.10 says validation-failure of an unknown issuer, and certificate-not-trusted
// of TLSA records that do not match.
std::optional<PostfixLog::Fault> PostfixLog::parse_fault(std::string_view said) {
    take(said, "server ");
    if (!take(said, "certificate verification failed for ")) {
        return std::nullopt;
    }
    const auto peer_text = take_until(said, ": ");
    const auto peer = peer_text ? parse_peer(*peer_text) : std::nullopt;
    if (!peer) {
        return std::nullopt;
    }
    Fault fault{*peer, ResultType::certificate_not_trusted, "", HeldTo::webpki};
    std::optional<std::uint64_t> openssl_error;
    if (take(said, "num=")) {
        const auto digits = take_until(said, ":");
        openssl_error = digits ? parse_decimal(*digits) : std::nullopt;
    }
    fault.reason = reason_text(said);
    if (openssl_error == dane_no_match) {
        fault.type = ResultType::tlsa_invalid;
        fault.held_to = HeldTo::dane;
    } else if (openssl_error == hostname_mismatch) {
        fault.type = ResultType::certificate_host_mismatch;
    } else if (said.starts_with("certificate has expired")) {
        fault.type = ResultType::certificate_expired;
    }
    return fault;
}

PostfixLog::Process& PostfixLog::process_of(const Line& line) {
    const std::string key(line.process);
    const auto known = processes_.find(key);
    if (known == processes_.end() && processes_.size() >= processes_max) {
        // More than any Postfix has at once: the older half ended long ago.
        std::vector<TimePoint> seen;
        seen.reserve(processes_.size());
        for (const auto& [its_key, process] : processes_) {
            seen.push_back(process.seen);
        }
        const auto middle = seen.begin() + static_cast<std::ptrdiff_t>(seen.size() / 2);
        std::nth_element(seen.begin(), middle, seen.end());
        std::erase_if(processes_, [&](const auto& entry) { return entry.second.seen <= *middle; });
    }
    Process& process = known == processes_.end() ? processes_[key] : known->second;
    // The number of a process comes again: what it left open an hour ago was another's.
    std::erase_if(process.open, [&](const Open& open) { return open.at + forgotten_after < line.at; });
    process.seen = line.at;
    return process;
}

void PostfixLog::push(Process& process, Open open) {
    if (process.open.size() < open_max) {
        process.open.push_back(std::move(open));
    }
}

void PostfixLog::read_proxy(const Line& line) {
    if (auto fault = parse_fault(line.said)) {
        proxy_faults_.push_back(std::move(*fault));
        if (proxy_faults_.size() > proxy_faults_max) {
            proxy_faults_.pop_front();
        }
    }
}

// "4F3A17D2: message-id=<id@example.com>". A queue id comes again, with another message.
void PostfixLog::read_cleanup(const Line& line) {
    std::string_view said = line.said;
    const auto queue_id = take_until(said, ": message-id=");
    if (!queue_id || !is_queue_id(*queue_id)) {
        return;
    }
    std::string key = std::string(line.host) + ' ' + std::string(*queue_id);
    if (take(said, "<") && said.ends_with('>')) {
        said.remove_suffix(1);
    }
    if (!looks_like_report_id(said)) {
        reports_.erase(key);
        return;
    }
    if (reports_.insert_or_assign(key, std::string(said)).second) {
        report_ages_.push_back(std::move(key));
    }
    while (report_ages_.size() > reports_max) {
        reports_.erase(report_ages_.front());
        report_ages_.pop_front();
    }
}

// "Verified TLS connection established to PEER: TLSv1.3 with cipher …"
void PostfixLog::read_handshake(Process& process, const Line& line, std::string_view word, std::string_view text) {
    const auto peer = parse_peer(text);
    if (!peer) {
        return;
    }
    std::optional<Fault> fault;
    if (process.fault && process.fault->peer == *peer) {
        fault = std::move(process.fault);
    } else {
        const auto by_proxy = std::find_if(proxy_faults_.begin(), proxy_faults_.end(),
                                           [&](const Fault& candidate) { return candidate.peer == *peer; });
        if (by_proxy != proxy_faults_.end()) {
            fault = std::move(*by_proxy);
            proxy_faults_.erase(by_proxy);
        }
    }
    process.fault.reset();
    // Postfix says why a certificate does not verify only where it must; then it also gives up.
    Open open{line.at, *peer, std::nullopt, "", word == "Verified" ? HeldTo::unknown : HeldTo::nothing, false};
    if (fault && word != "Verified") {
        open.failure = fault->type;
        open.reason = std::move(fault->reason);
        open.held_to = fault->held_to;
    }
    push(process, std::move(open));
}

// "warning: TLS policy lookup for DOMAIN/HOST: WHY": DANE was demanded, and no connection was made. RFC 8460 §4.3.2.1
// (RPT-038).
void PostfixLog::read_policy_lookup(const Line& line, std::string_view rest, std::vector<LoggedSession>& out) const {
    const auto domain_text = take_until(rest, "/");
    const auto host = take_until(rest, ": ");
    auto domain = domain_text ? dns::Name::parse(*domain_text) : Result<dns::Name>(invalid_input("", ""));
    if (!host || host->size() > 255 || !domain || domain->is_root()) {
        return;
    }
    const auto process = processes_.find(std::string(line.process));
    if (process != processes_.end() && process->second.reports_itself) {
        return;
    }
    LoggedSession session{line.at,      std::move(*domain), std::string(*host), "",
                          std::nullopt, reason_text(rest),  HeldTo::dane,       ""};
    if (rest == "no TLSA records found" || rest == "non DNSSEC destination") {
        session.failure = ResultType::dane_required;
    } else if (rest == "TLSA records unusable") {
        session.failure = ResultType::tlsa_invalid;
    } else if (rest.starts_with("TLSA lookup error")) {
        session.failure = ResultType::dnssec_invalid;
    } else {
        return;  // no matter of DANE: the policy server did not answer, for one
    }
    out.push_back(std::move(session));
}

// Why Postfix gave up on a host, in the words of its SMTP client.
void PostfixLog::note_failure(Process& process, TimePoint at, std::string_view text, const std::optional<Peer>& relay) {
    const auto from_text = [&](std::string_view rest, std::string_view end) {
        const std::size_t length = std::min(rest.find(end), rest.size());
        auto peer = parse_peer(rest.substr(0, length));
        // The words leave the port out.
        return relay && (!peer || peer->address == relay->address) ? relay : peer;
    };
    const Peer nameless{"", "", smtp_port};
    std::string_view rest = text;
    if (take(rest, "TLS is required, but was not offered by host ")) {
        push(process, {at, from_text(rest, " ").value_or(nameless), ResultType::starttls_not_supported, "",
                       HeldTo::unknown, false});
    } else if (take(rest, "TLS is required, but host ")) {
        push(process, {at, from_text(rest, " refused to start TLS").value_or(nameless),
                       ResultType::starttls_not_supported, "", HeldTo::unknown, false});
    } else if (rest == "Cannot start TLS: handshake failure") {
        // The client's own handshakes have left a line; those of tlsproxy have not. A peer that the text cannot name
        // stays unnamed.
        if (!process.open.empty() && process.open.back().awaits_words) {
            process.open.back().awaits_words = false;
        } else {
            push(process, {at, relay.value_or(nameless), ResultType::validation_failure, handshake_reason,
                           HeldTo::unknown, false});
        }
    } else if (rest == "Server certificate not verified" || rest == "Server certificate not trusted") {
        if (process.open.empty()) {  // smtp_tls_loglevel = 0 logs no more than this
            push(process, {at, relay.value_or(nameless), ResultType::certificate_not_trusted, std::string(text),
                           HeldTo::unknown, false});
        } else if (Open& open = process.open.back(); !open.failure) {
            open.failure = ResultType::certificate_not_trusted;
            open.reason = std::string(text);
            open.held_to = HeldTo::unknown;
        }
    }
}

// "to=<b@example.com>, relay=mx.example.com[192.0.2.1]:25, conn_use=2, delay=…, status=sent (250 ok)": the end of a
// message, and the domain of the sessions that were made for it.
void PostfixLog::read_status(Process& process, const Line& line, std::string_view id, std::string_view rest,
                             std::vector<LoggedSession>& out) {
    const auto recipient = take_recipient(rest);
    if (!recipient) {
        return;
    }
    if (take(rest, ", orig_to=<") && !take_recipient(rest)) {
        return;
    }
    if (!take(rest, ", relay=")) {
        return;
    }
    const auto relay_text = take_until(rest, ", ");
    const auto fields = take_until(rest, "status=");
    const auto status = take_until(rest, " (");
    if (!relay_text || !fields || !status || !rest.ends_with(')')) {
        return;
    }
    rest.remove_suffix(1);
    // One line for each recipient: further ones of a request tell of no further session.
    std::string request = std::string(id) + ' ' + std::string(*relay_text) + ' ' + std::string(rest);
    const bool goes_on = process.open.empty() && request == process.last_request &&
                         process.last_recipients.size() < recipients_max &&
                         !process.last_recipients.contains(std::string(recipient->address));
    if (!goes_on) {
        if (*status != "sent") {
            note_failure(process, line.at, rest, parse_peer(*relay_text));
        }
        process.last_request = std::move(request);
        process.last_recipients.clear();
    }
    process.last_recipients.insert(std::string(recipient->address));

    std::vector<Open> open = std::move(process.open);
    process.open.clear();
    const auto domain = dns::Name::parse(recipient->domain);
    if (!domain || domain->is_root()) {
        return;  // an address literal: no domain could ask for a report
    }
    const auto report = reports_.find(std::string(line.host) + ' ' + std::string(id));
    for (Open& session : open) {
        if (session.peer.port != smtp_port) {
            continue;  // a submission server of one's own, not an MX
        }
        out.push_back({line.at, *domain, std::move(session.peer.host), std::move(session.peer.address), session.failure,
                       std::move(session.reason), session.held_to, "",
                       report == reports_.end() ? std::string() : report->second});
    }
}

bool PostfixLog::read(std::string_view text, const Now& now, std::vector<LoggedSession>& out) {
    if (!is_text(text)) {
        return false;
    }
    const auto has = [text](std::string_view part) { return text.find(part) != std::string_view::npos; };
    if (!has("/smtp[") && !has("/tlsproxy[") && !(has("/cleanup[") && has(": message-id="))) {
        return true;
    }
    const auto line = parse(text, now);
    if (!line) {
        return true;
    }
    if (line->program == Line::Program::tlsproxy) {
        read_proxy(*line);
        return true;
    }
    if (line->program == Line::Program::cleanup) {
        read_cleanup(*line);
        return true;
    }
    std::string_view said = line->said;
    if (take(said, "warning: ")) {
        if (take(said, "TLS policy lookup for ")) {
            read_policy_lookup(*line, said, out);
        }
        return true;
    }
    Process& process = process_of(*line);
    if (take(said, "TLSRPT: status=")) {
        process.reports_itself = true;
    }
    if (process.reports_itself) {
        process.open.clear();
        return true;
    }
    if (auto fault = parse_fault(said)) {
        process.fault = std::move(fault);
        return true;
    }
    if (take(said, "SSL_connect error to ")) {
        const auto peer_text = take_until(said, ": ");
        if (const auto peer = peer_text ? parse_peer(*peer_text) : std::nullopt) {
            push(process, {line->at, *peer, ResultType::validation_failure, handshake_reason, HeldTo::unknown, true});
        }
        return true;
    }
    for (const std::string_view word : {"Verified", "Trusted", "Untrusted", "Anonymous"}) {
        std::string_view rest = said;
        if (take(rest, word) && take(rest, " TLS connection established to ")) {
            if (const auto peer = take_until(rest, ": ")) {
                read_handshake(process, *line, word, *peer);
            }
            return true;
        }
    }
    const auto id = take_until(said, ": ");
    if (!id || !is_queue_id(*id)) {
        return true;
    }
    if (take(said, "to=<")) {
        read_status(process, *line, *id, said, out);
    } else {
        note_failure(process, line->at, said, std::nullopt);  // the message goes on to its next host
    }
    return true;
}

// Whole, but for processes whose last word was a minute ago and that have no session open.
std::string PostfixLog::save() const {
    constexpr Seconds recent{60};
    TimePoint newest;
    for (const auto& [key, process] : processes_) {
        newest = std::max(newest, process.seen);
    }
    const auto peer_of = [](const Peer& peer) { return json::array{peer.host, peer.address, peer.port}; };
    const auto fault_of = [&](const Fault& fault) {
        return json::object{{"peer", peer_of(fault.peer)},
                            {"type", to_string(fault.type)},
                            {"reason", fault.reason},
                            {"held_to", static_cast<int>(fault.held_to)}};
    };
    json::object processes;
    for (const auto& [key, process] : processes_) {
        if (process.open.empty() && process.seen + recent < newest) {
            continue;
        }
        json::array open;
        for (const Open& session : process.open) {
            json::object entry{{"at", session.at.time_since_epoch().count()},
                               {"peer", peer_of(session.peer)},
                               {"reason", session.reason},
                               {"held_to", static_cast<int>(session.held_to)},
                               {"awaits_words", session.awaits_words}};
            if (session.failure) {
                entry["type"] = to_string(*session.failure);
            }
            open.emplace_back(std::move(entry));
        }
        json::array recipients;
        for (const std::string& recipient : process.last_recipients) {
            recipients.emplace_back(recipient);
        }
        json::object entry{{"seen", process.seen.time_since_epoch().count()},
                           {"reports_itself", process.reports_itself},
                           {"open", std::move(open)},
                           {"request", process.last_request},
                           {"recipients", std::move(recipients)}};
        if (process.fault) {
            entry["fault"] = fault_of(*process.fault);
        }
        processes[key] = std::move(entry);
    }
    json::array proxy;
    for (const Fault& fault : proxy_faults_) {
        proxy.emplace_back(fault_of(fault));
    }
    json::array reports;
    for (const std::string& key : report_ages_) {
        if (const auto report = reports_.find(key); report != reports_.end()) {
            reports.emplace_back(json::array{key, report->second});
        }
    }
    return json::serialize(json::object{
        {"processes", std::move(processes)}, {"proxy_faults", std::move(proxy)}, {"reports", std::move(reports)}});
}

bool PostfixLog::restore(std::string_view saved) {
    const auto time_of = [](const json::value& value) { return TimePoint(Seconds(value.to_number<std::int64_t>())); };
    const auto type_of = [](const json::value& value) {
        const auto type = result_type_from_string(std::string_view(value.as_string()));
        return type ? *type : throw std::invalid_argument("type");
    };
    const auto held_of = [](const json::value& value) {
        const int held_to = value.to_number<int>();
        return held_to >= 0 && held_to <= static_cast<int>(HeldTo::unknown) ? static_cast<HeldTo>(held_to)
                                                                            : throw std::invalid_argument("held_to");
    };
    const auto peer_of = [](const json::value& value) {
        const json::array& fields = value.as_array();
        return Peer{std::string(fields.at(0).as_string()), std::string(fields.at(1).as_string()),
                    fields.at(2).to_number<std::uint16_t>()};
    };
    const auto fault_of = [&](const json::value& value) {
        const json::object& fields = value.as_object();
        return Fault{peer_of(fields.at("peer")), type_of(fields.at("type")),
                     std::string(fields.at("reason").as_string()), held_of(fields.at("held_to"))};
    };
    processes_.clear();
    proxy_faults_.clear();
    reports_.clear();
    report_ages_.clear();
    try {
        const json::value parsed = json::parse(saved);
        for (const auto& [key, value] : parsed.as_object().at("processes").as_object()) {
            const json::object& fields = value.as_object();
            Process process;
            process.seen = time_of(fields.at("seen"));
            process.reports_itself = fields.at("reports_itself").as_bool();
            for (const json::value& session : fields.at("open").as_array()) {
                const json::object& of = session.as_object();
                Open open{time_of(of.at("at")),
                          peer_of(of.at("peer")),
                          std::nullopt,
                          std::string(of.at("reason").as_string()),
                          held_of(of.at("held_to")),
                          of.at("awaits_words").as_bool()};
                if (const json::value* type = of.if_contains("type")) {
                    open.failure = type_of(*type);
                }
                process.open.push_back(std::move(open));
            }
            process.last_request = std::string(fields.at("request").as_string());
            for (const json::value& recipient : fields.at("recipients").as_array()) {
                process.last_recipients.emplace(recipient.as_string());
            }
            if (const json::value* fault = fields.if_contains("fault")) {
                process.fault = fault_of(*fault);
            }
            processes_[std::string(key)] = std::move(process);
        }
        for (const json::value& fault : parsed.as_object().at("proxy_faults").as_array()) {
            proxy_faults_.push_back(fault_of(fault));
        }
        if (const json::value* reports = parsed.as_object().if_contains("reports")) {  // since 0.1
            for (const json::value& report : reports->as_array()) {
                std::string key(report.as_array().at(0).as_string());
                reports_[key] = std::string(report.as_array().at(1).as_string());
                report_ages_.push_back(std::move(key));
            }
        }
    } catch (const std::exception&) {  // Boost.JSON's accessors throw; the shape is ours, so one handler is enough
        processes_.clear();
        proxy_faults_.clear();
        reports_.clear();
        report_ages_.clear();
        return false;
    }
    return true;
}

}  // namespace postseal::tlsrpt
