#include "hosting/mx_presets.h"

#include <gtest/gtest.h>

#include <set>

#include "base/text.h"
#include "dns/public_suffix.h"

namespace postseal::hosting {
namespace {

dns::Name name(std::string_view text) {
    return dns::Name::parse(text).value();
}

TEST(MxPresets, recognised_by_their_hosts) {
    struct {
        const char* host;
        std::string_view id;  // "" = nobody's
        const char* why;
    } const cases[] = {
        {"smtp.google.com", "google", "Workspace since 2023"},
        {"aspmx.l.google.com", "google", "Workspace before"},
        {"alt4.aspmx.l.google.com", "google", "its other hosts"},
        {"aspmx2.googlemail.com", "google", "its oldest hosts"},
        {"www.google.com", "", "no mail host"},
        {"evil-smtp.google.com.example.net", "", "only looks like it"},
        {"contoso-com.mail.protection.outlook.com", "microsoft365", "a tenant's name"},
        {"contoso-com.a-v1.mx.microsoft", "microsoft365", "the signed names"},
        {"mail.protection.outlook.com", "", "the name itself is no host"},
        {"xmail.protection.outlook.com", "", "a whole label must fit"},
        {"mx.yandex.net", "yandex360", ""},
        {"mx.yandex.net.example.org", "", ""},
        {"emx.mail.ru", "mail-ru", ""},
        {"mx.mail.ru", "", "not one of theirs for domains"},
        {"mx1.beget.com", "beget", ""},
        {"mx1.evil.beget.com", "", "a hoster's customers have names below its own"},
        {"mx0a-00001.pphosted.com", "proofpoint", ""},
        {"mxa-00001.gslb.pphosted.com", "proofpoint", "two labels down"},
        {"mx1-us1.ppe-hosted.com", "proofpoint", "Essentials"},
        {"eu-smtp-inbound-1.mimecast.com", "mimecast", ""},
        {"mx2.zoho.eu", "zoho", ""},
        {"route1.mx.cloudflare.net", "cloudflare", ""},
        {"in1-smtp.messagingengine.com", "fastmail", ""},
        {"mailsec.protonmail.ch", "proton", ""},
        {"mx01.mail.icloud.com", "icloud", ""},
        {"inbound-smtp.eu-west-1.amazonaws.com", "amazon", ""},
        {"ec2-1-2-3-4.eu-west-1.compute.amazonaws.com", "", "anybody's machine"},
        {"mx1.mail.ovh.net", "ovh", ""},
        {"mx00.ionos.de", "ionos", ""},
        {"spool.mail.gandi.net", "gandi", ""},
        {"mx1.timeweb.ru", "timeweb", ""},
        {"mx1.hosting.reg.ru", "reg-ru", ""},
        {"mail.example.com", "", ""},
    };
    for (const auto& one : cases) {
        const MxPreset* found = provider_of(name(one.host));
        EXPECT_EQ(found != nullptr ? found->id : "", one.id) << one.host << " " << one.why;
    }
}

TEST(MxPresets, propose_narrow_patterns_and_say_which_wildcard_is_fine) {
    const auto found = providers_of(
        {name("aspmx.l.google.com"), name("alt1.aspmx.l.google.com"), name("mx.yandex.net"), name("mail.example.com")});
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].preset->id, "google");
    ASSERT_EQ(found[0].patterns.size(), 2U);
    EXPECT_EQ(found[0].patterns[1].text(), "alt1.aspmx.l.google.com");
    ASSERT_EQ(found[0].wildcards.size(), 2U);
    EXPECT_EQ(found[0].wildcards[0].text(), "*.l.google.com");
    EXPECT_EQ(found[0].wildcards[1].text(), "*.aspmx.l.google.com");
    EXPECT_EQ(found[1].preset->id, "yandex360");
    EXPECT_TRUE(found[1].wildcards.empty()) << "others have names under yandex.net";
    const auto tenant = providers_of({name("contoso-com.mail.protection.outlook.com")});
    ASSERT_EQ(tenant.size(), 1U);
    EXPECT_EQ(tenant[0].wildcards.at(0).text(), "*.mail.protection.outlook.com") << "as Microsoft recommends";
}

// The table is data that people add to: what would make it dangerous.
TEST(MxPresets, the_table_is_sound) {
    std::set<std::string_view> ids;
    std::string_view last;
    for (const MxPreset& preset : mx_presets()) {
        EXPECT_TRUE(ids.insert(preset.id).second) << preset.id << " twice";
        EXPECT_LT(last, preset.id) << "not in order";
        EXPECT_EQ(preset.id.find('.'), std::string_view::npos) << preset.id << " could be taken for a domain";
        last = preset.id;
        ASSERT_FALSE(preset.names.empty());
        for (const std::string_view entry : preset.names) {
            const dns::Name owned = name(entry.starts_with('.') ? entry.substr(1) : entry);
            EXPECT_EQ(owned.text(), entry.starts_with('.') ? entry.substr(1) : entry) << entry << " is not normal";
            EXPECT_FALSE(dns::is_public_suffix(owned)) << entry << " would vouch for everybody";
            const MxPreset* owner = provider_of(entry.starts_with('.') ? owned.prefixed("x").value() : owned);
            EXPECT_EQ(owner, &preset) << entry << " is claimed twice";
        }
    }
    EXPECT_EQ(mx_preset("google")->name, "Google Workspace");
    EXPECT_EQ(mx_preset("nobody"), nullptr);
}

}  // namespace
}  // namespace postseal::hosting
