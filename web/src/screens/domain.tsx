// One domain: the sentence that answers, the way it has come, and what stands behind each.
import { Button, Skeleton } from "@mantine/core";
import { Link, useParams, useSearch, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, type DomainDetail } from "../api/client";
import { useDomain, useProbe, useReports, useSetPolicyMx, useVerify } from "../api/queries";
import { NotFound } from "../app/shell";
import { daysUntil, useFormats } from "../i18n/format";
import { Icon } from "../parts/icons";
import { Ago, Card, Chip, CopyIcon, Empty, Failed, Hint, Loading, ModeChip, Notice, Pre, Table, useErrorText, useTitle, Words } from "../parts/parts";
import { Fetches } from "../parts/fetches";
import { MxStanding } from "../parts/mx_standing";
import { Progress } from "../parts/progress";
import { Conditions } from "../parts/readiness";
import { CopyBar, Records, recordsTitle } from "../parts/records";
import { PolicyTypeName, resultType, Sessions } from "../parts/sessions";
import { hasPolicy, standing, strip, tone, toneIcon } from "../parts/standing";
import { useAnswer } from "../parts/state_line";
import { WouldRefuse } from "../parts/would_refuse";
import { ModeSheet, RetireSheet } from "./mode_sheet";
import { History, OwnRua } from "./history";
import css from "./domain.module.css";

type Mx = DomainDetail["mx"][number];

function Strip({ domain }: { domain: DomainDetail }) {
  const { t } = useTranslation();
  if (domain.state === "monitored" || domain.state === "paused") return null;
  return (
    <ol className={css.strip} data-testid="state-strip" data-state={domain.state}>
      {strip(domain.state).map(({ step, place }) => (
        <li key={step} className={css.step} data-place={place} aria-current={place === "here" ? "step" : undefined}>
          {place === "done" ? <Icon name="check" size={14} /> : place === "here" ? <Icon name={step === "enforce" ? "shield" : "right"} size={14} /> : null}
          <span>{t(`words.step.${step}`)}</span>
        </li>
      ))}
    </ol>
  );
}

/** The one thing that can be mended from here. */
function Fix({ domain }: { domain: DomainDetail }) {
  const { t } = useTranslation();
  const setMx = useSetPolicyMx(domain.domain);
  const errorText = useErrorText();
  const host = domain.attention?.host;
  if (domain.attention?.code !== "mx-not-in-policy" || !host || !domain.policy) return null;
  const mx = [...domain.policy.mx, host];
  return (
    <div className={css.fix}>
      <Button
        loading={setMx.isPending}
        onClick={() => {
          setMx.mutate(mx);
        }}
        data-testid="fix-mx"
      >
        {t("panel.domain.add_mx", { host })}
      </Button>
      {setMx.isError && <span className={css.bad}>{errorText(setMx.error)}</span>}
    </div>
  );
}

// Failures of the jobs themselves: the reason is in their own words, for a person who knows servers. While a domain
// moves in, the step that failed says it.
const causes = ["issuance-failing", "renewal-failing", "read-back-failing", "no-mx"];

function Cause({ domain }: { domain: DomainDetail }) {
  if (!domain.attention || !causes.includes(domain.attention.code)) return null;
  return (
    <p className={css.cause} lang="en">
      {domain.attention.message}
    </p>
  );
}

function Yes({ ok, yes, no, unknown }: { ok: boolean | null; yes: string; no: string; unknown: string }) {
  if (ok === null) return <span className={css.dim}>{unknown}</span>;
  return (
    <span className={`${css.cell} ${ok ? css.good : css.bad}`}>
      <Icon name={ok ? "check" : "cross"} />
      {ok ? yes : no}
    </span>
  );
}

function MxCertificate({ mx }: { mx: Mx }) {
  const { t } = useTranslation();
  const format = useFormats();
  if (!mx.certificate) return <span className={css.dim}>–</span>;
  const days = daysUntil(mx.certificate.not_after);
  return (
    <span className={days < 0 ? css.bad : days < 21 ? css.warn : undefined} title={[format.exact(mx.certificate.not_after), mx.certificate.names.join(", "), mx.certificate.issuer].filter(Boolean).join("\n")}>
      {days < 0 ? t("panel.mx.expired", { date: format.date(mx.certificate.not_after) }) : t("panel.mx.until", { date: format.date(mx.certificate.not_after), days: t("panel.days_short", { count: days }) })}
    </span>
  );
}

