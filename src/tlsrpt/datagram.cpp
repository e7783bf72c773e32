#include "tlsrpt/datagram.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "tlsrpt/json_fields.h"
#include "tlsrpt/record.h"
#include "tlsrpt/result_type.h"
#include "tlsrpt/session_json.h"

namespace postseal::tlsrpt {

namespace {

constexpr std::size_t json_depth_max = 16;
constexpr std::size_t datagram_bytes_max = std::size_t{1024} * 1024;  // the kernel's default lets 207,250 bytes through

// What a remote host may add to a report of ours; whoever sends more wants to fill a disk.
constexpr std::size_t name_octets_max = 255;
constexpr std::size_t text_octets_max = 500;
constexpr std::size_t policies_max = 100;

Error wrong(std::string member, std::string what) {
    return invalid_input(std::move(member), std::move(what));
}

std::optional<std::string_view> string_at(dom::object object, std::string_view name) {
    std::string_view text;
    return object.at_key(name).get_string().get(text) ? std::nullopt : std::optional(text);
}

std::optional<std::int64_t> integer_at(dom::object object, std::string_view name) {
    std::int64_t value = 0;
    return object.at_key(name).get_int64().get(value) ? std::nullopt : std::optional(value);
}

// Cut between characters.
void shorten(std::string& text, std::size_t octets_max) {
    if (text.size() <= octets_max) {
        return;
    }
    std::size_t end = octets_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
        --end;
    }
    text.resize(end);
}

std::optional<std::string> text_at(dom::object object, std::string_view name,
                                   std::size_t octets_max = text_octets_max) {
    const auto text = string_at(object, name);
    std::string clean = text ? clean_text(*text) : std::string();
    shorten(clean, octets_max);
    return clean.empty() ? std::nullopt : std::optional(std::move(clean));
}

// RPT-030: what is no address is left out of a report of ours.
std::optional<std::string> ip_at(dom::object object, std::string_view name) {
    const auto text = text_at(object, name);
    return text ? normalise_ip(*text) : std::nullopt;
}

std::optional<std::string> host_at(dom::object object, std::string_view name) {
    const auto text = text_at(object, name, name_octets_max);
    return text ? std::optional(normalise_domain(*text, Wildcard::refused).text) : std::nullopt;
}

template <class F>
void each_string(dom::object object, std::string_view name, F f) {
    dom::array list;
    if (object.at_key(name).get_array().get(list)) {
        return;
    }
    for (const dom::element item : list) {
        if (item.is_string()) {
            if (std::string text = clean_text(string_in(item)); !text.empty()) {
                f(std::move(text));
            }
        }
    }
}

// RFC 8460 §4.5 (RPT-025): four fields with one blank between, the hex unbroken.
std::string tlsa_text(std::string_view text) {
    std::string out;
    int field = 0;
    for (const std::string_view part : split(text, ' ')) {
        if (part.empty()) {
            continue;
        }
        out += field == 0 || field > 3 ? "" : " ";
        out += part;
        ++field;
    }
    return out;
}

FailureDetail read_failure(dom::object object) {
    FailureDetail failure;
    const auto code = integer_at(object, "c");
    const auto known =
        code && *code >= 0 && *code <= 999 ? result_type_from_code(static_cast<int>(*code)) : std::nullopt;
    failure.result_type = to_string(known.value_or(ResultType::validation_failure));
    failure.sending_mta_ip = ip_at(object, "s");
    failure.receiving_mx_hostname = host_at(object, "n");
    if (const auto helo = text_at(object, "h")) {
        // Postfix hands over its peer's whole reply to EHLO.
        std::string name = helo_name(*helo);
        shorten(name, name_octets_max);
        if (!name.empty()) {
            failure.receiving_mx_helo = std::move(name);
        }
    }
    failure.receiving_ip = ip_at(object, "r");
    failure.sessions = 1;
    failure.additional_information = text_at(object, "a");
    failure.reason_code = text_at(object, "f");
    if (!known && code) {
        failure.reason_code =
            failure.reason_code ? fmt::format("{} {}", *code, *failure.reason_code) : std::to_string(*code);
    }
    return failure;
}

Result<SessionPolicy> read_policy(dom::object object, const dns::Name& domain, std::size_t index) {
    SessionPolicy session;
    const auto final_result = integer_at(object, "f");
    if (!final_result || (*final_result != 0 && *final_result != 1)) {
        return wrong(fmt::format("policies[{}].f", index), "not 0 or 1");
    }
    session.failed = *final_result == 1;
    PolicyResult& policy = session.policy;
    policy.successful = session.failed ? 0 : 1;
    policy.failed = session.failed ? 1 : 0;

    const auto code = integer_at(object, "policy-type");
    const auto known =
        code && *code >= 0 && *code <= 99 ? policy_type_from_code(static_cast<int>(*code)) : std::nullopt;
    const PolicyType type = known.value_or(PolicyType::no_policy_found);
    policy.policy_type = to_string(type);
    // Postfix leaves it out for no-policy-found, and receivers choke on its absence.
    const auto said = text_at(object, "policy-domain");
    const DomainText policy_domain = normalise_domain(said.value_or(""), Wildcard::refused);
    policy.policy_domain = policy_domain.is_domain ? policy_domain.text : domain.text();
    each_string(object, "policy-string", [&](std::string text) {
        policy.policy_strings.push_back(type == PolicyType::tlsa ? tlsa_text(text) : std::move(text));
    });
    each_string(object, "mx-host", [&](const std::string& text) {
        policy.mx_hosts.push_back(normalise_domain(text, Wildcard::allowed).text);
    });
    dom::array details;
    if (!object.at_key("failure-details").get_array().get(details)) {
        for (const dom::element item : details) {
            dom::object detail;
            if (!item.get_object().get(detail)) {
                policy.failures.push_back(read_failure(detail));
            }
        }
    }
    return session;
}

}  // namespace

