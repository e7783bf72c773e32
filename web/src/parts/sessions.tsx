// What the reports say: sessions per day under one policy type at a time (a session can be in two, so they are never
// added up), and each failure type with its cause, what it means for mail and what to do.
import { SegmentedControl, Skeleton } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Fragment, lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { DomainDetail, ReportSummary } from "../api/client";
import { useSummary } from "../api/queries";
import { okPercent, useFormats } from "../i18n/format";
import { enforced_between, enforced_when_failing } from "./enforced";
import { Icon } from "./icons";
import { Ago, Card, Empty, Failed, Hint, Table, Words } from "./parts";
import css from "./sessions.module.css";

const SessionsChart = lazy(() => import("./sessions_chart"));

/** The result types of RFC 8460 §4.3; others come verbatim and get a general explanation. */
export const resultTypes = [
  "starttls-not-supported",
  "certificate-host-mismatch",
  "certificate-expired",
  "certificate-not-trusted",
  "validation-failure",
  "tlsa-invalid",
  "dnssec-invalid",
  "dane-required",
  "sts-policy-fetch-error",
  "sts-policy-invalid",
  "sts-webpki-invalid",
] as const;
export type ResultType = (typeof resultTypes)[number] | "unknown";
export const resultType = (word: string): ResultType => resultTypes.find((r) => r === word) ?? "unknown";

const policyTypes = ["sts", "tlsa", "no-policy-found"] as const;
export type PolicyType = (typeof policyTypes)[number];
export const policyType = (word: string): PolicyType | undefined => policyTypes.find((p) => p === word);

export function PolicyTypeName({ type }: { type: string }) {
  const { t } = useTranslation();
  const known = policyType(type);
  if (!known) return <code>{type}</code>;
  return <Hint label={t(`words.policy_type_meaning.${known}`)}>{t(`words.policy_type.${known}`)}</Hint>;
}

/** What our own probe of the host says now, beside what senders said. */
function Probe({ host, domain }: { host: string; domain: DomainDetail }) {
  const { t } = useTranslation();
  const format = useFormats();
  const mx = domain.mx.find((one) => one.host === host.toLowerCase().replace(/\.$/, ""));
  const state = mx === undefined ? "gone" : mx.probed === null ? "none" : mx.problem_code === null ? "fine" : mx.problem_code;
  return (
    <>
      <dt>{t("panel.sessions.probe", { host })}</dt>
      <dd data-testid="failure-probe" data-host={host} data-state={state}>
        {mx === undefined ? (
          t("panel.sessions.probe_gone")
        ) : mx.probed === null ? (
          t("panel.sessions.probe_none")
        ) : (
          <>
            {mx.problem_code === null ? t("panel.sessions.probe_fine") : t(`finding.mx.${mx.problem_code}`)}{" "}
            {mx.problem_code === "certificate-expired" && mx.certificate && t("panel.mx.expired", { date: format.date(mx.certificate.not_after) })} (<Ago iso={mx.probed} />)
          </>
        )}
      </dd>
    </>
  );
}

function Failure({ failure, domain }: { failure: ReportSummary["failures"][number]; domain: DomainDetail }) {
  const { t } = useTranslation();
  const format = useFormats();
  const kind = resultType(failure.type);
  const hosts = failure.hosts.filter((h) => h.host !== null);
  const span = failure.first_day === failure.last_day ? format.utcDay(failure.first_day) : `${format.utcDay(failure.first_day)} – ${format.utcDay(failure.last_day)}`;
  return (
    <li className={css.failure} data-testid="failure" data-type={failure.type} data-policy-type={failure.policy_type} data-sessions={failure.sessions}>
      <details>
        <summary>
          <Icon name="right" />
          <div>
            <div className={css.title}>
              {t(`result.${kind}.title`)} <code translate="no">{failure.type}</code>
            </div>
            <div className={css.where}>
              {[hosts.map((h) => h.host).join(", "), failure.submitters.map((s) => s.submitter).join(", "), span].filter(Boolean).join(" · ")}
            </div>
          </div>
          <div className={css.count}>{t("panel.sessions.count", { count: failure.sessions, n: format.number(failure.sessions) })}</div>
        </summary>
        <div className={css.explain}>
          <dl>
            <dt>{t("panel.sessions.cause")}</dt>
            <dd>{t(`result.${kind}.cause`)}</dd>
            <dt>{t("panel.sessions.meaning")}</dt>
            <dd><Words>{enforced_between(domain.versions, failure.first_day, failure.last_day) ? t(`result.${kind}.meaning`) : t("panel.sessions.meaning_testing")}</Words></dd>
            <dt>{t("panel.sessions.action")}</dt>
            <dd>{t(`result.${kind}.action`)}</dd>
            {failure.reason_codes.length > 0 && (
              <>
                <dt>{t("panel.sessions.their_words")}</dt>
                <dd>
                  <code translate="no">{failure.reason_codes.join(" · ")}</code>
                </dd>
              </>
            )}
            {hosts.map(({ host }) => host !== null && <Probe key={host} host={host} domain={domain} />)}
            {failure.explanations.map(({ explanation, urgency }) => (
              <Fragment key={explanation}>
                <dt data-testid="reason" data-reason={explanation}>
                  {t(`reason.${explanation}.title`)} ({t(`words.urgency.${urgency}`)})
                </dt>
                <dd>
                  {t(`reason.${explanation}.cause`)} {t(`reason.${explanation}.action`)}
                </dd>
              </Fragment>
            ))}
            {hosts.length > 1 && (
              <>
                <dt>{t("panel.sessions.by_host")}</dt>
                <dd>{hosts.map((h) => `${h.host ?? ""}: ${format.number(h.sessions)}`).join(" · ")}</dd>
              </>
            )}
            {failure.submitters.length > 1 && (
              <>
                <dt>{t("panel.sessions.by_sender")}</dt>
                <dd>{failure.submitters.map((s) => `${s.submitter}: ${format.number(s.sessions)}`).join(" · ")}</dd>
              </>
            )}
          </dl>
          <Link
            to="/domains/$domain"
            params={{ domain: domain.domain }}
            search={(old) => ({ ...old, failure: failure.type })}
            hash="reports"
          >
            {t("panel.sessions.show_reports", { count: failure.reports })}
          </Link>
        </div>
      </details>
    </li>
  );
}

