// The certificates of the policy hosts: how each stands, and how much of the authorities' limits is left.
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Schemas } from "../api/client";
import { useCertificateBudget, useCertificates } from "../api/queries";
import { useFormats } from "../i18n/format";
import { Card, Chip, Empty, Failed, Loading, Table, useTitle, Words } from "../parts/parts";
import type { Tone } from "../parts/standing";
import css from "./domain.module.css";

type Order = Schemas["CertificateOrder"];
type Authority = Schemas["CertificateAuthority"];

const tones: Record<Order["state"], Tone> = { valid: "green", due: "blue", ordering: "blue", waiting: "grey", none: "grey", failing: "red" };

/** "acme-v02.api.letsencrypt.org" of a directory's address. */
function hostOf(directory: string): string {
  try {
    return new URL(directory).host;
  } catch {
    return directory;
  }
}

function Standing({ order }: { order: Order }) {
  const { t } = useTranslation();
  const format = useFormats();
  const why = order.last_error ?? order.waits_for;
  return (
    <>
      <Chip tone={tones[order.state]} plain>
        {order.queue_position !== null ? t("panel.certificates.position", { position: format.number(order.queue_position) }) : t(`panel.certificates.state.${order.state}`)}
      </Chip>
      {why !== null && (
        <div className={order.overdue ? css.warn : css.dim} lang="en">
          {why}
        </div>
      )}
      {order.next_try !== null && <div className={css.dim}>{t("panel.progress.next_try", { time: format.dateTime(order.next_try) })}</div>}
    </>
  );
}

function List() {
  const { t } = useTranslation();
  const format = useFormats();
  const certificates = useCertificates();
  const data = certificates.data;
  return (
    <Card title={t("panel.certificates.list")} note={data && data.total > data.certificates.length ? t("panel.certificates.more", { shown: format.number(data.certificates.length), total: format.number(data.total) }) : undefined} flush>
      {certificates.isPending && <Loading height={120} />}
      {certificates.isError && <Failed error={certificates.error} retry={() => void certificates.refetch()} />}
      {data?.certificates.length === 0 && <Empty>{t("panel.certificates.empty")}</Empty>}
      {data && data.certificates.length > 0 && (
        <Table
          caption={t("panel.certificates.list")}
          rows={data.certificates}
          rowKey={(c) => c.host}
          rowProps={(c) => ({ "data-testid": "certificate-row", "data-host": c.host, "data-state": c.state, "data-overdue": c.overdue ? "true" : undefined })}
          columns={[
            {
              head: t("panel.certificates.name"),
              label: "",
              cell: (c) =>
                c.domain === null ? (
                  <span>
                    {c.host} <span className={css.dim}>{t("panel.certificates.own")}</span>
                  </span>
                ) : (
                  <Link to="/domains/$domain" params={{ domain: c.domain }}>
                    {c.host}
                  </Link>
                ),
            },
            { head: t("panel.list.state"), cell: (c) => <Standing order={c} /> },
            { head: t("panel.certificates.until"), cell: (c) => (c.not_after === null ? "–" : <time dateTime={c.not_after}>{format.date(c.not_after)}</time>) },
            { head: t("panel.certificates.renewal"), cell: (c) => (c.renew_at === null ? "–" : <time dateTime={c.renew_at}>{format.dateTime(c.renew_at)}</time>) },
            { head: t("panel.certificates.authority"), cell: (c) => (c.ca === null ? "–" : hostOf(c.ca)) },
          ]}
        />
      )}
    </Card>
  );
}

function Budget() {
  const { t } = useTranslation();
  const format = useFormats();
  const budget = useCertificateBudget();
  const queue = budget.data?.queue;
  const headroom = (ca: Authority) =>
    ca.orders.limit === null
      ? t("panel.certificates.no_limit")
      : t("panel.certificates.orders_of", { used: format.number(ca.orders.used), limit: format.number(ca.orders.limit), window: format.duration(ca.orders.window_s) });
  return (
    <Card title={t("panel.certificates.authorities")} note={queue && queue.waiting > 0 ? t("panel.certificates.queue", { count: queue.waiting }) : undefined} flush>
      {budget.isPending && <Loading height={80} />}
      {budget.isError && <Failed error={budget.error} retry={() => void budget.refetch()} />}
      {budget.data?.cas.length === 0 && (
        <Empty>
          <Words>{t("panel.certificates.no_authority")}</Words>
        </Empty>
      )}
      {budget.data && budget.data.cas.length > 0 && (
        <Table
          caption={t("panel.certificates.authorities")}
          rows={budget.data.cas}
          rowKey={(ca) => ca.directory}
          rowProps={(ca) => ({ "data-testid": "ca-row", "data-ca": ca.caa_issuer })}
          columns={[
            { head: t("panel.certificates.authority"), label: "", cell: (ca) => <b style={{ fontWeight: 500 }}>{ca.caa_issuer}</b> },
            {
              head: t("panel.list.state"),
              cell: (ca) => (
                <>
                  <Chip tone={ca.problem === null && ca.account ? "green" : "amber"} plain>
                    {ca.problem === null && ca.account ? t("panel.certificates.ca_fine") : ca.account ? t("panel.certificates.ca_away") : t("panel.certificates.ca_no_account")}
                  </Chip>
                  {ca.problem !== null && (
                    <div className={css.dim} lang="en">
                      {ca.problem}
                    </div>
                  )}
                </>
              ),
            },
            { head: t("panel.certificates.headroom"), cell: headroom },
            { head: t("panel.certificates.in_use"), right: true, cell: (ca) => format.number(ca.certificates) },
          ]}
        />
      )}
    </Card>
  );
}

export function Certificates() {
  const { t } = useTranslation();
  useTitle(t("panel.nav.certificates"));
  return (
    <div className={css.grid} data-testid="certificates">
      <div>
        <h1>{t("panel.nav.certificates")}</h1>
        <p className={css.dim} style={{ fontSize: 16, marginTop: 4 }}>
          {t("panel.certificates.lead")}
        </p>
      </div>
      <Budget />
      <List />
    </div>
  );
}
