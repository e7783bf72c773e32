// What an owner changes about how the policy follows DNS and how enforce is entered. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/mx_settings.h"

namespace postseal::hosting {

struct MxSettingChange {
    std::optional<store::MxFollowing> following;
    std::vector<std::string> approve;                  // names or providers, as approval_from_text() reads them
    std::vector<std::string> withdraw;                 // the same; one that is not approved is an error
    std::optional<std::vector<std::string>> approved;  // the whole list, before the two above
    // Days until enforce is entered by itself; 0: never.
    std::optional<std::int64_t> promote_after_days;
};
constexpr std::int64_t promote_after_days_max = 365;
constexpr std::size_t approvals_max = 50;

Result<store::MxSetting> changed(store::MxSetting setting, const MxSettingChange& change);
std::string text_of(const store::MxSetting& setting);  // for the audit log

}  // namespace postseal::hosting
