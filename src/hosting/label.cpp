#include "hosting/label.h"

#include <algorithm>

#include "base/bytes.h"

namespace postseal::hosting {

std::string mint_label() {
    return to_base32(random_bytes(16)).substr(0, label_length);
}

std::string mint_no_label() {
    return "watch:" + mint_label();
}

bool is_label(std::string_view text) {
    return text.size() == label_length && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7');
           });
}

std::string_view to_string(Purpose purpose) {
    switch (purpose) {
        case Purpose::policy_id:
            return "policy-id";
        case Purpose::policy_host:
            return "policy-host";
        case Purpose::reports:
            break;
    }
    return "reports";
}

std::string_view prefix_of(Purpose purpose) {
    switch (purpose) {
        case Purpose::policy_id:
            return "_mta-sts";
        case Purpose::policy_host:
            return "mta-sts";
        case Purpose::reports:
            break;
    }
    return "_smtp._tls";
}

Result<dns::Name> name_behind(Purpose purpose, const std::string& label, const dns::Name& zone) {
    return zone.prefixed(std::string(prefix_of(purpose)) + "." + label);
}

bool serves(store::Uses uses, Purpose purpose) {
    switch (uses) {
        case store::Uses::both:
            return true;
        case store::Uses::mta_sts:
            return purpose != Purpose::reports;
        case store::Uses::tls_rpt:
            return purpose == Purpose::reports;
        case store::Uses::watch:
            break;
    }
    return false;
}

Result<std::vector<CnameRecord>> records_for(const dns::Name& domain, const std::string& label, const dns::Name& zone,
                                             store::Uses uses) {
    std::vector<CnameRecord> records;
    for (const Purpose purpose : {Purpose::policy_id, Purpose::policy_host, Purpose::reports}) {
        if (!serves(uses, purpose)) {
            continue;
        }
        POSTSEAL_TRY(dns::Name name, domain.prefixed(prefix_of(purpose)));
        POSTSEAL_TRY(dns::Name target, name_behind(purpose, label, zone));
        records.push_back({purpose, std::move(name), std::move(target)});
    }
    return records;
}

}  // namespace postseal::hosting