Result<dom::element> SessionParser::parse(std::string_view text) {
    if (parser_.max_depth() != json_depth_max) {
        std::ignore = parser_.allocate(std::size_t{4} * 1024, json_depth_max);
    }
    dom::element root;
    auto error = parser_.parse(text.data(), text.size(), true).get(root);
    if (error == simdjson::UTF8_ERROR) {
        repaired_ = to_valid_utf8(text);
        error = parser_.parse(repaired_.data(), repaired_.size(), true).get(root);
    }
    if (error) {
        return wrong("", simdjson::error_message(error));
    }
    return root;
}

Result<Session> read_session(dom::element root) {
    dom::object object;
    if (root.get_object().get(object)) {
        return wrong("", "not a JSON object");
    }
    Session session;
    // libtlsrpt before 0.5, Debian 13's among them, sends none.
    session.protocol_version_known =
        object.at_key("dpv").error() == simdjson::NO_SUCH_FIELD || string_at(object, "dpv") == "1";

    const auto domain = string_at(object, "d");
    if (!domain) {
        return wrong("d", "missing, or not a string");
    }
    auto name = dns::Name::parse(clean_text(*domain));
    if (!name || name->is_root()) {
        return wrong("d", "not a domain: " + shown(*domain));
    }
    session.domain = std::move(*name);

    const auto record = string_at(object, "pr");
    if (!record) {
        return wrong("pr", "missing, or not a string");
    }
    session.record = *record;
    if (!judge_tlsrpt_records({&session.record, 1}).record) {
        return wrong("pr", "not a TLSRPT record: " + shown(*record));
    }

    dom::array policies;
    if (object.at_key("policies").get_array().get(policies)) {
        return wrong("policies", "missing, or not a list");
    }
    for (const dom::element item : policies) {
        const std::size_t index = session.policies.size();
        dom::object policy;
        if (item.get_object().get(policy)) {
            return wrong(fmt::format("policies[{}]", index), "not an object");
        }
        if (session.policies.size() == policies_max) {
            return wrong("policies", fmt::format("more than {}", policies_max));
        }
        POSTSEAL_TRY(auto read, read_policy(policy, session.domain, index));
        session.policies.push_back(std::move(read));
    }
    if (session.policies.empty()) {
        return wrong("policies", "empty");
    }
    return session;
}

namespace {

Error of_datagram(const Error& error) {
    return invalid_input(error.where.empty() ? "datagram" : "datagram: " + error.where, error.what);
}

}  // namespace

Result<Session> parse_datagram(ByteView datagram) {
    if (datagram.empty() || datagram.size() > datagram_bytes_max) {
        return of_datagram(wrong("", datagram.empty() ? "empty" : "larger than a datagram can be"));
    }
    // One parser a thread, for its buffers: making them anew costs more than reading a datagram.
    static thread_local SessionParser parser;
    const auto root = parser.parse(as_text(datagram));
    if (!root) {
        return of_datagram(root.error());
    }
    auto session = read_session(*root);
    return session ? std::move(session) : Result<Session>(of_datagram(session.error()));
}

}  // namespace postseal::tlsrpt
