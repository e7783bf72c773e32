#include "hosting/mx_setting_change.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "hosting/drift.h"

namespace postseal::hosting {

namespace {

Result<void> approve(store::MxSetting& setting, const std::string& text) {
    POSTSEAL_TRY(const MxApproval approval, approval_from_text(text));
    const std::string entry = approval.text();
    if (std::find(setting.approved.begin(), setting.approved.end(), entry) != setting.approved.end()) {
        return {};
    }
    if (setting.approved.size() >= approvals_max) {
        return invalid_input("approved", fmt::format("at most {} names can be approved", approvals_max));
    }
    setting.approved.push_back(entry);
    return {};
}

}  // namespace

Result<store::MxSetting> changed(store::MxSetting setting, const MxSettingChange& change) {
    setting.following = change.following.value_or(setting.following);
    if (change.approved) {
        setting.approved.clear();
    }
    for (const auto* list : {change.approved ? &*change.approved : nullptr, &change.approve}) {
        for (const std::string& text : list != nullptr ? *list : std::vector<std::string>()) {
            if (auto done = approve(setting, text); !done) {
                return done.error();
            }
        }
    }
    for (const std::string& text : change.withdraw) {
        const auto approval = approval_from_text(text);
        const std::string entry = approval ? approval->text() : to_lower(text);
        if (std::erase(setting.approved, entry) == 0) {
            return invalid_input("withdraw", printable(text, 260) + " is not approved");
        }
    }
    if (change.promote_after_days) {
        if (*change.promote_after_days < 0 || *change.promote_after_days > promote_after_days_max) {
            return invalid_input("promote_after_days",
                                 fmt::format("not a number from 0 to {}", promote_after_days_max));
        }
        setting.promote_after_days =
            *change.promote_after_days == 0 ? std::nullopt : std::optional(*change.promote_after_days);
    }
    return setting;
}

std::string text_of(const store::MxSetting& setting) {
    return fmt::format("following={} approved={} promote_after_days={}", store::to_string(setting.following),
                       join(setting.approved, ","),
                       setting.promote_after_days ? std::to_string(*setting.promote_after_days) : "off");
}

}  // namespace postseal::hosting
