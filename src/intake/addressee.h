// Which domains a report is about: a report may speak of several, and its TLSA policies name MX hosts (RFC 8460 §4.2).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dns/name.h"
#include "tlsrpt/read.h"

namespace postseal::intake {

// The policy-domain of DANE is the MX host's TLSA base domain (RFC 8460 §1.1), under whatever name the domain's mail
// is taken in; the sessions were the domain's.
bool is_of_host(const tlsrpt::PolicyResult& policy);

// Whose MX hosts a report's TLSA policies speak of: the domain that its mail names, or its file, or the one that all
// its other policies are about. Nothing when none says so.
std::optional<dns::Name> addressee(const tlsrpt::Report& report, const std::optional<tlsrpt::MailHeaders>& mail,
                                   const std::vector<std::string>& file_names);

// Each domain gets what is said of it.
std::map<dns::Name, tlsrpt::Report> by_domain(const tlsrpt::Report& report, const std::optional<dns::Name>& hosts_of);

}  // namespace postseal::intake
