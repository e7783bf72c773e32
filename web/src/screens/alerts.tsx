// What somebody has to look at: what it is, what it means for mail, what to do; and who has seen it.
import { Button, SegmentedControl, TextInput } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Alert, Severity } from "../api/client";
import { useAcknowledge, useAlerts, useMxCertificates } from "../api/queries";
import { useFormats, type Formats } from "../i18n/format";
import type { IconName } from "../parts/icons";
import { Ago, Card, Chip, Empty, Failed, Loading, Notice, Table, useErrorText, useTitle, Words } from "../parts/parts";
import type { Tone } from "../parts/standing";
import css from "./alerts.module.css";

type Key = "alert.mx-new-host.title";

const tones: Record<Severity, [Tone, IconName]> = {
  critical: ["red", "stop"],
  error: ["amber", "stop"],
  warning: ["amber", "alert"],
  info: ["blue", "bell"],
};
const order: Severity[] = ["critical", "error", "warning", "info"];

/** Moments and numbers of an alert as people read them. */
function said(args: Alert["arguments"], format: Formats): Record<string, string> {
  return Object.fromEntries(
    Object.entries(args).map(([name, value]) => {
      if (typeof value === "number") return [name, format.number(value)];
      const text = typeof value === "string" ? value : JSON.stringify(value);
      return [name, /^\d{4}-\d\d-\d\dT[\d:]+Z$/.test(text) ? format.date(text) : text];
    }),
  );
}

function useAlertText(): (alert: Alert, part: "title" | "means" | "action") => string {
  const { t, i18n } = useTranslation();
  const format = useFormats();
  return (alert, part) => {
    const key = `alert.${alert.kind}.${part}`;
    if (i18n.exists(key)) return t(key as Key, said(alert.arguments, format) as { host: string });
    return part === "title" ? t("panel.alerts.unknown", { kind: alert.kind, subject: alert.subject ?? "" }) : "";
  };
}

function Acknowledge({ alert }: { alert: Alert }) {
  const { t } = useTranslation();
  const [note, setNote] = useState<string>();
  const acknowledge = useAcknowledge();
  const errorText = useErrorText();
  if (note === undefined) {
    return (
      <Button
        variant="default"
        size="xs"
        data-testid="acknowledge"
        onClick={() => {
          setNote("");
        }}
      >
        {t("panel.alerts.acknowledge")}
      </Button>
    );
  }
  return (
    <form
      className={css.form}
      onSubmit={(event) => {
        event.preventDefault();
        acknowledge.mutate({ id: alert.id, note: note.trim() });
      }}
    >
      <TextInput
        label={t("panel.alerts.note")}
        placeholder={t("panel.alerts.note_hint")}
        value={note}
        maxLength={200}
        data-autofocus
        data-testid="acknowledge-note"
        onChange={(event) => {
          setNote(event.currentTarget.value);
        }}
      />
      <Button type="submit" size="xs" loading={acknowledge.isPending} data-testid="acknowledge-confirm">
        {t("panel.alerts.acknowledge")}
      </Button>
      {acknowledge.isError && (
        <Notice tone="amber" live>
          {errorText(acknowledge.error)}
        </Notice>
      )}
    </form>
  );
}

function One({ alert }: { alert: Alert }) {
  const { t } = useTranslation();
  const format = useFormats();
  const text = useAlertText();
  const [tone, icon] = tones[alert.severity];
  const who = alert.acknowledged?.by.replace(/^\w+:/, "") ?? "";
  return (
    <li className={css.alert} data-testid="alert" data-kind={alert.kind} data-severity={alert.severity} data-domain={alert.domain ?? undefined} data-subject={alert.subject ?? undefined} data-acknowledged={alert.acknowledged !== null || undefined}>
      <div className={css.head}>
        <Chip tone={tone} icon={icon}>
          {t(`words.severity.${alert.severity}`)}
        </Chip>
        {alert.domain === null ? (
          <span className={css.dim}>{t("panel.alerts.installation")}</span>
        ) : (
          <Link to="/domains/$domain" params={{ domain: alert.domain }} title={alert.domain}>
            {alert.domain_unicode}
          </Link>
        )}
        <span className={css.when} title={format.exact(alert.opened)}>
          {alert.resolved === null ? <Ago iso={alert.opened} /> : t("panel.alerts.ended", { when: format.dateTime(alert.resolved) })}
        </span>
      </div>
      <h2 className={css.title}>
        <Words>{text(alert, "title")}</Words>
      </h2>
      <p>
        <Words>{text(alert, "means")}</Words>
      </p>
      {alert.resolved === null && (
        <p>
          <Words>{text(alert, "action")}</Words>
        </p>
      )}
      <div className={css.foot}>
        <span className={css.dim}>
          {t("panel.alerts.since", { when: format.dateTime(alert.opened) })}, {t("panel.alerts.seen", { when: format.dateTime(alert.last_seen) })}
        </span>
        {alert.acknowledged !== null && (
          <span className={css.dim}>
            {t("panel.alerts.acknowledged", { name: who, when: format.dateTime(alert.acknowledged.at) })}
            {alert.acknowledged.note !== null && `: ${alert.acknowledged.note}`}
          </span>
        )}
        {alert.acknowledged === null && alert.resolved === null && <Acknowledge alert={alert} />}
      </div>
    </li>
  );
}

