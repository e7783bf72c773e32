#include "hosting/known_senders.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"
#include "net/address_prefix.h"

namespace postseal::hosting {

namespace {

constexpr std::size_t id_bytes_max = 40;
constexpr std::string_view nobody = "unknown";

struct Row {
    KnownSender sender;
    std::vector<std::string_view> agents;    // in lower case, anywhere in the User-Agent
    std::vector<std::string_view> networks;  // for those whose User-Agent says nothing
};

// To be reviewed: add a row when a name is seen in a log. Networks are those that the operator's own SPF record names
// for its outbound mail (dig TXT _spf.google.com and so on), of which policy fetches are seen as well.
const std::vector<Row>& rows() {
    using enum SenderKind;
    static const std::vector<Row> table = {
        // Programs first: several of them name a provider's library in what they say.
        {{"postfix-tlspol", "postfix-tlspol", software}, {"postfix-tlspol"}, {}},
        {{"postfix-mta-sts-resolver", "postfix-mta-sts-resolver", software}, {"postfix-mta-sts-resolver"}, {}},
        {{"mox", "mox", software}, {"mox/", "mox "}, {}},
        {{"stalwart", "Stalwart", software}, {"stalwart"}, {}},
        {{"postseal", "Postseal", software}, {"postseal/"}, {}},
        {{"kumomta", "KumoMTA", software}, {"kumomta", "kumo-mta"}, {}},
        {{"halon", "Halon", software}, {"halon"}, {}},
        {{"maddy", "maddy", software}, {"maddy"}, {}},
        {{"chasquid", "chasquid", software}, {"chasquid"}, {}},
        {{"zone-mta", "ZoneMTA", software}, {"zone-mta", "zonemta", "mailauth"}, {}},
        {{"powermta", "PowerMTA", software}, {"powermta"}, {}},
        // Checkers.
        {{"internet-nl", "Internet.nl", checker}, {"internet.nl", "internetnl"}, {}},
        {{"hardenize", "Hardenize", checker}, {"hardenize"}, {}},
        {{"mailhardener", "Mailhardener", checker}, {"mailhardener"}, {}},
        {{"checkdmarc", "checkdmarc", checker}, {"checkdmarc"}, {}},
        {{"curl", "curl", checker}, {"curl/"}, {}},
        {{"wget", "Wget", checker}, {"wget/"}, {}},
        // Providers.
        {{"google", "Google", provider},
         {"google"},
         {"64.233.160.0/19", "66.102.0.0/20", "66.249.80.0/20", "72.14.192.0/18", "74.125.0.0/16", "108.177.8.0/21",
          "173.194.0.0/16", "209.85.128.0/17", "216.58.192.0/19", "216.239.32.0/19", "2001:4860:4000::/36",
          "2404:6800:4000::/36", "2607:f8b0:4000::/36", "2800:3f0:4000::/36", "2a00:1450:4000::/36",
          "2c0f:fb50:4000::/36"}},
        {{"microsoft", "Microsoft", provider},
         {"microsoft", "exchangeonline", "exchange-online", "office365"},
         {"40.92.0.0/15", "40.107.0.0/16", "52.100.0.0/14", "104.47.0.0/17", "2a01:111:f400::/48",
          "2a01:111:f403::/48"}},
        {{"yahoo", "Yahoo", provider}, {"yahoo", "aol-mta", "yahooinc"}, {}},
        {{"mail.ru", "Mail.ru", provider},
         {"mail.ru", "mailru", "vkmail"},
         {"94.100.176.0/20", "217.69.128.0/20", "128.140.168.0/21", "188.93.56.0/21", "195.218.168.0/24"}},
        {{"yandex", "Yandex", provider},
         {"yandex"},
         {"5.45.192.0/18", "37.9.64.0/18", "77.88.0.0/18", "87.250.224.0/19", "93.158.128.0/18", "95.108.128.0/17",
          "178.154.128.0/18", "213.180.192.0/19", "2a02:6b8::/32"}},
        {{"comcast", "Comcast", provider}, {"comcast"}, {}},
        {{"gmx", "GMX and WEB.DE", provider}, {"gmx.net", "web.de", "1und1", "mail.com"}, {}},
        {{"proton", "Proton", provider}, {"protonmail", "proton.me"}, {}},
        {{"fastmail", "Fastmail", provider}, {"fastmail"}, {}},
        {{"proofpoint", "Proofpoint", provider}, {"proofpoint", "pphosted"}, {}},
        {{"mimecast", "Mimecast", provider}, {"mimecast"}, {}},
        {{"zoho", "Zoho", provider}, {"zoho"}, {}},
        {{"amazon", "Amazon SES", provider}, {"amazonses", "amazon-ses"}, {}},
    };
    return table;
}

struct Networks {
    std::string_view id;
    net::AddressPrefixes prefixes;
};

const std::vector<Networks>& networks() {
    static const std::vector<Networks> parsed = [] {
        std::vector<Networks> out;
        for (const Row& row : rows()) {
            Networks one{row.sender.id, {}};
            for (const std::string_view text : row.networks) {
                one.prefixes.push_back(net::AddressPrefix::parse(text).value());  // the test reads every row
            }
            if (!one.prefixes.empty()) {
                out.push_back(std::move(one));
            }
        }
        return out;
    }();
    return parsed;
}

// "Mozilla/5.0 (X11; …)" → "mozilla"
std::string first_product(std::string_view user_agent) {
    std::string out;
    for (const char c : user_agent.substr(0, id_bytes_max)) {
        const char lower = to_lower(c);
        if (!is_alnum(lower) && lower != '.' && lower != '-' && lower != '_') {
            break;
        }
        out += lower;
    }
    return out.empty() ? std::string(nobody) : out;
}

}  // namespace

std::string_view to_string(SenderKind kind) {
    switch (kind) {
        case SenderKind::provider:
            return "provider";
        case SenderKind::software:
            return "software";
        case SenderKind::checker:
            return "checker";
        case SenderKind::unknown:
            break;
    }
    return "unknown";
}

std::string sender_id(std::string_view user_agent, const std::optional<dns::IpAddress>& peer) {
    constexpr std::size_t looked_at = 300;
    const std::string agent = to_lower(user_agent.substr(0, looked_at));
    for (const Row& row : rows()) {
        if (std::any_of(row.agents.begin(), row.agents.end(),
                        [&](std::string_view word) { return agent.find(word) != std::string::npos; })) {
            return std::string(row.sender.id);
        }
    }
    for (const Networks& one : networks()) {
        if (peer && net::contains(one.prefixes, *peer)) {
            return std::string(one.id);
        }
    }
    return first_product(agent);
}

KnownSender known_sender(std::string_view id) {
    const auto found = std::find_if(rows().begin(), rows().end(), [&](const Row& row) { return row.sender.id == id; });
    if (found != rows().end()) {
        return found->sender;
    }
    // Browsers, and what pretends to be one.
    return {id, id, id == "mozilla" ? SenderKind::checker : SenderKind::unknown};
}

}  // namespace postseal::hosting
