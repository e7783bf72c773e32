#include "tlsrpt/read_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "tlsrpt/dom.h"
#include "tlsrpt/json_fields.h"
#include "tlsrpt/result_type.h"

namespace postseal::tlsrpt {

namespace {

// Microsoft writes all TLSA records as one string that is itself the text of a JSON list.
bool expand_nested_list(std::string_view text, std::vector<std::string>& out) {
    if (!text.starts_with('[') || !text.ends_with(']')) {
        return false;
    }
    dom::parser parser;
    dom::array array;
    if (parser.parse(text.data(), text.size(), true).get_array().get(array)) {
        return false;
    }
    std::vector<std::string> items;
    for (const dom::element item : array) {
        std::string_view inner;
        if (item.get_string().get(inner)) {
            return false;
        }
        items.push_back(clean_text(inner));
    }
    out.insert(out.end(), std::make_move_iterator(items.begin()), std::make_move_iterator(items.end()));
    return true;
}

// "a.example, b.example": the hosts, where all of it is hosts and there is more than one; else nothing.
std::vector<std::string> hosts_in_one_string(std::string_view text) {
    std::vector<std::string> hosts;
    while (!text.empty()) {
        const auto end = text.find_first_of(", \t");
        const std::string_view host = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (host.empty()) {
            continue;
        }
        if (!normalise_domain(host, Wildcard::allowed).is_domain) {
            return {};
        }
        hosts.emplace_back(host);
    }
    return hosts.size() > 1 ? hosts : std::vector<std::string>{};
}

class PolicyReader {
public:
    PolicyReader(dom::object item, std::size_t index, const ReadLimits& limits, Deviations& deviations)
        : item_(item, {index, JsonPath::none}, deviations), index_(index), limits_(limits), deviations_(deviations) {}

    Result<PolicyResult> read(dom::object item, std::size_t& failures_left) {
        PolicyResult result;
        read_policy(result, item);
        read_summary(result);
        if (auto failures = read_failures(result, failures_left); !failures) {
            return std::move(failures).error();
        }
        check(result);
        return result;
    }

private:
    // RFC 8460 §4.4, "policy"
    void read_policy(PolicyResult& result, dom::object item) {
        dom::object policy;
        const auto element = item_.find("policy");
        if (element && !element->get_object().get(policy)) {
            JsonFields fields = at(policy);
            read_policy_members(result, fields);
        } else if (has_member(item, "policy-type") || has_member(item, "policy-domain")) {
            item_.deviates(deviation::policy_flattened, "policy", "its members stand one level too high");
            read_policy_members(result, item_);
        } else if (element) {
            item_.deviates(deviation::not_an_object, "policy", "not an object");
        } else {
            item_.deviates(deviation::missing("policy"), "policy", "missing");
        }
    }

    void read_policy_members(PolicyResult& result, JsonFields& fields) {
        result.policy_type = read_type(fields, "policy-type", deviation::unknown_policy_type,
                                       [](std::string_view text) { return policy_type_from_string(text).has_value(); });
        result.policy_domain = fields.domain("policy-domain");
        if (!result.policy_domain) {
            fields.deviates(deviation::missing("policy-domain"), "policy-domain", "missing");
        }
        for (std::string& text : fields.list("policy-string")) {
            if (expand_nested_list(text, result.policy_strings)) {
                fields.deviates(deviation::policy_string_nested, "policy-string", "a list written as one string");
            } else {
                result.policy_strings.push_back(std::move(text));
            }
        }
        // RPT-027: erratum 6241 made mx-host a list.
        for (std::string& host : fields.list("mx-host", "mx-host-pattern")) {
            read_mx_host(result, fields, host);
        }
        if (result.policy_type == "sts" || result.policy_type == "tlsa") {
            if (result.policy_strings.empty()) {
                fields.deviates(deviation::missing("policy-string"), "policy-string", "missing or empty");
            }
        }
        // For TLSA the RFC's mx-host repeats what the policy-domain says, and nobody sends it.
        if (result.policy_type == "sts" && result.mx_hosts.empty()) {
            fields.deviates(deviation::missing("mx-host"), "mx-host", "missing or empty");
        }
    }

    void read_mx_host(PolicyResult& result, JsonFields& fields, std::string_view host) {
        if (istarts_with(host, "mx:")) {
            fields.deviates(deviation::mx_host_prefix, "mx-host",
                            fmt::format("{} is a line of the policy", shown(host)));
            host = trim_wsp(host.substr(3));
        }
        std::vector<std::string> hosts;
        if (expand_nested_list(host, hosts)) {
            fields.deviates(deviation::policy_string_nested, "mx-host", "a list written as one string");
        } else if (hosts = hosts_in_one_string(host); !hosts.empty()) {
            fields.deviates(deviation::policy_string_nested, "mx-host", "several hosts in one string");
        } else {
            hosts.emplace_back(host);
        }
        for (const std::string& each : hosts) {
            DomainText domain = normalise_domain(each, Wildcard::allowed);
            if (!domain.is_domain) {
                fields.deviates(deviation::not_a_domain, "mx-host", fmt::format("{} is not a host", shown(each)));
            } else if (domain.had_u_labels) {
                fields.deviates(deviation::domain_not_a_label, "mx-host", shown(each) + " is not written in A-labels");
            }
            if (!domain.text.empty()) {
                result.mx_hosts.push_back(std::move(domain.text));
            }
        }
    }

