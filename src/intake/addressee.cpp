#include "intake/addressee.h"

#include "tlsrpt/hints.h"

namespace postseal::intake {

namespace {

std::optional<dns::Name> domain_named(std::string_view text) {
    const auto domain = dns::Name::parse(text);
    return domain && !domain->is_root() ? std::optional(*domain) : std::nullopt;
}

}  // namespace

bool is_of_host(const tlsrpt::PolicyResult& policy) {
    return policy.policy_type == "tlsa";
}

std::optional<dns::Name> addressee(const tlsrpt::Report& report, const std::optional<tlsrpt::MailHeaders>& mail,
                                   const std::vector<std::string>& file_names) {
    if (auto domain = domain_named(mail ? mail->report_domain : "")) {
        return domain;
    }
    for (const std::string& file_name : file_names) {
        const auto hint = tlsrpt::parse_file_name(file_name);
        if (auto domain = domain_named(hint ? hint->policy_domain : "")) {
            return domain;
        }
    }
    std::optional<dns::Name> only;
    for (const tlsrpt::PolicyResult& policy : report.policies) {
        const auto domain = domain_named(is_of_host(policy) ? "" : policy.policy_domain.value_or(""));
        if (domain && only && *domain != *only) {
            return std::nullopt;
        }
        only = domain ? domain : only;
    }
    return only;
}

std::map<dns::Name, tlsrpt::Report> by_domain(const tlsrpt::Report& report, const std::optional<dns::Name>& hosts_of) {
    std::map<dns::Name, tlsrpt::Report> parts;
    for (const tlsrpt::PolicyResult& policy : report.policies) {
        const auto domain = is_of_host(policy) && hosts_of ? hosts_of : domain_named(policy.policy_domain.value_or(""));
        if (!domain) {
            continue;
        }
        auto [part, fresh] = parts.try_emplace(*domain, report);
        if (fresh) {
            part->second.policies.clear();
        }
        part->second.policies.push_back(policy);
    }
    return parts;
}

}  // namespace postseal::intake
