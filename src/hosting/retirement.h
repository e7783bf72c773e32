// Who serves a domain, and who may end: a domain can have several entries, of one organisation or of several, and to
// senders they are one policy host (design §4 rules 1 and 6).
#pragma once

#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "hosting/fetch_log.h"
#include "hosting/life_cycle.h"
#include "store/store.h"

namespace postseal::hosting {

// Rule 6 for the versions of one entry, each held no longer than the fetch log proves: where it knows every fetch from
// the moment the version was made to that of its successor having been read back from every node.
TimePoint proven_bound(const Versions& versions, const FetchEvidence& fetches, TimePoint now);
// The same over all versions of all entries of the name: a sender does not know from which of them its copy came.
Result<TimePoint> retirement_bound_of(store::Store& store, const dns::Name& domain, TimePoint now);

// What another entry of the same domain has taken over from one that retires.
struct Successor {
    bool names = false;  // the CNAMEs lead there, rightly
    bool host = false;   // its policy is what the policy host serves
};
Result<Successor> successor_of(store::Store& store, const store::Domain& domain);

// Rule 1: whoever controls the domain's DNS wins by publishing their label. The entry becomes verified, and all others
// of the name that were stop being it and wind down as tombstones, in one step; these are returned, as they were. Error
// refused: another process was quicker.
Result<std::vector<store::Domain>> claim(store::Store& store, const store::Domain& winner, TimePoint now);
// What the losers are told.
constexpr const char* claimed_by_another = "the domain's CNAMEs show another label now";

}  // namespace postseal::hosting
