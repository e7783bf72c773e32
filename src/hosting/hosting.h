// Hosted MTA-STS as its users see it: add a domain, look at it, switch its mode, let it go (design §6, `domain …`).
//
// How to wire (app/serve):
//
//     auto tls = std::make_shared<net::CertificateStore>();                       // one for all HTTPS listeners
//     auto publication = hosting::Publication::load(zone_settings, tls, store, clock, log);   // blocks; before
//     listening hosting::Hosting hosting({jobs_loop, store, resolver, https, **publication, clock, log},
//     jobs_settings); DnsServer(pollers, {}, publication->dns_handler())                          // [dns] listen
//     HttpServer(loops, {}, policy_handler(publication->bodies()))                // [policy_host] https_listen with a
//         TlsContext of `tls` with acme_tls_alpn = true
//     HttpServer(loops, {}, challenge_handler(*publication->challenges()))        // [policy_host] http_listen
//     hosting.start();                                                            // once the listeners accept
//
// `jobs_loop` is a Loop of its own with its own thread, since the store blocks it; `resolver` and `https` belong to it.
// Take down: stop the jobs loop, then destroy Hosting, listeners, Publication. HttpsClient's trust is [tls] ca_file,
// each AcmeSettings::trust its ca_file. zone_settings.caa has one CaaIssuer per [[acme]]: {caa_issuer, none,
// challenges}; load() fills in the accounts that the store knows once jobs run.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hosting/bulk_add.h"
#include "hosting/elsewhere.h"
#include "hosting/jobs.h"
#include "hosting/mx_lint.h"
#include "hosting/mx_presets.h"
#include "hosting/mx_setting_change.h"

namespace postseal::hosting {

// Everything that `domain show` and the domain's page say.
struct DomainView {
    store::Domain domain;  // name, label, state, added, cnames_until, last_error, …
    std::string organisation;
    std::optional<mtasts::Mode> mode;          // of the served body, once it was read back
    std::optional<mtasts::Mode> pending_mode;  // accepted, its body or id still on its way
    std::optional<std::string> policy_id;      // in DNS
    Verification records;
    std::optional<store::Certificate> certificate;  // without its key
    std::optional<TimePoint> next_order;            // of a certificate, after a failed one
    CertificateStatus order;                        // of the policy host's certificate
    store::ReportTotals reports;
    MxWatch mx;
    std::vector<mtasts::MxPattern> policy_mx;  // of the served policy; with it, each MX host is inside or not
    std::optional<Readiness> readiness;        // while a policy is served
    store::MxSetting mx_setting;
    Drift drift;                              // what DNS and policy do not agree on (rule 5)
    std::vector<MxProvider> providers;        // that its MX hosts belong to
    std::vector<MxFinding> mx_findings;       // about the served policy's patterns
    Versions versions;                        // oldest first
    std::optional<TimePoint> enforced_until;  // until when senders may enforce if enforce were left now
    std::string tlsrpt_record;                // at _smtp._tls behind the label; empty: none
    std::optional<Import> import;             // what it brought along
    std::optional<Elsewhere> elsewhere;       // of a watched domain
};

struct Who {
    std::int64_t organisation = 0;  // store::Organisation::id
    std::string actor;              // "user:ann", "cli:root"; for the audit log
};

// Any thread; callbacks run on the jobs loop and must not block it. Errors: invalid_input (no domain name), refused
// (with the reason), not_found, temporary, unavailable.
class Hosting {
public:
    Hosting(JobsParts parts, JobsSettings settings);
    Hosting(const Hosting&) = delete;
    Hosting& operator=(const Hosting&) = delete;
    ~Hosting();

    void start();
    void observe(DomainObserver observer);

    using ViewDone = std::function<void(Result<DomainView>)>;
    struct NewDomain {
        std::string name;
        store::Uses uses = store::Uses::both;
        std::vector<std::string> own_rua = {};
        // Take over the policy that it has now: an error, and nothing added, when there is none.
        enum class Policy { fresh, import } policy = Policy::fresh;
    };
    // The domain that the organisation has already is shown as it is (one that waits for its records may still get an
    // import, and one that is only watched becomes hosted); while it retires, a new label is minted.
    void add(const Who& who, NewDomain domain, ViewDone done);
    void add(const Who& who, const std::string& name, ViewDone done) { add(who, NewDomain{name}, std::move(done)); }