/** When the certificates of the MX hosts end; the alerts come from the same steps. */
function Calendar() {
  const { t } = useTranslation();
  const format = useFormats();
  const certificates = useMxCertificates();
  // Where hosting is off there is nothing to show.
  if (certificates.isPending || certificates.isError) return null;
  const rows = certificates.data.certificates;
  return (
    <Card title={t("panel.calendar.title")} note={t("panel.calendar.note")} testid="mx-calendar" flush>
      {rows.length === 0 ? (
        <Empty>{t("panel.calendar.none")}</Empty>
      ) : (
        <Table
          caption={t("panel.calendar.title")}
          rows={rows}
          rowKey={(c) => c.host}
          rowProps={(c) => ({ "data-testid": "mx-certificate", "data-host": c.host, "data-step": c.step === null ? undefined : String(c.step) })}
          columns={[
            { head: t("panel.mx.host"), label: "", cell: (c) => <code translate="no">{c.host}</code> },
            {
              head: t("panel.calendar.ends"),
              cell: (c) => (
                <span className={c.step !== null && c.step <= 7 ? css.bad : c.step === 14 ? css.warn : undefined} title={format.exact(c.not_after)}>
                  {t("panel.mx.until", { date: format.date(c.not_after), days: t("panel.days_short", { count: c.days_left }) })}
                </span>
              ),
            },
            {
              head: t("panel.calendar.domains"),
              cell: (c) =>
                c.domains.slice(0, 5).map((d, i) => (
                  <span key={d}>
                    {i > 0 && ", "}
                    <Link to="/domains/$domain" params={{ domain: d }}>
                      {d}
                    </Link>
                  </span>
                )).concat(c.domains.length > 5 ? [<span key="more"> +{c.domains.length - 5}</span>] : []),
            },
          ]}
        />
      )}
    </Card>
  );
}

export function Alerts() {
  const { t } = useTranslation();
  const { show } = useSearch({ from: "/alerts" });
  const navigate = useNavigate();
  const state = show ?? "open";
  const alerts = useAlerts(state);
  useTitle(t("panel.nav.alerts"));
  // What is worst first; what somebody looks after already comes later.
  const rank = (alert: Alert) => (alert.acknowledged === null ? 0 : order.length) + order.indexOf(alert.severity);
  const list = [...(alerts.data?.alerts ?? [])];
  if (state === "open") list.sort((a, b) => rank(a) - rank(b));
  return (
    <div className={css.page} data-testid="alerts">
      <div className={css.top}>
        <h1>{t("panel.nav.alerts")}</h1>
        <SegmentedControl
          value={state}
          aria-label={t("panel.nav.alerts")}
          data={[
            { value: "open", label: t("panel.alerts.open") },
            { value: "resolved", label: t("panel.alerts.resolved") },
          ]}
          onChange={(value) => void navigate({ to: "/alerts", search: { show: value === "resolved" ? "resolved" : undefined } })}
        />
      </div>
      {alerts.isPending && <Loading height={120} />}
      {alerts.isError && <Failed error={alerts.error} retry={() => void alerts.refetch()} />}
      {alerts.data && list.length === 0 && (
        <Card>
          <Empty>{t(state === "open" ? "panel.alerts.none" : "panel.alerts.none_resolved")}</Empty>
        </Card>
      )}
      {list.length > 0 && (
        <ul className={css.list}>
          {list.map((alert) => (
            <One key={alert.id} alert={alert} />
          ))}
        </ul>
      )}
      <Calendar />
    </div>
  );
}
