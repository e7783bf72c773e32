// The CNAME records to publish, each with a live tick or the reason why there is none.
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { DomainDetail, RecordFormat } from "../api/client";
import { recordsQuery } from "../api/queries";
import { useFormats } from "../i18n/format";
import { Icon } from "./icons";
import { Ago, CopyIcon, useCopy } from "./parts";
import css from "./records.module.css";
import { inTheWay } from "./standing";

type Record = DomainDetail["records"][number];

function CopyButton({ text, label, testid }: { text: string | undefined; label: string; testid: string }) {
  const { t } = useTranslation();
  const [copied, copy] = useCopy();
  return (
    <Button
      variant="default"
      size="xs"
      disabled={text === undefined}
      leftSection={<Icon name={copied ? "check" : "copy"} size={14} />}
      data-copied={copied || undefined}
      data-testid={testid}
      onClick={() => {
        copy(text ?? "");
      }}
    >
      {copied ? t("panel.copied") : label}
    </Button>
  );
}

function CopyFormat({ domain, format, label }: { domain: string; format: RecordFormat; label: string }) {
  // Fetched before the press: a browser lets only the press itself write to the clipboard.
  const text = useQuery(recordsQuery(domain, format));
  return <CopyButton text={text.data} label={label} testid={`copy-${format}`} />;
}

export function CopyBar({ domain }: { domain: DomainDetail }) {
  const { t } = useTranslation();
  const all = domain.records.map((r) => `${r.name}. ${r.type} ${r.value}.`).join("\n") + "\n";
  return (
    <div className={css.bar}>
      <CopyButton text={all} label={t("panel.records.copy_all")} testid="copy-all" />
      <CopyFormat domain={domain.domain} format="bind" label="BIND" />
      <CopyFormat domain={domain.domain} format="terraform" label="Terraform" />
      <CopyFormat domain={domain.domain} format="dnscontrol" label="dnscontrol" />
      <CopyFormat domain={domain.domain} format="csv" label="CSV" />
    </div>
  );
}

const ttl_worth_a_word_s = 60;

/** What the list is: something to do, or how it stands in DNS. */
export const recordsTitle = (domain: DomainDetail) => (domain.records.every((r) => r.seen) || domain.state === "retiring" ? "panel.records.title_seen" : "panel.records.title");

function Why({ record }: { record: Record }) {
  const { t } = useTranslation();
  const format = useFormats();
  if (record.seen)
    return record.checked === null ? null : (
      <>
        {t("panel.records.seen")} <Ago iso={record.checked} />
      </>
    );
  if (record.checked === null) return t("panel.records.not_looked");
  if (record.problem_code === null) return record.problem;
  return (
    <>
      {t(`finding.record.${record.problem_code}`)}
      {record.ttl_s !== null && record.ttl_s >= ttl_worth_a_word_s && <> {t("panel.records.ttl", { duration: format.duration(record.ttl_s) })}</>}
      {record.observed.length > 0 && (
        <>
          {" "}
          {t("panel.records.observed")} <code translate="no">{record.observed.join("; ")}</code>
        </>
      )}
    </>
  );
}

export function Records({ domain }: { domain: DomainDetail }) {
  const { t } = useTranslation();
  return (
    <ul className={css.list} data-testid="records">
      {domain.records.map((record) => {
        const tone = record.seen ? "green" : inTheWay(record) ? "amber" : "grey";
        return (
          <li key={record.name} className={css.record} data-testid="record" data-name={record.name} data-seen={record.seen} data-problem={record.problem_code ?? undefined}>
            <span className={css.tick} data-tone={tone}>
              <Icon name={record.seen ? "check" : tone === "amber" ? "cross" : "dots"} />
              <span className="visually-hidden">{t(record.seen ? "panel.records.is_seen" : tone === "amber" ? "panel.records.is_wrong" : "panel.records.is_waited_for")}</span>
            </span>
            <div className={css.value}>
              <code translate="no">{record.name}</code>
              <CopyIcon text={record.name} label={t("panel.records.copy_name")} testid="copy-name" />
            </div>
            <span className={css.type}>{record.type}</span>
            <div className={css.value}>
              <code translate="no">{record.value}</code>
              <CopyIcon text={record.value} label={t("panel.records.copy_value")} testid="copy-value" />
            </div>
            <div className={css.why} data-tone={tone} data-testid="record-why">
              <Why record={record} />
            </div>
          </li>
        );
      })}
    </ul>
  );
}