    struct BulkResult {
        BulkLine line;  // with its problem, if it was refused
        enum class What { added, exists, refused } what = What::refused;
        std::string label;  // empty: none, or a trial
    };
    enum class Bulk { trial, add };
    // Each line by itself; a trial changes nothing and says what would become of each.
    void add_many(const Who& who, std::vector<BulkLine> lines, Bulk how,
                  std::function<void(std::vector<BulkResult>)> done);
    void show(const Who& who, const std::string& name, ViewDone done);
    void list(const Who& who, std::function<void(Result<std::vector<DomainView>>)> done);

    // Looks afresh; the jobs go on by themselves. Success whether or not the CNAMEs are seen: all_seen(view.records).
    void verify(const Who& who, const std::string& name, ViewDone done);

    struct ModeChange {
        mtasts::Mode mode = mtasts::Mode::testing;
        std::optional<std::string> override_reason;  // enter enforce although the gate is shut
        // With none: no id in DNS either. Senders that look only at the record do not learn that the policy is
        // withdrawn; those that hold it keep it until its max_age runs out.
        enum class Record { keep, remove } record = Record::keep;
    };
    struct ModeOutcome {
        bool accepted = false;
        std::vector<Condition> reasons;  // when the gate refused: the conditions that are not ok
        DomainView view;
    };
    // Entering enforce looks at the MX hosts afresh, which takes up to a minute. Error refused: nothing is served yet,
    // or the domain is leaving.
    void mode(const Who& who, const std::string& name, ModeChange change,
              std::function<void(Result<ModeOutcome>)> done);

    // Rule 5's one click: the mx patterns of the next version. Error refused: nothing is served that lists any, the
    // domain is leaving, or an enforced policy would no longer cover one of the MX hosts that it covers now.
    void policy_mx(const Who& who, const std::string& name, MxPatterns mx, ViewDone done);

    // What the linter would say of these patterns; changes nothing.
    void lint(const Who& who, const std::string& name, MxPatterns mx,
              std::function<void(Result<std::vector<MxFinding>>)> done);
    // Rule 5 and the way to enforce: what the owner decides beforehand. Error invalid_input: what cannot be approved.
    void mx_setting(const Who& who, const std::string& name, MxSettingChange change, ViewDone done);

    // A look at every MX host, now; what it shows comes by the observer.
    enum class Probing { started, too_often };
    void probe(const Who& who, const std::string& name, std::function<void(Result<Probing>)> done);

    // The owner's own addresses for reports, after ours.
    void own_rua(const Who& who, const std::string& name, std::vector<std::string> rua, ViewDone done);
    // MTA-STS, TLS-RPT or both. Error refused: a policy is served and would have to be retired first.
    void uses(const Who& who, const std::string& name, store::Uses uses, ViewDone done);

    // Rule 6. A domain that never moved in is gone at once.
    void retire(const Who& who, const std::string& name, ViewDone done);

    // The certificates of the organisation's domains, and those of the installation's own names (panel, intake), which
    // everybody may see.
    struct CertificateList {
        struct One {
            std::optional<dns::Name> domain;  // none: a name of the installation
            CertificateStatus status;
        };
        std::vector<One> certificates;
    };
    void certificates(const Who& who, std::function<void(Result<CertificateList>)> done);
    // How much of the CAs' limits is used by the whole installation.
    struct CertificateBudget {
        std::vector<CaStatus> cas;
        QueueStatus queue;
    };
    void certificate_budget(std::function<void(CertificateBudget)> done);
    [[nodiscard]] CertificateFigures certificate_figures() const;  // any thread, at once

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

// Why a name cannot be hosted: a public suffix, a name in Z, too long, no host name; the name otherwise.
Result<dns::Name> hostable_name(std::string_view text, const dns::Name& zone);

}  // namespace postseal::hosting
