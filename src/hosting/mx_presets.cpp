#include "hosting/mx_presets.h"

#include <algorithm>

namespace postseal::hosting {

namespace {

bool covers(std::string_view entry, const dns::Name& name) {
    if (!entry.starts_with('.')) {
        return name.text() == entry;
    }
    return name.text().size() > entry.size() && name.text().ends_with(entry);
}

}  // namespace

// In the order of the alphabet. A subtree (".name") is only right where the provider names every host below it; names
// of customers' own machines (amazonaws.com, a hoster's domain) are listed host by host.
const std::vector<MxPreset>& mx_presets() {
    static const std::vector<MxPreset> presets = {
        {"amazon",
         "Amazon SES, WorkMail",
         {"inbound-smtp.us-east-1.amazonaws.com", "inbound-smtp.us-east-2.amazonaws.com",
          "inbound-smtp.us-west-2.amazonaws.com", "inbound-smtp.ca-central-1.amazonaws.com",
          "inbound-smtp.eu-west-1.amazonaws.com", "inbound-smtp.eu-west-2.amazonaws.com",
          "inbound-smtp.eu-central-1.amazonaws.com", "inbound-smtp.ap-northeast-1.amazonaws.com",
          "inbound-smtp.ap-southeast-1.amazonaws.com", "inbound-smtp.ap-southeast-2.amazonaws.com"}},
        {"barracuda", "Barracuda Email Gateway Defense", {".ess.barracudanetworks.com"}},
        {"beget", "Beget", {"mx1.beget.com", "mx2.beget.com"}},
        {"cisco", "Cisco Secure Email", {".iphmx.com"}},
        {"cloudflare", "Cloudflare Email Routing", {".mx.cloudflare.net"}},
        {"cloudflare-security", "Cloudflare Email Security", {".mxrecord.io"}},
        {"fastmail", "Fastmail", {".messagingengine.com"}},
        {"forwardemail", "Forward Email", {"mx1.forwardemail.net", "mx2.forwardemail.net"}},
        {"gandi", "Gandi", {".mail.gandi.net"}},
        {"godaddy", "GoDaddy", {"smtp.secureserver.net", "mailstore1.secureserver.net"}},
        {"google", "Google Workspace", {".l.google.com", "smtp.google.com", ".googlemail.com"}},
        {"hostinger", "Hostinger", {"mx1.hostinger.com", "mx2.hostinger.com"}},
        {"icloud", "iCloud", {".mail.icloud.com"}},
        {"infomaniak", "Infomaniak", {"mta-gw.infomaniak.ch"}},
        {"ionos",
         "IONOS",
         {"mx00.ionos.com", "mx01.ionos.com", "mx00.ionos.de", "mx01.ionos.de", "mx00.ionos.co.uk", "mx01.ionos.co.uk",
          "mx00.ionos.fr", "mx01.ionos.fr", "mx00.ionos.es", "mx01.ionos.es", "mx00.ionos.it", "mx01.ionos.it",
          "mx00.kundenserver.de", "mx01.kundenserver.de", "mx00.1and1.com", "mx01.1and1.com"}},
        {"mail-ru", "Mail.ru, VK WorkSpace", {"emx.mail.ru", "mxs.mail.ru"}},
        {"mailbox-org", "mailbox.org", {"mxext1.mailbox.org", "mxext2.mailbox.org", "mxext3.mailbox.org"}},
        {"mailgun", "Mailgun", {"mxa.mailgun.org", "mxb.mailgun.org", "mxa.eu.mailgun.org", "mxb.eu.mailgun.org"}},
        {"messagelabs", "Symantec Email Security.cloud", {".messagelabs.com"}},
        {"microsoft365",
         "Microsoft 365",
         {".mail.protection.outlook.com", ".mx.microsoft", ".olc.protection.outlook.com",
          ".mail.protection.office365.us", ".mail.protection.partner.outlook.cn"}},
        {"migadu", "Migadu", {"aspmx1.migadu.com", "aspmx2.migadu.com"}},
        {"mimecast", "Mimecast", {".mimecast.com", ".mimecast.co.za", ".mimecast-offshore.com"}},
        {"namecheap", "Namecheap Private Email", {"mx1.privateemail.com", "mx2.privateemail.com"}},
        {"ovh", "OVHcloud", {".mail.ovh.net", "redirect.ovh.net"}},
        {"proofpoint", "Proofpoint", {".pphosted.com", ".ppe-hosted.com"}},
        {"proton", "Proton Mail", {"mail.protonmail.ch", "mailsec.protonmail.ch"}},
        {"rackspace", "Rackspace Email", {"mx1.emailsrvr.com", "mx2.emailsrvr.com"}},
        {"reg-ru", "REG.RU", {"mx1.hosting.reg.ru", "mx2.hosting.reg.ru"}},
        {"strato", "STRATO", {"smtpin.rzone.de"}},
        {"timeweb", "Timeweb", {"mx1.timeweb.ru", "mx2.timeweb.ru"}},
        {"trendmicro", "Trend Micro Email Security", {".tmes.trendmicro.com", ".tmes.trendmicro.eu"}},
        {"tuta", "Tuta", {"mail.tutanota.de"}},
        {"yandex360", "Yandex 360", {"mx.yandex.net", "mx.yandex.ru"}},
        {"zoho",
         "Zoho Mail",
         {"mx.zoho.com", "mx2.zoho.com", "mx3.zoho.com", "mx.zoho.eu", "mx2.zoho.eu", "mx3.zoho.eu", "mx.zoho.in",
          "mx2.zoho.in", "mx3.zoho.in", "mx.zoho.com.au", "mx2.zoho.com.au", "mx3.zoho.com.au", "mx.zoho.jp",
          "mx2.zoho.jp", "mx3.zoho.jp"}},
    };
    return presets;
}

const MxPreset* mx_preset(std::string_view id) {
    const auto& all = mx_presets();
    const auto found = std::find_if(all.begin(), all.end(), [&](const MxPreset& preset) { return preset.id == id; });
    return found == all.end() ? nullptr : &*found;
}

bool runs(const MxPreset& preset, const dns::Name& host) {
    return std::any_of(preset.names.begin(), preset.names.end(),
                       [&](std::string_view entry) { return covers(entry, host); });
}

const MxPreset* provider_of(const dns::Name& host) {
    const auto& all = mx_presets();
    const auto found = std::find_if(all.begin(), all.end(), [&](const MxPreset& preset) { return runs(preset, host); });
    return found == all.end() ? nullptr : &*found;
}

const MxPreset* owner_of_all_below(const dns::Name& name) {
    const auto& all = mx_presets();
    const auto found = std::find_if(all.begin(), all.end(), [&](const MxPreset& preset) {
        return std::any_of(preset.names.begin(), preset.names.end(), [&](std::string_view entry) {
            return entry.starts_with('.') && (name.text() == entry.substr(1) || covers(entry, name));
        });
    });
    return found == all.end() ? nullptr : &*found;
}

std::vector<MxProvider> providers_of(const std::vector<dns::Name>& hosts) {
    std::vector<MxProvider> out;
    for (const dns::Name& host : hosts) {
        const MxPreset* preset = provider_of(host);
        const auto pattern = mtasts::MxPattern::parse(host.text());
        if (preset == nullptr || !pattern) {
            continue;
        }
        auto known =
            std::find_if(out.begin(), out.end(), [&](const MxProvider& provider) { return provider.preset == preset; });
        if (known == out.end()) {
            known = out.insert(out.end(), MxProvider{preset, {}, {}, {}});
        }
        known->hosts.push_back(host);
        known->patterns.push_back(*pattern);
        if (owner_of_all_below(host.parent()) == preset) {
            const auto wildcard = mtasts::MxPattern::parse("*." + host.parent().text());
            if (wildcard &&
                std::find(known->wildcards.begin(), known->wildcards.end(), *wildcard) == known->wildcards.end()) {
                known->wildcards.push_back(*wildcard);
            }
        }
    }
    return out;
}

}  // namespace postseal::hosting
