#include "store/certificates.h"

namespace postseal::store {

namespace {

std::string key_context(const std::string& host) {
    return "certificate-key " + host;
}
std::string key_context(const dns::Name& host) {
    return key_context(host.text());
}

std::string account_context(const std::string& directory) {
    return "acme-account-key " + directory;
}

Result<void> done(const Result<Rows>& rows) {
    return rows ? Result<void>() : Result<void>(rows.error());
}

}  // namespace

Result<void> Certificates::put(const Certificate& certificate) {
    return done(database_->query(
        "INSERT INTO certificate (host, chain_pem, sealed_key, not_before, not_after) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT (host) DO UPDATE SET chain_pem = $2, sealed_key = $3, not_before = $4, not_after = $5",
        {value(certificate.host.text()), value(certificate.chain_pem),
         value(secrets_->seal(certificate.key_pem, key_context(certificate.host))), value(certificate.not_before),
         value(certificate.not_after)}));
}

namespace {

Result<Certificate> read_certificate(const Row& row, const SecretBox& secrets) {
    POSTSEAL_TRY(dns::Name host, dns::Name::parse_ascii(row.text(0)));
    POSTSEAL_TRY(std::string key, secrets.unseal(row.bytes(2), key_context(host)));
    return Certificate{std::move(host), row.text(1), std::move(key), row.time(3), row.time(4)};
}

}  // namespace

Result<std::vector<Certificate>> Certificates::all() {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT host, chain_pem, sealed_key, not_before, not_after FROM certificate"));
    std::vector<Certificate> out;
    for (const Row& row : rows) {
        POSTSEAL_TRY(Certificate certificate, read_certificate(row, *secrets_));
        out.push_back(std::move(certificate));
    }
    return out;
}

Result<void> Certificates::each_sealed(const std::function<void(const Sealed&)>& one) {
    return database_->each("SELECT host, chain_pem, sealed_key, not_after FROM certificate", [&](const RowView& row) {
        one({row.text(0), row.text(1), row.bytes(2), TimePoint(Seconds(row.number(3)))});
    });
}

Result<std::string> Certificates::open_key(const std::string& host, ByteView sealed_key) const {
    return secrets_->unseal(sealed_key, key_context(host));
}

Result<std::vector<CertificateDates>> Certificates::dates() {
    std::vector<CertificateDates> out;
    std::optional<Error> bad;
    const auto read = database_->each("SELECT host, not_before, not_after FROM certificate", [&](const RowView& row) {
        if (auto host = dns::Name::parse_ascii(row.text(0))) {
            out.push_back({std::move(*host), TimePoint(Seconds(row.number(1))), TimePoint(Seconds(row.number(2)))});
        } else if (!bad) {
            bad = host.error();
        }
    });
    if (!read) {
        return read.error();
    }
    return bad ? Result<std::vector<CertificateDates>>(std::move(*bad)) : std::move(out);
}

Result<std::optional<Certificate>> Certificates::find(const dns::Name& host) {
    POSTSEAL_TRY(
        const Rows rows,
        database_->query("SELECT host, chain_pem, sealed_key, not_before, not_after FROM certificate WHERE host = $1",
                         {value(host.text())}));
    if (rows.empty()) {
        return std::optional<Certificate>();
    }
    POSTSEAL_TRY(Certificate certificate, read_certificate(rows[0], *secrets_));
    return std::optional(std::move(certificate));
}

Result<void> Certificates::erase(const dns::Name& host) {
    return done(database_->query("DELETE FROM certificate WHERE host = $1", {value(host.text())}));
}

Result<void> Certificates::put_account(const AcmeAccount& account) {
    return done(
        database_->query("INSERT INTO acme_account (directory, url, sealed_key) VALUES ($1, $2, $3) "
                         "ON CONFLICT (directory) DO UPDATE SET url = $2, sealed_key = $3",
                         {value(account.directory), value(account.url),
                          value(secrets_->seal(account.key_pem, account_context(account.directory)))}));
}

Result<std::optional<AcmeAccount>> Certificates::account(const std::string& directory) {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT url, sealed_key FROM acme_account WHERE directory = $1", {value(directory)}));
    if (rows.empty()) {
        return std::optional<AcmeAccount>();
    }
    POSTSEAL_TRY(std::string key, secrets_->unseal(rows[0].bytes(1), account_context(directory)));
    return std::optional(AcmeAccount{directory, rows[0].text(0), std::move(key)});
}

Result<void> Certificates::put_secret(const std::string& name, const std::string& secret) {
    return done(database_->query(
        "INSERT INTO secret (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET sealed = $2",
        {value(name), value(secrets_->seal(secret, "secret " + name))}));
}

Result<std::string> Certificates::secret_or(const std::string& name, const std::string& fresh) {
    const auto kept =
        database_->query("INSERT INTO secret (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                         {value(name), value(secrets_->seal(fresh, "secret " + name))});
    if (!kept) {
        return kept.error();
    }
    POSTSEAL_TRY(auto stored, secret(name));
    if (!stored) {
        return Error{Errc::internal, "secret " + name, "it is gone as soon as it was kept"};
    }
    return std::move(*stored);
}

Result<std::optional<std::string>> Certificates::secret(const std::string& name) {
    POSTSEAL_TRY(const Rows rows, database_->query("SELECT sealed FROM secret WHERE name = $1", {value(name)}));
    if (rows.empty()) {
        return std::optional<std::string>();
    }
    POSTSEAL_TRY(std::string secret, secrets_->unseal(rows[0].bytes(0), "secret " + name));
    return std::optional(std::move(secret));
}

}  // namespace postseal::store
