#include "store/mx_settings.h"

#include "base/text.h"

namespace postseal::store {

namespace {

Result<void> done(const Result<Rows>& rows) {
    return rows ? Result<void>() : Result<void>(rows.error());
}

}  // namespace

std::string_view to_string(MxFollowing following) {
    return following == MxFollowing::automatic ? "auto" : "fixed";
}

std::optional<MxFollowing> mx_following_from_string(std::string_view text) {
    return text == "auto"    ? std::optional(MxFollowing::automatic)
           : text == "fixed" ? std::optional(MxFollowing::fixed)
                             : std::nullopt;
}

Result<MxSetting> MxSettings::of(std::int64_t domain) {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT following, approved, promote_after_days, ready_since FROM mx_setting WHERE "
                                  "domain = $1",
                                  {value(domain)}));
    MxSetting setting;
    if (rows.empty()) {
        return setting;
    }
    const Row& row = rows.front();
    const auto following = mx_following_from_string(row.text(0));
    if (!following) {
        return Error{Errc::internal, "table mx_setting", "an unknown word for following"};
    }
    setting.following = *following;
    const std::string approved = row.text(1);  // names and words hold no blanks
    for (const std::string_view entry : split(approved, ' ')) {
        if (!entry.empty()) {
            setting.approved.emplace_back(entry);
        }
    }
    if (!row.is_null(2)) {
        setting.promote_after_days = row.number(2);
    }
    setting.ready_since = row.maybe_time(3);
    return setting;
}

Result<void> MxSettings::put(std::int64_t domain, const MxSetting& setting) {
    return done(database_->query(
        "INSERT INTO mx_setting (domain, following, approved, promote_after_days) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (domain) DO UPDATE SET following = $2, approved = $3, promote_after_days = $4",
        {value(domain), value(to_string(setting.following)), value(join(setting.approved, " ")),
         value(setting.promote_after_days)}));
}

Result<void> MxSettings::put_ready_since(std::int64_t domain, std::optional<TimePoint> since) {
    return done(database_->query(
        "INSERT INTO mx_setting (domain, following, approved, ready_since) VALUES ($1, 'auto', '', $2) "
        "ON CONFLICT (domain) DO UPDATE SET ready_since = $2",
        {value(domain), value(since)}));
}

}  // namespace postseal::store
