#include "dns/dnssec.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "dns/zone.h"

namespace postseal::dns {
namespace {

Name name(std::string_view text) {
    return Name::parse(text).value();
}

class FixedClock final : public Clock {
public:
    explicit FixedClock(std::int64_t start) : at(start) {}
    [[nodiscard]] TimePoint now() const override { return TimePoint(Seconds(at)); }
    std::int64_t at;
};

// RFC 6605 §6.1, the example key of P-256 (with flags 257), its tag and its DS.
TEST(SigningKey, Rfc6605Example) {
    const Bytes scalar = from_base64("GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=").value();
    const auto key = SigningKey::from_private(KeyRole::ksk, scalar);
    ASSERT_TRUE(key);
    EXPECT_EQ(to_base64(ByteView(key->dnskey()).subspan(4)),
              "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==");
    EXPECT_EQ(key->tag(), 55648);
    EXPECT_EQ(to_hex(key->ds(name("example.net"))),
              "d9600d02b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17");
    EXPECT_EQ(key->private_scalar(), scalar);
}

TEST(SigningKey, WhatIsNoKey) {
    EXPECT_FALSE(SigningKey::from_private(KeyRole::zsk, Bytes(31, 1)));
    EXPECT_FALSE(SigningKey::from_private(KeyRole::zsk, Bytes(32, 0)));
    EXPECT_FALSE(SigningKey::from_private(KeyRole::zsk, Bytes(32, 0xff))) << "above the order of the curve";
}

// RFC 5155 appendix A has 12 iterations and a salt; RFC 9276 wants neither, so these come from SHA-1 itself.
TEST(Nsec3, HashAndLabel) {
    const auto hash = nsec3_hash(name("example").to_wire());
    EXPECT_EQ(to_hex(hash).size(), 40U);
    const Nsec3Hash zeros{};
    const auto label = nsec3_label(zeros);
    EXPECT_EQ(std::string(label.data(), label.size()), std::string(32, '0'));
    Nsec3Hash ones{};
    ones.fill(0xff);
    const auto last = nsec3_label(ones);
    EXPECT_EQ(std::string(last.data(), last.size()), std::string(32, 'v'));
}

TEST(TypeBitmap, Rfc4034Section43) {  // A MX RRSIG NSEC TYPE1234
    EXPECT_EQ(to_hex(type_bitmap({Type::nsec, Type::a, Type::mx, Type::rrsig, static_cast<Type>(1234)})),
              "0006400100000003"
              "041b000000000000000000000000000000000000000000000000000020");
    EXPECT_EQ(type_bitmap({}), Bytes()) << "RFC 5155 §7.1: an empty non-terminal";
}

struct SignedZone : testing::Test {
    FixedClock clock{1'800'000'000};
    SigningKeyPtr ksk = std::make_shared<SigningKey>(SigningKey::generate(KeyRole::ksk));
    SigningKeyPtr zsk = std::make_shared<SigningKey>(SigningKey::generate(KeyRole::zsk));
    Name apex = name("z.example");

    [[nodiscard]] SigningPtr signing(const SigningKeyPtr& zone_key) const {
        auto made = std::make_shared<Signing>();
        made->key_keys = {ksk};
        made->zone_keys = {zone_key};
        made->clock = &clock;
        return made;
    }
    [[nodiscard]] NameRecords apex_records(std::uint32_t serial) const {
        return {apex,
                {{apex, Type::soa, 3600, SoaData{apex, apex, serial, 1, 2, 3, 60}},
                 {apex, Type::ns, 3600, NsData{name("ns.z.example")}},
                 {apex, Type::dnskey, 3600, OtherData{ksk->dnskey()}},
                 {apex, Type::dnskey, 3600, OtherData{zsk->dnskey()}},
                 {apex, Type::nsec3param, 0, OtherData{nsec3param_rdata()}}}};
    }
    [[nodiscard]] NameRecords txt(const std::string& owner, const std::string& text) const {
        return {name(owner), {{name(owner), Type::txt, 300, TxtData{{text}}}}};
    }
    [[nodiscard]] ZonePtr zone() const {
        std::vector<Record> all;
        for (const auto& one : {apex_records(1), txt("_mta-sts.abc.z.example", "v=STSv1; id=1"),
                                txt("_smtp._tls.abc.z.example", "v=TLSRPTv1")}) {
            all.insert(all.end(), one.records.begin(), one.records.end());
        }
        return Zone::build(apex, all, signing(zsk)).value();
    }
    static Message ask(const Zone& zone, const std::string& owner, Type type, bool dnssec = true) {
        QueryOptions options;
        options.dnssec_ok = dnssec;
        return read_response(*zone.answer(make_query(7, name(owner), type, options), Transport::udp)).value();
    }
    static std::string types(const std::vector<Record>& records) {
        std::string out;
        for (const Record& record : records) {
            out += (out.empty() ? "" : " ") + to_string(record.type);
        }
        return out;
    }
    static std::size_t serial_delta(const Zone& zone, std::uint32_t from) {
        const auto changes = zone.changes_since(from);
        return changes ? changes->back()->added.size() : 0;
    }
};

TEST_F(SignedZone, Answers) {
    const auto z = zone();
    struct Case {
        std::string owner;
        Type type;
        Rcode rcode;
        std::string answer;
        std::string authority;
        std::string why;
    };
    const Case cases[] = {
        {"_mta-sts.abc.z.example", Type::txt, Rcode::noerror, "TXT RRSIG", "", "RFC 4035 §3.1.1"},
        {"z.example", Type::dnskey, Rcode::noerror, "DNSKEY DNSKEY RRSIG", "", "RFC 4035 §2.1"},
        {"z.example", Type::nsec3param, Rcode::noerror, "NSEC3PARAM RRSIG", "", "RFC 5155 §4"},
        {"_mta-sts.abc.z.example", Type::a, Rcode::noerror, "", "SOA RRSIG NSEC3 RRSIG", "NODATA: RFC 5155 §7.2.3"},
        {"abc.z.example", Type::txt, Rcode::noerror, "", "SOA RRSIG NSEC3 RRSIG", "an empty non-terminal"},
        {"z.example", Type::ds, Rcode::noerror, "", "SOA RRSIG NSEC3 RRSIG", "RFC 5155 §7.2.4: NODATA at the child"},
        {"_mta-sts.abc.z.example", Type::any, Rcode::noerror, "TXT RRSIG", "", "RFC 8482 §4.1"},
        {"_mta-sts.abc.z.example", Type::rrsig, Rcode::noerror, "RRSIG", "", "one set's"},
    };
    for (const auto& c : cases) {
        const auto got = ask(*z, c.owner, c.type);
        EXPECT_EQ(got.rcode, c.rcode) << c.why;
        EXPECT_EQ(types(got.answer), c.answer) << c.why;
        EXPECT_EQ(types(got.authority), c.authority) << c.why;
    }
    EXPECT_EQ(types(ask(*z, "_mta-sts.abc.z.example", Type::txt, false).answer), "TXT") << "without DO";
    EXPECT_EQ(types(ask(*z, "nothing.z.example", Type::txt, false).authority), "SOA") << "without DO";
    const auto missing = ask(*z, "x.nothing.abc.z.example", Type::txt);
    EXPECT_EQ(missing.rcode, Rcode::nxdomain);
    const std::string proof = types(missing.authority);
    // RFC 5155 §7.2.2: up to three links, fewer when one does the work of two.
    EXPECT_TRUE(proof == "SOA RRSIG NSEC3 RRSIG NSEC3 RRSIG" ||
                proof == "SOA RRSIG NSEC3 RRSIG NSEC3 RRSIG NSEC3 RRSIG")
        << proof;
}

TEST_F(SignedZone, EveryNameHasALinkAndTheChainIsOneRing) {
    auto z = zone();
    const auto look = [](const Zone& of) {
        std::map<std::string, std::string> next;
        for (std::size_t part = 0; part < Zone::record_parts; ++part) {
            of.each_record(part, [&](ByteView whole) {
                if (whole[0] == 32 && whole[1 + 32 + 11] == 0 && whole[1 + 32 + 12] == 50) {  // behind "z.example."
                    Nsec3Hash hash{};
                    std::copy_n(whole.begin() + 1 + 32 + 11 + 10 + 6, 20, hash.begin());
                    const auto label = nsec3_label(hash);
                    next[std::string(as_text(whole.subspan(1, 32)))] = std::string(label.data(), label.size());
                }
            });
        }
        return next;
    };
    const auto ring = [&](const Zone& of) {
        const auto next = look(of);
        std::size_t steps = 0;
        std::string at = next.begin()->first;
        do {
            at = next.contains(at) ? next.at(at) : "";
            ++steps;
        } while (!at.empty() && at != next.begin()->first && steps <= next.size());
        EXPECT_EQ(steps, next.size());
        return next.size();
    };
    EXPECT_EQ(ring(*z), z->name_count());
    z = z->with({apex_records(2), txt("_mta-sts.def.z.example", "x"), txt("a.b.c.d.z.example", "x")}).value();
    EXPECT_EQ(ring(*z), z->name_count());
    z = z->with({apex_records(3), {name("_mta-sts.abc.z.example"), {}}, {name("a.b.c.d.z.example"), {}}}).value();
    EXPECT_EQ(ring(*z), z->name_count());
}

TEST_F(SignedZone, AChangeSignsOnlyWhatItTouches) {
    const auto before = zone();
    const auto after = before->with({apex_records(2), txt("_mta-sts.abc.z.example", "v=STSv1; id=2")}).value();
    const auto delta = after->changes_since(1).value().back();
    EXPECT_EQ(delta->added.size(), 3U) << "the TXT, its signature, the SOA's signature";
    EXPECT_EQ(delta->removed.size(), 3U);
    EXPECT_EQ(delta->from, 1U);
    EXPECT_EQ(delta->to, 2U);
    EXPECT_FALSE(after->changes_since(5)) << "a serial that never was";
}

TEST_F(SignedZone, SignaturesAreMadeAnewBeforeTheyRunOut) {
    auto z = zone();
    EXPECT_TRUE(z->due(100).empty());
    const auto first = z->signature_state();
    EXPECT_GE(first.first_expiry, clock.at + 12 * 86'400);
    EXPECT_LE(first.first_expiry, clock.at + 14 * 86'400);
    clock.at += 10 * 86'400;
    auto due = z->due(100);
    EXPECT_EQ(due.size(), z->name_count());
    due.push_back(apex_records(2));
    z = z->with(due).value();
    EXPECT_TRUE(z->due(100).empty());
    EXPECT_GT(z->signature_state().first_expiry, clock.at + 11 * 86'400);
}

TEST_F(SignedZone, ANewKeyTakesOver) {
    auto z = zone();
    const SigningKeyPtr fresh = std::make_shared<SigningKey>(SigningKey::generate(KeyRole::zsk));
    z = z->with({apex_records(2)}, signing(fresh)).value();
    EXPECT_EQ(z->signature_state().tags.size(), 3U) << "until all is signed anew";
    auto due = z->due(100);
    due.push_back(apex_records(3));
    z = z->with(due).value();
    std::vector<std::uint16_t> want{ksk->tag(), fresh->tag()};
    std::sort(want.begin(), want.end());
    EXPECT_EQ(z->signature_state().tags, want);
}

}  // namespace
}  // namespace postseal::dns
