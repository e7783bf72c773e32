// The sending side: which policies of others are known here, the reports that went out, and who gets none.
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useCache, useReporter, useSession } from "../api/queries";
import { useFormats } from "../i18n/format";
import { Ago, Card, Chip, Empty, Failed, Loading, ModeChip, Table, useTitle, Words } from "../parts/parts";
import css from "./domain.module.css";
import { Suppressions } from "./suppressions";

function Reporter() {
  const { t } = useTranslation();
  const format = useFormats();
  const reporter = useReporter();
  const status = reporter.data;
  return (
    <Card title={t("panel.sending.reporter")} note={status?.enabled ? t("panel.sending.reporter_as", { name: status.organization_name ?? "", contact: status.contact ?? "" }) : undefined} flush testid="reporter">
      {reporter.isPending && <Loading height={80} />}
      {reporter.isError && <Failed error={reporter.error} retry={() => void reporter.refetch()} />}
      {status && !status.enabled && (
        <Empty>
          <Words>{t("panel.sending.reporter_off")}</Words>
        </Empty>
      )}
      {status?.enabled === true && status.days.length === 0 && <Empty>{t("panel.sending.reporter_none")}</Empty>}
      {status?.enabled === true && status.days.length > 0 && (
        <Table
          caption={t("panel.sending.reporter")}
          rows={status.days}
          rowKey={(d) => d.day}
          rowProps={(d) => ({ "data-testid": "report-day", "data-day": d.day })}
          columns={[
            {
              head: t("panel.sessions.day"),
              cell: (d) => (
                <Link to="/sending/$day" params={{ day: d.day }} data-testid="open-day">
                  {format.utcDay(d.day)}
                </Link>
              ),
            },
            { head: t("panel.sending.destinations"), right: true, cell: (d) => format.number(d.domains) },
            { head: t("panel.sending.sent"), right: true, cell: (d) => format.number(d.sent) },
            { head: t("panel.sending.retry"), right: true, cell: (d) => format.number(d.retry) },
            {
              head: t("panel.sending.failed"),
              right: true,
              cell: (d) => (
                <span className={d.failed > 0 ? css.warn : undefined}>
                  {format.number(d.failed)}
                  {d.capped > 0 && <div className={css.dim}>{t("panel.sending.capped", { count: d.capped })}</div>}
                </span>
              ),
            },
            { head: t("panel.list.state"), cell: (d) => <Chip tone={d.finished ? "green" : "grey"} icon={d.finished ? "check" : "clock"} plain>{d.finished ? t("panel.sending.finished") : t("panel.sending.running")}</Chip> },
          ]}
        />
      )}
    </Card>
  );
}

function Cache() {
  const { t } = useTranslation();
  const format = useFormats();
  const session = useSession();
  const on = session.data?.installation.roles.includes("policyd") ?? false;
  const cache = useCache(on);
  return (
    <Card title={t("panel.sending.cache")} note={t("panel.sending.cache_note")} flush testid="cache">
      {!on && (
        <Empty>
          <Words>{t("panel.sending.cache_off")}</Words>
        </Empty>
      )}
      {on && cache.isPending && <Loading height={120} />}
      {cache.isError && <Failed error={cache.error} retry={() => void cache.refetch()} />}
      {cache.data?.entries.length === 0 && <Empty>{t("panel.sending.cache_none")}</Empty>}
      {cache.data && cache.data.entries.length > 0 && (
        <Table
          caption={t("panel.sending.cache")}
          rows={cache.data.entries}
          rowKey={(e) => e.domain}
          columns={[
            { head: t("panel.list.domain"), label: "", cell: (e) => <b style={{ fontWeight: 500 }}>{e.domain}</b> },
            { head: t("panel.list.mode"), cell: (e) => (e.mode === null ? <span className={css.dim}>{t("panel.sending.no_policy")}</span> : <ModeChip mode={e.mode} />) },
            { head: "MX", cell: (e) => (e.mx.length === 0 ? "–" : <code translate="no">{e.mx.join(", ")}</code>) },
            { head: t("panel.sending.fetched"), cell: (e) => (e.fetched === null ? "–" : <Ago iso={e.fetched} />) },
            { head: t("panel.sending.expires"), cell: (e) => (e.expires === null ? "–" : format.dateTime(e.expires)) },
          ]}
        />
      )}
    </Card>
  );
}

export function Sending() {
  const { t } = useTranslation();
  useTitle(t("panel.nav.sending"));
  return (
    <div className={css.grid} data-testid="sending">
      <div>
        <h1>{t("panel.nav.sending")}</h1>
        <p className={css.dim} style={{ fontSize: 16, marginTop: 4 }}>
          {t("panel.sending.lead")}
        </p>
      </div>
      <Reporter />
      <Suppressions />
      <Cache />
    </div>
  );
}
