#include "store/added_overrides.h"

#include "base/text.h"

namespace postseal::store {

namespace {

constexpr const char* channel = "postseal_overrides";

}  // namespace

Result<void> AddedOverrides::put(const AddedOverride& entry) {
    // Names of hosts: a blank parts them.
    auto done = database_->query(
        "INSERT INTO added_override (domain, level, patterns, added, actor, reason) VALUES ($1, $2, $3, $4, $5, $6) "
        "ON CONFLICT (domain) DO UPDATE SET level = $2, patterns = $3, added = $4, actor = $5, reason = $6",
        {value(entry.domain), value(entry.level), value(join(entry.match, " ")), value(entry.added), value(entry.actor),
         value(entry.reason)});
    return done ? database_->notify(channel, entry.domain) : Result<void>(done.error());
}

Result<bool> AddedOverrides::erase(const std::string& domain) {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("DELETE FROM added_override WHERE domain = $1 RETURNING domain", {value(domain)}));
    if (rows.empty()) {
        return false;
    }
    const auto told = database_->notify(channel, domain);
    return told ? Result<bool>(true) : Result<bool>(told.error());
}

Result<std::vector<AddedOverride>> AddedOverrides::all() {
    POSTSEAL_TRY(const Rows rows, database_->query("SELECT domain, level, patterns, added, actor, reason FROM "
                                                   "added_override ORDER BY domain"));
    std::vector<AddedOverride> out;
    for (const Row& row : rows) {
        AddedOverride entry{row.text(0), row.text(1), {}, row.time(3), row.text(4), row.text(5)};
        const std::string patterns = row.text(2);
        for (std::size_t begin = 0; begin < patterns.size();) {
            const std::size_t end = std::min(patterns.find(' ', begin), patterns.size());
            entry.match.push_back(patterns.substr(begin, end - begin));
            begin = end + 1;
        }
        out.push_back(std::move(entry));
    }
    return out;
}

Result<std::unique_ptr<ChangeFeed>> AddedOverrides::follow(Follower follower) {
    return database_->listen(
        channel, {[changed = std::move(follower.changed)](std::string_view domain) { changed(std::string(domain)); },
                  std::move(follower.missed)});
}

}  // namespace postseal::store
