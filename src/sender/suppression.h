// What an operator may suppress: a rua, a mailbox, or a domain.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "dns/name.h"
#include "tlsrpt/record.h"

namespace postseal::sender {

// The form in which a target is kept: an https URI as it is; "mailbox@domain" and "domain" in lower case, A-labels; a
// mailto URI becomes its mailbox. Errors: neither of these.
Result<std::string> suppression_target(std::string_view text);

// `target` is canonical. A domain stands for the reports about it and for all that are sent to it: to its mailboxes and
// to an https host of that name.
bool is_suppressed(const std::string& target, const dns::Name& policy_domain, const tlsrpt::ReportUri& rua);

}  // namespace postseal::sender
