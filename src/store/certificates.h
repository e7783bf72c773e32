// Certificates by host name and ACME accounts by directory, private keys sealed (SecretBox).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/name.h"
#include "store/database.h"
#include "store/secret_box.h"

namespace postseal::store {

struct Certificate {
    dns::Name host;
    std::string chain_pem;  // leaf first
    std::string key_pem;
    TimePoint not_before;
    TimePoint not_after;
};

struct CertificateDates {
    dns::Name host;
    TimePoint not_before;
    TimePoint not_after;
};

struct AcmeAccount {
    std::string directory;  // its URL
    std::string url;        // the account's own URL ("kid"); also CAA accounturi
    std::string key_pem;
};

class Certificates {
public:
    Certificates(Database& database, std::shared_ptr<const SecretBox> secrets)
        : database_(&database), secrets_(std::move(secrets)) {}

    Result<void> put(const Certificate& certificate);  // replaces the one for the host
    Result<std::vector<Certificate>> all();
    // For a hundred thousand at a start: as they lie in the database, the keys sealed. The views are gone with the
    // next one.
    struct Sealed {
        std::string_view host;
        std::string_view chain_pem;
        Bytes sealed_key;
        TimePoint not_after;
    };
    Result<void> each_sealed(const std::function<void(const Sealed&)>& one);
    [[nodiscard]] Result<std::string> open_key(const std::string& host, ByteView sealed_key) const;  // PEM; any thread
    Result<std::vector<CertificateDates>> dates();  // of all, without unsealing a key
    Result<std::optional<Certificate>> find(const dns::Name& host);
    Result<void> erase(const dns::Name& host);

    Result<void> put_account(const AcmeAccount& account);
    Result<std::optional<AcmeAccount>> account(const std::string& directory);

    // Any other secret of the installation by name, e.g. "dkim-key postseal".
    Result<void> put_secret(const std::string& name, const std::string& secret);
    Result<std::optional<std::string>> secret(const std::string& name);
    // The secret that is kept under the name, which is `fresh` where there was none: of several processes that make one
    // at once, the first wins, and all hold the same.
    Result<std::string> secret_or(const std::string& name, const std::string& fresh);

private:
    Database* database_;
    std::shared_ptr<const SecretBox> secrets_;
};

}  // namespace postseal::store
