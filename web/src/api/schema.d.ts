// Generated from api/openapi.json by `npm run generate`. Change that file instead.

export interface paths {
    "/sign-in": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One-time link
         * @description Outside the prefix. `Referrer-Policy: no-referrer`, `Cache-Control: no-store`.
         */
        get: operations["signInWithLink"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who am I */
        get: operations["getSession"];
        put?: never;
        /** Exchange a one-time token for the cookie */
        post: operations["createSession"];
        /** Sign out */
        delete: operations["deleteSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sign-in-links": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A one-time sign-in link
         * @description What the command line prints (`user link`). Owners and the local socket only. Not valid twice, 15 minutes at most.
         */
        post: operations["createSignInLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Domains */
        get: operations["listDomains"];
        put?: never;
        /**
         * Add a domain
         * @description 422 codes at #/domain: invalid-name, public-suffix, in-zone, too-long.
         */
        post: operations["addDomain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/{domain}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        /** One domain */
        get: operations["getDomain"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/{domain}/verify": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Look at the CNAMEs now, past our caches */
        post: operations["verifyDomain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/{domain}/probe": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Probe every MX now */
        post: operations["probeDomain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/{domain}/mode": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        get?: never;
        /** Change the mode */
        put: operations["setMode"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/{domain}/policy-mx": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        get?: never;
        /**
         * Set the mx patterns of the policy
         * @description The one-click fix of rule 5. Removing a pattern that a current MX needs while in enforce is refused with 409.
         */
        put: operations["setPolicyMx"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/{domain}/mx": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        /** The MX hosts beside the policy */
        get: operations["getMx"];
        /**
         * What the owner decides beforehand
         * @description Design rules 4 and 5. Members that are absent stay as they are; `approved` replaces the list, `approve` and `withdraw` change it.
         */
        put: operations["setMx"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/{domain}/policy-mx/check": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** What the linter says of mx patterns; changes nothing */
        post: operations["checkPolicyMx"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/mx-certificates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** When the certificates of all MX hosts end, the first one first */
        get: operations["listMxCertificates"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/{domain}/records": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        /** The records to publish */
        get: operations["getRecords"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/{domain}/fetches": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        /** Who has fetched which version of the policy, and who may still hold it */
        get: operations["getFetches"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/{domain}/retire": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Retire a domain */
        post: operations["retireDomain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/{domain}/reports/summary": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        /** Sessions per day, failure type and submitter */
        get: operations["getReportSummary"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/{domain}/reports": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        /** Reports, newest first */
        get: operations["listReports"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/{domain}/reports/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
                id: components["parameters"]["ReportId"];
            };
            cookie?: never;
        };
        /** One report, normalised */
        get: operations["getReport"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/{domain}/reports/{id}/raw": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
                id: components["parameters"]["ReportId"];
            };
            cookie?: never;
        };
        /** The bytes as received */
        get: operations["getReportRaw"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Server-sent events */
        get: operations["getEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reporter/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Outgoing reports */
        get: operations["getReporterStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reporter/run": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Deliver a day's reports now
         * @description 409 when the reporter is off.
         */
        post: operations["runReporter"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reporter/resend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Deliver one report once more
         * @description Also what was accepted or finally refused; it carries the same report-id. 409 when the reporter is off.
         */
        post: operations["resendReport"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reporter/reports/{day}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What became of a day's reports, and what was counted for them */
        get: operations["listReportDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reporter/reports/{day}/{domain}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A report as it was sent
         * @description Before it is sent: as it would be if the day ended now.
         */
        get: operations["getSentReport"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reporter/suppressions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who gets no reports */
        get: operations["listSuppressions"];
        put?: never;
        /**
         * Send no reports there
         * @description In place of what was said about the same target before.
         */
        post: operations["suppressReports"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reporter/bounces": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * What a delivery status notification says of a report
         * @description For `postseal reporter bounce`, which reads the mail (RFC 3464). When one of our reports was refused for good by the mailbox that it was sent to, the mailbox is suppressed for a week. A notification that does not bring back the Message-ID of such a report does nothing.
         */
        post: operations["readBounce"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reporter/suppressions/lift": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Send reports there again */
        post: operations["liftSuppression"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/cache": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Cached policies of destinations */
        get: operations["listCache"];
        put?: never;
        post?: never;
        /**
         * Forget every policy and every answer
         * @description No enforced policy holds until it is fetched again.
         */
        delete: operations["purgeCache"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/cache-export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What is in force now, for a Postfix table */
        get: operations["exportCache"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/cache/{domain}/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Fetch the policy now and wait for it
         * @description Whatever its id and the pause after a failed fetch say; ten failed fetches an hour are the limit.
         */
        post: operations["refreshCacheEntry"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/overrides": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What is answered for a destination whatever its policy
         * @description Those of the configuration first; of two for the same domain the configuration's counts.
         */
        get: operations["listOverrides"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/overrides/{domain}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description example.org, or .example.org for all below it */
                domain: string;
            };
            cookie?: never;
        };
        get?: never;
        /**
         * Add an override, or replace one that was added
         * @description In force at once, kept over restarts. 409 when the configuration has one for the same domain.
         */
        put: operations["putOverride"];
        post?: never;
        /** Remove an override that was added */
        delete: operations["removeOverride"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/cache/{domain}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        /** One cached policy */
        get: operations["getCacheEntry"];
        put?: never;
        post?: never;
        /** Forget it */
        delete: operations["purgeCacheEntry"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/query/{domain}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        /** What the running daemon tells an MTA, and why */
        get: operations["queryDomain"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/certificates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The certificates of the organisation's domains
         * @description And those of the installation's own names (panel, intake), whose `domain` is null. What needs somebody comes first, then by the moment of renewal.
         */
        get: operations["listCertificates"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/certificates/budget": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How much of the CAs' limits is used
         * @description By the whole installation; names nobody.
         */
        get: operations["getCertificateBudget"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Audit log, newest first */
        get: operations["listAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/alerts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What somebody has to look at, newest first */
        get: operations["listAlerts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/alerts/{id}/acknowledge": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Somebody has seen it; it stays open until what it says is no longer so */
        post: operations["acknowledgeAlert"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reports/quarantine": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What came by mail and does not count
         * @description No report, unsigned, odd figures: kept with the reason, in no sum. Newest first.
         */
        get: operations["listQuarantine"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reports/quarantine/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        /** One of them */
        get: operations["getQuarantined"];
        put?: never;
        post?: never;
        /** Forget it for good */
        delete: operations["dropQuarantined"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reports/quarantine/{id}/raw": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        /** The mail as it came */
        get: operations["getQuarantinedRaw"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reports/quarantine/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Read it again, by the same rules or on your word
         * @description With `accept`, neither signature nor figures are asked about, and the report counts with the trust `operator`; the reason goes into the audit log.
         */
        post: operations["retryQuarantined"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/bulk": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Add many domains
         * @description Each line by itself: what is wrong with one stops no other, and no domain is half added.
         */
        post: operations["addDomains"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/{domain}/rua": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        get?: never;
        /**
         * The owner's own addresses for reports
         * @description mailto: or https: URIs, or bare mailboxes; published after ours. They replace the ones before.
         */
        put: operations["setRua"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/{domain}/uses": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        get?: never;
        /**
         * MTA-STS, TLS-RPT or both
         * @description Giving up MTA-STS is refused with 409 once a policy was served: it has to be retired.
         */
        put: operations["setUses"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/{domain}/history": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        /**
         * What became of the domain, newest first
         * @description Every change of state with its cause and actor (`domain.state`), and everything that was done.
         */
        get: operations["getHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * @description RFC 8461 §5: the policy mode.
         * @enum {string}
         */
        Mode: "testing" | "enforce" | "none";
        /**
         * @description Life cycle. `ready` is testing with the gate open. `monitored`: the policy lives elsewhere, nothing is hosted here.
         * @enum {string}
         */
        State: "pending" | "verified" | "certificate" | "testing" | "ready" | "enforce" | "retiring" | "gone" | "paused" | "monitored";
        /** @enum {string} */
        ConditionStatus: "ok" | "unknown" | "failed";
        /** @description RFC 9457. Codes: bad-request, not-signed-in, csrf, forbidden, not-found, link-invalid, invalid-field, gate-refused, wrong-state, conflict, too-many-requests, unavailable, internal. */
        Problem: {
            /**
             * @description `urn:postseal:problem:<code>`
             * @example urn:postseal:problem:gate-refused
             */
            type: string;
            /** @description Short English sentence, the same for every occurrence. */
            title: string;
            status: number;
            /** @description What happened this time, English. */
            detail?: string | null;
            /** @description Wrong fields. */
            errors?: {
                /**
                 * @description JSON pointer into the request body as a URI fragment, or the name of the query parameter
                 * @example #/domain
                 */
                pointer: string;
                /**
                 * @description Stable word that the panel translates
                 * @example public-suffix
                 */
                code: string;
                /** @description English sentence that says where and what */
                message: string;
            }[];
            /** @description Why the readiness gate refused (only with gate-refused): the conditions that are not ok. */
            reasons?: components["schemas"]["Condition"][];
        };
        /** @description Who am I. */
        Session: {
            user: {
                /** @description Shown name */
                name: string;
                /** @enum {string} */
                role: "owner" | "admin" | "editor" | "viewer";
            };
            organization: {
                name: string;
            };
            /**
             * @description The user's language, null = the browser's.
             * @enum {string|null}
             */
            language: "en" | "ru" | null;
            /** @description To send as X-CSRF-Token with every change. */
            csrf_token: string;
            /** Format: date-time */
            expires: string;
            installation: {
                /** @description Program version */
                version: string;
                /** @description Hosting zone Z, null when hosting is off */
                zone: string | null;
                /** @description Name in rua, null when intake is off */
                intake_host: string | null;
                roles: string[];
            };
        };
        SignInLink: {
            /**
             * Format: uri
             * @description One-time link, valid until `expires`
             */
            url: string;
            /** Format: date-time */
            expires: string;
        };
        Record: {
            /** @description Owner name in A-labels, without a final dot */
            name: string;
            /** @description Always CNAME today */
            type: string;
            /** @description Target, without a final dot */
            value: string;
            /**
             * @description `_mta-sts`, `mta-sts`, `_smtp._tls`
             * @enum {string}
             */
            purpose: "policy-id" | "policy-host" | "reports";
            /** @description The authoritative servers and, separately, our resolver show exactly this record (rule 1). */
            seen: boolean;
            /** @description English sentence: why it is not seen */
            problem: string | null;
            /**
             * @description The same as a stable word. `resolver-stale`: the domain's own servers show it, a resolver's cache not yet.
             * @enum {string|null}
             */
            problem_code: "not-found" | "other-record" | "wrong-target" | "chain" | "servers-disagree" | "resolver-stale" | "servfail" | "bogus" | "no-servers" | "timeout" | null;
            /** @description What was found there instead, presentation format, e.g. `TXT "v=TLSRPTv1; …"`. */
            observed: string[];
            /** @description TTL in the way (of a negative answer or a cached other record), when known */
            ttl_s: number | null;
            /**
             * Format: date-time
             * @description When last looked at
             */
            checked: string | null;
        };
        /** @description Certificate of mta-sts.<domain>. */
        Certificate: {
            /** Format: date-time */
            not_after: string;
            /** @description Issuer's common name */
            issuer: string | null;
            /** @description English sentence while a renewal is failing */
            renewal_problem: string | null;
        };
        /** @description Sessions under one policy type. One session may appear under `sts` and under `tlsa`: these are never added up (design rule 19). */
        SessionCount: {
            /** @description `sts`, `tlsa`, `no-policy-found`, or an unknown word verbatim */
            policy_type: string;
            ok: number;
            failed: number;
        };
        DayCount: {
            /**
             * Format: date
             * @description UTC
             */
            day: string;
            /** @description null = no report for this day, which is not zero */
            ok: number | null;
            failed: number | null;
        };
        ReportTotals: {
            /** @description Counted reports received, ever */
            received: number;
            /** @description Sessions of policy types `sts` and `no-policy-found` (which exclude each other); `tlsa` is only in by_policy_type. */
            sessions_ok: number;
            /** @description As sessions_ok */
            sessions_failed: number;
            /**
             * Format: date-time
             * @description When the last one arrived
             */
            last: string | null;
            /** @description Totals, one element per type present */
            by_policy_type: components["schemas"]["SessionCount"][];
        };
        /** @description The one thing that needs somebody now. */
        Attention: {
            /** @description Stable word: mx-not-in-policy, mx-starttls-missing, mx-certificate-expired, mx-certificate-expiring, mx-certificate-name, mx-certificate-untrusted, mx-unreachable, renewal-failing, issuance-failing, read-back-failing, no-mx, label-replaced, cname-missing, cname-conflict, cname-removed-early, failures-reported, node-unreachable, monitored-problem */
            code: string;
            /** @enum {string} */
            severity: "warning" | "error";
            /** @description MX host or node it is about */
            host: string | null;
            /** @description English sentence */
            message: string;
        };
        /**
         * @description auto: new hosts that DNSSEC or an approved name vouches for are added without a click; fixed: only people change the hosts
         * @enum {string}
         */
        MxFollowing: "auto" | "fixed";
        MxFinding: {
            /** @enum {string} */
            code: "mx-not-covered" | "mx-wildcard-public" | "mx-wildcard-foreign" | "mx-wildcard-single" | "mx-pattern-unused" | "mx-pattern-redundant";
            /** @enum {string} */
            severity: "error" | "warning" | "info";
            pattern: string | null;
            host: string | null;
            /** @description English sentence */
            message: string;
            /** @description All patterns, mended in this point */
            fix: string[] | null;
        };
        MxCheck: {
            findings: components["schemas"]["MxFinding"][];
        };
        MxStanding: {
            domain: string;
            mode: components["schemas"]["Mode"] | null;
            policy_mx: string[];
            setting: {
                following: components["schemas"]["MxFollowing"];
                /** @description Names (with all below) and words of mail providers */
                approved: string[];
                promote_after_days: number | null;
                /**
                 * Format: date-time
                 * @description Since when every condition of readiness has been met
                 */
                ready_since: string | null;
            };
            /** @enum {string} */
            dnssec: "secure" | "insecure" | "bogus" | "unknown";
            /** Format: date-time */
            looked: string | null;
            problem: string | null;
            hosts: {
                host: string;
                preference: number;
                /** Format: date-time */
                since: string | null;
                in_policy: boolean | null;
                starttls: boolean | null;
                tls_version: string | null;
                certificate: {
                    /** Format: date-time */
                    not_before: string | null;
                    /** Format: date-time */
                    not_after: string;
                    names: string[];
                    issuer: string | null;
                } | null;
                /**
                 * @description unsigned: the host's zone; absent: no TLSA; unusable: none that SMTP can use; bogus: TLSA that does not validate or cannot be looked up
                 * @enum {string}
                 */
                dane: "unknown" | "unsigned" | "absent" | "unusable" | "matches" | "mismatch" | "bogus";
                addresses: {
                    address: string;
                    tls_version: string | null;
                    /** Format: date-time */
                    not_after: string | null;
                    problem: string | null;
                    /** @description As of Mx */
                    problem_code: string | null;
                }[];
                problem: string | null;
                /** @description As of Mx */
                problem_code: string | null;
                /** Format: date-time */
                probed: string | null;
            }[];
            /** @description The MX records cannot be believed or looked up now: nothing is decided */
            undecided: boolean;
            /** @description In DNS, not in the policy */
            new_hosts: {
                host: string;
                /** @enum {string} */
                vouched: "none" | "dnssec" | "approved" | "testing";
                /** @description Its probe */
                clean: boolean;
                /** @description For a person */
                waits: boolean;
                reason: string;
            }[];
            /** @description In the policy, no host in DNS needs it */
            unneeded: {
                pattern: string;
                /** Format: date-time */
                since: string;
                propose_removal: boolean;
            }[];
            providers: {
                id: string;
                name: string;
                hosts: string[];
                /** @description Narrow: proposed */
                patterns: string[];
                /** @description Fine, too: every host there is the provider's */
                wildcards: string[];
            }[];
            findings: components["schemas"]["MxFinding"][];
        };
        MxCertificateList: {
            certificates: {
                host: string;
                /** Format: date-time */
                not_after: string;
                days_left: number;
                /** @description 30, 14, 7, 3 or 1: the alert that it has reached */
                step: number | null;
                issuer: string | null;
                domains: string[];
            }[];
        };
        /** @description What enforcing would have refused, by trusted reports; of an enforced policy, what it did refuse */
        WouldRefuse: {
            /** Format: date-time */
            since: string | null;
            sessions: number;
            refused: number;
            /** @description false: there were more reports than are read */
            complete: boolean;
            days: {
                /** Format: date */
                day: string;
                sessions: number;
                refused: number;
            }[];
            senders: {
                sender: string;
                sessions: number;
                refused: number;
            }[];
            causes: {
                /** @description RFC 8460 result type */
                type: string;
                mx_host: string | null;
                sessions: number;
            }[];
        };
        Condition: {
            /** @enum {string} */
            id: "testing-days" | "reports-clean" | "mx-probes" | "mx-in-policy" | "no-drift";
            status: components["schemas"]["ConditionStatus"];
            /** @description English sentence with the evidence */
            proof: string;
            /** @description Figures behind the proof */
            data: {
                /** @description testing-days: days spent in testing */
                days?: number;
                /** @description testing-days */
                required_days?: number;
                /** @description reports-clean: trusted submitters that reported */
                senders?: number;
                /** @description reports-clean: sessions in trusted reports */
                sessions?: number;
                /** @description reports-clean: sessions that enforce would have turned into a refusal */
                refused_sessions?: number;
                /** @description mx-probes, mx-in-policy: hosts looked at */
                hosts_total?: number;
                /** @description mx-probes, mx-in-policy: the hosts that are the reason */
                hosts?: string[];
            };
        };
        /** @description Design rule 4. */
        Readiness: {
            /** @description The gate to enforce is open */
            ready: boolean;
            conditions: components["schemas"]["Condition"][];
            /** @description Only where one domain is asked for */
            would_refuse?: components["schemas"]["WouldRefuse"];
        };
        /** @description The `domain show` object of the command line, extended. `mode` is the mode in the served body, null until one is served; `pending_mode` is an accepted mode whose body or id is still on its way. */
        Domain: {
            /** @description A-labels */
            domain: string;
            /** @description U-labels, for people */
            domain_unicode: string;
            organization: string;
            /** @description 26 base32 characters; null when monitored */
            label: string | null;
            state: components["schemas"]["State"];
            mode: components["schemas"]["Mode"] | null;
            pending_mode: components["schemas"]["Mode"] | null;
            records: components["schemas"]["Record"][];
            certificate: components["schemas"]["Certificate"] | null;
            /** @description The id in DNS */
            policy_id: string | null;
            reports: components["schemas"]["ReportTotals"];
            /**
             * Format: date-time
             * @description Retiring: keep the CNAMEs until then
             */
            cnames_until: string | null;
            /**
             * Format: date-time
             * @description Since when a CNAME that was there is not; null = all there, or not known
             */
            cnames_lost: string | null;
            uses: components["schemas"]["Uses"];
            readiness: components["schemas"]["Readiness"] | null;
            week: {
                /** @description The type the figures are of: `sts` if reported, else `tlsa`, else `no-policy-found`; null = no report */
                policy_type: string | null;
                /** @description The last 7 whole UTC days, oldest first */
                days: components["schemas"]["DayCount"][];
            };
            mx_summary: {
                /** @description MX hosts known */
                hosts: number;
                /** @description of them with a problem */
                bad: number;
                /** @description of them not probed yet */
                unprobed: number;
            };
            attention: components["schemas"]["Attention"] | null;
            /** Format: date-time */
            created: string;
        };
        DomainList: {
            domains: components["schemas"]["Domain"][];
            /** @description Pass as `cursor` for the next page; null = the last */
            next_cursor: string | null;
        };
        Mx: {
            host: string;
            preference: number;
            /** @description Matches an mx pattern of the served policy; null = no policy */
            in_policy: boolean | null;
            /** @description null = not probed or unreachable */
            starttls: boolean | null;
            /** @description e.g. TLSv1.3 */
            tls_version: string | null;
            certificate: {
                /** Format: date-time */
                not_after: string;
                /** @description dNSNames */
                names: string[];
                issuer: string | null;
            } | null;
            /** @description English sentence */
            problem: string | null;
            /** @enum {string|null} */
            problem_code: "not-in-policy" | "no-address" | "unreachable" | "timeout" | "starttls-missing" | "tls-failed" | "certificate-expired" | "certificate-expiring" | "certificate-name" | "certificate-untrusted" | null;
            /** Format: date-time */
            probed: string | null;
        };
        Policy: {
            /** @description The served body, CRLF line ends */
            text: string;
            /** @description Its id, null until in DNS */
            id: string | null;
            version: number;
            mode: components["schemas"]["Mode"];
            max_age_s: number;
            mx: string[];
            /**
             * Format: date-time
             * @description Body live since
             */
            since: string;
        };
        PolicyVersion: {
            version: number;
            id: string;
            mode: components["schemas"]["Mode"];
            max_age_s: number;
            mx: string[];
            /** Format: date-time */
            body_since: string;
            /** Format: date-time */
            id_since: string | null;
            /**
             * Format: date-time
             * @description When the last node stopped serving it; null = being served
             */
            stopped: string | null;
            /**
             * Format: date-time
             * @description Last moment a sender may hold it; null = being served
             */
            held_until: string | null;
        };
        Fetches: {
            domain: string;
            /**
             * Format: date-time
             * @description Since when every node keeps the log; null = nowhere. Gaps may come after it
             */
            complete_since: string | null;
            /** @description Times in which fetches may be missing, the newest 50 */
            gaps: {
                /** Format: date-time */
                since: string;
                /** Format: date-time */
                until: string;
                /** @description Fetches; null = not known how many */
                lost: number | null;
            }[];
            /**
             * Format: date-time
             * @description Last moment at which a sender may hold any version that is not mode none; null = nobody can
             */
            held_until: string | null;
            versions: components["schemas"]["VersionFetches"][];
        };
        VersionFetches: {
            version: number;
            mode: components["schemas"]["Mode"];
            policy_id: string;
            max_age_s: number;
            /** Format: date-time */
            served_since: string;
            /**
             * Format: date-time
             * @description null = being served
             */
            served_until: string | null;
            /**
             * Format: date-time
             * @description Last fetch + max_age where the log is complete, else the last moment it was served + max_age; null = nobody can hold it
             */
            held_until: string | null;
            /** @description The log knows every fetch of this version */
            complete: boolean;
            senders_total: number;
            senders: components["schemas"]["FetchSender"][];
        };
        /**
         * @description provider = one sender from many addresses; software = each network is a sender; checker = sends no mail
         * @enum {string}
         */
        SenderKind: "provider" | "software" | "checker" | "unknown";
        FetchSender: {
            /** @description What it says that it is (User-Agent), or whose network it comes from: a claim, no proof */
            sender: string;
            name: string;
            kind: components["schemas"]["SenderKind"];
            /** @description At most 20; as [policy_host] fetch_log_addresses says */
            networks: string[];
            fetches: number;
            /** Format: date-time */
            first: string;
            /** Format: date-time */
            last: string;
            /**
             * Format: date-time
             * @description null = mode none, which binds nobody
             */
            may_hold_until: string | null;
        };
        Holding: {
            /**
             * Format: date-time
             * @description Last moment at which a sender may still enforce a policy of this domain after leaving enforce now; null = no enforce policy was ever served or all copies expired
             */
            enforce_until: string | null;
            /** @description Distinct senders seen fetching it that may hold it; null = the fetch log is not complete */
            senders: number | null;
        };
        ProgressStep: {
            /**
             * @description Journey 1 in order
             * @enum {string}
             */
            step: "cname" | "preflight" | "order" | "challenge" | "certificate" | "body" | "self-probe" | "id";
            /** @enum {string} */
            status: "waiting" | "running" | "done" | "failed";
            /**
             * Format: date-time
             * @description Of the last change
             */
            at: string | null;
            /** @description English sentence: what was done or why it failed */
            message: string | null;
            /**
             * Format: date-time
             * @description After a failure
             */
            next_try: string | null;
        };
        /** @description What a monitored-only domain publishes elsewhere. */
        Monitored: {
            policy_text: string | null;
            policy_id: string | null;
            mode: components["schemas"]["Mode"] | null;
            rua: string[];
            /** @description English sentence */
            problem: string | null;
            /** Format: date-time */
            checked: string | null;
            /** @description As `postseal check` finds them */
            findings: {
                id: string;
                /** @enum {string} */
                severity: "error" | "warning" | "info" | "ok";
                subject: string;
                message: string;
                why: string | null;
                fix: string | null;
                rfc: string | null;
            }[];
        };
        /** @description Domain with everything that its page shows. */
        DomainDetail: {
            /** @description A-labels */
            domain: string;
            /** @description U-labels, for people */
            domain_unicode: string;
            organization: string;
            /** @description 26 base32 characters; null when monitored */
            label: string | null;
            state: components["schemas"]["State"];
            mode: components["schemas"]["Mode"] | null;
            pending_mode: components["schemas"]["Mode"] | null;
            records: components["schemas"]["Record"][];
            certificate: components["schemas"]["Certificate"] | null;
            /** @description The id in DNS */
            policy_id: string | null;
            reports: components["schemas"]["ReportTotals"];
            /**
             * Format: date-time
             * @description Retiring: keep the CNAMEs until then
             */
            cnames_until: string | null;
            /**
             * Format: date-time
             * @description Since when a CNAME that was there is not; null = all there, or not known
             */
            cnames_lost: string | null;
            uses: components["schemas"]["Uses"];
            readiness: components["schemas"]["Readiness"] | null;
            week: {
                /** @description The type the figures are of: `sts` if reported, else `tlsa`, else `no-policy-found`; null = no report */
                policy_type: string | null;
                /** @description The last 7 whole UTC days, oldest first */
                days: components["schemas"]["DayCount"][];
            };
            mx_summary: {
                /** @description MX hosts known */
                hosts: number;
                /** @description of them with a problem */
                bad: number;
                /** @description of them not probed yet */
                unprobed: number;
            };
            attention: components["schemas"]["Attention"] | null;
            /** Format: date-time */
            created: string;
            mx: components["schemas"]["Mx"][];
            /**
             * @description Of the MX RRset
             * @enum {string}
             */
            mx_dnssec: "secure" | "insecure" | "bogus" | "unknown";
            policy: components["schemas"]["Policy"] | null;
            /** @description Newest first */
            versions: components["schemas"]["PolicyVersion"][];
            holding: components["schemas"]["Holding"];
            progress: components["schemas"]["ProgressStep"][];
            /** @description The owner's addresses for reports, published after ours */
            own_rua: string[];
            /** @description What the TXT record at `_smtp._tls` behind the label says */
            tlsrpt_record: string | null;
            import: components["schemas"]["Import"] | null;
            monitored: components["schemas"]["Monitored"] | null;
        };
        AddDomain: {
            /** @description U- or A-labels; a final dot is fine */
            domain: string;
            /** @description Default: the session's; on the local socket, the only one */
            organization?: string;
            /** @description The same as `uses: watch` */
            monitored_only?: boolean;
            uses?: components["schemas"]["Uses"];
            /** @description Take over the policy that the domain has now: mode, mx, max_age, rua. Refused when there is none that senders would take */
            import?: boolean;
            /** @description The owner's addresses for reports, after ours */
            rua?: string[];
        };
        SetMode: {
            mode: components["schemas"]["Mode"];
            /** @description With `none`: no record in DNS either. Senders that hold the policy do not learn of its end by that */
            remove_record?: boolean;
            /** @description Enter enforce although the gate is shut; kept in the audit log */
            override_reason?: string;
        };
        Token: {
            token: string;
        };
        SuppressReports: {
            /** @description An https rua, a mailbox (or mailto rua) or a domain: the one reported about, or the one reports are sent to */
            target: string;
            /** @description null: until it is lifted */
            days?: number | null;
            reason?: string;
        };
        Bounce: {
            /** @description of the message that was returned, without <> */
            message_id?: string;
            recipients: {
                original_recipient?: string;
                final_recipient?: string;
                action?: string;
                status?: string;
                diagnostic?: string;
            }[];
        };
        LiftSuppression: {
            target: string;
        };
        ResendReport: {
            /** Format: date */
            day: string;
            domain: string;
        };
        RunReporter: {
            /**
             * Format: date
             * @description UTC day that is over
             */
            day: string;
        };
        FailureCount: {
            policy_type: string;
            /** @description RFC 8460 §4.3 result type, unknown ones verbatim */
            type: string;
            /** @description Sum of failed-session-count; types are not exclusive, so the sum over types may exceed `failed` */
            sessions: number;
            reports: number;
            hosts: {
                /** @description receiving MX; null = the report names none */
                host: string | null;
                sessions: number;
            }[];
            submitters: {
                submitter: string;
                sessions: number;
            }[];
            /** @description Distinct failure-reason-code texts, at most 20 */
            reason_codes: string[];
            /** @description What those texts mean, as far as we know them (src/tlsrpt/data/reasons.tsv); the words are in the catalogues, reason.EXPLANATION */
            explanations: {
                explanation: components["schemas"]["Explanation"];
                urgency: components["schemas"]["Urgency"];
            }[];
            /** Format: date */
            first_day: string;
            /** Format: date */
            last_day: string;
        };
        /**
         * @description Design rule 18. Trusted: known and operator.
         * @enum {string}
         */
        Trust: "known" | "aligned" | "network" | "unverified" | "operator";
        /** @description Counted reports only. */
        ReportSummary: {
            domain: string;
            /**
             * Format: date
             * @description First day, inclusive
             */
            from: string;
            /**
             * Format: date
             * @description Last day, inclusive
             */
            to: string;
            by_policy_type: {
                policy_type: string;
                ok: number;
                failed: number;
                /** @description One element per day from `from` to `to` */
                days: components["schemas"]["DayCount"][];
            }[];
            /** @description Most sessions first */
            failures: components["schemas"]["FailureCount"][];
            /** @description Most reports first */
            submitters: {
                /** @description Domain of the submitter */
                submitter: string;
                organization_name: string | null;
                trust: components["schemas"]["Trust"];
                reports: number;
                /** Format: date-time */
                last: string;
                by_policy_type: components["schemas"]["SessionCount"][];
            }[];
            /** @description Days without any counted report */
            gaps: string[];
            /** @description Reports of the period kept but not counted (rule 18) */
            not_counted: number;
            /** @description Marks for the chart */
            events: {
                /** Format: date-time */
                at: string;
                /** @enum {string} */
                kind: "mode" | "policy" | "mx" | "certificate";
                /** @description mode: the new mode; policy: the new id; mx: host; certificate: issuer */
                value: string;
            }[];
        };
        ReportListItem: {
            id: string;
            submitter: string;
            organization_name: string | null;
            report_id: string | null;
            /** Format: date-time */
            begin: string | null;
            /** Format: date-time */
            end: string | null;
            /** Format: date-time */
            received: string;
            /** @enum {string} */
            via: "https" | "mail" | "import";
            trust: components["schemas"]["Trust"];
            counted: boolean;
            /** @description How many */
            deviations: number;
            by_policy_type: components["schemas"]["SessionCount"][];
            failure_types: string[];
        };
        ReportList: {
            reports: components["schemas"]["ReportListItem"][];
            next_cursor: string | null;
        };
        NormalisedReport: {
            organization_name: string | null;
            contact_info: string | null;
            report_id: string | null;
            /** Format: date-time */
            begin: string | null;
            /** Format: date-time */
            end: string | null;
            policies: {
                type: string | null;
                domain: string | null;
                strings: string[];
                mx_hosts: string[];
                successful: number | null;
                failed: number | null;
                failures: {
                    type: string | null;
                    sending_mta_ip: string | null;
                    receiving_mx_hostname: string | null;
                    receiving_mx_helo: string | null;
                    receiving_ip: string | null;
                    sessions: number | null;
                    additional_information: string | null;
                    reason_code: string | null;
                    explanation: components["schemas"]["Explanation"] | null;
                }[];
            }[];
        };
        /** @description An element of `report show`, with where it came from. */
        Report: {
            id: string;
            submitter: string;
            /** Format: date-time */
            received: string;
            /** @enum {string} */
            via: "https" | "mail" | "import";
            trust: components["schemas"]["Trust"];
            /** @description The DKIM signature that was believed: d= and s= */
            signature?: string | null;
            counted: boolean;
            /** @description Size as received */
            raw_bytes: number;
            /** @description As in `report show`: the file name it came under */
            file: string;
            ok: boolean;
            error: string | null;
            deviations: {
                code: string;
                message: string;
            }[];
            report: components["schemas"]["NormalisedReport"] | null;
        };
        /**
         * @description What a failure-reason-code means; its words are in the catalogues, reason.EXPLANATION
         * @enum {string}
         */
        Explanation: "bad-issuer" | "bad-signature" | "chain-incomplete" | "connection-lost" | "dane-required" | "dns" | "dnssec" | "expired" | "general-validation" | "handshake" | "mx-not-in-policy" | "name-mismatch" | "no-certificate" | "no-common-cipher" | "no-policy" | "no-starttls" | "not-yet-valid" | "policy-certificate" | "policy-http-status" | "policy-invalid" | "policy-media-type" | "policy-unreachable" | "protocol-version" | "purpose" | "record-invalid" | "revocation-unknown" | "revoked" | "self-signed" | "self-signed-in-chain" | "sender-fault" | "starttls-refused" | "timeout" | "tlsa-mismatch" | "tlsa-unusable" | "unreachable" | "untrusted" | "weak-key";
        /**
         * @description sender: nothing that the owner of the domain can mend
         * @enum {string}
         */
        Urgency: "now" | "soon" | "watch" | "sender";
        /** @description A mail that does not count, and why */
        KeptMail: {
            id: string;
            /** @description Whom it is about, as far as that can be seen */
            domain: string | null;
            /** Format: date-time */
            received: string;
            /** Format: date-time */
            last_received: string;
            /** @description Of the same bytes */
            arrivals: number;
            via: string;
            /** @description The peer's address, and the name that leads back to it */
            source: string;
            sender: string | null;
            subject: string | null;
            /** @description no-report, unreadable, unsigned, bad-signature, not-aligned, no-domain-of-ours, odd-figures */
            reason: string;
            detail: string;
            raw_bytes: number;
        };
        /** @description `data` of the events domain-added and domain-changed */
        DomainEvent: {
            domain: string;
            state: components["schemas"]["State"];
            mode: components["schemas"]["Mode"] | null;
        };
        ReporterStatus: {
            enabled: boolean;
            organization_name: string | null;
            contact: string | null;
            /**
             * Format: date-time
             * @description Next 00:00 UTC
             */
            next_run: string | null;
            /** @description Each domain's report is due at a random moment within this time after 00:00 UTC */
            spread_s: number;
            /** @description What one destination gets at most; 0: any number */
            caps: {
                rua_max: number;
                reports_per_address_max: number;
                reports_per_host_max: number;
                report_bytes_max: number;
            };
            /** @description Newest first, at most 31 */
            days: {
                /** Format: date */
                day: string;
                /** @description Destinations with sessions that day */
                domains: number;
                sent: number;
                retry: number;
                failed: number;
                /** @description Of the failed: those that a cap has kept from being sent */
                capped: number;
                finished: boolean;
            }[];
        };
        ReporterRun: {
            /** Format: date */
            day: string;
            reports: {
                domain: string;
                rua: string;
                /** @enum {string} */
                result: "sent" | "retry" | "failed" | "already-sent" | "suppressed";
                /** @description Why, of the last attempt */
                detail?: string | null;
            }[];
        };
        ReportDelivery: {
            domain: string;
            rua: string;
            /** @enum {string} */
            state: "pending" | "sent" | "retry" | "failed";
            attempts: number;
            /** Format: date-time */
            first_attempt: string | null;
            /** Format: date-time */
            next_attempt: string | null;
            error: string | null;
        };
        ReportDeliveries: {
            /** Format: date */
            day: string;
            reports: components["schemas"]["ReportDelivery"][];
            /** @description What was counted: those with the most failures first, at most 1000 */
            domains: {
                domain: string;
                by_policy_type: components["schemas"]["SessionCount"][];
                /**
                 * Format: date-time
                 * @description When its report is sent, if somebody asks for one
                 */
                due: string;
            }[];
            domains_total: number;
        };
        SentReport: {
            /** Format: date */
            day: string;
            domain: string;
            preview: boolean;
            /** @description RFC 8460 §4.4 */
            report: Record<string, never>;
            deliveries: components["schemas"]["ReportDelivery"][];
        };
        Suppression: {
            target: string;
            /** Format: date-time */
            until: string | null;
            /** Format: date-time */
            added: string;
            actor: string | null;
            reason: string | null;
            in_force: boolean;
        };
        BounceVerdict: {
            /** @description null: nothing is done; reason says why */
            suppressed: components["schemas"]["Suppression"] | null;
            reason: string;
        };
        Suppressions: {
            suppressions: components["schemas"]["Suppression"][];
        };
        CacheEntry: {
            domain: string;
            mode: components["schemas"]["Mode"] | null;
            policy_id: string | null;
            mx: string[];
            max_age_s: number | null;
            /** Format: date-time */
            fetched: string | null;
            /** Format: date-time */
            expires: string | null;
            /** Format: date-time */
            next_refresh: string | null;
            /** @description Fetches that failed within the last hour, oldest first, or the last one */
            failures: components["schemas"]["FailedFetch"][];
            /** @description English: the last refresh failed because … */
            problem: string | null;
        };
        FailedFetch: {
            /** @description Of the TXT record that asked for it */
            id: string | null;
            /** Format: date-time */
            at: string;
        };
        CacheEntryDetail: components["schemas"]["CacheEntry"] & {
            /** @description The policy as it was fetched */
            lines: string[];
            /** Format: date-time */
            last_used: string | null;
            /**
             * Format: date-time
             * @description When the TXT record was last read
             */
            id_checked: string | null;
            answer: components["schemas"]["Query"];
        };
        CachePurged: {
            purged: number;
        };
        CacheRefresh: {
            domain: string;
            /**
             * @description no-record: the domain asks for no policy and none is cached
             * @enum {string}
             */
            outcome: "fetched" | "failed" | "held-back" | "no-record";
            /** @description RFC 8460 §4.3: sts-policy-fetch-error, sts-policy-invalid or sts-webpki-invalid */
            failure: string | null;
            /** @description English */
            detail: string | null;
            entry: components["schemas"]["CacheEntry"] | null;
            answer: components["schemas"]["Query"];
        };
        CacheExport: {
            entries: {
                /** @description The key, as Postfix asks: a domain, [host] or [host]:port */
                domain: string;
                /** @description The right-hand side of smtp_tls_policy_maps */
                policy: string;
                /** @enum {string} */
                source: "dane" | "sts" | "override" | "default";
                /** Format: date-time */
                expires: string | null;
            }[];
            /** @description Where the next page begins; a page may be empty although there is one */
            next_cursor: string | null;
        };
        /** @enum {string} */
        OverrideLevel: "none" | "may" | "encrypt" | "dane" | "dane-only" | "secure" | "defer";
        Override: {
            /** @description example.org, or .example.org for all below it */
            domain: string;
            level: components["schemas"]["OverrideLevel"];
            match: string[];
            /** @enum {string} */
            origin: "configuration" | "added";
            /** @description false: the configuration has one for the same domain */
            in_force: boolean;
            /** Format: date-time */
            added: string | null;
            actor: string | null;
            reason: string | null;
        };
        OverrideList: {
            overrides: components["schemas"]["Override"][];
        };
        PutOverride: {
            level: components["schemas"]["OverrideLevel"];
            /** @description Only with secure: names, .names, or Postfix's words */
            match?: string[];
            reason?: string;
        };
        CacheList: {
            entries: components["schemas"]["CacheEntry"][];
            next_cursor: string | null;
        };
        /** @description How it stands with the certificate of one name. */
        CertificateOrder: {
            host: string;
            /** @description null: a name of the installation */
            domain: string | null;
            /**
             * @description `failing` also while an older certificate is still good
             * @enum {string}
             */
            state: "none" | "waiting" | "ordering" | "valid" | "due" | "failing";
            /** @description It should have been renewed long ago */
            overdue: boolean;
            /** @description Directory of the CA that issued the one in use; null where that is not known */
            ca: string | null;
            /** Format: date-time */
            not_before: string | null;
            /** Format: date-time */
            not_after: string | null;
            /** Format: date-time */
            renew_at: string | null;
            /** @description Of the CA (RFC 9773); null: it has said nothing */
            suggested_window: {
                /** Format: date-time */
                start: string;
                /** Format: date-time */
                end: string;
                explanation_url: string | null;
            } | null;
            /**
             * Format: date-time
             * @description After a failure, or while it waits for its turn
             */
            next_try: string | null;
            /** @description In a row */
            failures: number;
            /** Format: date-time */
            failing_since: string | null;
            last_error: string | null;
            waits_for: string | null;
            queue_position: number | null;
        };
        CertificateList: {
            certificates: components["schemas"]["CertificateOrder"][];
            total: number;
        };
        /** @description One `[[acme]]`. A limit that is null does not exist. */
        CertificateAuthority: {
            directory: string;
            caa_issuer: string;
            profile: string | null;
            account: boolean;
            /** @description Why there is no account, or why it is passed over */
            problem: string | null;
            /** Format: date-time */
            passed_over_until: string | null;
            /** @description In use, from this CA */
            certificates: number;
            orders: {
                used: number;
                limit: number | null;
                window_s: number;
                /**
                 * Format: date-time
                 * @description When the oldest of them no longer counts
                 */
                frees_at: string | null;
            };
            limits: {
                certificates_per_domain_and_week: number | null;
                certificates_per_name_and_week: number | null;
                failures_per_name_and_hour: number | null;
                renewals_exempt: boolean;
            };
        };
        CertificateBudget: {
            /** @description In order of preference */
            cas: components["schemas"]["CertificateAuthority"][];
            queue: {
                waiting: number;
                ordering: number;
                /**
                 * Format: date-time
                 * @description When the first of those that wait may go
                 */
                next: string | null;
            };
        };
        AuditEntry: {
            id: string;
            /** Format: date-time */
            at: string;
            actor: {
                /** @enum {string} */
                kind: "user" | "cli" | "system";
                name: string;
            };
            organization: string | null;
            /** @description domain.add, domain.import, domain.state, domain.mode, domain.record, domain.policy-mx, domain.mx, domain.max-age, domain.rua, domain.uses, domain.cnames, domain.elsewhere, domain.retire, session.sign-in, session.sign-out, session.link, cache.purge, cache.refresh, override.add, override.remove, reporter.run, reporter.resend, reporter.suppress, reporter.lift, alert.acknowledge; clients show an unknown one as it is */
            action: string;
            /** @description A-labels */
            domain: string | null;
            /** @description U-labels, for people */
            domain_unicode: string | null;
            /** @description Old values as name=value, separated by blanks: state, mode, label, policy_id, mx, cnames_until */
            from: string | null;
            /** @description New values, as from */
            to: string | null;
            /** @description Override reason */
            reason: string | null;
        };
        AuditList: {
            entries: components["schemas"]["AuditEntry"][];
            next_cursor: string | null;
        };
        Query: {
            domain: string;
            decision: {
                /** @enum {string} */
                level: "none" | "may" | "encrypt" | "dane" | "dane-only" | "secure" | "temp";
                match: string[];
                /** @enum {string} */
                source: "dane" | "sts" | "override" | "default";
                mode: components["schemas"]["Mode"] | null;
            };
            /** @description Whole socketmap payload */
            reply: string;
            reply_tlsrpt: string;
            reasons: string[];
            cache: {
                /** @enum {string} */
                state: "hit" | "stale" | "miss";
                policy_id: string | null;
                /** Format: date-time */
                fetched: string | null;
                /** Format: date-time */
                expires: string | null;
                /** Format: date-time */
                next_refresh: string | null;
            };
            /** @description What the decision was made of: the TXT and MX records, each host's addresses and TLSA records, each with whether DNSSEC validated it, and the policy fetch. For an answer from memory: what DNS says now, without a fetch. Null under an override and after a refresh by hand */
            evidence: {
                [key: string]: unknown;
            } | null;
        };
        /** @enum {string} */
        Severity: "info" | "warning" | "error" | "critical";
        Alert: {
            id: string;
            /**
             * @description Clients show an unknown one as it is
             * @enum {string}
             */
            kind: "mx-new-host" | "mx-vanished" | "mx-unreachable" | "mx-starttls-missing" | "mx-certificate-invalid" | "mx-certificate-expiring" | "mx-tlsa-mismatch" | "mx-dnssec-bogus" | "reports-refused";
            severity: components["schemas"]["Severity"];
            /** @description A-labels; null: the installation itself */
            domain: string | null;
            /** @description U-labels, for people */
            domain_unicode: string | null;
            /** @description What of the domain: a host, a certificate */
            subject: string | null;
            /** @description Of the texts alert.KIND in the catalogues */
            arguments: Record<string, never>;
            /** Format: date-time */
            opened: string;
            /** Format: date-time */
            last_seen: string;
            /** Format: date-time */
            resolved: string | null;
            acknowledged: {
                /** Format: date-time */
                at: string;
                /** @description As actors in the audit log: user:NAME, cli:NAME */
                by: string;
                note: string | null;
            } | null;
        };
        AlertList: {
            alerts: components["schemas"]["Alert"][];
            /** @description How many are open, of all that may be seen */
            open: {
                critical: number;
                error: number;
                warning: number;
                info: number;
                unacknowledged: number;
            };
            next_cursor: string | null;
        };
        /**
         * @description Which of MTA-STS and TLS-RPT the domain has here; `watch`: neither, its policy lives elsewhere
         * @enum {string}
         */
        Uses: "both" | "mta-sts" | "tls-rpt" | "watch";
        /** @description The policy that the domain brought along; the first version here says the same. */
        Import: {
            mode: components["schemas"]["Mode"];
            max_age_s: number;
            mx: string[];
            /** @description Theirs; ours is a new one */
            policy_id: string;
            /** @description Kept, after ours */
            rua: string[];
            /** Format: date-time */
            fetched: string | null;
            /** @description What could not be kept to the letter */
            differences: {
                /** @description text, extension, max-age, mx-pattern, mx-not-in-policy, id, rua */
                code: string;
                /** @description English sentence */
                message: string;
            }[];
        };
        BulkAdd: {
            /** @description One domain a line, then perhaps what it uses; `#` begins a comment. At most 1000 domains */
            text: string;
            organization?: string;
            uses?: components["schemas"]["Uses"];
            /** @description Say what would become of each line, and change nothing */
            dry_run?: boolean;
        };
        BulkResult: {
            dry_run: boolean;
            /** @description With dry_run: that would be */
            added: number;
            existing: number;
            refused: number;
            lines: {
                line: number;
                text: string;
                /** @description A-labels; null when refused */
                domain: string | null;
                uses: components["schemas"]["Uses"];
                /** @enum {string} */
                result: "added" | "would-add" | "exists" | "refused";
                label: string | null;
                /** @description invalid-name, public-suffix, in-zone, too-long, duplicate, unknown-word, too-many-words, failed */
                code: string | null;
                /** @description English sentence */
                message: string | null;
            }[];
        };
    };
    responses: {
        /** @description Not JSON, or a wrong parameter */
        BadRequest: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:postseal:problem:bad-request",
                 *       "title": "The request cannot be read",
                 *       "status": 400,
                 *       "detail": "days: not a number from 1 to 400",
                 *       "errors": [
                 *         {
                 *           "pointer": "days",
                 *           "code": "out-of-range",
                 *           "message": "not a number from 1 to 400"
                 *         }
                 *       ]
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description No valid session */
        NotSignedIn: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:postseal:problem:not-signed-in",
                 *       "title": "Sign in first",
                 *       "status": 401
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Not allowed, or the CSRF token is wrong */
        Forbidden: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:postseal:problem:csrf",
                 *       "title": "The request did not come from the panel",
                 *       "status": 403
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Token used, unknown or expired */
        LinkInvalid: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:postseal:problem:link-invalid",
                 *       "title": "The link was used already or has expired",
                 *       "status": 403
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description No such thing for this organisation */
        NotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:postseal:problem:not-found",
                 *       "title": "No such domain",
                 *       "status": 404,
                 *       "detail": "example.org is not a domain of Example"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description A field is wrong */
        InvalidField: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:postseal:problem:invalid-field",
                 *       "title": "A field is wrong",
                 *       "status": 422,
                 *       "detail": "domain: co.uk is a public suffix",
                 *       "errors": [
                 *         {
                 *           "pointer": "#/domain",
                 *           "code": "public-suffix",
                 *           "message": "co.uk is a public suffix"
                 *         }
                 *       ]
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The readiness gate refuses (gate-refused, with reasons), or the state has no policy yet (wrong-state) */
        GateRefused: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:postseal:problem:gate-refused",
                 *       "title": "The domain is not ready for enforce",
                 *       "status": 409,
                 *       "detail": "2 conditions are not met",
                 *       "reasons": [
                 *         {
                 *           "id": "testing-days",
                 *           "status": "failed",
                 *           "proof": "9 days in testing, 14 are asked for",
                 *           "data": {
                 *             "days": 9,
                 *             "required_days": 14
                 *           }
                 *         }
                 *       ]
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Not possible in this state */
        WrongState: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:postseal:problem:wrong-state",
                 *       "title": "Not possible in this state",
                 *       "status": 409,
                 *       "detail": "old.example is retiring"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Too often */
        TooMany: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:postseal:problem:too-many-requests",
                 *       "title": "Too often",
                 *       "status": 429,
                 *       "detail": "looked at 3 s ago; again in 2 s"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: {
        /** @description A-labels, or U-labels percent-encoded */
        Domain: string;
        ReportId: string;
        /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
        Csrf: string;
    };
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    signInWithLink: {
        parameters: {
            query?: {
                token?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Without `token`: the panel's page, which explains how to get a link. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            /** @description Valid: sets the cookie and goes to `/`. Used, unknown or expired: no cookie, goes to `/sign-in?problem=link-invalid`. */
            303: {
                headers: {
                    /** @description postseal_session=…; Path=/; HttpOnly; SameSite=Strict (and Secure when public_url is https) */
                    "Set-Cookie"?: string;
                    Location?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    getSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "name": "owner",
                     *         "role": "owner"
                     *       },
                     *       "organization": {
                     *         "name": "Example"
                     *       },
                     *       "language": null,
                     *       "csrf_token": "Zm9yLXRoZS1leGFtcGxl",
                     *       "expires": "2026-11-24T21:00:00Z",
                     *       "installation": {
                     *         "version": "0.1.0",
                     *         "zone": "sts.example.net",
                     *         "intake_host": "intake.example.net",
                     *         "roles": [
                     *           "dns",
                     *           "policy-host",
                     *           "intake",
                     *           "console",
                     *           "jobs"
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Session"];
                };
            };
            401: components["responses"]["NotSignedIn"];
        };
    };
    createSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "4f2d91"
                 *     }
                 */
                "application/json": components["schemas"]["Token"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Set-Cookie"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            400: components["responses"]["BadRequest"];
            403: components["responses"]["LinkInvalid"];
            422: components["responses"]["InvalidField"];
        };
    };
    deleteSession: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Signed out, cookie cleared */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
        };
    };
    createSignInLink: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "url": "http://127.0.0.1:8080/sign-in?token=4f2d91",
                     *       "expires": "2026-11-24T09:15:00Z"
                     *     }
                     */
                    "application/json": components["schemas"]["SignInLink"];
                };
            };
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
        };
    };
    listDomains: {
        parameters: {
            query?: {
                /** @description Part of the name, U- or A-labels */
                q?: string;
                state?: components["schemas"]["State"];
                mode?: components["schemas"]["Mode"];
                organization?: string;
                limit?: number;
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "domains": [
                     *         {
                     *           "domain": "xn--80a1acny.xn--p1ai",
                     *           "domain_unicode": "почта.рф",
                     *           "organization": "Example",
                     *           "label": "p7m2qk5wz3xv6tj4nrbydhc2fa",
                     *           "state": "testing",
                     *           "mode": "testing",
                     *           "pending_mode": null,
                     *           "records": [
                     *             {
                     *               "name": "_mta-sts.xn--80a1acny.xn--p1ai",
                     *               "type": "CNAME",
                     *               "value": "_mta-sts.p7m2qk5wz3xv6tj4nrbydhc2fa.sts.example.net",
                     *               "purpose": "policy-id",
                     *               "seen": true,
                     *               "problem": null,
                     *               "problem_code": null,
                     *               "observed": [],
                     *               "ttl_s": null,
                     *               "checked": "2026-11-24T08:59:48Z"
                     *             },
                     *             {
                     *               "name": "mta-sts.xn--80a1acny.xn--p1ai",
                     *               "type": "CNAME",
                     *               "value": "mta-sts.p7m2qk5wz3xv6tj4nrbydhc2fa.sts.example.net",
                     *               "purpose": "policy-host",
                     *               "seen": true,
                     *               "problem": null,
                     *               "problem_code": null,
                     *               "observed": [],
                     *               "ttl_s": null,
                     *               "checked": "2026-11-24T08:59:48Z"
                     *             },
                     *             {
                     *               "name": "_smtp._tls.xn--80a1acny.xn--p1ai",
                     *               "type": "CNAME",
                     *               "value": "_smtp._tls.p7m2qk5wz3xv6tj4nrbydhc2fa.sts.example.net",
                     *               "purpose": "reports",
                     *               "seen": true,
                     *               "problem": null,
                     *               "problem_code": null,
                     *               "observed": [],
                     *               "ttl_s": null,
                     *               "checked": "2026-11-24T08:59:48Z"
                     *             }
                     *           ],
                     *           "certificate": {
                     *             "not_after": "2027-02-05T09:00:00Z",
                     *             "issuer": "E7",
                     *             "renewal_problem": null
                     *           },
                     *           "policy_id": "19d4e7b08c3a",
                     *           "reports": {
                     *             "received": 61,
                     *             "sessions_ok": 8412,
                     *             "sessions_failed": 0,
                     *             "last": "2026-11-24T04:00:00Z",
                     *             "by_policy_type": [
                     *               {
                     *                 "policy_type": "sts",
                     *                 "ok": 8412,
                     *                 "failed": 0
                     *               }
                     *             ]
                     *           },
                     *           "cnames_until": null,
                     *           "cnames_lost": null,
                     *           "uses": "both",
                     *           "readiness": {
                     *             "ready": false,
                     *             "conditions": [
                     *               {
                     *                 "id": "testing-days",
                     *                 "status": "failed",
                     *                 "proof": "9 days in testing, 14 are asked for",
                     *                 "data": {
                     *                   "days": 9,
                     *                   "required_days": 14
                     *                 }
                     *               },
                     *               {
                     *                 "id": "reports-clean",
                     *                 "status": "ok",
                     *                 "proof": "3 trusted senders reported 8412 sessions, none of which enforce would have refused",
                     *                 "data": {
                     *                   "senders": 3,
                     *                   "sessions": 8412,
                     *                   "refused_sessions": 0
                     *                 }
                     *               },
                     *               {
                     *                 "id": "mx-probes",
                     *                 "status": "ok",
                     *                 "proof": "1 of 1 MX host offers STARTTLS with a valid certificate for its name, at least 21 days left",
                     *                 "data": {
                     *                   "hosts_total": 1,
                     *                   "hosts": []
                     *                 }
                     *               },
                     *               {
                     *                 "id": "mx-in-policy",
                     *                 "status": "ok",
                     *                 "proof": "1 of 1 MX host matches the policy",
                     *                 "data": {
                     *                   "hosts_total": 1,
                     *                   "hosts": []
                     *                 }
                     *               }
                     *             ]
                     *           },
                     *           "week": {
                     *             "policy_type": "sts",
                     *             "days": [
                     *               {
                     *                 "day": "2026-11-17",
                     *                 "ok": 610,
                     *                 "failed": 0
                     *               },
                     *               {
                     *                 "day": "2026-11-18",
                     *                 "ok": 655,
                     *                 "failed": 0
                     *               },
                     *               {
                     *                 "day": "2026-11-19",
                     *                 "ok": null,
                     *                 "failed": null
                     *               },
                     *               {
                     *                 "day": "2026-11-20",
                     *                 "ok": 720,
                     *                 "failed": 0
                     *               },
                     *               {
                     *                 "day": "2026-11-21",
                     *                 "ok": 980,
                     *                 "failed": 0
                     *               },
                     *               {
                     *                 "day": "2026-11-22",
                     *                 "ok": 1210,
                     *                 "failed": 0
                     *               },
                     *               {
                     *                 "day": "2026-11-23",
                     *                 "ok": 1344,
                     *                 "failed": 0
                     *               }
                     *             ]
                     *           },
                     *           "mx_summary": {
                     *             "hosts": 1,
                     *             "bad": 0,
                     *             "unprobed": 0
                     *           },
                     *           "attention": null,
                     *           "created": "2026-11-14T09:00:00Z"
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["DomainList"];
                };
            };
            401: components["responses"]["NotSignedIn"];
        };
    };
    addDomain: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "domain": "new.example"
                 *     }
                 */
                "application/json": components["schemas"]["AddDomain"];
            };
        };
        responses: {
            /** @description The organisation has it already: the same label */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DomainDetail"];
                };
            };
            /** @description Added, label minted */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DomainDetail"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            422: components["responses"]["InvalidField"];
        };
    };
    getDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DomainDetail"];
                };
            };
            401: components["responses"]["NotSignedIn"];
            404: components["responses"]["NotFound"];
        };
    };
    verifyDomain: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Looked; see records[].seen */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DomainDetail"];
                };
            };
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
        };
    };
    probeDomain: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Started; domain-changed tells when it is done */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooMany"];
        };
    };
    setMode: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "mode": "testing"
                 *     }
                 */
                "application/json": components["schemas"]["SetMode"];
            };
        };
        responses: {
            /** @description Accepted: body first, then id; `pending_mode` until both are out. The mode it already has changes nothing. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DomainDetail"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["GateRefused"];
            422: components["responses"]["InvalidField"];
        };
    };
    setPolicyMx: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "mx": [
                 *         "mx1.example.com",
                 *         "mx2.example.com"
                 *       ]
                 *     }
                 */
                "application/json": {
                    mx: string[];
                };
            };
        };
        responses: {
            /** @description Accepted: a new version */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DomainDetail"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["WrongState"];
            422: components["responses"]["InvalidField"];
        };
    };
    getMx: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "domain": "example.com",
                     *       "mode": "enforce",
                     *       "policy_mx": [
                     *         "mx1.example.com",
                     *         "old.example.com",
                     *         "*.mail.protection.outlook.com"
                     *       ],
                     *       "setting": {
                     *         "following": "auto",
                     *         "approved": [
                     *           "example.com",
                     *           "microsoft365"
                     *         ],
                     *         "promote_after_days": null,
                     *         "ready_since": null
                     *       },
                     *       "dnssec": "insecure",
                     *       "looked": "2026-11-24T08:50:00Z",
                     *       "problem": null,
                     *       "hosts": [
                     *         {
                     *           "host": "mx1.example.com",
                     *           "preference": 10,
                     *           "since": "2026-05-01T10:00:00Z",
                     *           "in_policy": true,
                     *           "starttls": true,
                     *           "tls_version": "TLSv1.3",
                     *           "certificate": {
                     *             "not_before": "2026-10-01T10:00:00Z",
                     *             "not_after": "2026-12-30T10:00:00Z",
                     *             "names": [
                     *               "mx1.example.com"
                     *             ],
                     *             "issuer": "CN=R11"
                     *           },
                     *           "dane": "matches",
                     *           "addresses": [
                     *             {
                     *               "address": "192.0.2.25",
                     *               "tls_version": "TLSv1.3",
                     *               "not_after": "2026-12-30T10:00:00Z",
                     *               "problem": null,
                     *               "problem_code": null
                     *             },
                     *             {
                     *               "address": "2001:db8::25",
                     *               "tls_version": null,
                     *               "not_after": null,
                     *               "problem": "mx1.example.com cannot be reached: connection refused",
                     *               "problem_code": "unreachable"
                     *             }
                     *           ],
                     *           "problem": null,
                     *           "problem_code": null,
                     *           "probed": "2026-11-24T08:20:00Z"
                     *         },
                     *         {
                     *           "host": "mx9.example.net",
                     *           "preference": 20,
                     *           "since": "2026-11-24T07:10:00Z",
                     *           "in_policy": false,
                     *           "starttls": true,
                     *           "tls_version": "TLSv1.3",
                     *           "certificate": null,
                     *           "dane": "unsigned",
                     *           "addresses": [],
                     *           "problem": null,
                     *           "problem_code": null,
                     *           "probed": "2026-11-24T08:20:00Z"
                     *         }
                     *       ],
                     *       "undecided": false,
                     *       "new_hosts": [
                     *         {
                     *           "host": "mx9.example.net",
                     *           "vouched": "none",
                     *           "clean": true,
                     *           "waits": true,
                     *           "reason": "mx9.example.net waits: the MX records are not signed with DNSSEC and nobody has approved a name above it, so it may be forged"
                     *         }
                     *       ],
                     *       "unneeded": [
                     *         {
                     *           "pattern": "old.example.com",
                     *           "since": "2026-11-01T10:00:00Z",
                     *           "propose_removal": true
                     *         }
                     *       ],
                     *       "providers": [
                     *         {
                     *           "id": "microsoft365",
                     *           "name": "Microsoft 365",
                     *           "hosts": [
                     *             "example-com.mail.protection.outlook.com"
                     *           ],
                     *           "patterns": [
                     *             "example-com.mail.protection.outlook.com"
                     *           ],
                     *           "wildcards": [
                     *             "*.mail.protection.outlook.com"
                     *           ]
                     *         }
                     *       ],
                     *       "findings": [
                     *         {
                     *           "code": "mx-not-covered",
                     *           "severity": "error",
                     *           "pattern": null,
                     *           "host": "mx9.example.net",
                     *           "message": "no pattern covers the MX host mx9.example.net: senders that honour the policy would not deliver there",
                     *           "fix": [
                     *             "mx1.example.com",
                     *             "old.example.com",
                     *             "*.mail.protection.outlook.com",
                     *             "mx9.example.net"
                     *           ]
                     *         },
                     *         {
                     *           "code": "mx-pattern-unused",
                     *           "severity": "warning",
                     *           "pattern": "old.example.com",
                     *           "host": null,
                     *           "message": "no MX host of example.com needs old.example.com",
                     *           "fix": [
                     *             "mx1.example.com",
                     *             "*.mail.protection.outlook.com"
                     *           ]
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["MxStanding"];
                };
            };
            401: components["responses"]["NotSignedIn"];
            404: components["responses"]["NotFound"];
        };
    };
    setMx: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "following": "auto",
                 *       "approve": [
                 *         "example.com",
                 *         "microsoft365"
                 *       ],
                 *       "promote_after_days": 14
                 *     }
                 */
                "application/json": {
                    following?: components["schemas"]["MxFollowing"];
                    approved?: string[];
                    approve?: string[];
                    withdraw?: string[];
                    /** @description Enter enforce by itself after so many days in which every condition is met; 0 or null: never */
                    promote_after_days?: number | null;
                };
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "domain": "example.com",
                     *       "mode": "enforce",
                     *       "policy_mx": [
                     *         "mx1.example.com",
                     *         "old.example.com",
                     *         "*.mail.protection.outlook.com"
                     *       ],
                     *       "setting": {
                     *         "following": "auto",
                     *         "approved": [
                     *           "example.com",
                     *           "microsoft365"
                     *         ],
                     *         "promote_after_days": null,
                     *         "ready_since": null
                     *       },
                     *       "dnssec": "insecure",
                     *       "looked": "2026-11-24T08:50:00Z",
                     *       "problem": null,
                     *       "hosts": [
                     *         {
                     *           "host": "mx1.example.com",
                     *           "preference": 10,
                     *           "since": "2026-05-01T10:00:00Z",
                     *           "in_policy": true,
                     *           "starttls": true,
                     *           "tls_version": "TLSv1.3",
                     *           "certificate": {
                     *             "not_before": "2026-10-01T10:00:00Z",
                     *             "not_after": "2026-12-30T10:00:00Z",
                     *             "names": [
                     *               "mx1.example.com"
                     *             ],
                     *             "issuer": "CN=R11"
                     *           },
                     *           "dane": "matches",
                     *           "addresses": [
                     *             {
                     *               "address": "192.0.2.25",
                     *               "tls_version": "TLSv1.3",
                     *               "not_after": "2026-12-30T10:00:00Z",
                     *               "problem": null,
                     *               "problem_code": null
                     *             },
                     *             {
                     *               "address": "2001:db8::25",
                     *               "tls_version": null,
                     *               "not_after": null,
                     *               "problem": "mx1.example.com cannot be reached: connection refused",
                     *               "problem_code": "unreachable"
                     *             }
                     *           ],
                     *           "problem": null,
                     *           "problem_code": null,
                     *           "probed": "2026-11-24T08:20:00Z"
                     *         },
                     *         {
                     *           "host": "mx9.example.net",
                     *           "preference": 20,
                     *           "since": "2026-11-24T07:10:00Z",
                     *           "in_policy": false,
                     *           "starttls": true,
                     *           "tls_version": "TLSv1.3",
                     *           "certificate": null,
                     *           "dane": "unsigned",
                     *           "addresses": [],
                     *           "problem": null,
                     *           "problem_code": null,
                     *           "probed": "2026-11-24T08:20:00Z"
                     *         }
                     *       ],
                     *       "undecided": false,
                     *       "new_hosts": [
                     *         {
                     *           "host": "mx9.example.net",
                     *           "vouched": "none",
                     *           "clean": true,
                     *           "waits": true,
                     *           "reason": "mx9.example.net waits: the MX records are not signed with DNSSEC and nobody has approved a name above it, so it may be forged"
                     *         }
                     *       ],
                     *       "unneeded": [
                     *         {
                     *           "pattern": "old.example.com",
                     *           "since": "2026-11-01T10:00:00Z",
                     *           "propose_removal": true
                     *         }
                     *       ],
                     *       "providers": [
                     *         {
                     *           "id": "microsoft365",
                     *           "name": "Microsoft 365",
                     *           "hosts": [
                     *             "example-com.mail.protection.outlook.com"
                     *           ],
                     *           "patterns": [
                     *             "example-com.mail.protection.outlook.com"
                     *           ],
                     *           "wildcards": [
                     *             "*.mail.protection.outlook.com"
                     *           ]
                     *         }
                     *       ],
                     *       "findings": [
                     *         {
                     *           "code": "mx-not-covered",
                     *           "severity": "error",
                     *           "pattern": null,
                     *           "host": "mx9.example.net",
                     *           "message": "no pattern covers the MX host mx9.example.net: senders that honour the policy would not deliver there",
                     *           "fix": [
                     *             "mx1.example.com",
                     *             "old.example.com",
                     *             "*.mail.protection.outlook.com",
                     *             "mx9.example.net"
                     *           ]
                     *         },
                     *         {
                     *           "code": "mx-pattern-unused",
                     *           "severity": "warning",
                     *           "pattern": "old.example.com",
                     *           "host": null,
                     *           "message": "no MX host of example.com needs old.example.com",
                     *           "fix": [
                     *             "mx1.example.com",
                     *             "*.mail.protection.outlook.com"
                     *           ]
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["MxStanding"];
                };
            };
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["InvalidField"];
        };
    };
    checkPolicyMx: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "mx": [
                 *         "*.com"
                 *       ]
                 *     }
                 */
                "application/json": {
                    mx: string[];
                };
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "findings": [
                     *         {
                     *           "code": "mx-wildcard-public",
                     *           "severity": "error",
                     *           "pattern": "*.com",
                     *           "host": null,
                     *           "message": "everybody can register a name under com, and a certificate for it: *.com protects nothing",
                     *           "fix": null
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["MxCheck"];
                };
            };
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["InvalidField"];
        };
    };
    listMxCertificates: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "certificates": [
                     *         {
                     *           "host": "mx1.example.com",
                     *           "not_after": "2026-12-06T10:00:00Z",
                     *           "days_left": 12,
                     *           "step": 14,
                     *           "issuer": "CN=R11",
                     *           "domains": [
                     *             "example.com",
                     *             "shop.example"
                     *           ]
                     *         },
                     *         {
                     *           "host": "aspmx.l.google.com",
                     *           "not_after": "2027-01-20T10:00:00Z",
                     *           "days_left": 57,
                     *           "step": null,
                     *           "issuer": "CN=WR2",
                     *           "domains": [
                     *             "other.example"
                     *           ]
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["MxCertificateList"];
                };
            };
            401: components["responses"]["NotSignedIn"];
        };
    };
    getRecords: {
        parameters: {
            query?: {
                format?: "json" | "bind" | "terraform" | "dnscontrol" | "csv" | "text";
            };
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description In the format asked for */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "name": "_mta-sts.new.example",
                     *         "type": "CNAME",
                     *         "value": "_mta-sts.zr6mbydhc2fpak3vq7w2n5xj4t.sts.example.net",
                     *         "purpose": "policy-id",
                     *         "seen": true,
                     *         "problem": null,
                     *         "problem_code": null,
                     *         "observed": [],
                     *         "ttl_s": null,
                     *         "checked": "2026-11-24T08:59:48Z"
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["Record"][];
                    "text/plain": string;
                    /**
                     * @example name,type,value,ttl
                     *     _mta-sts.new.example,CNAME,_mta-sts.zr6mbydhc2fpak3vq7w2n5xj4t.sts.example.net,300
                     *     mta-sts.new.example,CNAME,mta-sts.zr6mbydhc2fpak3vq7w2n5xj4t.sts.example.net,300
                     *     _smtp._tls.new.example,CNAME,_smtp._tls.zr6mbydhc2fpak3vq7w2n5xj4t.sts.example.net,300
                     */
                    "text/csv": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["NotSignedIn"];
            404: components["responses"]["NotFound"];
        };
    };
    getFetches: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Versions, newest first; at most 50, of each at most the 200 senders that fetched it last */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "domain": "shop.example",
                     *       "complete_since": "2026-09-25T09:00:00Z",
                     *       "gaps": [],
                     *       "held_until": "2026-12-01T09:00:00Z",
                     *       "versions": [
                     *         {
                     *           "version": 2,
                     *           "mode": "enforce",
                     *           "policy_id": "2x9b1c0d5e7f3a2468",
                     *           "max_age_s": 604800,
                     *           "served_since": "2026-11-01T09:00:00Z",
                     *           "served_until": null,
                     *           "held_until": "2026-12-01T09:00:00Z",
                     *           "complete": true,
                     *           "senders_total": 3,
                     *           "senders": [
                     *             {
                     *               "sender": "google",
                     *               "name": "Google",
                     *               "kind": "provider",
                     *               "networks": [
                     *                 "209.85.220.0/24",
                     *                 "74.125.82.0/24"
                     *               ],
                     *               "fetches": 41,
                     *               "first": "2026-11-01T10:12:00Z",
                     *               "last": "2026-11-24T08:40:00Z",
                     *               "may_hold_until": "2026-12-01T08:40:00Z"
                     *             },
                     *             {
                     *               "sender": "postfix-tlspol",
                     *               "name": "postfix-tlspol",
                     *               "kind": "software",
                     *               "networks": [
                     *                 "192.0.2.0/24"
                     *               ],
                     *               "fetches": 23,
                     *               "first": "2026-11-02T03:00:00Z",
                     *               "last": "2026-11-24T03:00:00Z",
                     *               "may_hold_until": "2026-12-01T03:00:00Z"
                     *             },
                     *             {
                     *               "sender": "curl",
                     *               "name": "curl",
                     *               "kind": "checker",
                     *               "networks": [
                     *                 "198.51.100.0/24"
                     *               ],
                     *               "fetches": 1,
                     *               "first": "2026-11-20T12:00:00Z",
                     *               "last": "2026-11-20T12:00:00Z",
                     *               "may_hold_until": "2026-11-27T12:00:00Z"
                     *             }
                     *           ]
                     *         },
                     *         {
                     *           "version": 1,
                     *           "mode": "testing",
                     *           "policy_id": "1x00aa11bb22cc33dd",
                     *           "max_age_s": 86400,
                     *           "served_since": "2026-09-25T09:05:00Z",
                     *           "served_until": "2026-11-01T09:00:00Z",
                     *           "held_until": "2026-11-02T08:10:00Z",
                     *           "complete": true,
                     *           "senders_total": 1,
                     *           "senders": [
                     *             {
                     *               "sender": "microsoft",
                     *               "name": "Microsoft",
                     *               "kind": "provider",
                     *               "networks": [],
                     *               "fetches": 61,
                     *               "first": "2026-09-25T11:00:00Z",
                     *               "last": "2026-11-01T08:10:00Z",
                     *               "may_hold_until": "2026-11-02T08:10:00Z"
                     *             }
                     *           ]
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Fetches"];
                };
            };
            401: components["responses"]["NotSignedIn"];
            404: components["responses"]["NotFound"];
        };
    };
    retireDomain: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Retiring with cnames_until, or gone at once when it never moved in */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DomainDetail"];
                };
            };
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["WrongState"];
        };
    };
    getReportSummary: {
        parameters: {
            query?: {
                /** @description Whole UTC days, the last being yesterday, or today when a report covers it */
                days?: number;
            };
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReportSummary"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["NotSignedIn"];
            404: components["responses"]["NotFound"];
        };
    };
    listReports: {
        parameters: {
            query?: {
                /** @description Only reports whose range covers this UTC day */
                day?: string;
                failure_type?: string;
                submitter?: string;
                failures_only?: boolean;
                counted?: boolean;
                limit?: number;
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "reports": [
                     *         {
                     *           "id": "r-1042",
                     *           "submitter": "google.com",
                     *           "organization_name": "Google Inc.",
                     *           "report_id": "2026-11-23T00:00:00Z_shop.example",
                     *           "begin": "2026-11-23T00:00:00Z",
                     *           "end": "2026-11-23T23:59:59Z",
                     *           "received": "2026-11-24T08:00:00Z",
                     *           "via": "https",
                     *           "trust": "known",
                     *           "counted": true,
                     *           "deviations": 0,
                     *           "by_policy_type": [
                     *             {
                     *               "policy_type": "sts",
                     *               "ok": 4120,
                     *               "failed": 980
                     *             }
                     *           ],
                     *           "failure_types": [
                     *             "certificate-expired",
                     *             "validation-failure"
                     *           ]
                     *         },
                     *         {
                     *           "id": "r-1041",
                     *           "submitter": "mail.ru",
                     *           "organization_name": "Mail.Ru",
                     *           "report_id": "96f4a1@mail.ru",
                     *           "begin": "2026-11-23T00:00:00Z",
                     *           "end": "2026-11-23T23:59:59Z",
                     *           "received": "2026-11-24T06:00:00Z",
                     *           "via": "mail",
                     *           "trust": "known",
                     *           "counted": true,
                     *           "deviations": 1,
                     *           "by_policy_type": [
                     *             {
                     *               "policy_type": "sts",
                     *               "ok": 800,
                     *               "failed": 300
                     *             }
                     *           ],
                     *           "failure_types": [
                     *             "certificate-expired"
                     *           ]
                     *         },
                     *         {
                     *           "id": "r-1040",
                     *           "submitter": "microsoft.com",
                     *           "organization_name": "Microsoft Corporation",
                     *           "report_id": "133766208000000000+shop.example",
                     *           "begin": "2026-11-23T00:00:00Z",
                     *           "end": "2026-11-23T23:59:59Z",
                     *           "received": "2026-11-24T03:00:00Z",
                     *           "via": "mail",
                     *           "trust": "known",
                     *           "counted": true,
                     *           "deviations": 2,
                     *           "by_policy_type": [
                     *             {
                     *               "policy_type": "sts",
                     *               "ok": 510,
                     *               "failed": 88
                     *             }
                     *           ],
                     *           "failure_types": [
                     *             "validation-failure"
                     *           ]
                     *         },
                     *         {
                     *           "id": "r-1039",
                     *           "submitter": "sender.example",
                     *           "organization_name": "Sender Example",
                     *           "report_id": "a0b1c2d3@sender.example",
                     *           "begin": "2026-11-23T00:00:00Z",
                     *           "end": "2026-11-23T23:59:59Z",
                     *           "received": "2026-11-23T06:00:00Z",
                     *           "via": "https",
                     *           "trust": "network",
                     *           "counted": true,
                     *           "deviations": 0,
                     *           "by_policy_type": [
                     *             {
                     *               "policy_type": "sts",
                     *               "ok": 60,
                     *               "failed": 140
                     *             }
                     *           ],
                     *           "failure_types": [
                     *             "starttls-not-supported"
                     *           ]
                     *         },
                     *         {
                     *           "id": "r-1038",
                     *           "submitter": "unknown.example",
                     *           "organization_name": null,
                     *           "report_id": "1",
                     *           "begin": "2026-11-23T00:00:00Z",
                     *           "end": "2026-11-23T23:59:59Z",
                     *           "received": "2026-11-23T03:00:00Z",
                     *           "via": "mail",
                     *           "trust": "unverified",
                     *           "counted": false,
                     *           "deviations": 0,
                     *           "by_policy_type": [
                     *             {
                     *               "policy_type": "sts",
                     *               "ok": 1,
                     *               "failed": 999
                     *             }
                     *           ],
                     *           "failure_types": [
                     *             "certificate-not-trusted"
                     *           ]
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["ReportList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["NotSignedIn"];
            404: components["responses"]["NotFound"];
        };
    };
    getReport: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
                id: components["parameters"]["ReportId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "r-1042",
                     *       "submitter": "google.com",
                     *       "received": "2026-11-24T08:00:00Z",
                     *       "via": "https",
                     *       "trust": "known",
                     *       "counted": true,
                     *       "raw_bytes": 1187,
                     *       "file": "google.com!shop.example!1795392000!1795478399!001.json.gz",
                     *       "ok": true,
                     *       "error": null,
                     *       "deviations": [],
                     *       "report": {
                     *         "organization_name": "Google Inc.",
                     *         "contact_info": "smtp-tls-reporting@google.com",
                     *         "report_id": "2026-11-23T00:00:00Z_shop.example",
                     *         "begin": "2026-11-23T00:00:00Z",
                     *         "end": "2026-11-23T23:59:59Z",
                     *         "policies": [
                     *           {
                     *             "type": "sts",
                     *             "domain": "shop.example",
                     *             "strings": [
                     *               "version: STSv1",
                     *               "mode: enforce",
                     *               "mx: mx1.shop.example",
                     *               "mx: mx2.shop.example",
                     *               "max_age: 2592000"
                     *             ],
                     *             "mx_hosts": [
                     *               "mx1.shop.example",
                     *               "mx2.shop.example"
                     *             ],
                     *             "successful": 4120,
                     *             "failed": 980,
                     *             "failures": [
                     *               {
                     *                 "type": "certificate-expired",
                     *                 "sending_mta_ip": "192.0.2.17",
                     *                 "receiving_mx_hostname": "mx2.shop.example",
                     *                 "receiving_mx_helo": null,
                     *                 "receiving_ip": "198.51.100.22",
                     *                 "sessions": 760,
                     *                 "additional_information": null,
                     *                 "reason_code": "certificate has expired",
                     *                 "explanation": "expired"
                     *               },
                     *               {
                     *                 "type": "validation-failure",
                     *                 "sending_mta_ip": "192.0.2.19",
                     *                 "receiving_mx_hostname": "mx3.shop.example",
                     *                 "receiving_mx_helo": null,
                     *                 "receiving_ip": "198.51.100.23",
                     *                 "sessions": 220,
                     *                 "additional_information": null,
                     *                 "reason_code": "MX_HOSTS_MISMATCH",
                     *                 "explanation": "mx-not-in-policy"
                     *               }
                     *             ]
                     *           }
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Report"];
                };
            };
            401: components["responses"]["NotSignedIn"];
            404: components["responses"]["NotFound"];
        };
    };
    getReportRaw: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
                id: components["parameters"]["ReportId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As received */
            200: {
                headers: {
                    /** @description attachment; filename=… */
                    "Content-Disposition"?: string;
                    /** @description nosniff */
                    "X-Content-Type-Options"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            401: components["responses"]["NotSignedIn"];
            404: components["responses"]["NotFound"];
        };
    };
    getEvents: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description `event: hello` once at the start; `domain-added`, `domain-changed`, `domain-gone` with DomainEvent; `reports-changed` with {"domain"}; `alerts-changed` with {"domain"}, null for none; a comment line every 15 s. Events carry no history: after a reconnect the panel reads again what it shows. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example retry: 2000
                     *
                     *     event: hello
                     *     data: {}
                     *
                     *     event: domain-changed
                     *     data: {"domain":"new.example","state":"pending","mode":null}
                     */
                    "text/event-stream": string;
                };
            };
            401: components["responses"]["NotSignedIn"];
        };
    };
    getReporterStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "enabled": true,
                     *       "organization_name": "Example",
                     *       "contact": "tlsrpt@example.net",
                     *       "next_run": "2026-11-25T00:00:00Z",
                     *       "spread_s": 14400,
                     *       "caps": {
                     *         "rua_max": 10,
                     *         "reports_per_address_max": 10000,
                     *         "reports_per_host_max": 100000,
                     *         "report_bytes_max": 10000000
                     *       },
                     *       "days": [
                     *         {
                     *           "day": "2026-11-23",
                     *           "domains": 31,
                     *           "sent": 30,
                     *           "retry": 1,
                     *           "failed": 2,
                     *           "capped": 1,
                     *           "finished": false
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ReporterStatus"];
                };
            };
            401: components["responses"]["NotSignedIn"];
        };
    };
    runReporter: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "day": "2026-11-23"
                 *     }
                 */
                "application/json": components["schemas"]["RunReporter"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "day": "2026-11-23",
                     *       "reports": [
                     *         {
                     *           "domain": "example.org",
                     *           "rua": "https://reports.example.org/tlsrpt",
                     *           "result": "sent"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ReporterRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["WrongState"];
            422: components["responses"]["InvalidField"];
        };
    };
    resendReport: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "day": "2026-11-23",
                 *       "domain": "example.org"
                 *     }
                 */
                "application/json": components["schemas"]["ResendReport"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "day": "2026-11-23",
                     *       "reports": [
                     *         {
                     *           "domain": "example.org",
                     *           "rua": "mailto:tlsrpt@example.org",
                     *           "result": "sent"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ReporterRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["WrongState"];
            422: components["responses"]["InvalidField"];
        };
    };
    listReportDeliveries: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description YYYY-MM-DD, `today` or `yesterday` (UTC) */
                day: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "day": "2026-11-23",
                     *       "reports": [
                     *         {
                     *           "domain": "example.org",
                     *           "rua": "mailto:tlsrpt@example.org",
                     *           "state": "retry",
                     *           "attempts": 1,
                     *           "first_attempt": "2026-11-24T01:02:03Z",
                     *           "next_attempt": "2026-11-24T01:07:03Z",
                     *           "error": "mx.example.org[192.0.2.1]: RCPT: 451 4.7.1 later"
                     *         }
                     *       ],
                     *       "domains": [
                     *         {
                     *           "domain": "example.org",
                     *           "by_policy_type": [
                     *             {
                     *               "policy_type": "sts",
                     *               "ok": 12,
                     *               "failed": 1
                     *             }
                     *           ],
                     *           "due": "2026-11-24T01:02:03Z"
                     *         }
                     *       ],
                     *       "domains_total": 1
                     *     }
                     */
                    "application/json": components["schemas"]["ReportDeliveries"];
                };
            };
            401: components["responses"]["NotSignedIn"];
            404: components["responses"]["NotFound"];
        };
    };
    getSentReport: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description YYYY-MM-DD, `today` or `yesterday` (UTC) */
                day: string;
                domain: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "day": "2026-11-23",
                     *       "domain": "example.org",
                     *       "preview": true,
                     *       "report": {
                     *         "organization-name": "Example",
                     *         "report-id": "2026-11-23_example.org@example.net",
                     *         "policies": []
                     *       },
                     *       "deliveries": []
                     *     }
                     */
                    "application/json": components["schemas"]["SentReport"];
                };
            };
            401: components["responses"]["NotSignedIn"];
            404: components["responses"]["NotFound"];
        };
    };
    listSuppressions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "suppressions": [
                     *         {
                     *           "target": "tlsrpt@example.org",
                     *           "until": "2026-12-24T09:00:00Z",
                     *           "added": "2026-11-24T09:00:00Z",
                     *           "actor": "cli:local",
                     *           "reason": "mailbox is full",
                     *           "in_force": true
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Suppressions"];
                };
            };
            401: components["responses"]["NotSignedIn"];
        };
    };
    suppressReports: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "target": "tlsrpt@example.org",
                 *       "days": 30,
                 *       "reason": "mailbox is full"
                 *     }
                 */
                "application/json": components["schemas"]["SuppressReports"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "target": "tlsrpt@example.org",
                     *       "until": "2026-12-24T09:00:00Z",
                     *       "added": "2026-11-24T09:00:00Z",
                     *       "actor": "cli:local",
                     *       "reason": "mailbox is full",
                     *       "in_force": true
                     *     }
                     */
                    "application/json": components["schemas"]["Suppression"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            422: components["responses"]["InvalidField"];
        };
    };
    readBounce: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "message_id": "1795510800.mzxw6ytboi4tcmrt.ge3tinzyga3dgnzsgi4taobugu3dqmbt@example.net",
                 *       "recipients": [
                 *         {
                 *           "original_recipient": "",
                 *           "final_recipient": "tlsrpt@example.org",
                 *           "action": "failed",
                 *           "status": "5.1.1",
                 *           "diagnostic": "smtp; 550 5.1.1 no such user"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["Bounce"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "suppressed": {
                     *         "target": "tlsrpt@example.org",
                     *         "until": "2026-12-01T09:00:00Z",
                     *         "added": "2026-11-24T09:00:00Z",
                     *         "actor": "bounce",
                     *         "reason": "bounce: 5.1.1: smtp; 550 5.1.1 no such user",
                     *         "in_force": true
                     *       },
                     *       "reason": "bounce: 5.1.1: smtp; 550 5.1.1 no such user"
                     *     }
                     */
                    "application/json": components["schemas"]["BounceVerdict"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            422: components["responses"]["InvalidField"];
        };
    };
    liftSuppression: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "target": "tlsrpt@example.org"
                 *     }
                 */
                "application/json": components["schemas"]["LiftSuppression"];
            };
        };
        responses: {
            /** @description Lifted */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["InvalidField"];
        };
    };
    listCache: {
        parameters: {
            query?: {
                q?: string;
                limit?: number;
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "entries": [
                     *         {
                     *           "domain": "example.org",
                     *           "mode": "enforce",
                     *           "policy_id": "20260301T000000",
                     *           "mx": [
                     *             "mx.example.org",
                     *             "*.mail.example.org"
                     *           ],
                     *           "max_age_s": 604800,
                     *           "fetched": "2026-11-24T06:00:00Z",
                     *           "expires": "2026-12-01T06:00:00Z",
                     *           "next_refresh": "2026-11-25T06:00:00Z",
                     *           "failures": [],
                     *           "problem": null
                     *         },
                     *         {
                     *           "domain": "nowhere.example",
                     *           "mode": null,
                     *           "policy_id": null,
                     *           "mx": [],
                     *           "max_age_s": null,
                     *           "fetched": null,
                     *           "expires": null,
                     *           "next_refresh": null,
                     *           "failures": [
                     *             {
                     *               "id": "7",
                     *               "at": "2026-11-24T09:00:00Z"
                     *             }
                     *           ],
                     *           "problem": "fetching the policy failed at 2026-11-24T09:00:00Z"
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["CacheList"];
                };
            };
            401: components["responses"]["NotSignedIn"];
        };
    };
    purgeCache: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Forgotten */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "purged": 1204
                     *     }
                     */
                    "application/json": components["schemas"]["CachePurged"];
                };
            };
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
        };
    };
    exportCache: {
        parameters: {
            query?: {
                limit?: number;
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "entries": [
                     *         {
                     *           "domain": "example.org",
                     *           "policy": "secure match=mx.example.org:.mail.example.org servername=hostname",
                     *           "source": "sts",
                     *           "expires": "2026-12-01T06:00:00Z"
                     *         },
                     *         {
                     *           "domain": "dane.example",
                     *           "policy": "dane-only",
                     *           "source": "dane",
                     *           "expires": null
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["CacheExport"];
                };
            };
            401: components["responses"]["NotSignedIn"];
        };
    };
    refreshCacheEntry: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What came */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "domain": "example.org",
                     *       "outcome": "failed",
                     *       "failure": "sts-webpki-invalid",
                     *       "detail": "the certificate has expired",
                     *       "entry": {
                     *         "domain": "example.org",
                     *         "mode": "enforce",
                     *         "policy_id": "20260301T000000",
                     *         "mx": [
                     *           "mx.example.org",
                     *           "*.mail.example.org"
                     *         ],
                     *         "max_age_s": 604800,
                     *         "fetched": "2026-11-24T06:00:00Z",
                     *         "expires": "2026-12-01T06:00:00Z",
                     *         "next_refresh": "2026-11-25T06:00:00Z",
                     *         "failures": [
                     *           {
                     *             "id": "20260301T000000",
                     *             "at": "2026-11-24T09:10:00Z"
                     *           }
                     *         ],
                     *         "problem": "fetching the policy failed at 2026-11-24T09:10:00Z"
                     *       },
                     *       "answer": {
                     *         "domain": "example.org",
                     *         "decision": {
                     *           "level": "secure",
                     *           "match": [
                     *             "mx.example.org",
                     *             ".mail.example.org"
                     *           ],
                     *           "source": "sts",
                     *           "mode": "enforce"
                     *         },
                     *         "reply": "OK secure match=mx.example.org:.mail.example.org servername=hostname",
                     *         "reply_tlsrpt": "OK secure match=mx.example.org:.mail.example.org servername=hostname policy_type=sts policy_domain=example.org mx_host_pattern=mx.example.org mx_host_pattern=*.mail.example.org { policy_string = version: STSv1 } { policy_string = mode: enforce } { policy_string = mx: mx.example.org } { policy_string = mx: *.mail.example.org } { policy_string = max_age: 604800 }",
                     *         "reasons": [
                     *           "the policy of example.org is enforced"
                     *         ],
                     *         "cache": {
                     *           "state": "hit",
                     *           "policy_id": "20260301T000000",
                     *           "fetched": "2026-11-24T06:00:00Z",
                     *           "expires": "2026-12-01T06:00:00Z",
                     *           "next_refresh": "2026-11-25T06:00:00Z"
                     *         },
                     *         "evidence": null
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["CacheRefresh"];
                };
            };
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
        };
    };
    listOverrides: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "overrides": [
                     *         {
                     *           "domain": ".partner.example",
                     *           "level": "secure",
                     *           "match": [
                     *             ".partner.example"
                     *           ],
                     *           "origin": "configuration",
                     *           "in_force": true,
                     *           "added": null,
                     *           "actor": null,
                     *           "reason": null
                     *         },
                     *         {
                     *           "domain": "broken.example",
                     *           "level": "may",
                     *           "match": [],
                     *           "origin": "added",
                     *           "in_force": true,
                     *           "added": "2026-11-24T09:00:00Z",
                     *           "actor": "cli:local",
                     *           "reason": "their certificate has expired, they know"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["OverrideList"];
                };
            };
            401: components["responses"]["NotSignedIn"];
        };
    };
    putOverride: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path: {
                /** @description example.org, or .example.org for all below it */
                domain: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "level": "may",
                 *       "match": [],
                 *       "reason": "their certificate has expired, they know"
                 *     }
                 */
                "application/json": components["schemas"]["PutOverride"];
            };
        };
        responses: {
            /** @description In force */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "domain": "broken.example",
                     *       "level": "may",
                     *       "match": [],
                     *       "origin": "added",
                     *       "in_force": true,
                     *       "added": "2026-11-24T09:00:00Z",
                     *       "actor": "cli:local",
                     *       "reason": "their certificate has expired, they know"
                     *     }
                     */
                    "application/json": components["schemas"]["Override"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["WrongState"];
            422: components["responses"]["InvalidField"];
        };
    };
    removeOverride: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path: {
                /** @description example.org, or .example.org for all below it */
                domain: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Removed */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
        };
    };
    getCacheEntry: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "domain": "example.org",
                     *       "mode": "enforce",
                     *       "policy_id": "20260301T000000",
                     *       "mx": [
                     *         "mx.example.org",
                     *         "*.mail.example.org"
                     *       ],
                     *       "max_age_s": 604800,
                     *       "fetched": "2026-11-24T06:00:00Z",
                     *       "expires": "2026-12-01T06:00:00Z",
                     *       "next_refresh": "2026-11-25T06:00:00Z",
                     *       "failures": [],
                     *       "problem": null,
                     *       "lines": [
                     *         "version: STSv1",
                     *         "mode: enforce",
                     *         "mx: mx.example.org",
                     *         "mx: *.mail.example.org",
                     *         "max_age: 604800"
                     *       ],
                     *       "last_used": "2026-11-24T09:10:00Z",
                     *       "id_checked": "2026-11-24T09:10:00Z",
                     *       "answer": {
                     *         "domain": "example.org",
                     *         "decision": {
                     *           "level": "secure",
                     *           "match": [
                     *             "mx.example.org",
                     *             ".mail.example.org"
                     *           ],
                     *           "source": "sts",
                     *           "mode": "enforce"
                     *         },
                     *         "reply": "OK secure match=mx.example.org:.mail.example.org servername=hostname",
                     *         "reply_tlsrpt": "OK secure match=mx.example.org:.mail.example.org servername=hostname policy_type=sts policy_domain=example.org mx_host_pattern=mx.example.org mx_host_pattern=*.mail.example.org { policy_string = version: STSv1 } { policy_string = mode: enforce } { policy_string = mx: mx.example.org } { policy_string = mx: *.mail.example.org } { policy_string = max_age: 604800 }",
                     *         "reasons": [
                     *           "the policy of example.org is enforced"
                     *         ],
                     *         "cache": {
                     *           "state": "hit",
                     *           "policy_id": "20260301T000000",
                     *           "fetched": "2026-11-24T06:00:00Z",
                     *           "expires": "2026-12-01T06:00:00Z",
                     *           "next_refresh": "2026-11-25T06:00:00Z"
                     *         },
                     *         "evidence": null
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["CacheEntryDetail"];
                };
            };
            401: components["responses"]["NotSignedIn"];
            404: components["responses"]["NotFound"];
        };
    };
    purgeCacheEntry: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Forgotten */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
        };
    };
    queryDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "domain": "example.org",
                     *       "decision": {
                     *         "level": "secure",
                     *         "match": [
                     *           "mx.example.org",
                     *           ".mail.example.org"
                     *         ],
                     *         "source": "sts",
                     *         "mode": "enforce"
                     *       },
                     *       "reply": "OK secure match=mx.example.org:.mail.example.org servername=hostname",
                     *       "reply_tlsrpt": "OK secure match=mx.example.org:.mail.example.org servername=hostname policy_type=sts policy_domain=example.org { policy_string = version: STSv1 } { policy_string = mode: enforce } { policy_string = mx: mx.example.org } { policy_string = mx: *.mail.example.org } { policy_string = max_age: 604800 } { mx_host_pattern = mx.example.org } { mx_host_pattern = *.mail.example.org }",
                     *       "reasons": [
                     *         "MX RRset is insecure",
                     *         "STS policy 20260301T000000 is enforce"
                     *       ],
                     *       "cache": {
                     *         "state": "hit",
                     *         "policy_id": "20260301T000000",
                     *         "fetched": "2026-11-24T06:00:00Z",
                     *         "expires": "2026-12-01T06:00:00Z",
                     *         "next_refresh": "2026-11-25T06:00:00Z"
                     *       },
                     *       "evidence": {
                     *         "key": {
                     *           "kind": "domain",
                     *           "name": "example.org",
                     *           "port": null,
                     *           "why": ""
                     *         },
                     *         "mx": {
                     *           "answer": "records",
                     *           "secure": false,
                     *           "records": [
                     *             {
                     *               "preference": 10,
                     *               "exchange": "mx.example.org"
                     *             }
                     *           ],
                     *           "ttl_s": 3600,
                     *           "aliases": [],
                     *           "error": ""
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Query"];
                };
            };
            401: components["responses"]["NotSignedIn"];
        };
    };
    listCertificates: {
        parameters: {
            query?: {
                limit?: number;
                /** @description On the unix socket only */
                organization?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "certificates": [
                     *         {
                     *           "host": "mta-sts.example.com",
                     *           "domain": "example.com",
                     *           "state": "valid",
                     *           "overdue": false,
                     *           "ca": "https://acme-v02.api.letsencrypt.org/directory",
                     *           "not_before": "2026-10-01T08:00:00Z",
                     *           "not_after": "2026-12-30T08:00:00Z",
                     *           "renew_at": "2026-11-29T14:03:11Z",
                     *           "suggested_window": {
                     *             "start": "2026-11-29T00:00:00Z",
                     *             "end": "2026-12-01T00:00:00Z",
                     *             "explanation_url": null
                     *           },
                     *           "next_try": null,
                     *           "failures": 0,
                     *           "failing_since": null,
                     *           "last_error": null,
                     *           "waits_for": null,
                     *           "queue_position": null
                     *         }
                     *       ],
                     *       "total": 1
                     *     }
                     */
                    "application/json": components["schemas"]["CertificateList"];
                };
            };
            401: components["responses"]["NotSignedIn"];
        };
    };
    getCertificateBudget: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "cas": [
                     *         {
                     *           "directory": "https://acme-v02.api.letsencrypt.org/directory",
                     *           "caa_issuer": "letsencrypt.org",
                     *           "profile": null,
                     *           "account": true,
                     *           "problem": null,
                     *           "passed_over_until": null,
                     *           "certificates": 812,
                     *           "orders": {
                     *             "used": 270,
                     *             "limit": 300,
                     *             "window_s": 10800,
                     *             "frees_at": "2026-11-24T12:10:05Z"
                     *           },
                     *           "limits": {
                     *             "certificates_per_domain_and_week": 50,
                     *             "certificates_per_name_and_week": 5,
                     *             "failures_per_name_and_hour": 5,
                     *             "renewals_exempt": true
                     *           }
                     *         }
                     *       ],
                     *       "queue": {
                     *         "waiting": 14,
                     *         "ordering": 0,
                     *         "next": "2026-11-24T12:10:05Z"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["CertificateBudget"];
                };
            };
            401: components["responses"]["NotSignedIn"];
        };
    };
    listAudit: {
        parameters: {
            query?: {
                domain?: string;
                limit?: number;
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "entries": [
                     *         {
                     *           "id": "a-31",
                     *           "at": "2026-11-23T13:00:00Z",
                     *           "actor": {
                     *             "kind": "user",
                     *             "name": "owner"
                     *           },
                     *           "organization": "Example",
                     *           "action": "domain.mode",
                     *           "domain": "shop.example",
                     *           "domain_unicode": "shop.example",
                     *           "from": "mode=testing",
                     *           "to": "mode=enforce policy_id=20261123T130000",
                     *           "reason": "mx3 is being switched off today"
                     *         },
                     *         {
                     *           "id": "a-30",
                     *           "at": "2026-11-23T12:00:00Z",
                     *           "actor": {
                     *             "kind": "cli",
                     *             "name": "root"
                     *           },
                     *           "organization": "Example",
                     *           "action": "domain.add",
                     *           "domain": "new.example",
                     *           "domain_unicode": "new.example",
                     *           "from": null,
                     *           "to": "label=k3vq7d2m5xnbt4lw6yzc8hjr9s",
                     *           "reason": null
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["AuditList"];
                };
            };
            401: components["responses"]["NotSignedIn"];
        };
    };
    listAlerts: {
        parameters: {
            query?: {
                state?: "open" | "resolved" | "all";
                /** @description This one and worse */
                severity?: components["schemas"]["Severity"];
                domain?: string;
                kind?: string;
                limit?: number;
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "alerts": [
                     *         {
                     *           "id": "12",
                     *           "kind": "mx-new-host",
                     *           "severity": "critical",
                     *           "domain": "shop.example",
                     *           "domain_unicode": "shop.example",
                     *           "subject": "mx9.shop.example",
                     *           "arguments": {
                     *             "host": "mx9.shop.example"
                     *           },
                     *           "opened": "2026-11-24T07:10:00Z",
                     *           "last_seen": "2026-11-24T08:50:00Z",
                     *           "resolved": null,
                     *           "acknowledged": null
                     *         },
                     *         {
                     *           "id": "9",
                     *           "kind": "mx-certificate-expiring",
                     *           "severity": "warning",
                     *           "domain": "example.com",
                     *           "domain_unicode": "example.com",
                     *           "subject": "mx1.example.com",
                     *           "arguments": {
                     *             "host": "mx1.example.com",
                     *             "not_after": "2026-12-06T10:00:00Z",
                     *             "days": 12
                     *           },
                     *           "opened": "2026-11-22T10:00:00Z",
                     *           "last_seen": "2026-11-24T08:50:00Z",
                     *           "resolved": null,
                     *           "acknowledged": {
                     *             "at": "2026-11-22T11:00:00Z",
                     *             "by": "user:owner",
                     *             "note": "renews on Friday"
                     *           }
                     *         }
                     *       ],
                     *       "open": {
                     *         "critical": 1,
                     *         "error": 0,
                     *         "warning": 1,
                     *         "info": 0,
                     *         "unacknowledged": 1
                     *       },
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["AlertList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["NotSignedIn"];
        };
    };
    acknowledgeAlert: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "note": "renews on Friday"
                 *     }
                 */
                "application/json": {
                    note?: string | null;
                };
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "9",
                     *       "kind": "mx-certificate-expiring",
                     *       "severity": "warning",
                     *       "domain": "example.com",
                     *       "domain_unicode": "example.com",
                     *       "subject": "mx1.example.com",
                     *       "arguments": {
                     *         "host": "mx1.example.com",
                     *         "not_after": "2026-12-06T10:00:00Z",
                     *         "days": 12
                     *       },
                     *       "opened": "2026-11-22T10:00:00Z",
                     *       "last_seen": "2026-11-24T08:50:00Z",
                     *       "resolved": null,
                     *       "acknowledged": {
                     *         "at": "2026-11-22T11:00:00Z",
                     *         "by": "user:owner",
                     *         "note": "renews on Friday"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Alert"];
                };
            };
            401: components["responses"]["NotSignedIn"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["WrongState"];
            422: components["responses"]["InvalidField"];
        };
    };
    listQuarantine: {
        parameters: {
            query?: {
                limit?: number;
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "mails": [
                     *         {
                     *           "id": "12",
                     *           "domain": "shop.example",
                     *           "received": "2026-11-24T08:00:00Z",
                     *           "last_received": "2026-11-24T08:00:00Z",
                     *           "arrivals": 1,
                     *           "via": "smtp",
                     *           "source": "192.0.2.7 (mail.sender.example)",
                     *           "sender": "tls@sender.example",
                     *           "subject": "Report Domain: shop.example Submitter: sender.example",
                     *           "reason": "unsigned",
                     *           "detail": "the mail has no DKIM signature",
                     *           "raw_bytes": 2410
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": {
                        mails: components["schemas"]["KeptMail"][];
                        next_cursor: string | null;
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["NotSignedIn"];
        };
    };
    getQuarantined: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "12",
                     *       "domain": "shop.example",
                     *       "received": "2026-11-24T08:00:00Z",
                     *       "last_received": "2026-11-24T08:00:00Z",
                     *       "arrivals": 1,
                     *       "via": "smtp",
                     *       "source": "192.0.2.7 (mail.sender.example)",
                     *       "sender": "tls@sender.example",
                     *       "subject": "Report Domain: shop.example Submitter: sender.example",
                     *       "reason": "unsigned",
                     *       "detail": "the mail has no DKIM signature",
                     *       "raw_bytes": 2410
                     *     }
                     */
                    "application/json": components["schemas"]["KeptMail"];
                };
            };
            401: components["responses"]["NotSignedIn"];
            404: components["responses"]["NotFound"];
        };
    };
    dropQuarantined: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Gone */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["NotSignedIn"];
            404: components["responses"]["NotFound"];
        };
    };
    getQuarantinedRaw: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            401: components["responses"]["NotSignedIn"];
            404: components["responses"]["NotFound"];
        };
    };
    retryQuarantined: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "accept": "asked the submitter: they really sent it"
                 *     }
                 */
                "application/json": {
                    accept?: string | null;
                };
            };
        };
        responses: {
            /** @description What became of it; when it counts, it is in the quarantine no more */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "counted": true,
                     *       "stored": 1,
                     *       "duplicates": 0,
                     *       "reason": null,
                     *       "detail": null
                     *     }
                     */
                    "application/json": {
                        counted: boolean;
                        stored: number;
                        duplicates: number;
                        reason: string | null;
                        detail: string | null;
                    };
                };
            };
            401: components["responses"]["NotSignedIn"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["InvalidField"];
            /** @description The intake does not run in this process */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    addDomains: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "text": "new.example\npublic..suffix\n",
                 *       "dry_run": true
                 *     }
                 */
                "application/json": components["schemas"]["BulkAdd"];
            };
        };
        responses: {
            /** @description What became of each line */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "dry_run": true,
                     *       "added": 1,
                     *       "existing": 0,
                     *       "refused": 1,
                     *       "lines": [
                     *         {
                     *           "line": 1,
                     *           "text": "new.example",
                     *           "domain": "new.example",
                     *           "uses": "both",
                     *           "result": "would-add",
                     *           "label": null,
                     *           "code": null,
                     *           "message": null
                     *         },
                     *         {
                     *           "line": 2,
                     *           "text": "public..suffix",
                     *           "domain": null,
                     *           "uses": "both",
                     *           "result": "refused",
                     *           "label": null,
                     *           "code": "invalid-name",
                     *           "message": "an empty label"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["BulkResult"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            422: components["responses"]["InvalidField"];
        };
    };
    setRua: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "rua": [
                 *         "mailto:tls-reports@example.com"
                 *       ]
                 *     }
                 */
                "application/json": {
                    rua: string[];
                };
            };
        };
        responses: {
            /** @description The domain */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DomainDetail"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["WrongState"];
            422: components["responses"]["InvalidField"];
        };
    };
    setUses: {
        parameters: {
            query?: never;
            header?: {
                /** @description csrf_token of the session. Needed with the cookie; not on the local socket. Missing or wrong: 403, code csrf. */
                "X-CSRF-Token"?: components["parameters"]["Csrf"];
            };
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "uses": "both"
                 *     }
                 */
                "application/json": {
                    uses: components["schemas"]["Uses"];
                };
            };
        };
        responses: {
            /** @description The domain */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DomainDetail"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["NotSignedIn"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["WrongState"];
            422: components["responses"]["InvalidField"];
        };
    };
    getHistory: {
        parameters: {
            query?: {
                limit?: number;
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description A-labels, or U-labels percent-encoded */
                domain: components["parameters"]["Domain"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "entries": [
                     *         {
                     *           "id": "7",
                     *           "at": "2026-11-23T13:00:00Z",
                     *           "actor": {
                     *             "kind": "system",
                     *             "name": "jobs"
                     *           },
                     *           "organization": "Example",
                     *           "action": "domain.state",
                     *           "domain": "shop.example",
                     *           "domain_unicode": "shop.example",
                     *           "from": "state=pending",
                     *           "to": "state=verified",
                     *           "reason": "its own name servers and our resolver show the CNAMEs"
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["AuditList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["NotSignedIn"];
            404: components["responses"]["NotFound"];
        };
    };
}
