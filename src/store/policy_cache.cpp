#include "store/policy_cache.h"

#include <boost/json.hpp>

#include "base/text.h"

namespace postseal::store {

namespace json = boost::json;

namespace {

Result<void> done(const Result<Rows>& rows) {
    return rows ? Result<void>() : Result<void>(rows.error());
}

std::int64_t seconds(TimePoint time) {
    return time.time_since_epoch().count();
}

std::string to_text(const PolicyCache::Entry& entry) {
    json::object object;
    if (entry.policy) {
        const mtasts::CachedPolicy& cached = *entry.policy;
        json::array lines;
        for (const std::string& line : cached.policy.lines) {
            lines.emplace_back(line);
        }
        object["policy"] = json::object{{"lines", std::move(lines)},
                                        {"id", cached.id},
                                        {"fetched", seconds(cached.fetched)},
                                        {"last_used", seconds(cached.last_used)},
                                        {"id_checked", seconds(cached.id_checked)},
                                        {"id_ttl_s", cached.id_ttl_s}};
    }
    json::array recent;
    for (const mtasts::FailedFetch& failure : entry.failures.recent) {
        recent.push_back(json::object{{"id", failure.id}, {"at", seconds(failure.at)}});
    }
    object["failures"] = json::object{
        {"id", entry.failures.failed_id}, {"at", seconds(entry.failures.failed_at)}, {"recent", std::move(recent)}};
    return json::serialize(object);
}

Error broken(const std::string& domain) {
    return {Errc::internal, "table policy_cache", "a broken row for " + domain};
}

TimePoint time_at(const json::object& object, std::string_view key) {
    return TimePoint(Seconds(object.at(key).to_number<std::int64_t>()));
}

// The policy is parsed again from its lines: what the row says about itself is not trusted.
std::optional<mtasts::CachedPolicy> read_policy(const json::object& object) {
    std::vector<std::string> lines;
    for (const json::value& line : object.at("lines").as_array()) {
        lines.emplace_back(line.as_string());
    }
    auto judged = mtasts::judge_policy(join(lines, "\n"));  // never longer than it was
    if (!judged.policy) {
        return std::nullopt;
    }
    return mtasts::CachedPolicy{std::move(*judged.policy),     std::string(object.at("id").as_string()),
                                time_at(object, "fetched"),    time_at(object, "last_used"),
                                time_at(object, "id_checked"), object.at("id_ttl_s").to_number<std::uint32_t>()};
}

Result<PolicyCache::Entry> read_entry(const Row& row) {
    POSTSEAL_TRY(dns::Name domain, dns::Name::parse_ascii(row.text(0)));
    try {
        const json::value parsed = json::parse(row.text(1));
        const json::object& object = parsed.as_object();
        PolicyCache::Entry entry{std::move(domain), std::nullopt, {}};
        if (const json::value* policy = object.if_contains("policy")) {
            entry.policy = read_policy(policy->as_object());
            if (!entry.policy) {
                return broken(entry.domain.text());
            }
        }
        const json::object& failures = object.at("failures").as_object();
        entry.failures.failed_id = std::string(failures.at("id").as_string());
        entry.failures.failed_at = time_at(failures, "at");
        for (const json::value& failure : failures.at("recent").as_array()) {
            entry.failures.recent.push_back(
                {std::string(failure.as_object().at("id").as_string()), time_at(failure.as_object(), "at")});
        }
        return entry;
    } catch (const std::exception&) {  // Boost.JSON's accessors throw; the shape is ours, so one handler is enough
        return broken(row.text(0));
    }
}

}  // namespace

Result<void> PolicyCache::put(const Entry& entry) {
    return done(database_->query(
        "INSERT INTO policy_cache (domain, entry) VALUES ($1, $2) ON CONFLICT (domain) DO UPDATE SET entry = $2",
        {value(entry.domain.text()), value(to_text(entry))}));
}

Result<void> PolicyCache::erase(const dns::Name& domain) {
    return done(database_->query("DELETE FROM policy_cache WHERE domain = $1", {value(domain.text())}));
}

Result<std::vector<PolicyCache::Entry>> PolicyCache::all() {
    POSTSEAL_TRY(const Rows rows, database_->query("SELECT domain, entry FROM policy_cache"));
    std::vector<Entry> out;
    for (const Row& row : rows) {
        POSTSEAL_TRY(Entry entry, read_entry(row));
        out.push_back(std::move(entry));
    }
    return out;
}

}  // namespace postseal::store