function MxTable({ domain }: { domain: DomainDetail }) {
  const { t } = useTranslation();
  const probe = useProbe(domain.domain);
  const errorText = useErrorText();
  return (
    <Card
      title={t("panel.mx.title")}
      testid="mx"
      flush
      actions={
        <>
          {probe.isError && <span className={css.warn}>{errorText(probe.error)}</span>}
          <span className={css.dim} style={{ fontSize: 13 }}>
            <Hint label={t(`panel.mx.dnssec_meaning.${domain.mx_dnssec}`)}>DNSSEC: {t(`panel.mx.dnssec.${domain.mx_dnssec}`)}</Hint>
          </span>
          <Button
            variant="default"
            size="xs"
            leftSection={<Icon name="refresh" size={14} />}
            loading={probe.isPending}
            onClick={() => {
              probe.mutate();
            }}
            data-testid="probe"
          >
            {t("panel.mx.probe")}
          </Button>
        </>
      }
    >
      {domain.mx.length === 0 ? (
        <Empty>{t("panel.mx.none")}</Empty>
      ) : (
        <Table
          caption={t("panel.mx.title")}
          rows={domain.mx}
          rowKey={(mx) => mx.host}
          rowProps={(mx) => ({ "data-testid": "mx-row", "data-host": mx.host, "data-problem": mx.problem_code ?? undefined })}
          columns={[
            {
              head: t("panel.mx.host"),
              label: "",
              cell: (mx) => (
                <>
                  <code translate="no">{mx.host}</code>
                  {mx.problem_code !== null && (
                    <div className={mx.problem_code === "certificate-expiring" ? css.warn : css.bad} style={{ fontSize: 13, marginTop: 2, maxWidth: "58ch" }}>
                      {t(`finding.mx.${mx.problem_code}`)}
                    </div>
                  )}
                </>
              ),
            },
            { head: t("panel.mx.preference"), cell: (mx) => mx.preference },
            { head: t("panel.mx.in_policy"), cell: (mx) => <Yes ok={mx.in_policy} yes={t("panel.yes")} no={t("panel.no")} unknown={t("panel.mx.no_policy")} /> },
            { head: "STARTTLS", cell: (mx) => <Yes ok={mx.starttls} yes={mx.tls_version?.replace("TLSv", "TLS ") ?? t("panel.yes")} no={t("panel.no")} unknown={t("panel.mx.unprobed")} /> },
            { head: t("panel.mx.certificate"), cell: (mx) => <MxCertificate mx={mx} /> },
            { head: t("panel.mx.probed"), cell: (mx) => (mx.probed === null ? "–" : <Ago iso={mx.probed} />) },
          ]}
        />
      )}
    </Card>
  );
}

function Facts({ domain }: { domain: DomainDetail }) {
  const { t } = useTranslation();
  const format = useFormats();
  const { certificate, policy, holding } = domain;
  return (
    <Card title={t("panel.facts.title")} testid="facts">
      <dl className={css.facts}>
        <dt>{t("panel.facts.certificate")}</dt>
        <dd>
          {certificate === null ? (
            "–"
          ) : (
            <>
              {t("panel.mx.until", { date: format.date(certificate.not_after), days: t("panel.days_short", { count: daysUntil(certificate.not_after) }) })}
              {certificate.renewal_problem !== null && <div className={css.warn}>{t("panel.facts.renewal_failing")}</div>}
            </>
          )}
        </dd>
        <dt>{t("panel.facts.policy_id")}</dt>
        <dd>{domain.policy_id === null ? "–" : <code translate="no" data-testid="policy-id">{domain.policy_id}</code>}</dd>
        {policy && (
          <>
            <dt>
              <Hint label={t("panel.facts.max_age_hint")}>max_age</Hint>
            </dt>
            <dd>{format.duration(policy.max_age_s)}</dd>
          </>
        )}
        {holding.enforce_until !== null && (
          <>
            <dt>
              <Hint label={t("panel.facts.holders_hint")}>{t("panel.facts.holders")}</Hint>
            </dt>
            <dd>{holding.senders === null ? t("panel.facts.holders_unknown", { date: format.date(holding.enforce_until) }) : t("panel.facts.holders_value", { count: holding.senders, date: format.date(holding.enforce_until) })}</dd>
          </>
        )}
        <dt>{t("panel.facts.reports")}</dt>
        <dd>
          {format.number(domain.reports.received)}
          {domain.reports.last !== null && (
            <>
              {", "}
              {t("panel.facts.last")} <Ago iso={domain.reports.last} />
            </>
          )}
        </dd>
        <dt>{t("panel.facts.since")}</dt>
        <dd>{format.date(domain.created)}</dd>
      </dl>
    </Card>
  );
}

