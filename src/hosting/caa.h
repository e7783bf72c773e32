// Whether CAA records let a CA issue (RFC 8659), with which account and by which challenge (RFC 8657). Pure: what a CA
// would conclude from the relevant set; finding that set is the caller's (preflight).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dns/record.h"

namespace postseal::hosting {

// The value of an issue property. `issuer` empty: nobody may.
struct CaaIssueValue {
    std::string issuer;                                           // lower case
    std::vector<std::pair<std::string, std::string>> parameters;  // tags in lower case
    friend bool operator==(const CaaIssueValue&, const CaaIssueValue&) = default;
};
// Nothing: not of the grammar, which authorizes nobody (RFC 8659 §4.2).
std::optional<CaaIssueValue> parse_caa_issue_value(std::string_view value);

struct CaaRequest {
    std::string issuer;                      // the CA's own name in CAA: "letsencrypt.org"
    std::optional<std::string> account_uri;  // none: not made yet
    std::string method;                      // "http-01"
};

struct CaaJudgement {
    bool allowed = false;
    std::string reason;  // in English, why not; empty when allowed
};
// `set` is the relevant RRset of a name that is no wildcard; empty: everybody may issue.
CaaJudgement judge_caa(const std::vector<dns::CaaData>& set, const CaaRequest& request);

}  // namespace postseal::hosting
