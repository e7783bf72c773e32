// The state of an installation that hosts many domains, as `postseal serve` finds it at a start.
//
//     hosting_world STATE_DIR DOMAINS CERTIFICATE_FILE KEY_FILE
//
// Makes STATE_DIR/postseal.db and master.key: domain number N is dN.example.test, in enforce, each with a P-256 key and
// a certificate of its own, made as public authorities make them, and one intermediate for all. Certificate and key of
// number 0 go to the two files, for the server to compare with.

#include <openssl/conf.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "mtasts/policy.h"
#include "store/store.h"

namespace {

using namespace postseal;

struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(CONF* conf) const { NCONF_free(conf); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "hosting_world: %s\n", what.c_str());
    std::exit(1);
}

template <class Write>
std::string pem(Write write) {
    const std::unique_ptr<BIO, Free> bio(BIO_new(BIO_s_mem()));
    write(bio.get());
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

void extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    // Policies are only read beside a configuration, though theirs says nothing.
    const std::unique_ptr<CONF, Free> empty(NCONF_new(nullptr));
    X509V3_set_nconf(&context, empty.get());
    X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    if (made == nullptr) {
        fail("extension " + value);
    }
    X509_add_ext(certificate, made, -1);
    X509_EXTENSION_free(made);
}

struct Issuer {
    Key key;
    Certificate certificate;
};

constexpr long year_s = 365L * 86'400;

Certificate make(EVP_PKEY* key, const std::string& name, long serial, X509* issuer, EVP_PKEY* signer, bool authority) {
    Certificate made(X509_new());
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), year_s);
    X509_set_pubkey(made.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509* from = issuer != nullptr ? issuer : made.get();
    X509_set_issuer_name(made.get(), X509_get_subject_name(from));
    extend(made.get(), from, NID_basic_constraints, authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    extend(made.get(), from, NID_key_usage, authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
    extend(made.get(), from, NID_subject_key_identifier, "hash");
    extend(made.get(), from, NID_authority_key_identifier, "keyid");
    if (!authority) {
        extend(made.get(), from, NID_ext_key_usage, "serverAuth");
        extend(made.get(), from, NID_subject_alt_name, "DNS:" + name);
        extend(made.get(), from, NID_info_access, "caIssuers;URI:http://e7.bench.test/");
        extend(made.get(), from, NID_crl_distribution_points, "URI:http://e7.bench.test/123.crl");
        extend(made.get(), from, NID_certificate_policies, "2.23.140.1.2.1");
    }
    if (X509_sign(made.get(), signer, EVP_sha256()) <= 0) {
        fail("signing");
    }
    return made;
}

template <class T>
void check(const Result<T>& result) {
    if (!result) {
        fail(result.error().message());
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: hosting_world STATE_DIR DOMAINS CERTIFICATE_FILE KEY_FILE\n");
        return 2;
    }
    const std::string dir = argv[1];
    const long count = std::atol(argv[2]);
    auto secrets = store::SecretBox::open(dir + "/master.key");
    check(secrets);
    auto store = store::Store::open("sqlite:" + dir + "/postseal.db", std::move(*secrets));
    check(store);

    const Key root_key(EVP_EC_gen("P-256"));
    const Certificate root = make(root_key.get(), "Bench Root", 1, nullptr, root_key.get(), true);
    const Key issuer_key(EVP_EC_gen("P-256"));
    const Certificate issuer = make(issuer_key.get(), "Bench E7", 2, root.get(), root_key.get(), true);
    const std::string issuer_pem = pem([&](BIO* bio) { PEM_write_bio_X509(bio, issuer.get()); });

    const TimePoint now = std::chrono::time_point_cast<Seconds>(std::chrono::system_clock::now());
    const auto organisation = (*store)->accounts.organisation("bench", now);
    check(organisation);
    constexpr long at_once = 2000;
    for (long begin = 0; begin < count; begin += at_once) {
        check((*store)->transaction([&]() -> Result<void> {
            for (long number = begin; number < std::min(count, begin + at_once); ++number) {
                const std::string name = "d" + std::to_string(number) + ".example.test";
                const std::string host = "mta-sts." + name;
                store::Domain domain;
                domain.organisation = organisation->id;
                POSTSEAL_TRY(domain.name, dns::Name::parse_ascii(name));
                domain.label = to_base32(random_bytes(17)).substr(0, 26);
                domain.state = store::DomainState::enforce;
                domain.wanted_mode = mtasts::Mode::enforce;
                domain.added = now;
                domain.verified = now;
                POSTSEAL_TRY(const store::Domain added, (*store)->domains.add(domain));
                store::PolicyVersion version;
                version.domain = added.id;
                version.version = 1;
                version.mode = mtasts::Mode::enforce;
                version.max_age_s = 604'800;
                version.body = "version: STSv1\r\nmode: enforce\r\nmx: mx1." + name + "\r\nmx: mx2." + name +
                               "\r\nmax_age: 604800\r\n";
                version.policy_id = "1x" + to_hex(random_bytes(8));
                version.made = now;
                version.body_live = version.id_live = now;
                if (auto stored = (*store)->domains.add_version(version); !stored) {
                    return stored;
                }
                const Key key(EVP_EC_gen("P-256"));
                const Certificate leaf = make(key.get(), host, number + 1000, issuer.get(), issuer_key.get(), false);
                const std::string chain = pem([&](BIO* bio) { PEM_write_bio_X509(bio, leaf.get()); }) + issuer_pem;
                const std::string key_pem = pem(
                    [&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
                POSTSEAL_TRY(const dns::Name host_name, dns::Name::parse_ascii(host));
                if (auto stored = (*store)->certificates.put({host_name, chain, key_pem, now, now + Seconds(year_s)});
                    !stored) {
                    return stored;
                }
                if (number == 0) {
                    std::ofstream(argv[3]) << chain;
                    std::ofstream(argv[4]) << key_pem;
                }
            }
            return {};
        }));
    }
    return 0;
}