function Versions({ domain }: { domain: DomainDetail }) {
  const { t } = useTranslation();
  const format = useFormats();
  return (
    <Card title={t("panel.versions.title")} note={t("panel.versions.note")} testid="versions" flush>
      <Table
        caption={t("panel.versions.title")}
        rows={domain.versions}
        rowKey={(v) => String(v.version)}
        columns={[
          { head: t("panel.versions.version"), cell: (v) => `v${String(v.version)}` },
          { head: t("panel.list.mode"), cell: (v) => <ModeChip mode={v.mode} /> },
          { head: t("panel.versions.served"), cell: (v) => (v.stopped === null ? t("panel.versions.since", { date: format.date(v.body_since) }) : format.range(v.body_since, v.stopped)) },
          { head: t("panel.versions.held"), cell: (v) => (v.held_until === null ? t("panel.versions.now") : Date.parse(v.held_until) < Date.now() ? t("panel.versions.forgotten") : t("panel.versions.until", { date: format.date(v.held_until) })) },
        ]}
      />
    </Card>
  );
}

function Reports({ domain }: { domain: DomainDetail }) {
  const { t } = useTranslation();
  const format = useFormats();
  const search = useSearch({ from: "/domains/$domain" });
  const navigate = useNavigate({ from: "/domains/$domain" });
  const reports = useReports(domain.domain, { failure_type: search.failure });
  const kind = search.failure === undefined ? undefined : resultType(search.failure);
  return (
    <Card
      id="reports"
      title={t("panel.reports.title")}
      testid="reports"
      flush
      actions={
        search.failure !== undefined && (
          <Button
            variant="default"
            size="xs"
            rightSection={<Icon name="cross" size={12} />}
            data-testid="reports-filter"
            onClick={() => {
              void navigate({ search: (old) => ({ ...old, failure: undefined }), replace: true, resetScroll: false });
            }}
          >
            {t("panel.reports.only", { what: kind === undefined || kind === "unknown" ? search.failure : t(`result.${kind}.title`) })}
          </Button>
        )
      }
    >
      {reports.isError && <Failed error={reports.error} retry={() => void reports.refetch()} />}
      {reports.isPending && <Loading height={120} />}
      {reports.data?.reports.length === 0 && <Empty>{search.failure === undefined ? t("panel.reports.none") : t("panel.reports.none_match")}</Empty>}
      {reports.data && reports.data.reports.length > 0 && (
        <Table
          caption={t("panel.reports.title")}
          rows={reports.data.reports}
          rowKey={(r) => r.id}
          rowProps={(r) => ({ "data-testid": "report-row", "data-id": r.id, "data-counted": String(r.counted) })}
          columns={[
            {
              head: t("panel.reports.sender"),
              label: "",
              cell: (r) => (
                <>
                  <Link to="/domains/$domain/reports/$id" params={{ domain: domain.domain, id: r.id }} style={{ fontWeight: 500 }} data-testid="open-report">
                    {r.organization_name ?? r.submitter}
                  </Link>
                  <div className={css.dim} style={{ fontSize: 13 }}>
                    {r.submitter} · <Hint label={t(`words.trust_meaning.${r.trust}`)}>{t(`words.trust.${r.trust}`)}</Hint>
                  </div>
                </>
              ),
            },
            { head: t("panel.reports.day"), cell: (r) => (r.begin === null ? "–" : format.utcDay(r.begin)) },
            {
              head: t("panel.reports.sessions"),
              cell: (r) =>
                r.by_policy_type.map((p) => (
                  <div key={p.policy_type}>
                    <PolicyTypeName type={p.policy_type} />: {format.number(p.ok)} {t("panel.reports.ok")}
                    {p.failed > 0 && <span className={domain.mode === "enforce" ? css.bad : css.warn}>, {t("panel.reports.failed", { count: p.failed, n: format.number(p.failed) })}</span>}
                  </div>
                )),
            },
            { head: t("panel.reports.failures"), cell: (r) => (r.failure_types.length === 0 ? <span className={css.dim}>–</span> : r.failure_types.map((f) => <div key={f}><code translate="no">{f}</code></div>)) },
            {
              head: t("panel.reports.received"),
              cell: (r) => (
                <>
                  <Ago iso={r.received} />
                  <div className={css.dim} style={{ fontSize: 13 }}>
                    {t(`words.via.${r.via}`)}
                  </div>
                  {!r.counted && <Hint label={t("panel.reports.not_counted_hint")}>{t("panel.reports.not_counted")}</Hint>}
                </>
              ),
            },
          ]}
        />
      )}
    </Card>
  );
}

