#include "intake/mail_trust.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "base/text.h"
#include "dns/public_suffix.h"

namespace postseal::intake {

namespace {

bool is_aligned(const dns::Name& one, const dns::Name& other) {
    const dns::Name registered = dns::registrable_domain(one);
    return !dns::is_public_suffix(registered) && registered == dns::registrable_domain(other);
}

// The header, field by field, each with its continuation lines.
template <class Each>
void each_field(std::string_view message, const Each& each) {
    std::size_t begin = 0;
    while (begin < message.size()) {
        std::size_t end = message.find('\n', begin);
        end = end == std::string_view::npos ? message.size() : end + 1;
        const std::string_view first = message.substr(begin, end - begin);
        if (first == "\r\n" || first == "\n") {
            return;
        }
        while (end < message.size() && is_wsp(message[end])) {
            const std::size_t next = message.find('\n', end);
            end = next == std::string_view::npos ? message.size() : next + 1;
        }
        const std::string_view field = message.substr(begin, end - begin);
        const std::string name = to_lower(trim_wsp(field.substr(0, std::min(field.find(':'), field.size()))));
        each(name, field);
        begin = end;
    }
}

MailTrust not_counted(std::string reason, std::string why) {
    MailTrust out;
    out.reason = std::move(reason);
    out.why = std::move(why);
    return out;
}

// Everybody whom the report or its mail names as its submitter.
std::vector<dns::Name> submitters_named(const tlsrpt::Report& report, const tlsrpt::MailHeaders& mail) {
    std::vector<dns::Name> named;
    if (const auto contact = domain_of_mailbox(report.contact_info.value_or(""))) {
        named.push_back(*contact);
    }
    const auto header = dns::Name::parse(mail.report_submitter);
    if (header && !header->is_root()) {
        named.push_back(*header);
    }
    return named;
}

}  // namespace

std::optional<dns::Name> domain_of_mailbox(std::string_view mailbox) {
    const auto at = mailbox.rfind('@');
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view rest = mailbox.substr(at + 1);
    rest = rest.substr(0, rest.find_first_of("> \t,;)"));
    const auto name = dns::Name::parse(rest);
    return name && !name->is_root() ? std::optional(*name) : std::nullopt;
}

std::size_t from_fields(std::string_view message) {
    std::size_t count = 0;
    each_field(message, [&](const std::string& name, std::string_view) { count += name == "from" ? 1 : 0; });
    return count;
}

std::string without_uncovered_fields(std::string_view message, const std::vector<std::string>& covers) {
    constexpr std::array<std::string_view, 3> read = {"tls-report-domain", "tls-report-submitter", "subject"};
    std::string out;
    out.reserve(message.size());
    std::size_t end = 0;
    // h= covers as many of a name as it lists, from the last one up (RFC 6376 §5.4.2).
    std::map<std::string, std::size_t> left;
    each_field(message, [&](const std::string& name, std::string_view) { ++left[name]; });
    each_field(message, [&](const std::string& name, std::string_view field) {
        const std::size_t from_below = left[name]--;
        const bool covered = std::cmp_less_equal(from_below, std::ranges::count(covers, name));
        if (std::ranges::find(read, name) == read.end() || covered) {
            out += field;
        }
        end = static_cast<std::size_t>(field.data() - message.data()) + field.size();
    });
    return out.append(message.substr(end));
}

MailTrust trust_of_mail(const tlsrpt::Report& report, const tlsrpt::MailHeaders& mail,
                        const std::vector<DkimSignature>& signatures, const Submitters& submitters) {
    using State = DkimSignature::State;
    if (signatures.empty()) {
        return not_counted("unsigned", "the mail has no DKIM signature");
    }
    const auto from = domain_of_mailbox(mail.from);
    std::vector<dns::Name> named = submitters_named(report, mail);
    if (named.empty() && from) {
        named.push_back(*from);
    }
    MailTrust best;
    std::string bad;
    std::string strange;
    bool later = false;
    for (const DkimSignature& signature : signatures) {
        const std::string who =
            signature.domain.is_root() ? "a signature" : "the signature of " + signature.domain.text();
        const bool aligned =
            from && is_aligned(*from, signature.domain) &&
            std::ranges::all_of(named, [&](const dns::Name& one) { return is_aligned(one, signature.domain); });
        if (signature.state == State::bad) {
            bad += fmt::format("{}{}: {}", bad.empty() ? "" : "; ", who, signature.why);
        } else if (!aligned) {
            // Of a signature that would not count in any case, nobody waits for the key.
            strange += fmt::format("{}{} does not speak for {}", strange.empty() ? "" : "; ", who,
                                   named.empty() ? printable(mail.from, 100) : named.front().text());
        } else if (signature.state == State::unknown) {
            later = true;
            bad += fmt::format("{}{}: {}", bad.empty() ? "" : "; ", who, signature.why);
        } else {
            const bool known = submitters.vouches(named.front(), signature.domain, mail.from);
            const auto trust = known ? store::Trust::known : store::Trust::aligned;
            if (best.outcome != MailTrust::Outcome::counts || trust > best.trust) {
                best.outcome = MailTrust::Outcome::counts;
                best.trust = trust;
                best.signature = signature;
                best.submitter = named.front();
            }
        }
    }
    if (best.outcome == MailTrust::Outcome::counts) {
        return best;
    }
    if (later) {
        best.outcome = MailTrust::Outcome::try_later;
        best.why = bad;
        return best;
    }
    return strange.empty() ? not_counted("bad-signature", bad) : not_counted("not-aligned", strange);
}

}  // namespace postseal::intake
