#include "verdict/catalogue.h"

#include <algorithm>
#include <iterator>

namespace postseal::verdict {

namespace {

constexpr auto error = FindingSeverity::error;
constexpr auto warning = FindingSeverity::warning;
constexpr auto info = FindingSeverity::info;
constexpr auto ok = FindingSeverity::ok;

constexpr CatalogueEntry entries[] = {
    // The domain itself
    {"not-a-domain", error, "", "\"{subject}\" is not a mail domain: {reason}.",
     "Policies belong to the part of a mail address behind the @.", "Ask for that part, for example example.com."},
    {"domain-missing", error, "RFC 5321 §5.1", "The domain {subject} does not exist.",
     "Without the domain there is nowhere to send mail to and nothing to protect.",
     "Check the spelling. If the domain is new, check that the registry delegates it to your name servers."},
    {"dnssec-bogus", error, "RFC 7672 §2.1.1", "DNSSEC validation fails for {what}: {error}.",
     "To every sender that validates, a broken signature looks like an attack: such senders treat the answer as "
     "missing "
     "or hold the mail back until it is mended.",
     "Compare the DS records at the parent zone with the DNSKEY records of the zone, and check that the signatures "
     "have "
     "not expired. If you do not mean to use DNSSEC, have the registry remove the DS records."},

    // The MTA-STS record
    {"sts-record-missing", error, "RFC 8461 §3.1", "The domain has no MTA-STS record.",
     "Senders cannot know that mail to this domain must travel encrypted. Somebody who controls the network on the way "
     "can "
     "switch the encryption off or pose as your mail server, and nobody would notice.",
     "Publish a policy at {policy_url} and then a TXT record at {subject}: v=STSv1; id=1; Start with mode testing, "
     "which "
     "cannot stop any mail."},
    {"sts-record-lookup-failed", error, "RFC 8461 §3.1", "The MTA-STS record could not be looked up: {error}.",
     "A sender that does not know your policy yet delivers as if you had none.",
     "Check that every name server of the zone answers TXT questions for {subject}."},
    {"sts-record-multiple", error, "RFC 8461 §3.1", "There are {count} MTA-STS records where there may be only one.",
     "With more than one, senders must conclude that the domain has no policy.",
     "Remove all but one of the TXT records at {subject} that begin with v=STSv1."},
    {"sts-record-invalid", error, "RFC 8461 §3.1", "The MTA-STS record is invalid: {problem}.",
     "Senders ignore an invalid record and deliver as if the domain had no policy.",
     "Publish the record in this form: v=STSv1; id=1; The id has 1 to 32 letters and digits."},
    {"sts-record-warning", warning, "RFC 8461 §3.1", "The MTA-STS record is accepted, but: {problem}.",
     "Less tolerant senders may read the record differently.", "Publish the record in this form: v=STSv1; id=1;"},
    {"sts-record-delegated", info, "RFC 8461 §8.2", "The record is an alias for {target}.",
     "Whoever operates that name decides about your policy. That is the usual way to have MTA-STS hosted.", ""},
    {"sts-record-ok", ok, "RFC 8461 §3.1", "The MTA-STS record is valid, its id is {id}.",
     "The record tells senders that there is a policy, and by its id when it has changed.", ""},

    // The policy
    {"policy-without-record", warning, "RFC 8461 §3.1", "A policy is served, but no valid MTA-STS record announces it.",
     "Senders look for a policy only when the TXT record says that there is one.",
     "Publish a TXT record at {record_name}: v=STSv1; id=1;"},
    {"policy-host-missing", error, "RFC 8461 §3.3", "The policy host {host} has no address.",
     "The MTA-STS record announces a policy that nobody can fetch; senders deliver as if there were none.",
     "Publish an address (A, AAAA) or a CNAME for {host} and serve the policy there over HTTPS."},
    {"policy-host-lookup-failed", error, "RFC 8461 §3.3",
     "The address of the policy host {host} could not be looked up: {error}.",
     "Senders that do not know the policy yet cannot fetch it.",
     "Check that every name server of the zone answers questions for {host}."},
    {"policy-host-not-public", error, "RFC 8461 §3.3",
     "The policy host {host} has only addresses that the Internet cannot reach.",
     "Private and local addresses mean nothing to a sender elsewhere.", "Publish a public address for {host}."},
    {"policy-unreachable", error, "RFC 8461 §3.3", "No connection to the policy host {host}: {error}.",
     "Senders that do not know the policy yet deliver as if there were none.",
     "Check that the web server runs and that port 443 is open to everybody, over IPv4 and IPv6 if both are "
     "published."},
    {"policy-timeout", error, "RFC 8461 §3.3", "The policy host {host} did not answer in time.",
     "Senders give up after a minute at most, many after a few seconds, and then deliver as if there were no policy.",
     "Serve the policy as a static file, without application or anti-robot check in front of it."},
    {"policy-not-fetched", warning, "RFC 8461 §3.3",
     "Postseal could not ask the policy host {host}, for a reason of its own: {error}.",
     "Nothing is known about the policy, and nothing is wrong with the domain for all that is known.",
     "Mend what this machine lacks, and check again."},
    {"policy-tls-failed", error, "RFC 8461 §3.3", "No TLS session with the policy host {host}: {error}.",
     "The policy counts only when it was fetched over HTTPS with TLS 1.2 or newer.",
     "Check that port 443 of the host speaks TLS 1.2 or 1.3 and has a certificate for {host}."},
    {"policy-certificate-expired", error, "RFC 8461 §3.3", "The certificate of the policy host {host} has expired.",
     "Senders must not use a policy from a host whose certificate is invalid.",
     "Renew the certificate, and automate the renewal."},
    {"policy-certificate-mismatch", error, "RFC 8461 §3.3", "The certificate of the policy host is not for {host}.",
     "Without the right name in its subjectAltName, senders cannot tell your policy host from an impostor.",
     "Get a certificate whose subjectAltName holds {host}, and make the web server choose it for that name (SNI)."},
    {"policy-certificate-untrusted", error, "RFC 8461 §3.3",
     "The certificate of the policy host {host} is not trusted: {error}.",
     "Senders accept only certificates that chain to a public certification authority.",
     "Use a certificate of a public authority, for example Let's Encrypt, and serve the intermediate certificates with "
     "it."},
    {"policy-certificate-invalid", error, "RFC 8461 §3.3",
     "The certificate of the policy host {host} is not valid: {error}.",
     "Senders must not use a policy from a host whose certificate is invalid.", "Replace the certificate."},
    {"policy-certificate-expiring", warning, "RFC 8461 §3.3",
     "The certificate of the policy host expires in {days} days.",
     "Once it has expired, senders cannot fetch the policy any more, and the protection fades as their copies run out.",
     "Check that the automatic renewal works."},
    {"policy-redirect", error, "RFC 8461 §3.3", "The policy host answers with a redirect (HTTP {status}).",
     "Senders must not follow redirects when they fetch a policy.",
     "Answer {policy_url} with the policy itself and status 200."},
    {"policy-http-status", error, "RFC 8461 §3.3", "The policy host answers with HTTP status {status}.",
     "Only a policy that comes with status 200 counts.", "Serve the policy at exactly {policy_url}."},
    {"policy-content-type", error, "RFC 8461 §3.2", "The policy comes as \"{type}\" instead of text/plain.",
     "Many senders refuse another media type, since a web page that answers every address could pass for a policy.",
     "Set the media type of the file to text/plain."},
    {"policy-too-large", error, "RFC 8461 §3.3", "The policy is larger than 64 KiB.",
     "Senders limit what they read; 64 KiB is the size that the standard suggests.",
     "Serve nothing but the policy; use patterns such as *.example.com instead of long lists."},
    {"policy-protocol-error", error, "RFC 8461 §3.3", "The policy host's answer could not be read: {error}.",
     "Senders that cannot read the policy deliver as if there were none.",
     "Check the web server and whatever stands in front of it."},
    {"policy-invalid", error, "RFC 8461 §3.2", "The policy is invalid: {problem}.",
     "An invalid policy is no policy: senders that do not hold an older one deliver without protection.",
     "Correct the line. A policy looks like this: version: STSv1, mode: testing, one mx: line per host, max_age: "
     "604800, "
     "each on a line of its own."},
    {"policy-warning", warning, "RFC 8461 §3.2", "The policy is valid, but: {problem}.",
     "What is unusual here may weaken the protection or be read differently by some senders.",
     "Change the line as the message says."},
    {"policy-pattern-wide", warning, "RFC 8461 §10.4", "The policy lets in too many hosts: {problem}.",
     "Anybody who gets a certificate for any name there, a customer's web site for example, could pose as your mail "
     "server.",
     "List the mail servers by name."},
    {"policy-max-age-short", warning, "RFC 8461 §10.2", "Senders may forget the policy too soon: {problem}.",
     "Senders keep the policy for max_age seconds after they fetched it. An attacker who can block the policy host for "
     "that "
     "long gets rid of it.",
     "Set max_age to several weeks, for example 2592000 (30 days), once mode enforce has proved itself."},
    {"policy-changed-without-id", warning, "RFC 8461 §3.1", "The policy has changed, but the id in DNS is still {id}.",
     "Senders look at the id to learn of a change; while it stays, they go on with the old policy, some until it runs "
     "out.",
     "Publish a new id in the TXT record."},
    {"policy-mode-none", info, "RFC 8461 §5", "The policy says mode none: it asks senders to do nothing.",
     "This is the way to switch MTA-STS off; it does not protect.",
     "To protect the domain, set mode testing, watch the reports, then set mode enforce."},
    {"policy-mode-testing", info, "RFC 8461 §5",
     "The policy says mode testing: failures are reported, but mail is delivered all the same.",
     "That is right for the beginning. An attacker is not stopped by it.",
     "When the reports have shown no failures for two weeks, set mode enforce."},
    {"policy-ok", ok, "RFC 8461 §3.2", "The policy is valid: mode {mode}, kept by senders for {max_age} seconds.",
     "Senders that fetched it know what to expect of your mail servers.", ""},

    // MX records
    {"mx-lookup-failed", error, "RFC 5321 §5.1", "The MX records could not be looked up: {error}.",
     "Senders cannot find your mail servers; they keep the mail and try again.",
     "Check that every name server of the zone answers MX questions for {subject}."},
    {"mx-null", info, "RFC 7505 §3", "The domain declares that it accepts no mail.",
     "Senders return mail for it at once. There is nothing to encrypt.", ""},
    {"mx-null-with-others", error, "RFC 7505 §3",
     "The record \"MX 0 .\" says that the domain accepts no mail, but there are other MX records beside it.",
     "Some senders will return your mail, others will deliver it.",
     "Remove either the record \"MX 0 .\" or the others."},
    {"mx-implicit", info, "RFC 5321 §5.1", "The domain has no MX record; mail goes to the host {subject} itself.",
     "That is allowed, but then this host must run the mail server, and its name must be in the policy.",
     "Publish an MX record, so that the web server and the mail server can part."},
    {"mx-none-usable", error, "RFC 5321 §5.1", "No MX host of the domain has an address.", "Mail cannot be delivered.",
     "Publish an address for each MX host."},
    {"mx-not-hostname", error, "RFC 5321 §2.3.5", "The MX record names \"{subject}\", which is not a host name.",
     "An MX record holds the name of a host, never an address; no certificate and no policy can cover this.",
     "Give the server a name, publish its address there, and put the name into the MX record."},
    {"mx-not-signed", info, "RFC 7672 §2.2.1", "The MX records are not signed with DNSSEC.",
     "Somebody who forges DNS answers could name his own server. MTA-STS protects against that, DANE cannot.",
     "If your DNS provider offers it, switch DNSSEC on; it is what DANE needs."},
    {"mx-not-in-policy", error, "RFC 8461 §4.1", "The MX host {subject} matches no mx line of the policy.",
     "In mode enforce, senders refuse to deliver to this host; if they can reach no other, your mail waits and finally "
     "comes "
     "back to its sender.",
     "Add the line mx: {subject} to the policy, then publish a new id."},
    {"mx-pattern-unused", warning, "RFC 8461 §4.1", "The mx line {subject} matches none of the domain's MX hosts.",
     "Whoever controls that name could receive your mail if he managed to forge your MX records.",
     "Remove the line, unless the host is about to be used."},
    {"mx-pattern-impossible", warning, "RFC 8461 §4.1",
     "The mx line {subject} can match no host, since it is not a host name.",
     "MX records hold names of hosts; an address in a policy does nothing.",
     "Replace it by the name in the MX record."},
    {"mx-covered", ok, "RFC 8461 §4.1", "Every MX host is in the policy.",
     "Senders that enforce the policy can deliver.", ""},

    // Each MX host
    {"host-lookup-failed", error, "RFC 7672 §2.1.2",
     "The address of the MX host {subject} could not be looked up: {error}.", "Senders skip this host, or wait.",
     "Check that every name server of its zone answers."},
    {"host-no-address", error, "RFC 5321 §5.1", "The MX host {subject} has no address.",
     "Senders cannot use it and lose time over it.",
     "Publish an address for the host, or remove it from the MX records."},
    {"host-alias", warning, "RFC 5321 §5.1", "The MX host {subject} is an alias for {target}.",
     "An MX record must name a host, not an alias. Most senders cope, but certificates and TLSA records must then fit "
     "the "
     "right one of the two names.",
     "Put {target} into the MX record."},
    {"smtp-unreachable", warning, "RFC 5321 §3.1", "No SMTP session with {subject}: {error}.",
     "Nothing more could be found out about this address. Many networks block outgoing port 25: if all hosts fail, try "
     "from "
     "a mail server.",
     "Check that port 25 of the host is open to everybody."},
    {"starttls-missing", error, "RFC 8461 §4.2", "{subject} does not offer STARTTLS.",
     "Mail to this host travels in clear text; senders that enforce a policy or DANE do not deliver to it at all.",
     "Give the mail server a certificate and switch TLS on. If it is on, look for a firewall that rewrites SMTP."},
    {"starttls-refused", error, "RFC 8461 §4.2", "{subject} offers STARTTLS but refuses to begin: {error}.",
     "Mail to this host travels in clear text or not at all.",
     "Look into the mail server's log; most often the certificate or its key cannot be read."},
    {"tls-handshake-failed", error, "RFC 8461 §4.2", "The TLS handshake with {subject} fails: {error}.",
     "Mail to this host travels in clear text or not at all.",
     "Check the certificate, its key and the permitted TLS versions of the mail server."},
    {"sni-refused", error, "RFC 8461 §7.1", "{subject} refuses TLS sessions that name no host (SNI).",
     "Senders without SNI cannot deliver. A server must fall back to a default certificate.",
     "Set a default certificate."},
    {"tls-version-old", error, "RFC 8461 §7.2", "{subject} speaks only {version}.",
     "Versions before TLS 1.2 are broken and retired; senders with current libraries refuse them.",
     "Update the mail server's TLS library, and permit TLS 1.2 and 1.3."},
    {"certificate-expired", error, "RFC 8461 §4.2", "The certificate of {subject} has expired{when}.",
     "Senders that enforce the policy do not deliver to this host.",
     "Renew the certificate, make the mail server load it, and automate both."},
    {"certificate-not-yet-valid", error, "RFC 8461 §4.2", "The certificate of {subject} is not valid yet.",
     "Senders that enforce the policy do not deliver to this host.",
     "Check the clock of the machine that asked for the certificate, or install one that is valid now."},
    {"certificate-mismatch", error, "RFC 8461 §4.2", "The certificate of {subject} is not for {host}.",
     "The subjectAltName must hold the name in the MX record; the mail domain or the common name does not do.",
     "Get a certificate for {host}."},
    {"certificate-self-signed", error, "RFC 8461 §4.2", "The certificate of {subject} is signed by itself.",
     "Anybody could make one like it, so senders that enforce the policy do not deliver to this host.",
     "Use a certificate of a public authority, for example Let's Encrypt."},
    {"certificate-untrusted", error, "RFC 8461 §4.2", "The certificate of {subject} is not trusted: {error}.",
     "Senders that enforce the policy accept only certificates that chain to a public authority.",
     "Serve the intermediate certificates with it (the file is often called fullchain), or use a certificate of a "
     "public "
     "authority."},
    {"certificate-invalid", error, "RFC 8461 §4.2", "The certificate of {subject} is not valid: {error}.",
     "Senders that enforce the policy do not deliver to this host.", "Replace the certificate."},
    {"certificate-expiring", warning, "RFC 8461 §4.2", "The certificate of {subject} expires in {days} days.",
     "Once it has expired, senders that enforce the policy stop delivering to this host.",
     "Check that the automatic renewal works and that the mail server loads the new certificate."},
    {"starttls-ok", ok, "RFC 8461 §4.2", "{subject} speaks {version} with a valid certificate for {host}.",
     "Senders can be sure that they talk to your server.", ""},

    // DANE
    {"dane-none", info, "RFC 7672 §2.2", "There are no TLSA records: the domain does not use DANE.",
     "DANE protects like MTA-STS, through signed DNS instead of a policy file; each works without the other.", ""},
    {"tlsa-partial", warning, "RFC 7672 §2.2",
     "The MX host {subject} has no TLSA records, while other hosts of the domain have.",
     "An attacker only needs to make the others unreachable to get the mail sent without DANE.",
     "Publish TLSA records for every MX host."},
    {"tlsa-mx-not-signed", warning, "RFC 7672 §2.2.1",
     "MX hosts have TLSA records, but the domain's own MX records are not signed with DNSSEC.",
     "A forged MX answer leads round the protected hosts, so DANE does not protect this domain.",
     "Sign the domain with DNSSEC, or rely on MTA-STS."},
    {"tlsa-not-signed", warning, "RFC 7672 §2.2.2", "The TLSA records at {name} are not signed with DNSSEC.",
     "Unsigned TLSA records are ignored.", "Sign the zone of the host {subject}, or remove the records."},
    {"tlsa-lookup-failed", error, "RFC 7672 §2.1.2", "The TLSA records at {name} could not be looked up: {error}.",
     "Senders with DANE must not deliver to a host whose TLSA records they cannot look up, even if there are none.",
     "Check that every name server of the zone answers TLSA questions, with a proper \"no such record\" where there is "
     "none."},
    {"tlsa-usage-pkix", warning, "RFC 7672 §3.1.3",
     "The TLSA record {record} uses certificate usage {usage}, which is not for SMTP.",
     "Senders treat such a record as unusable.", "Publish a record of usage 3 (best 3 1 1) or 2 instead."},
    {"tlsa-record-unusable", warning, "RFC 6698 §2.1",
     "The TLSA record {record} is unusable: its parameters are unknown or its data has the wrong length.",
     "Senders pass it over.", "Publish a record of the form 3 1 1 with the SHA-256 digest of the public key."},
    {"tlsa-none-usable", error, "RFC 7672 §2.2", "None of the TLSA records at {name} is usable.",
     "Senders with DANE then require TLS but cannot tell your server from another.",
     "Publish a record of the form 3 1 1 with the SHA-256 digest of the public key."},
    {"tlsa-full", warning, "RFC 7672 §3.1",
     "The TLSA record {record} holds a whole certificate or key instead of a digest.",
     "Such records make DNS answers so large that some senders cannot read them.", "Use matching type 1 (SHA-256)."},
    {"tlsa-ttl-long", warning, "RFC 7671 §13",
     "The TLSA records at {name} have a TTL of {ttl} seconds, more than a day.",
     "After a key was lost or changed in a hurry, senders would refuse your mail for as long.",
     "Set the TTL to an hour or so."},
    {"tlsa-without-starttls", error, "RFC 7672 §2.2", "{subject} does not offer STARTTLS although it has TLSA records.",
     "TLSA records promise TLS: senders with DANE do not deliver to this host.",
     "Switch TLS on, or remove the TLSA records."},
    {"tlsa-mismatch", error, "RFC 7672 §3.2",
     "The certificate of {subject} matches none of the TLSA records at {name}.",
     "Senders with DANE do not deliver to this host. Most often a renewed certificate came with a new key.",
     "Publish a record for the current key: {expected}. Keep the key at the next renewal, or publish the new record "
     "well "
     "before the change."},
    {"tlsa-anchor-not-sent", error, "RFC 7672 §3.1.2",
     "None of the certificates that {subject} sends is the trust anchor of the TLSA records at {name}.",
     "A usage 2 record with a digest can be compared only with a certificate that the server sends, be it the root.",
     "Add the trust anchor to the chain that the mail server sends, or publish a record for its key: {expected}."},
    {"tlsa-name-mismatch", error, "RFC 7672 §3.2.2",
     "The TLSA records at {name} match, but the certificate of {subject} carries none of the names it should.",
     "With usage 2 senders also compare names.", "Get a certificate for {base}, or publish a record of usage 3."},
    {"tlsa-chain-expired", error, "RFC 7672 §3.1.2",
     "The TLSA records at {name} match, but a certificate of {subject} is outside its dates.",
     "With usage 2 senders also look at the dates.", "Renew the certificate."},
    {"tlsa-coverage", error, "RFC 7671 §8",
     "No TLSA record of the kind {kind} at {name} matches the certificate of {subject}, although another kind does.",
     "A sender may look at one kind only, the one with the strongest digest for example, and then refuse your host.",
     "For every combination of usage, selector and matching type that you publish, include a record of the current "
     "key."},
    {"tlsa-record-unmatched", info, "RFC 7672 §3.2",
     "The TLSA record {record} does not match the certificate of {subject}.",
     "That is right while a key is being replaced; otherwise it is left over.",
     "Remove it once the key change is done."},
    {"tlsa-ok", ok, "RFC 7672 §3.2", "The certificate of {subject} matches the TLSA records at {name}.",
     "Senders with DANE can be sure that they talk to your server.", ""},

    // Reports
    {"tlsrpt-record-missing", warning, "RFC 8460 §3", "The domain asks for no TLS reports.",
     "Without reports you do not learn that senders fail to deliver, or that somebody is attacking.",
     "Publish a TXT record at {subject}, for example: v=TLSRPTv1; rua=mailto:tls-reports@{domain}"},
    {"tlsrpt-record-lookup-failed", error, "RFC 8460 §3", "The TLS reporting record could not be looked up: {error}.",
     "Senders cannot tell where reports should go.",
     "Check that every name server of the zone answers TXT questions for {subject}."},
    {"tlsrpt-record-multiple", error, "RFC 8460 §3",
     "There are {count} TLS reporting records where there may be only one.",
     "With more than one, senders must act as if there were none.",
     "Merge them into one record; rua takes several addresses, separated by commas."},
    {"tlsrpt-record-invalid", error, "RFC 8460 §3", "The TLS reporting record is invalid: {problem}.",
     "Senders ignore an invalid record, and no report is sent.",
     "Publish the record in this form: v=TLSRPTv1; rua=mailto:tls-reports@{domain}"},
    {"tlsrpt-record-warning", warning, "RFC 8460 §3", "The TLS reporting record is accepted, but: {problem}.",
     "Less tolerant senders may read the record differently.",
     "Publish the record in this form: v=TLSRPTv1; rua=mailto:tls-reports@{domain}"},
    {"tlsrpt-record-ok", ok, "RFC 8460 §3", "TLS reports go to {rua}.",
     "Large senders report daily how delivery to this domain went.", ""},
};

}  // namespace

std::span<const CatalogueEntry> catalogue() {
    return entries;
}

const CatalogueEntry* catalogue_entry(std::string_view id) {
    const auto* found = std::ranges::find(entries, id, &CatalogueEntry::id);
    return found == std::end(entries) ? nullptr : found;
}

}  // namespace postseal::verdict