function Monitored({ domain }: { domain: DomainDetail }) {
  const { t } = useTranslation();
  const found = domain.monitored;
  if (!found) return null;
  return (
    <Card title={t("panel.monitored.title")} note={t("panel.monitored.note")} testid="monitored">
      {found.policy_text === null ? <Empty>{t("panel.monitored.no_policy")}</Empty> : <Pre label={t("panel.policy.title")}>{found.policy_text}</Pre>}
      <dl className={css.facts} style={{ marginTop: 14 }}>
        <dt>{t("panel.facts.policy_id")}</dt>
        <dd>
          <code translate="no">{found.policy_id ?? "–"}</code>
        </dd>
        <dt>{t("panel.monitored.rua")}</dt>
        <dd>
          <code translate="no">{found.rua.join(", ") || "–"}</code>
        </dd>
        <dt>{t("panel.mx.probed")}</dt>
        <dd>{found.checked === null ? "–" : <Ago iso={found.checked} />}</dd>
      </dl>
      <ul className={css.plain} lang="en" data-testid="findings">
        {found.findings
          .filter((one) => one.severity === "error" || one.severity === "warning")
          .map((one) => (
            <li key={`${one.id} ${one.subject}`} data-id={one.id} data-severity={one.severity}>
              <b>{one.subject}</b>: {one.message} {one.fix}
            </li>
          ))}
      </ul>
    </Card>
  );
}

function RecordsCard({ domain }: { domain: DomainDetail }) {
  const { t } = useTranslation();
  const verify = useVerify(domain.domain);
  const errorText = useErrorText();
  if (domain.records.length === 0) return null;
  return (
    <Card
      title={t(recordsTitle(domain))}
      testid="records-card"
      flush
      actions={
        <>
          <CopyBar domain={domain} />
          <Button
            variant="default"
            size="xs"
            leftSection={<Icon name="refresh" size={14} />}
            loading={verify.isPending}
            onClick={() => {
              verify.mutate();
            }}
            data-testid="verify"
          >
            {t("panel.records.verify")}
          </Button>
        </>
      }
    >
      {verify.isError && (
        <div style={{ padding: "0 20px 8px" }}>
          <Notice tone="amber" live>
            {errorText(verify.error)}
          </Notice>
        </div>
      )}
      <Records domain={domain} />
    </Card>
  );
}

