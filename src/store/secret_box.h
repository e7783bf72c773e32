// Private keys at rest: AES-256-GCM under a master key that lives outside the database (design §3). Each secret is
// bound to its purpose and name, so that a row copied elsewhere does not open.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace postseal::store {

class SecretBox {
public:
    // Reads the 32-byte key in hex from `path`, or makes it there (mode 0600). A file that others may read is refused.
    static Result<SecretBox> open(const std::string& path);
    // A key that lives only in this object: for tests and the demo.
    static SecretBox ephemeral();

    // `context` names what it is, e.g. "certificate-key mta-sts.example.com"; the same is needed to open.
    [[nodiscard]] Bytes seal(std::string_view secret, std::string_view context) const;
    [[nodiscard]] Result<std::string> unseal(ByteView sealed, std::string_view context) const;

private:
    explicit SecretBox(Bytes key) : key_(std::move(key)) {}
    Bytes key_;
};

}  // namespace postseal::store
