// The submitters whose DKIM-signed reports are trusted (design rule 18): those of data/submitters.tsv, which is shipped
// and can be reviewed, and those that the operator approves.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dns/name.h"

namespace postseal::intake {

struct KnownSubmitter {
    dns::Name domain;                 // of contact-info, or above it
    std::vector<dns::Name> signs_as;  // d= is one of these or below
    std::vector<std::string> from;    // lower case; empty: any mailbox that is aligned with d=
};

class Submitters {
public:
    // Errors say which line.
    static Result<Submitters> parse(std::string_view text);
    static Submitters shipped();

    // On the operator's word: signs as itself, from any mailbox of it.
    void approve(const dns::Name& domain);

    // Whether a report of `submitter` that is signed by `signing_domain` and comes from the mailbox is one of theirs.
    [[nodiscard]] bool vouches(const dns::Name& submitter, const dns::Name& signing_domain,
                               std::string_view from_mailbox) const;
    [[nodiscard]] const std::vector<KnownSubmitter>& all() const { return all_; }

private:
    std::vector<KnownSubmitter> all_;
};

}  // namespace postseal::intake