function Loaded({ domain }: { domain: DomainDetail }) {
  const { t } = useTranslation();
  const [sheet, setSheet] = useState<"mode" | "retire">();
  const answer = useAnswer();
  const how = tone(domain);
  const movingIn = ["pending", "verified", "certificate"].includes(domain.state);
  const close = () => {
    setSheet(undefined);
  };
  return (
    <div data-testid="domain-page" data-domain={domain.domain} data-state={domain.state} data-mode={domain.mode ?? ""} data-pending-mode={domain.pending_mode ?? ""} data-standing={standing(domain)}>
      <div className={css.head}>
        <h1>{domain.domain_unicode}</h1>
        {domain.mode !== null && <ModeChip mode={domain.mode} />}
        {domain.state === "monitored" && (
          <Chip tone="grey" icon="eye">
            {t("words.state.monitored")}
          </Chip>
        )}
        {hasPolicy(domain) && domain.state !== "retiring" && (
          <div className={css.actions}>
            <Button
              variant={domain.state === "ready" ? "filled" : "default"}
              onClick={() => {
                setSheet("mode");
              }}
              data-testid="change-mode"
            >
              <span>
                <Words>{domain.state === "ready" ? t("panel.domain.enforce") : t("panel.domain.change_mode")}</Words>
              </span>
            </Button>
          </div>
        )}
      </div>
      {domain.domain !== domain.domain_unicode && (
        <div className={css.alabel}>
          <code translate="no">{domain.domain}</code> <CopyIcon text={domain.domain} label={t("panel.domain.copy_alabel")} />
        </div>
      )}
      <p className={css.answer} data-tone={how} data-testid="answer">
        <Icon name={movingIn && how === "grey" ? "clock" : toneIcon[how]} size={20} />
        <span>
          <Words>{answer(domain)}</Words>
        </span>
      </p>
      {!movingIn && <Cause domain={domain} />}
      <Fix domain={domain} />
      <Strip domain={domain} />
      <div className={css.grid}>
        {movingIn && (
          <>
            <RecordsCard domain={domain} />
            <div className={css.two}>
              <MxTable domain={domain} />
              <Card title={t("panel.progress.title")} testid="progress">
                <Progress steps={domain.progress} />
              </Card>
            </div>
          </>
        )}
        {!movingIn && (
          <div className={css.two}>
            <Sessions domain={domain} />
            <div className={css.stack}>
              {domain.readiness && domain.mode === "testing" && (
                <Card title={t("panel.readiness.title")} testid="readiness-card">
                  <Conditions conditions={domain.readiness.conditions} />
                </Card>
              )}
              {domain.state === "monitored" ? <Monitored domain={domain} /> : <Facts domain={domain} />}
            </div>
          </div>
        )}
        {!movingIn && <MxTable domain={domain} />}
        {!movingIn && domain.state !== "monitored" && domain.state !== "retiring" && (
          <div className={`${css.two} ${css.half}`}>
            <MxStanding domain={domain.domain} />
            {domain.readiness?.would_refuse && <WouldRefuse found={domain.readiness.would_refuse} enforced={domain.mode === "enforce"} />}
          </div>
        )}
        {!movingIn && <RecordsCard domain={domain} />}
        {domain.policy && (
          <div className={`${css.two} ${css.half}`}>
            <Card title={t("panel.policy.title")} note={<span className="mono" style={{ overflowWrap: "anywhere" }}>https://mta-sts.{domain.domain}/.well-known/mta-sts.txt</span>} testid="policy" actions={<CopyIcon text={domain.policy.text} label={t("panel.policy.copy")} />}>
              <Pre label={t("panel.policy.title")} testid="policy-text">
                {domain.policy.text}
              </Pre>
            </Card>
            <Versions domain={domain} />
          </div>
        )}
        {domain.versions.length > 0 && <Fetches domain={domain.domain} />}
        {(!movingIn || domain.reports.received > 0) && <Reports domain={domain} />}
        {domain.import !== null && domain.import.differences.length > 0 && (
          <Card title={t("panel.import.title")} note={t("panel.import.note")} testid="import">
            <ul className={css.plain} lang="en">
              {domain.import.differences.map((one) => (
                <li key={one.message} data-code={one.code}>
                  {one.message}
                </li>
              ))}
            </ul>
          </Card>
        )}
        <div className={`${css.two} ${css.half}`}>
          <OwnRua domain={domain} key={domain.own_rua.join()} />
          <History domain={domain} />
        </div>
        {domain.label !== null && domain.state !== "retiring" && domain.state !== "gone" && (
          <div className={css.leave}>
            <p>{domain.mode === null ? t("panel.retire.lead_new") : t("panel.retire.lead")}</p>
            <Button
              variant="default"
              size="xs"
              onClick={() => {
                setSheet("retire");
              }}
              data-testid="retire"
            >
              {domain.mode === null ? t("panel.retire.open_new") : t("panel.retire.open")}
            </Button>
          </div>
        )}
      </div>
      <ModeSheet domain={domain} opened={sheet === "mode"} onClose={close} />
      <RetireSheet domain={domain} opened={sheet === "retire"} onClose={close} />
    </div>
  );
}

export function Back({ children }: { children: string }) {
  return (
    <Link to="/" className={css.back}>
      <Icon name="left" size={14} />
      {children}
    </Link>
  );
}

export function DomainPage() {
  const { t } = useTranslation();
  const { domain: name } = useParams({ from: "/domains/$domain" });
  const domain = useDomain(name);
  useTitle(domain.data?.domain_unicode ?? name);
  return (
    <>
      <Back>{t("panel.nav.domains")}</Back>
      {domain.isPending && (
        <div className={css.grid} aria-busy="true">
          <Skeleton height={34} width={280} maw="80%" />
          <Skeleton height={28} width={560} maw="100%" />
          <Skeleton height={42} />
          <Skeleton height={380} />
        </div>
      )}
      {domain.isError && (domain.error instanceof ApiError && domain.error.status === 404 ? <NotFound /> : <Failed error={domain.error} retry={() => void domain.refetch()} />)}
      {domain.data && <Loaded domain={domain.data} key={domain.data.domain} />}
    </>
  );
}
