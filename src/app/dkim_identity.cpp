#include "app/dkim_identity.h"

namespace postseal::app {

std::optional<sender::DkimIdentity> dkim_identity(const Config& config) {
    const auto& reporter = config.reporter;
    const std::string text =
        reporter.dkim_domain.empty() ? reporter.contact.substr(reporter.contact.rfind('@') + 1) : reporter.dkim_domain;
    const Result<dns::Name> domain = dns::Name::parse(text);
    if (!domain || domain->is_root()) {
        return std::nullopt;
    }
    return sender::DkimIdentity{*domain, reporter.dkim_selector};
}

}  // namespace postseal::app
