// What the owner of a domain has decided about its MX hosts and its way to enforce (design §4 rules 4 and 5).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/database.h"

namespace postseal::store {

enum class MxFollowing {
    automatic,  // "auto": vouched new hosts are added without a click
    fixed,      // only people change the policy's hosts
};
std::string_view to_string(MxFollowing following);
std::optional<MxFollowing> mx_following_from_string(std::string_view text);

struct MxSetting {
    MxFollowing following = MxFollowing::automatic;
    // Names under which a new host needs no click, and words of mail providers; as hosting::approval_from_text() reads
    // them.
    std::vector<std::string> approved;
    // Enter enforce by itself once every condition has been met for so many days without a break.
    std::optional<std::int64_t> promote_after_days;
    // Not the owner's: since when every condition has been met.
    std::optional<TimePoint> ready_since;
    friend bool operator==(const MxSetting&, const MxSetting&) = default;
};

class MxSettings {
public:
    explicit MxSettings(Database& database) : database_(&database) {}
    // The defaults for a domain (store::Domain::id) that has none. The caller has found the domain in the right
    // organisation.
    Result<MxSetting> of(std::int64_t domain);
    Result<void> put(std::int64_t domain, const MxSetting& setting);  // all but ready_since
    Result<void> put_ready_since(std::int64_t domain, std::optional<TimePoint> since);

private:
    Database* database_;
};

}  // namespace postseal::store