    // Known words in any case become the RFC's; unknown ones stay verbatim (RFC 8460 §6.6: the registry grows).
    template <class IsKnown>
    std::string read_type(JsonFields& fields, std::string_view name, std::string_view unknown, IsKnown is_known) {
        auto text = fields.text(name);
        if (!text) {
            fields.deviates(deviation::missing(name), name, "missing");
            return {};
        }
        if (is_known(*text)) {
            return std::move(*text);
        }
        std::string lower = to_lower(*text);
        if (is_known(lower)) {
            fields.deviates(deviation::type_case, name, fmt::format("{} read as {}", shown(*text), lower));
            return lower;
        }
        fields.deviates(unknown, name, fmt::format("{} is not a registered type", shown(*text)));
        return std::move(*text);
    }

    // RFC 8460 §4.4, "summary"
    void read_summary(PolicyResult& result) {
        dom::object summary;
        const auto element = item_.find("summary");
        if (!element) {
            item_.deviates(deviation::missing("summary"), "summary", "missing, counts read as 0");
            return;
        }
        if (element->get_object().get(summary)) {
            item_.deviates(deviation::not_an_object, "summary", "not an object, counts read as 0");
            return;
        }
        JsonFields fields = at(summary);
        result.successful = fields.count("total-successful-session-count");
        result.failed = fields.count("total-failure-session-count");
    }

    // RFC 8460 §4.4, "failure-details"
    Result<void> read_failures(PolicyResult& result, std::size_t& failures_left) {
        const auto element = item_.find("failure-details");
        if (!element) {
            return {};
        }
        if (element->is_object()) {
            item_.deviates(deviation::not_a_list, "failure-details", "one object where a list belongs");
            return read_failure(result, *element, 0, failures_left);
        }
        dom::array list;
        if (element->get_array().get(list)) {
            item_.deviates(deviation::not_a_list, "failure-details", "neither a list nor an object");
            return {};
        }
        std::size_t detail = 0;
        for (const dom::element entry : list) {
            if (auto read = read_failure(result, entry, detail++, failures_left); !read) {
                return read;
            }
        }
        return {};
    }

    Result<void> read_failure(PolicyResult& result, dom::element entry, std::size_t detail,
                              std::size_t& failures_left) {
        dom::object object;
        if (entry.get_object().get(object)) {
            item_.deviates(deviation::not_an_object, "failure-details", "an entry is not an object");
            return {};
        }
        if (failures_left == 0) {
            return Error{Errc::limit_exceeded, "failure-details", fmt::format("more than {}", limits_.failures_max)};
        }
        --failures_left;
        JsonFields fields(object, {index_, detail}, deviations_);
        FailureDetail failure;
        failure.result_type =
            read_type(fields, "result-type", deviation::unknown_result_type,
                      [](std::string_view text) { return result_type_from_string(text).has_value(); });
        failure.sending_mta_ip = fields.ip("sending-mta-ip");
        failure.receiving_mx_hostname = host(fields);
        failure.receiving_mx_helo = helo(fields);
        failure.receiving_ip = fields.ip("receiving-ip");
        failure.sessions = fields.count("failed-session-count");
        failure.additional_information = fields.text("additional-information", "additional-info-uri");
        failure.reason_code = fields.text("failure-reason-code");
        // RPT-029: policies fail before there is an MX, and the RFC's own example leaves the receiving-ip out.
        if (!failure.sending_mta_ip) {
            fields.deviates(deviation::missing("sending-mta-ip"), "sending-mta-ip", "missing");
        }
        if (!failure.receiving_mx_hostname) {
            fields.deviates(deviation::missing("receiving-mx-hostname"), "receiving-mx-hostname", "missing");
        }
        result.failures.push_back(std::move(failure));
        return {};
    }

    static std::optional<std::string> host(JsonFields& fields) {
        auto text = fields.text("receiving-mx-hostname");
        if (!text) {
            return std::nullopt;
        }
        DomainText domain = normalise_domain(*text, Wildcard::refused);
        if (domain.is_domain && domain.had_u_labels) {
            fields.deviates(deviation::domain_not_a_label, "receiving-mx-hostname",
                            fmt::format("{} is not written in A-labels", shown(*text)));
        }
        return std::move(domain.text);
    }

    static std::optional<std::string> helo(JsonFields& fields) {
        auto text = fields.text("receiving-mx-helo");
        if (!text) {
            return std::nullopt;
        }
        std::string name = helo_name(*text);
        if (name != *text) {
            fields.deviates(deviation::helo_multi_line, "receiving-mx-helo",
                            fmt::format("{} is a whole reply to EHLO", shown(*text)));
        }
        return name.empty() ? std::nullopt : std::optional(std::move(name));
    }

    void check(const PolicyResult& result) {
        if (result.failures.empty()) {
            if (result.failed > 0) {
                item_.deviates(deviation::missing("failure-details"), "failure-details",
                               fmt::format("missing, although {} sessions failed", result.failed));
            }
            return;
        }
        // RPT-031: failure types overlap, so the sum may differ and both numbers are kept.
        std::uint64_t sum = 0;
        for (const FailureDetail& failure : result.failures) {
            sum = std::min(sum + failure.sessions, count_max);
        }
        if (sum != result.failed) {
            item_.deviates(deviation::failure_sum_differs, "failure-details",
                           fmt::format("{} sessions, but the summary has {} failed ones", sum, result.failed));
        }
    }

    JsonFields at(dom::object object) { return JsonFields(object, {index_, JsonPath::none}, deviations_); }

    JsonFields item_;
    std::size_t index_;
    const ReadLimits& limits_;
    Deviations& deviations_;
};

}  // namespace

Result<PolicyResult> read_policy(dom::object item, std::size_t index, const ReadLimits& limits,
                                 std::size_t& failures_left, Deviations& deviations) {
    return PolicyReader(item, index, limits, deviations).read(item, failures_left);
}

}  // namespace postseal::tlsrpt