export function Sessions({ domain }: { domain: DomainDetail }) {
  const { t } = useTranslation();
  const format = useFormats();
  const search = useSearch({ from: "/domains/$domain" });
  const navigate = useNavigate({ from: "/domains/$domain" });
  const days = search.days ?? 30;
  const summary = useSummary(domain.domain, days);
  const [view, setView] = useState<"chart" | "table">("chart");
  const types = summary.data?.by_policy_type ?? [];
  const shown = types.find((p) => p.policy_type === search.type) ?? types.find((p) => p.policy_type === domain.week.policy_type) ?? types[0];
  const failures = summary.data?.failures.filter((f) => f.policy_type === shown?.policy_type) ?? [];
  const refused = shown !== undefined && enforced_when_failing(domain.versions, shown.days);
  const percent = shown ? okPercent(shown.ok, shown.failed) : null;
  const go = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false });

  return (
    <Card
      title={t("panel.sessions.title")}
      testid="sessions"
      flush
      actions={
        <div className={css.tools}>
          <SegmentedControl size="xs" aria-label={t("panel.sessions.period")} value={String(days)} onChange={(n) => { go({ days: n === "7" ? 7 : n === "90" ? 90 : undefined }); }} data={["7", "30", "90"].map((n) => ({ value: n, label: t("panel.days_short", { count: Number(n) }) }))} data-testid="days" />
          <SegmentedControl size="xs" aria-label={t("panel.sessions.view")} value={view} onChange={(v) => { setView(v === "table" ? "table" : "chart"); }} data={[{ value: "chart", label: t("panel.sessions.chart") }, { value: "table", label: t("panel.sessions.table") }]} data-testid="sessions-view" />
        </div>
      }
    >
      <div style={{ padding: "4px 20px 12px" }}>
        {types.length > 1 && shown && (
          <SegmentedControl
            size="xs"
            mb={12}
            aria-label={t("panel.sessions.policy_type")}
            value={shown.policy_type}
            onChange={(type) => {
              go({ type });
            }}
            data={types.map((p) => {
              const known = policyType(p.policy_type);
              return { value: p.policy_type, label: known ? t(`words.policy_type.${known}`) : p.policy_type };
            })}
            data-testid="policy-types"
          />
        )}
        {summary.isPending && <Skeleton height={306} />}
        {summary.isError && <Failed error={summary.error} retry={() => void summary.refetch()} />}
        {summary.isSuccess && !shown && <Empty>{t("panel.sessions.none")}</Empty>}
        {summary.isSuccess && shown && (
          <>
            <div className={css.figures} data-testid="session-figures" data-ok={shown.ok} data-failed={shown.failed} data-policy-type={shown.policy_type}>
              <div>
                <b>{format.number(shown.ok)}</b>
                <span>{t("panel.sessions.ok")}</span>
              </div>
              <div>
                <b style={shown.failed > 0 ? { color: refused ? "var(--red)" : "var(--amber)" } : undefined}>{format.number(shown.failed)}</b>
                <span>{shown.failed > 0 && !refused ? t("panel.sessions.failed_delivered") : t("panel.sessions.failed")}</span>
              </div>
              {percent !== null && (
                <div>
                  <b>{format.percent(percent)}</b>
                  <span>
                    <PolicyTypeName type={shown.policy_type} />
                  </span>
                </div>
              )}
            </div>
            {view === "chart" ? (
              <Suspense fallback={<Skeleton height={252} />}>
                <SessionsChart
                  days={shown.days}
                  events={summary.data.events}
                  failed_tone={refused ? "red" : "amber"}
                  label={t("panel.sessions.chart_label", { from: format.utcDay(summary.data.from), to: format.utcDay(summary.data.to), ok: format.number(shown.ok), failed: format.number(shown.failed) })}
                />
              </Suspense>
            ) : (
              <div style={{ maxHeight: 320, overflow: "auto", margin: "0 -20px" }} role="region" aria-label={t("panel.sessions.table")} data-testid="sessions-table" tabIndex={-1}>
                <Table
                  caption={t("panel.sessions.title")}
                  rows={[...shown.days].reverse()}
                  rowKey={(d) => d.day}
                  columns={[
                    { head: t("panel.sessions.day"), cell: (d) => format.utcDay(d.day) },
                    { head: t("panel.sessions.ok"), right: true, cell: (d) => (d.ok === null ? t("panel.sessions.no_report") : format.number(d.ok)) },
                    { head: t("panel.sessions.failed"), right: true, cell: (d) => (d.failed === null ? "–" : format.number(d.failed)) },
                  ]}
                />
              </div>
            )}
          </>
        )}
      </div>
      {failures.length > 0 && (
        <>
          <h3 style={{ padding: "4px 20px 8px" }}>{t("panel.sessions.why")}</h3>
          <ul className={css.failures} data-testid="failures">
            {failures.map((failure) => (
              <Failure key={failure.type} failure={failure} domain={domain} />
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}
