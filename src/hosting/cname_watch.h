// A domain that has moved in has its CNAMEs, and they have to stay: what it means when one of them is gone. Pure.
#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "hosting/life_cycle.h"
#include "hosting/verifier.h"
#include "store/domains.h"

namespace postseal::hosting {

// Certain that the record is not there as it should be. Name servers that do not answer just now, and a cache that has
// not caught up, have removed nothing.
bool is_missing(const SeenRecord& record);

struct CnameNews {
    enum class What { nothing, lost, back } what = What::nothing;
    std::optional<TimePoint> lost;  // since when; what the row keeps
    std::string text;  // English sentences for the owner: what is missing, what senders still do, what to do
};
CnameNews judge_cnames(const store::Domain& domain, const Verification& seen, const Versions& versions, TimePoint now);

}  // namespace postseal::hosting
