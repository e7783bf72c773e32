#include "store/dns_keys.h"

namespace postseal::store {

namespace {

std::string context_of(const dns::Name& zone, const std::string& role, std::int64_t tag) {
    return "dns-key " + zone.fqdn() + " " + role + " " + std::to_string(tag);
}

Result<void> done(const Result<Rows>& rows) {
    return rows ? Result<void>() : Result<void>(rows.error());
}

}  // namespace

Result<std::vector<DnsKey>> DnsKeys::all(const dns::Name& zone) {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT id, role, tag, sealed, published, active, ds_seen, retired, removed FROM "
                                  "dns_key WHERE zone = $1 ORDER BY id",
                                  {value(zone.text())}));
    std::vector<DnsKey> keys;
    for (const Row& row : rows) {
        DnsKey key;
        key.id = row.number(0);
        key.role = row.text(1);
        key.tag = static_cast<std::uint16_t>(row.number(2));
        POSTSEAL_TRY(const std::string secret,
                     secrets_->unseal(row.bytes(3), context_of(zone, key.role, row.number(2))));
        append(key.private_key, as_bytes(secret));
        key.published = row.time(4);
        key.active = row.time(5);
        key.ds_seen = row.maybe_time(6);
        key.retired = row.maybe_time(7);
        key.removed = row.maybe_time(8);
        keys.push_back(std::move(key));
    }
    return keys;
}

Result<std::int64_t> DnsKeys::add(const dns::Name& zone, const DnsKey& key) {
    const Bytes sealed = secrets_->seal(as_text(key.private_key), context_of(zone, key.role, key.tag));
    POSTSEAL_TRY(const Rows rows,
                 database_->query("INSERT INTO dns_key (zone, role, tag, sealed, published, active, ds_seen, retired, "
                                  "removed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
                                  {value(zone.text()), value(key.role), value(static_cast<std::int64_t>(key.tag)),
                                   value(sealed), value(key.published), value(key.active), value(key.ds_seen),
                                   value(key.retired), value(key.removed)}));
    return rows.at(0).number(0);
}

Result<void> DnsKeys::put_times(const DnsKey& key) {
    return done(
        database_->query("UPDATE dns_key SET published = $2, active = $3, ds_seen = $4, retired = $5, "
                         "removed = $6 WHERE id = $1",
                         {value(key.id), value(key.published), value(key.active), value(key.ds_seen),
                          value(key.retired), value(key.removed)}));
}

Result<void> DnsKeys::erase(std::int64_t id) {
    return done(database_->query("DELETE FROM dns_key WHERE id = $1", {value(id)}));
}

Result<std::uint32_t> DnsKeys::reserved_serial(const dns::Name& zone) {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT serial FROM dns_serial WHERE zone = $1", {value(zone.text())}));
    return rows.empty() ? 0U : static_cast<std::uint32_t>(rows.front().number(0));
}

Result<void> DnsKeys::reserve_serial(const dns::Name& zone, std::uint32_t serial) {
    return done(
        database_->query("INSERT INTO dns_serial (zone, serial) VALUES ($1, $2) ON CONFLICT (zone) DO UPDATE "
                         "SET serial = $2 WHERE dns_serial.serial < $2",
                         {value(zone.text()), value(static_cast<std::int64_t>(serial))}));
}

}  // namespace postseal::store
