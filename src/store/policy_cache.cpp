#include "store/policy_cache.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <random>

#include "base/text.h"

namespace postseal::store {

namespace json = boost::json;

namespace {

const std::string channel = "postseal_policy_cache";
constexpr std::string_view everything = "*";

Result<void> done(const Result<Rows>& rows) {
    return rows ? Result<void>() : Result<void>(rows.error());
}

std::int64_t seconds(TimePoint time) {
    return time.time_since_epoch().count();
}

std::string to_text(const mtasts::FetchFailures& failures) {
    if (failures == mtasts::FetchFailures{}) {
        return {};
    }
    json::array recent;
    for (const mtasts::FailedFetch& failure : failures.recent) {
        recent.push_back(json::object{{"id", failure.id}, {"at", seconds(failure.at)}});
    }
    return json::serialize(
        json::object{{"id", failures.failed_id}, {"at", seconds(failures.failed_at)}, {"recent", std::move(recent)}});
}

Error broken(const std::string& domain) {
    return {Errc::internal, "table policy_cache",
            fmt::format("a broken row for {}; `postseal cache purge {}` removes it", domain, domain)};
}

TimePoint time_at(const json::object& object, std::string_view key) {
    return TimePoint(Seconds(object.at(key).to_number<std::int64_t>()));
}

mtasts::FetchFailures failures_of(const json::object& object) {
    mtasts::FetchFailures failures;
    failures.failed_id = std::string(object.at("id").as_string());
    failures.failed_at = time_at(object, "at");
    for (const json::value& failure : object.at("recent").as_array()) {
        failures.recent.push_back(
            {std::string(failure.as_object().at("id").as_string()), time_at(failure.as_object(), "at")});
    }
    return failures;
}

// The rows of schema version 1: {"policy": {"lines": [...], ...}, "failures": {...}}.
std::optional<mtasts::CachedPolicy> read_old_policy(const json::object& object) {
    std::vector<std::string> lines;
    for (const json::value& line : object.at("lines").as_array()) {
        lines.emplace_back(line.as_string());
    }
    auto policy = PolicyCache::read_policy(join(lines, "\n"));
    if (!policy) {
        return std::nullopt;
    }
    return mtasts::CachedPolicy{std::move(*policy),
                                std::string(object.at("id").as_string()),
                                time_at(object, "fetched"),
                                time_at(object, "last_used"),
                                time_at(object, "id_checked"),
                                object.at("id_ttl_s").to_number<std::uint32_t>()};
}

Result<PolicyCache::Entry> read_old_entry(const Row& row) {
    POSTSEAL_TRY(dns::Name domain, dns::Name::parse_ascii(row.text(0)));
    try {
        const json::value parsed = json::parse(row.text(1));
        const json::object& object = parsed.as_object();
        PolicyCache::Entry entry{std::move(domain), std::nullopt, {}, {}};
        if (const json::value* policy = object.if_contains("policy")) {
            entry.policy = read_old_policy(policy->as_object());
            if (!entry.policy) {
                return broken(entry.domain.text());
            }
        }
        entry.failures = failures_of(object.at("failures").as_object());
        return entry;
    } catch (const std::exception&) {  // Boost.JSON's accessors throw; the shape is ours, so one handler is enough
        return broken(row.text(0));
    }
}

TimePoint time_of(const RowView& row, std::size_t column) {
    return TimePoint(Seconds(row.number(column)));
}

constexpr std::string_view select =
    "SELECT domain, policy, mode, max_age_s, policy_id, fetched, last_used, id_checked, id_ttl_s, failures, "
    "answer_until ";

PolicyCache::Stored stored(const RowView& row) {
    PolicyCache::Stored out;
    out.domain = row.text(0);
    // A mode that nobody knows was written by nobody: as if there were no policy.
    const auto mode = mtasts::mode_from_string(row.text(2));
    out.policy = mode ? row.text(1) : std::string_view();
    out.mode = mode.value_or(mtasts::Mode::none);
    out.max_age_s = static_cast<std::uint32_t>(row.number(3));
    out.id = row.text(4);
    out.fetched = time_of(row, 5);
    out.last_used = time_of(row, 6);
    out.id_checked = time_of(row, 7);
    out.id_ttl_s = static_cast<std::uint32_t>(row.number(8));
    out.failures = row.text(9);
    out.answer_until = time_of(row, 10);
    return out;
}

Result<PolicyCache::Entry> read_entry(const PolicyCache::Stored& stored) {
    auto domain = dns::Name::parse_ascii(stored.domain);
    auto failures = PolicyCache::read_failures(stored.failures);
    std::optional<mtasts::Policy> policy;
    if (!stored.policy.empty()) {
        policy = PolicyCache::read_policy(stored.policy);
    }
    if (!domain || !failures || (!stored.policy.empty() && !policy)) {
        return broken(std::string(stored.domain));
    }
    PolicyCache::Entry entry{std::move(*domain), std::nullopt, std::move(*failures), stored.answer_until};
    if (policy) {
        entry.policy = mtasts::CachedPolicy{std::move(*policy), std::string(stored.id), stored.fetched,
                                            stored.last_used,   stored.id_checked,      stored.id_ttl_s};
    }
    return entry;
}

}  // namespace

// The policy is parsed again from its lines: what the row says about itself is not trusted.
std::optional<mtasts::Policy> PolicyCache::read_policy(std::string_view lines) {
    return mtasts::judge_policy(lines).policy;  // never longer than it was
}

Result<mtasts::FetchFailures> PolicyCache::read_failures(std::string_view text) {
    if (text.empty()) {
        return mtasts::FetchFailures{};
    }
    try {
        return failures_of(json::parse(text).as_object());
    } catch (const std::exception&) {
        return broken("failed fetches");
    }
}

PolicyCache::PolicyCache(Database& database) : database_(&database) {
    std::random_device random;
    process_ = fmt::format("{:08x}{:08x}", random(), random());
}

// Within the transaction, if there is one: nobody hears of what did not happen.
Result<void> PolicyCache::tell(const Result<Rows>& changed, std::string_view what) {
    return changed ? database_->notify(channel, fmt::format("{} {}", process_, what)) : Result<void>(changed.error());
}

Result<std::unique_ptr<ChangeFeed>> PolicyCache::follow(Follower follower) {
    const auto changed = [process = process_, follower](std::string_view payload) {
        const auto blank = payload.find(' ');
        if (blank == std::string_view::npos || payload.substr(0, blank) == process) {
            return;
        }
        const std::string_view what = payload.substr(blank + 1);
        if (what == everything) {
            follower.all_erased();
        } else if (auto domain = dns::Name::parse_ascii(what)) {
            follower.changed(*domain);
        }
    };
    return database_->listen(channel, {changed, follower.missed});
}

Result<void> PolicyCache::put(const Entry& entry) {
    const mtasts::CachedPolicy nothing;
    const mtasts::CachedPolicy& cached = entry.policy ? *entry.policy : nothing;
    // A failed fetch replaces no policy of another process (design rule 9) but one that was over when it failed.
    const auto put = database_->query(
        "INSERT INTO policy_cache (domain, policy, mode, max_age_s, policy_id, fetched, last_used, id_checked, "
        "id_ttl_s, failures, answer_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (domain) "
        "DO UPDATE SET policy = $2, mode = $3, max_age_s = $4, policy_id = $5, fetched = $6, last_used = $7, "
        "id_checked = $8, id_ttl_s = $9, failures = $10, answer_until = $11 "
        "WHERE $6 <> 0 OR policy_cache.fetched + policy_cache.max_age_s <= $12",
        {value(entry.domain.text()), value(join(cached.policy.lines, "\n")),
         value(entry.policy ? mtasts::to_string(cached.policy.mode) : std::string_view()),
         value(std::int64_t{cached.policy.max_age_s}), value(cached.id), value(cached.fetched), value(cached.last_used),
         value(cached.id_checked), value(std::int64_t{cached.id_ttl_s}), value(to_text(entry.failures)),
         value(entry.answer_until), value(entry.failures.failed_at)});
    return tell(put, entry.domain.text());
}

Result<void> PolicyCache::erase(const dns::Name& domain) {
    return tell(database_->query("DELETE FROM policy_cache WHERE domain = $1", {value(domain.text())}), domain.text());
}

Result<void> PolicyCache::rewrite_old_rows() {
    return database_->transaction([this]() -> Result<void> {
        POSTSEAL_TRY(const Rows rows, database_->query("SELECT domain, entry FROM policy_cache_v1"));
        if (rows.empty()) {
            return {};
        }
        for (const Row& row : rows) {
            POSTSEAL_TRY(const Entry entry, read_old_entry(row));
            if (auto kept = put(entry); !kept) {
                return kept;
            }
        }
        return done(database_->query("DELETE FROM policy_cache_v1"));
    });
}

Result<void> PolicyCache::each(const std::function<void(const Stored&)>& entry) {
    if (auto rewritten = rewrite_old_rows(); !rewritten) {
        return rewritten;
    }
    return database_->each(std::string(select) + "FROM policy_cache", [&](const RowView& row) { entry(stored(row)); });
}

Result<std::size_t> PolicyCache::size() {
    POSTSEAL_TRY(const Rows rows, database_->query("SELECT COUNT(*) FROM policy_cache"));
    return static_cast<std::size_t>(rows.at(0).number(0));
}

Result<std::vector<PolicyCache::Entry>> PolicyCache::all() {
    std::vector<Entry> out;
    std::optional<Error> failed;
    const auto read = each([&](const Stored& stored) {
        auto entry = read_entry(stored);
        if (entry) {
            out.push_back(std::move(*entry));
        } else {
            failed = entry.error();
        }
    });
    if (!read) {
        return read.error();
    }
    if (failed) {
        return *failed;
    }
    return out;
}

Result<std::optional<PolicyCache::Entry>> PolicyCache::find(const dns::Name& domain) {
    POSTSEAL_TRY(const Rows rows,
                 database_->query(std::string(select) + "FROM policy_cache WHERE domain = $1", {value(domain.text())}));
    if (rows.empty()) {
        return std::optional<Entry>();
    }
    POSTSEAL_TRY(auto entry, read_entry(stored(KeptRow(rows.front()))));
    return std::optional(std::move(entry));
}

Result<std::vector<PolicyCache::Entry>> PolicyCache::page(const Page& page) {
    std::vector<Entry> out;
    std::string after = page.after;
    while (true) {
        POSTSEAL_TRY(
            const Rows rows,
            database_->query(std::string(select) + "FROM policy_cache WHERE domain > $1 ORDER BY domain LIMIT $2",
                             {value(after), value(static_cast<std::int64_t>(page.limit))}));
        for (const Row& row : rows) {
            after = row.text(0);
            if (after.find(page.part) == std::string::npos) {
                continue;
            }
            POSTSEAL_TRY(auto entry, read_entry(stored(KeptRow(row))));
            out.push_back(std::move(entry));
            if (out.size() == page.limit) {
                return out;
            }
        }
        if (rows.size() < page.limit) {
            return out;
        }
    }
}

Result<void> PolicyCache::erase_all() {
    return tell(database_->query("DELETE FROM policy_cache"), everything);
}

Result<void> PolicyCache::erase_expired(TimePoint now) {
    return done(
        database_->query("DELETE FROM policy_cache WHERE fetched + max_age_s <= $1 AND failures = ''", {value(now)}));
}

Result<void> PolicyCache::forget_answers() {
    return done(database_->query("UPDATE policy_cache SET answer_until = 0 WHERE answer_until <> 0"));
}

}  // namespace postseal::store
