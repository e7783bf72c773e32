// One report, normalised: who sent it, what it says, where it strays from RFC 8460, and its bytes as they came.
import { Button, Skeleton } from "@mantine/core";
import { Link, useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Schemas } from "../api/client";
import { useReport } from "../api/queries";
import { useFormats } from "../i18n/format";
import { Icon } from "../parts/icons";
import { Ago, Card, CopyIcon, Failed, Hint, Notice, Pre, Table, useTitle } from "../parts/parts";
import { PolicyTypeName, resultType } from "../parts/sessions";
import css from "./domain.module.css";

type Policy = NonNullable<Schemas["Report"]["report"]>["policies"][number];

function PolicyCard({ policy }: { policy: Policy }) {
  const { t } = useTranslation();
  const format = useFormats();
  const count = (n: number | null) => (n === null ? t("panel.report.not_said") : format.number(n));
  return (
    <Card
      title={t("panel.report.policy", { domain: policy.domain ?? "?" })}
      flush
      testid="report-policy"
      actions={
        <span className={css.dim}>
          <PolicyTypeName type={policy.type ?? "?"} /> · {t("panel.sessions.ok")}: {count(policy.successful)} · {t("panel.sessions.failed")}: {count(policy.failed)}
        </span>
      }
    >
      {policy.strings.length > 0 && (
        <div style={{ padding: "4px 20px 14px" }}>
          <Pre label={t("panel.policy.title")}>{policy.strings.join("\n")}</Pre>
        </div>
      )}
      {policy.failures.length > 0 && (
        <Table
          caption={t("panel.sessions.why")}
          rows={policy.failures.map((failure, i) => ({ ...failure, key: String(i) }))}
          rowKey={(f) => f.key}
          rowProps={(f) => ({ "data-testid": "report-failure", "data-type": f.type ?? "" })}
          columns={[
            {
              head: t("panel.report.result"),
              label: "",
              cell: (f) => (
                <>
                  <div style={{ fontWeight: 500 }}>{t(`result.${resultType(f.type ?? "")}.title`)}</div>
                  <code translate="no" className={css.dim}>
                    {f.type ?? "–"}
                  </code>
                  {f.reason_code !== null && (
                    <div className={css.dim} style={{ fontSize: 13 }}>
                      <code translate="no">{f.reason_code}</code>
                      {f.explanation !== null && <div>{t(`reason.${f.explanation}.title`)}</div>}
                    </div>
                  )}
                </>
              ),
            },
            { head: t("panel.report.sessions"), right: true, cell: (f) => count(f.sessions) },
            {
              head: t("panel.report.to"),
              cell: (f) => (
                <>
                  <code translate="no">{f.receiving_mx_hostname ?? "–"}</code>
                  {f.receiving_ip !== null && <div className={css.dim}>{f.receiving_ip}</div>}
                </>
              ),
            },
            { head: t("panel.report.from"), cell: (f) => <code translate="no">{f.sending_mta_ip ?? "–"}</code> },
          ]}
        />
      )}
    </Card>
  );
}

export function ReportPage() {
  const { t } = useTranslation();
  const format = useFormats();
  const { domain, id } = useParams({ from: "/domains/$domain/reports/$id" });
  const query = useReport(domain, id);
  const found = query.data;
  const report = found?.report;
  useTitle(t("panel.report.title", { who: report?.organization_name ?? found?.submitter ?? "" }));
  return (
    <>
      <Link to="/domains/$domain" params={{ domain }} className={css.back}>
        <Icon name="left" size={14} />
        {domain}
      </Link>
      {query.isError && <Failed error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <Skeleton height={300} />}
      {found && (
        <div className={css.grid} data-testid="report-page" data-id={found.id}>
          <div className={css.head}>
            <h1>{t("panel.report.title", { who: report?.organization_name ?? found.submitter })}</h1>
            <div className={css.actions}>
              <Button variant="default" leftSection={<Icon name="download" />} component="a" href={`/api/v1/domains/${encodeURIComponent(domain)}/reports/${encodeURIComponent(id)}/raw`} download data-testid="report-raw">
                {t("panel.report.raw")}
              </Button>
            </div>
          </div>
          {!found.ok && <Notice tone="amber">{t("panel.report.unreadable", { error: found.error ?? "" })}</Notice>}
          {!found.counted && <Notice tone="amber">{t("panel.reports.not_counted_hint")}</Notice>}
          <Card>
            <dl className={css.facts}>
              {report?.begin != null && report.end != null && (
                <>
                  <dt>{t("panel.report.range")}</dt>
                  <dd>{format.utcDay(report.begin) === format.utcDay(report.end) ? format.utcDay(report.begin) : `${format.utcDay(report.begin)} – ${format.utcDay(report.end)}`}, UTC</dd>
                </>
              )}
              <dt>{t("panel.report.submitter")}</dt>
              <dd>
                {found.submitter} · <Hint label={t(`words.trust_meaning.${found.trust}`)}>{t(`words.trust.${found.trust}`)}</Hint>
              </dd>
              <dt>{t("panel.reports.received")}</dt>
              <dd>
                <Ago iso={found.received} />, {t(`words.via.${found.via}`)}
              </dd>
              {report?.contact_info != null && (
                <>
                  <dt>{t("panel.report.contact")}</dt>
                  <dd>{report.contact_info}</dd>
                </>
              )}
              <dt>report-id</dt>
              <dd>
                <code translate="no">{report?.report_id ?? "–"}</code>
              </dd>
              <dt>{t(found.via === "https" ? "panel.report.address" : "panel.report.file")}</dt>
              <dd>
                <code translate="no">{found.file}</code>
              </dd>
            </dl>
          </Card>
          {found.deviations.length > 0 && (
            <Card title={t("panel.report.deviations")} note={t("panel.report.deviations_note")}>
              <ul style={{ margin: 0, paddingLeft: 18 }}>
                {found.deviations.map((d) => (
                  <li key={d.code + d.message} lang="en">
                    {d.message}
                  </li>
                ))}
              </ul>
            </Card>
          )}
          {report?.policies.map((policy, i) => <PolicyCard key={i} policy={policy} />)}
          {report && (
            <Card title={t("panel.report.normalised")} actions={<CopyIcon text={JSON.stringify(report, null, 2)} label={t("panel.report.copy")} />}>
              <Pre label={t("panel.report.normalised")} testid="report-json">
                {JSON.stringify(report, null, 2)}
              </Pre>
            </Card>
          )}
        </div>
      )}
    </>
  );
}
