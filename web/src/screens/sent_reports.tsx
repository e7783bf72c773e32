// Reports we send: one day's deliveries and what was counted for them; one domain's report, as it was sent or as it
// would be sent now.
import { Button } from "@mantine/core";
import { Link, useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Schemas } from "../api/client";
import { useReportDay, useResend, useSentReport } from "../api/queries";
import { useFormats } from "../i18n/format";
import { Icon } from "../parts/icons";
import { Card, Chip, CopyIcon, Empty, Failed, Loading, Notice, Pre, Table, useErrorText, useTitle } from "../parts/parts";
import { PolicyTypeName } from "../parts/sessions";
import type { Tone } from "../parts/standing";
import css from "./domain.module.css";

type Delivery = Schemas["ReportDelivery"];

const tones: Record<Delivery["state"], Tone> = { pending: "grey", sent: "green", retry: "amber", failed: "red" };

function Deliveries({ deliveries, day }: { deliveries: Delivery[]; day: string }) {
  const { t } = useTranslation();
  const format = useFormats();
  return (
    <Table
      caption={t("panel.sent.deliveries")}
      rows={deliveries}
      rowKey={(d) => `${d.domain} ${d.rua}`}
      rowProps={(d) => ({ "data-testid": "delivery", "data-domain": d.domain, "data-rua": d.rua, "data-state": d.state })}
      columns={[
        {
          head: t("panel.list.domain"),
          label: "",
          cell: (d) => (
            <Link to="/sending/$day/$domain" params={{ day, domain: d.domain }}>
              {d.domain}
            </Link>
          ),
        },
        { head: t("panel.sent.to"), cell: (d) => <code translate="no">{d.rua}</code> },
        { head: t("panel.list.state"), cell: (d) => <Chip tone={tones[d.state]} plain>{t(`panel.sent.state.${d.state}`)}</Chip> },
        {
          head: t("panel.sent.error"),
          cell: (d) => (
            <>
              {d.error === null ? "–" : <span lang="en">{d.error}</span>}
              <div className={css.dim}>
                {d.attempts > 0 && t("panel.sent.attempts", { count: d.attempts })}
                {d.next_attempt !== null && <> · {t("panel.sent.next", { when: format.dateTime(d.next_attempt) })}</>}
              </div>
            </>
          ),
        },
      ]}
    />
  );
}

export function SentDay() {
  const { t } = useTranslation();
  const format = useFormats();
  const { day } = useParams({ from: "/sending/$day" });
  const query = useReportDay(day);
  const found = query.data;
  const title = t("panel.sent.day", { day: found ? format.utcDay(found.day) : day });
  useTitle(title);
  return (
    <>
      <Link to="/sending" className={css.back}>
        <Icon name="left" size={14} />
        {t("panel.nav.sending")}
      </Link>
      {query.isPending && <Loading height={200} />}
      {query.isError && <Failed error={query.error} retry={() => void query.refetch()} />}
      {found && (
        <div className={css.grid} data-testid="sent-day" data-day={found.day}>
          <h1>{title}</h1>
          <Card title={t("panel.sent.deliveries")} note={t("panel.sent.deliveries_note")} flush testid="deliveries">
            {found.reports.length === 0 ? <Empty>{t("panel.sent.none")}</Empty> : <Deliveries deliveries={found.reports} day={found.day} />}
          </Card>
          <Card title={t("panel.sent.counted")} note={t("panel.sent.counted_note")} flush testid="counted">
            {found.domains.length === 0 ? (
              <Empty>{t("panel.sent.nothing_counted")}</Empty>
            ) : (
              <Table
                caption={t("panel.sent.counted")}
                rows={found.domains}
                rowKey={(d) => d.domain}
                rowProps={(d) => ({ "data-testid": "counted-domain", "data-domain": d.domain })}
                columns={[
                  {
                    head: t("panel.list.domain"),
                    label: "",
                    cell: (d) => (
                      <Link to="/sending/$day/$domain" params={{ day: found.day, domain: d.domain }} data-testid="open-sent-report">
                        {d.domain}
                      </Link>
                    ),
                  },
                  {
                    head: t("panel.sent.sessions"),
                    cell: (d) =>
                      d.by_policy_type.map((count) => (
                        <div key={count.policy_type}>
                          <PolicyTypeName type={count.policy_type} />: {t("panel.sent.ok_failed", { ok: format.number(count.ok), failed: format.number(count.failed) })}
                        </div>
                      )),
                  },
                  { head: t("panel.sent.due"), cell: (d) => format.dateTime(d.due) },
                ]}
              />
            )}
            {found.domains_total > found.domains.length && <Empty>{t("panel.sent.more", { count: found.domains_total - found.domains.length })}</Empty>}
          </Card>
        </div>
      )}
    </>
  );
}

export function SentReport() {
  const { t } = useTranslation();
  const format = useFormats();
  const say = useErrorText();
  const { day, domain } = useParams({ from: "/sending/$day/$domain" });
  const query = useSentReport(day, domain);
  const resend = useResend(day, domain);
  const found = query.data;
  const text = found ? JSON.stringify(found.report, null, 2) : "";
  useTitle(t("panel.sent.report", { domain }));
  return (
    <>
      <Link to="/sending/$day" params={{ day }} className={css.back}>
        <Icon name="left" size={14} />
        {t("panel.sent.day", { day: found ? format.utcDay(found.day) : day })}
      </Link>
      {query.isPending && <Loading height={200} />}
      {query.isError && <Failed error={query.error} retry={() => void query.refetch()} />}
      {found && (
        <div className={css.grid} data-testid="sent-report" data-domain={found.domain} data-preview={String(found.preview)}>
          <div className={css.head}>
            <h1>{t("panel.sent.report", { domain: found.domain })}</h1>
            {!found.preview && (
              <div className={css.actions}>
                <Button variant="default" leftSection={<Icon name="send" />} loading={resend.isPending} onClick={() => resend.mutate()} data-testid="resend">
                  {t("panel.sent.resend")}
                </Button>
              </div>
            )}
          </div>
          {found.preview && <Notice tone="grey">{t("panel.sent.preview")}</Notice>}
          {resend.isError && <Notice tone="red" live>{say(resend.error)}</Notice>}
          {found.deliveries.length > 0 && (
            <Card title={t("panel.sent.deliveries")} flush testid="deliveries">
              <Deliveries deliveries={found.deliveries} day={found.day} />
            </Card>
          )}
          <Card title={t("panel.sent.json")} actions={<CopyIcon text={text} label={t("panel.report.copy")} />}>
            <Pre label={t("panel.sent.json")} testid="sent-json">
              {text}
            </Pre>
          </Card>
        </div>
      )}
    </>
  );
}
