#include "tlsrpt/hints.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "tlsrpt/json_fields.h"

namespace postseal::tlsrpt {

namespace {

constexpr std::uint64_t seconds_max = 253'402'300'799;  // the end of the year 9999

std::string_view trimmed(std::string_view text) {
    const auto is_blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

// The word behind `label`, as far as the next blank.
std::string_view word_after(std::string_view text, std::string_view lower, std::string_view label) {
    const auto at = lower.find(label);
    if (at == std::string_view::npos) {
        return {};
    }
    std::string_view rest = trimmed(text.substr(at + label.size()));
    const auto end =
        std::find_if(rest.begin(), rest.end(), [](char c) { return static_cast<unsigned char>(c) <= ' '; });
    return rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
}

std::string domain_of(std::string_view text) {
    const DomainText domain = normalise_domain(trimmed(text), Wildcard::refused);
    return domain.is_domain ? domain.text : std::string();
}

std::string domain_of_mailbox(const std::optional<std::string>& mailbox) {
    if (!mailbox) {
        return {};
    }
    std::string_view text = *mailbox;
    const auto at = text.rfind('@');
    if (at == std::string_view::npos) {
        return {};
    }
    text.remove_prefix(at + 1);
    return domain_of(text.substr(0, text.find_first_of("> ;,?")));
}

class Comparison {
public:
    Comparison(Report& report, Deviations& deviations)
        : report_(report), deviations_(deviations), submitter_(domain_of_mailbox(report.contact_info)) {}

    // A report about DANE alone may name MX hosts only, and is about the recipient domain all the same (RFC 8460 §3).
    void policy_domain(std::string_view code, std::string_view where, std::string_view said) {
        const std::string domain = domain_of(said);
        if (domain.empty()) {
            return;
        }
        bool comparable = false;
        for (const PolicyResult& policy : report_.policies) {
            if (policy.policy_domain == domain) {
                return;
            }
            comparable |= policy.policy_domain && policy.policy_type != "tlsa";
        }
        if (comparable) {
            deviations_.add(code, fmt::format("{} says that the report is about {}, which it is not", where, domain));
        }
    }

    // RPT-046
    void submitter(std::string_view code, std::string_view where, std::string_view said) {
        const std::string domain = domain_of(said);
        if (!domain.empty() && !submitter_.empty() && domain != submitter_) {
            deviations_.add(code, fmt::format("{} names the submitter {}, contact-info {}", where, domain, submitter_));
        }
    }

    void range(std::string_view code, std::string_view where, TimePoint begin, TimePoint end) {
        const auto differs = [](const std::optional<TimePoint>& a, TimePoint b) {
            return a && std::chrono::abs(*a - b) > Seconds(1);
        };
        if (differs(report_.begin, begin) || differs(report_.end, end)) {
            deviations_.add(code, fmt::format("{} has another date-range", where));
        }
    }

private:
    Report& report_;
    Deviations& deviations_;
    std::string submitter_;
};

struct OutsideDomain {
    std::string domain;
    std::string where;
};

// For reports whose sender left the policy-domain out (Postfix with libtlsrpt, for no-policy-found).
OutsideDomain outside_domain(const std::vector<FileNameHint>& names, const MailHeaders* mail,
                             const std::optional<SubjectHint>& subject) {
    if (mail != nullptr) {
        if (std::string domain = domain_of(mail->report_domain); !domain.empty()) {
            return {std::move(domain), "TLS-Report-Domain"};
        }
    }
    for (const FileNameHint& name : names) {
        if (std::string domain = domain_of(name.policy_domain); !domain.empty()) {
            return {std::move(domain), "the file name"};
        }
    }
    if (subject) {
        if (std::string domain = domain_of(subject->report_domain); !domain.empty()) {
            return {std::move(domain), "the Subject"};
        }
    }
    return {};
}

}  // namespace

std::optional<FileNameHint> parse_file_name(std::string_view path) {
    const auto slash = path.find_last_of("/\\");
    const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
    const auto parts = split(name, '!');
    if (parts.size() < 4 || parts.size() > 6) {
        return std::nullopt;
    }
    const auto begin = parse_decimal(trimmed(parts[2]));
    const auto end = parse_decimal(trimmed(parts[3].substr(0, parts[3].find('.'))));
    if (!begin || !end || *begin > seconds_max || *end > seconds_max) {
        return std::nullopt;
    }
    return FileNameHint{std::string(parts[0]), std::string(parts[1]), TimePoint(Seconds(*begin)),
                        TimePoint(Seconds(*end))};
}

std::optional<SubjectHint> parse_subject(std::string_view subject) {
    const std::string lower = to_lower(subject);
    SubjectHint hint;
    hint.report_domain = word_after(subject, lower, "report domain:");
    hint.submitter = word_after(subject, lower, "submitter:");
    std::string_view id = word_after(subject, lower, "report-id:");
    if (id.size() > 1 && id.front() == '<' && id.back() == '>') {
        hint.report_id_in_brackets = true;
        id = id.substr(1, id.size() - 2);
    }
    hint.report_id = id;
    if (hint.report_domain.empty() && hint.submitter.empty() && hint.report_id.empty()) {
        return std::nullopt;
    }
    return hint;
}

void apply_hints(Report& report, const std::vector<std::string>& file_names, const MailHeaders* mail,
                 Deviations& deviations) {
    std::vector<FileNameHint> names;
    for (const std::string& file_name : file_names) {
        if (auto hint = parse_file_name(file_name)) {
            names.push_back(std::move(*hint));
        }
    }
    const std::optional<SubjectHint> subject = mail == nullptr ? std::nullopt : parse_subject(mail->subject);

    const bool lacks_domain = std::any_of(report.policies.begin(), report.policies.end(),
                                          [](const PolicyResult& policy) { return !policy.policy_domain; });
    if (lacks_domain) {
        const OutsideDomain outside = outside_domain(names, mail, subject);
        for (PolicyResult& policy : report.policies) {
            if (!policy.policy_domain && !outside.domain.empty()) {
                policy.policy_domain = outside.domain;
                deviations.add(
                    deviation::policy_domain_from_outside,
                    fmt::format("the missing policy-domain was taken from {}: {}", outside.where, outside.domain));
            }
        }
    }

    Comparison compare(report, deviations);
    if (mail != nullptr) {
        compare.policy_domain(deviation::header_differs, "TLS-Report-Domain", mail->report_domain);
        compare.submitter(deviation::header_differs, "TLS-Report-Submitter", mail->report_submitter);
    }
    for (const FileNameHint& name : names) {
        compare.policy_domain(deviation::file_name_differs, "the file name", name.policy_domain);
        compare.submitter(deviation::file_name_differs, "the file name", name.submitter);
        compare.range(deviation::file_name_differs, "the file name", name.begin, name.end);
    }
    if (subject) {
        compare.policy_domain(deviation::subject_differs, "the Subject", subject->report_domain);
        compare.submitter(deviation::subject_differs, "the Subject", subject->submitter);
        // RFC 8460 §5.3 (RPT-048)
        if (!subject->report_id.empty() && !subject->report_id_in_brackets) {
            deviations.add(deviation::subject_form, "the Report-ID in the Subject does not stand in <>");
        }
    }
}

}  // namespace postseal::tlsrpt
