#include "sender/suppression.h"

#include <algorithm>

#include "base/text.h"
#include "tlsrpt/report_uri.h"

namespace postseal::sender {

namespace {

constexpr std::size_t target_bytes_max = 1000;

// "mailbox@domain" with the domain as DNS has it; mailboxes are compared without regard to case, as people write them.
Result<std::string> canonical_mailbox(std::string_view address) {
    const std::size_t at = address.rfind('@');
    POSTSEAL_TRY(const dns::Name domain, dns::Name::parse(address.substr(at + 1)));
    if (at == 0 || domain.is_root()) {
        return invalid_input("target", "no mailbox");
    }
    return to_lower(address.substr(0, at)) + "@" + domain.text();
}

}  // namespace

Result<std::string> suppression_target(std::string_view text) {
    const bool clean = is_valid_utf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
                           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
                       });
    if (text.empty() || text.size() > target_bytes_max || !clean) {
        return invalid_input("target", "a rua, a mailbox or a domain is asked for");
    }
    const std::string lower = to_lower(text.substr(0, 8));
    if (lower == "https://" || lower.starts_with("mailto:")) {
        POSTSEAL_TRY(const tlsrpt::UriParts parts, tlsrpt::split_uri(text));
        if (lower == "https://") {
            POSTSEAL_TRY(const tlsrpt::ReportUri rua, tlsrpt::https_target(text, parts));
            return rua.published;
        }
        POSTSEAL_TRY(const tlsrpt::ReportUri rua, tlsrpt::mailto_target(text, parts));
        return canonical_mailbox(rua.address);
    }
    if (text.find('@') != std::string_view::npos) {
        return canonical_mailbox(text);
    }
    POSTSEAL_TRY(const dns::Name domain, dns::Name::parse(text));
    if (domain.is_root()) {
        return invalid_input("target", "a rua, a mailbox or a domain is asked for");
    }
    return domain.text();
}

bool is_suppressed(const std::string& target, const dns::Name& policy_domain, const tlsrpt::ReportUri& rua) {
    if (target == policy_domain.text() || target == rua.published) {
        return true;
    }
    if (rua.scheme == tlsrpt::ReportUri::Scheme::mailto) {
        const Result<std::string> mailbox = canonical_mailbox(rua.address);
        return mailbox && (target == *mailbox || target == mailbox->substr(mailbox->rfind('@') + 1));
    }
    const auto parts = tlsrpt::split_uri(rua.published);
    const Result<dns::Name> host =
        parts && parts->host ? dns::Name::parse(*parts->host) : Result<dns::Name>(invalid_input("", "no host"));
    return host && target == host->text();
}

}  // namespace postseal::sender
